// Package vseetest simulates a VSee Clinic, its API and its portal pages, for tests and demos. It
// is used like net/http/httptest:
//
//	clinic := vseetest.NewServer()
//	defer clinic.Close()
//	client := vsee.New(vsee.Config{
//		API: clinic.API(), AccountCode: vseetest.AccountCode, Key: vseetest.Key,
//	})
//
// # What VSee documents and the simulation does
//
//   - POST users/sso (also users/sso.json) with X-AccountCode and X-ApiKey: creates the user at the
//     first call with a code, and returns the same user at later ones. data.id and data.token are
//     as in VSee's samples. A token is valid for 24 hours.
//   - POST rooms with the clinic admin's X-ApiToken: returns data.id and data.code. It answers HTTP
//     400 with "... already exists." if the slug in the domain, or the code, is taken. It generates
//     a missing code.
//   - GET rooms, GET rooms/:code and GET rooms/:code/providers with X-AccountCode only.
//   - GET {portal}auth?sso_token=...&next=...: signs in and redirects to next, resolved under the
//     portal's base path.
//   - Failures are {"code": ..., "message": ...}. Bodies may be multipart, JSON or form.
//
// # What VSee does not document and the simulation assumes
//
//   - POST users/:id/rooms accepts room_id or room_code and adds an assignment. It answers 400 "...
//     already assigned." if the room is already assigned.
//   - A repeated sign-in returns a new token. It does not change the stored name or email address.
//     Older tokens stay valid.
//   - X-ApiSecret is optional, but must be correct if sent.
//   - Wrong credentials get HTTP 401, and an unknown room 404. An expired or unknown token gets the
//     portal's sign-in page with HTTP 401. A missing next means the portal's root.
//   - The portal's session is a cookie for the portal's base path.
package vseetest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Credentials that the simulated clinic accepts. They are fictitious.
const (
	AccountCode = "vclinic"
	Key         = "simulated-api-key"
	Secret      = "simulated-api-secret"
	AdminToken  = "simulated-admin-token"
)

const (
	portalPath = "/vc/next/"
	apiPath    = portalPath + "api_v3/"
	maxBody    = 1 << 20 // bytes of a request's body
)

// Server is a simulated clinic on a loopback port. It is safe for concurrent use.
type Server struct {
	// URL is the server's address without a trailing slash.
	URL string

	server *httptest.Server
	cookie string // the name; unique per server, because browsers share cookies between ports

	mu       sync.Mutex
	requests []Request
	faults   []Fault
	always   Fault // when faults is empty
	quirks   Quirks
	state    state
}

// Quirks are variants of the answers that VSee's documentation leaves open.
type Quirks struct {
	NumericIDs        bool // IDs are numbers, not texts
	ListRoomsAtSignIn bool // the answer to users/sso has the user's rooms (one integrator's code)
	NoRoomID          bool // GET rooms/:code has no id
	TellUserType      bool // the token of users/sso has the user's type (one integrator's code)
	OneCase           bool // the case of users' codes does not matter
	// BounceTo is where the portal's auth page redirects everyone instead of signing them in. A clinic
	// that lost its sessions does so.
	BounceTo string
}

// Request is a call that the API received.
type Request struct {
	Method string
	Path   string // below the API's base address, such as "users/sso"
	Header http.Header
	Fields map[string]string // the decoded body
}

// Fault is a failure of the API for one call.
type Fault struct {
	// Delay is the time before the answer. It ends early if the client disconnects.
	Delay time.Duration
	// Reset closes the connection without an answer, with a TCP reset.
	Reset bool
	// Status, Header and Body replace the answer, unless Status is 0.
	Status int
	Header map[string]string
	Body   string
	// Truncate declares a longer body than it sends, and then closes the connection.
	Truncate bool
	// Drip is the time between two bytes of the body.
	Drip time.Duration
	// Raw is sent unchanged instead of an HTTP answer.
	Raw string
}

// NewServer starts a simulated clinic on a free loopback port. Like httptest.NewServer, it panics
// if there is none.
func NewServer() *Server {
	s := NewUnstartedServer()
	s.server = httptest.NewServer(s)
	s.URL = s.server.URL
	return s
}

// NewUnstartedServer returns a simulated clinic that does not listen. The caller serves it as an
// http.Handler and sets URL.
func NewUnstartedServer() *Server {
	return &Server{cookie: "session_" + random()[:8], state: newState()}
}

// Close shuts the server down. It does not wait for answers delayed by a Fault.
func (s *Server) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// API returns the base address of the API, with a trailing slash.
func (s *Server) API() string { return s.URL + apiPath }

// Portal returns the base address of the portal, with a trailing slash.
func (s *Server) Portal() string { return s.URL + portalPath }

// Script makes the next API calls fail, one fault each, in this order. Later calls succeed. A zero
// Fault lets its call succeed. A new script replaces the rest of an earlier one.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// SetFault makes every API call after the script fail. A zero Fault lets them succeed again.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = f
}

// SetQuirks changes the answers to later calls.
func (s *Server) SetQuirks(q Quirks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quirks = q
}

// Requests returns the API calls received so far, including failed ones.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Reset removes the faults, quirks and received requests. Users, rooms and tokens stay.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
	s.faults = nil
	s.always = Fault{}
	s.quirks = Quirks{}
}

// ServeHTTP serves the API and the portal.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, apiPath) {
		s.servePortal(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	call := Request{
		Method: r.Method,
		Path:   strings.TrimPrefix(r.URL.Path, apiPath),
		Header: r.Header.Clone(),
		Fields: fields(r, body),
	}
	fault := s.record(call)
	if !wait(r, fault.Delay) || fault.play(w, r) {
		return
	}
	s.serveAPI(w, call)
}

// record stores the call and returns its fault.
func (s *Server) record(call Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, call)
	if len(s.faults) == 0 {
		return s.always
	}
	fault := s.faults[0]
	s.faults = s.faults[1:]
	return fault
}

// play answers with the fault. It returns false if the fault changes nothing in the answer.
func (f Fault) play(w http.ResponseWriter, r *http.Request) bool {
	if f.Reset || f.Raw != "" {
		f.breakConnection(w)
		return true
	}
	if f.Status == 0 {
		return false
	}
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	if f.Truncate {
		w.Header().Set("Content-Length", fmt.Sprint(len(f.Body)+100))
	}
	w.WriteHeader(f.Status)
	if f.Drip == 0 {
		_, _ = io.WriteString(w, f.Body)
		return true
	}
	for i := range f.Body {
		_, _ = io.WriteString(w, f.Body[i:i+1])
		_ = http.NewResponseController(w).Flush()
		if !wait(r, f.Drip) {
			return true
		}
	}
	return true
}

func (f Fault) breakConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok && f.Reset {
		_ = tcp.SetLinger(0)
	}
	_, _ = io.WriteString(conn, f.Raw)
	_ = conn.Close()
}

// wait returns false if the client disconnects before d has passed.
func wait(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
