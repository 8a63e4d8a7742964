// Package vseetest simulates a VSee Clinic, its API and its portal pages, for tests and demos, in the manner of
// net/http/httptest:
//
//	clinic := vseetest.NewServer()
//	defer clinic.Close()
//	client := vsee.New(vsee.Config{API: clinic.API(), AccountCode: vseetest.AccountCode, Key: vseetest.Key})
//
// # What VSee documents and the simulation does
//
//   - POST users/sso (also users/sso.json) with X-AccountCode and X-ApiKey: creates the user at the first call with a
//     code, returns the same user at later ones; data.id and data.token as in VSee's samples; a token lives 24 hours.
//   - POST rooms with the clinic admin's X-ApiToken: data.id and data.code; HTTP 400 with "... already exists." for a
//     domain and slug, or a code, that is taken. A missing code is generated.
//   - GET rooms, GET rooms/:code and GET rooms/:code/providers with X-AccountCode only.
//   - GET {portal}auth?sso_token=...&next=...: signs in and goes to next, resolved under the portal's base path.
//   - Failures are {"code": ..., "message": ...}; multipart, JSON and form bodies are all taken.
//
// # What is our assumption, because VSee's pages do not say
//
//   - POST users/:id/rooms takes room_id or room_code, adds to what is assigned, and answers 400 "... already assigned."
//     for a repetition.
//   - A repeated sign-in does not change the stored name or e-mail, yields a new token, and leaves older ones valid.
//   - X-ApiSecret is not needed, but must be right when sent.
//   - Wrong credentials get HTTP 401; an unknown room 404; a token that is expired or unknown gets the portal's sign-in
//     page with HTTP 401; a missing next means the portal's root.
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

// What the simulated clinic accepts. All of it is fictitious.
const (
	AccountCode = "vclinic"
	Key         = "simulated-api-key"
	Secret      = "simulated-api-secret"
	AdminToken  = "simulated-admin-token"
)

const (
	portalPath = "/vc/next/"
	apiPath    = portalPath + "api_v3/"
	maxBody    = 1 << 20 // bytes of a request's body that are read
)

// Server is a simulated clinic on a loopback port. All its methods may be called at any time from any goroutine.
type Server struct {
	// URL is the server's address without a trailing slash.
	URL string

	server *httptest.Server
	cookie string // its name differs from another clinic's on this machine, since cookies do not tell ports apart

	mu       sync.Mutex
	requests []Request
	faults   []Fault
	always   Fault // when faults is empty
	quirks   Quirks
	state    state
}

// Quirks are ways to answer that VSee's documentation leaves open.
type Quirks struct {
	NumericIDs        bool // ids are numbers, not texts
	ListRoomsAtSignIn bool // the answer to users/sso has the user's rooms, as one integrator's code expects
	NoRoomID          bool // GET rooms/:code has no id
	TellUserType      bool // the token in the answer to users/sso has the user's type, as one integrator's code expects
	OneCase           bool // codes of users that differ only by case are one
	// BounceTo is where the portal's auth page sends everybody instead of signing them in, as a clinic that has lost its
	// sessions sends people back to where they came from.
	BounceTo string
}

// Request is a call that the API received.
type Request struct {
	Method string
	Path   string // below the API's base address, such as "users/sso"
	Header http.Header
	Fields map[string]string // the decoded body
}

// Fault is how the API answers one call instead of properly.
type Fault struct {
	// Delay passes before anything is answered, or until the client hangs up.
	Delay time.Duration
	// Reset closes the connection without an answer, with a TCP reset.
	Reset bool
	// Status, Header and Body replace the answer, unless Status is 0.
	Status int
	Header map[string]string
	Body   string
	// Truncate declares a longer body than is sent and then closes the connection.
	Truncate bool
	// Drip is the time between two bytes of the body.
	Drip time.Duration
	// Raw is written to the connection as it stands instead of an HTTP answer.
	Raw string
}

// NewServer starts a simulated clinic on a free loopback port. Like httptest.NewServer it panics when there is none.
func NewServer() *Server {
	s := NewUnstartedServer()
	s.server = httptest.NewServer(s)
	s.URL = s.server.URL
	return s
}

// NewUnstartedServer returns a simulated clinic that serves nothing by itself: the caller serves it as an http.Handler
// and sets URL.
func NewUnstartedServer() *Server {
	return &Server{cookie: "session_" + random()[:8], state: newState()}
}

// Close shuts the server down. It does not wait for answers that a Fault delays.
func (s *Server) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// API returns the base address of the API, with a trailing slash.
func (s *Server) API() string { return s.URL + apiPath }

// Portal returns the base address of the portal, with a trailing slash.
func (s *Server) Portal() string { return s.URL + portalPath }

// Script makes the next API calls fail, one fault each, in this order; later calls succeed again. A zero Fault lets its
// call succeed. It replaces what is left of an earlier script.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// SetFault makes every API call fail that the script has nothing for. A zero Fault lets them succeed again.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = f
}

// SetQuirks changes how later calls are answered.
func (s *Server) SetQuirks(q Quirks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quirks = q
}

// Requests returns the API calls received so far, failed ones included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Reset forgets the faults, the quirks and the requests received; users, rooms and tokens stay.
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

// record keeps the call and returns the fault that the script has for it.
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

// play answers as the fault says, and reports whether it did.
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

// wait reports false when the client hung up before d had passed.
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
