// Package vsee is a client for the part of the VSee Clinic API that signs users in. It knows nothing of Traefik and can
// be used on its own:
//
//	client := vsee.New(vsee.Config{API: "https://api-example.vsee.me/api_v3/", AccountCode: "example", Key: key})
//	sso, err := client.SSO(ctx, vsee.User{Type: vsee.Provider, Code: "u-17", FirstName: "Jane", LastName: "Doe"}, nil)
//
// Every failure wraps one of the errors below, so that a caller decides with errors.Is and never by text. The
// package runs compiled and in the Yaegi interpreter alike, which is why it has neither error types nor generics.
//
// Facts about the API come from VSee's developer wiki (User API, Rooms API, Provider Side Integration). Where the wiki is
// silent the comment says so.
package vsee

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What can become of a call besides success. Their texts hold no secret and nothing about a person.
var (
	// ErrCredentials: HTTP status or the body's code says 401 or 403.
	ErrCredentials = errors.New("the API refused the credentials")
	// ErrAPI: another 4xx, a redirect, or an answer that cannot be understood or lacks what was asked for.
	ErrAPI = errors.New("the API gave an unusable answer")
	// ErrExists: a 400 or 409 whose message says that something exists, is assigned or is taken already.
	ErrExists = errors.New("the API says that it is there already")
	// ErrUnavailable: no connection, a 5xx, or a 429 that did not go away.
	ErrUnavailable = errors.New("the API is unavailable")
	// ErrTimeout: the context's deadline passed.
	ErrTimeout = errors.New("the API took too long")
	// ErrCanceled: the caller canceled the context.
	ErrCanceled = errors.New("canceled by the caller")
)

const maxAnswer = 64 << 10 // bytes of an answer that are read; a sign-in's has about 1 KiB

// Config says how to reach one clinic's API.
type Config struct {
	// API is the base address with a trailing slash, as VSee tells it to each customer.
	API string
	// AccountCode is sent as X-AccountCode.
	AccountCode string
	// Key is sent as X-ApiKey.
	Key string
	// Secret is sent as X-ApiSecret unless empty. VSee's pages disagree whether sign-in needs it.
	Secret string
	// Token is the clinic admin's. It is sent as X-ApiToken with calls about rooms and with no other.
	Token string
	// Encoding of request bodies: Multipart (the documented one; also when empty), JSON or Form.
	Encoding string
	// UserAgent is sent as User-Agent.
	UserAgent string
}

// Client calls one clinic's API. It is safe for concurrent use: all clients share one pool of connections.
type Client struct {
	config    Config
	api       string
	transport http.RoundTripper
	encoder   encoder

	// The headers of each kind of call. Requests share them, and nobody changes them.
	byKey, byToken, byTokenWithBody http.Header
}

// New returns a client for the clinic that c describes. It connects to nothing.
func New(c Config) *Client {
	client := &Client{config: c, api: c.API, transport: transport, encoder: newEncoder(c.Encoding)}
	client.byKey = client.header("X-ApiKey", c.Key)
	client.byKey.Set("Content-Type", client.encoder.contentType)
	if c.Secret != "" {
		client.byKey.Set("X-ApiSecret", c.Secret)
	}
	client.byToken = client.header("X-ApiToken", c.Token)
	client.byTokenWithBody = client.byToken.Clone()
	client.byTokenWithBody.Set("Content-Type", client.encoder.contentType)
	return client
}

// header returns the headers of every call, with the one credential that VSee documents for it.
func (c *Client) header(credential, value string) http.Header {
	h := http.Header{}
	h.Set("Accept", "application/json")
	h.Set("X-AccountCode", c.config.AccountCode)
	h.Set(credential, value)
	if c.config.UserAgent != "" {
		h.Set("User-Agent", c.config.UserAgent)
	}
	return h
}

// WithTransport returns a client that sends its requests through t, for tests and measurements.
func (c *Client) WithTransport(t http.RoundTripper) *Client {
	other := New(c.config)
	other.transport = t
	return other
}

// Trace gathers what a run of calls came to. It is not safe for concurrent use.
type Trace struct {
	// Calls counts the requests sent, repetitions included.
	Calls int
	// RetryAfter is what an API that answered 429 to the last asks for; 0 when it did not answer so.
	RetryAfter time.Duration
}

// transport is shared by all clients. It is used without http.Client: that way no redirect is ever followed, so the
// credentials in the headers cannot travel to another host.
var transport = newTransport()

func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone() // proxies from the environment, HTTP/2, TLS 1.2 and up
	t.MaxIdleConns = 256
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = 55 * time.Second // below the minute after which many gateways hang up
	t.TLSHandshakeTimeout = 5 * time.Second
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

// failure is what became of a request that did not succeed.
type failure struct {
	kind       error         // one of this package's errors
	detail     string        // what it looked like, not yet redacted
	again      bool          // the request may be sent again
	retryAfter time.Duration // the least wait before that; 0 when the API named none
	limited    bool          // the API answered 429
}

// request is a call of the API.
type request struct {
	method string
	name   string      // the path as VSee documents it, fit for a log
	path   string      // the same with its values
	header http.Header // with the credential that VSee documents for it
	fields []string    // of a POST
}

// call sends a request, again where the API was not reached or asks to come back, and returns the answer's data. Every
// call of this package may be repeated safely.
func call(ctx context.Context, c *Client, r *request, trace *Trace) (json.RawMessage, error) {
	body, err := encode(&c.encoder, r.fields)
	if err != nil {
		return nil, fmt.Errorf("%w: %s was not sent: %s", ErrAPI, r.name, err.Error())
	}
	data, f := send(ctx, c, r, body)
	if trace != nil {
		trace.Calls++
	}
	if f == nil {
		return data, nil
	}
	return callAgain(ctx, c, r, body, trace, f)
}

// callAgain goes on after a first failure.
func callAgain(ctx context.Context, c *Client, r *request, body string, trace *Trace, f *failure) (json.RawMessage, error) {
	if trace == nil {
		trace = &Trace{}
	}
	attempt := 1
	for f.again && pause(ctx, attempt, f.retryAfter) {
		attempt++
		trace.Calls++
		data, next := send(ctx, c, r, body)
		if next == nil {
			return data, nil
		}
		f = next
	}
	if ctx.Err() == context.Canceled {
		f.kind = ErrCanceled
	}
	if f.limited {
		trace.RetryAfter = atLeast(f.retryAfter, defaultRetryAfter)
	}
	return nil, fmt.Errorf("%w: %s %s, attempt %d: %s", f.kind, r.method, r.name, attempt, c.redact(f.detail, r.fields))
}

// send sends a request once and returns the answer's data, or what became of it.
func send(ctx context.Context, c *Client, r *request, body string) (json.RawMessage, *failure) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.api+r.path, strings.NewReader(body))
	if err != nil {
		return nil, badAddress()
	}
	req.Header = r.header
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, connectionFailure(ctx, err)
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	return judge(resp, content)
}

func badAddress() *failure { return &failure{kind: ErrAPI, detail: "the address is not a URL"} }

// cutOff says what became of a request that was answered, if not to the end: it is not sent again.
func cutOff(ctx context.Context, err error) *failure {
	f := connectionFailure(ctx, err)
	f.again = false
	return f
}

// connectionFailure says what a request without a complete answer came to.
func connectionFailure(ctx context.Context, err error) *failure {
	detail := err.Error()
	switch ctx.Err() {
	case context.DeadlineExceeded:
		return &failure{kind: ErrTimeout, detail: detail}
	case context.Canceled:
		return &failure{kind: ErrCanceled, detail: detail}
	}
	// net/http has no type for an answer that is not HTTP; every other error means that none came.
	if strings.Contains(detail, "malformed") || strings.Contains(detail, "response headers exceeded") {
		return &failure{kind: ErrAPI, detail: detail}
	}
	var distrusted *tls.CertificateVerificationError
	certificate := errors.As(err, &distrusted) //nolint:forbidigo // the target is from the standard library
	return &failure{kind: ErrUnavailable, detail: detail, again: !certificate}
}

// envelope is how VSee wraps every answer: data on success, code and message on failure.
type envelope struct {
	Code    json.RawMessage `json:"code"`
	Message json.RawMessage `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// judge tells success from failure.
func judge(resp *http.Response, content []byte) (json.RawMessage, *failure) {
	e := &envelope{}
	err := json.Unmarshal(content, e)
	if err == nil && resp.StatusCode == http.StatusOK && len(e.Code) == 0 && len(content) <= maxAnswer {
		return e.Data, nil
	}
	f := weigh(resp, e, err == nil && len(content) <= maxAnswer)
	if f.kind == nil {
		return e.Data, nil
	}
	return nil, f
}

// weigh judges by the HTTP status and by the body's code, because VSee documents both. A failure without a kind is none.
func weigh(resp *http.Response, e *envelope, readable bool) *failure {
	status := effectiveStatus(resp.StatusCode, text(e.Code))
	detail := fmt.Sprintf("HTTP %d", resp.StatusCode)
	if status != resp.StatusCode {
		detail += fmt.Sprintf(" with code %d in the body", status)
	}
	if message := text(e.Message); message != "" {
		detail += ": " + message
	}
	f := &failure{detail: detail, retryAfter: retryAfter(resp.Header)}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		f.kind = ErrCredentials
	case status == http.StatusTooManyRequests:
		f.kind = ErrUnavailable
		f.again = true
		f.limited = true
	case status >= 500:
		f.kind = ErrUnavailable
		f.again = status == http.StatusServiceUnavailable
	case status >= 300 && status < 400:
		f.kind = ErrAPI
		f.detail += ", a redirect, which is not followed: check the API's address"
	case (status == http.StatusBadRequest || status == http.StatusConflict) && already(text(e.Message)):
		f.kind = ErrExists
	case status >= 300:
		f.kind = ErrAPI
	case !readable:
		f.kind = ErrAPI
		f.detail += " with a body that is not JSON or has over " + strconv.Itoa(maxAnswer) + " bytes"
	}
	return f
}

// already reports whether a refusal says that what was asked for is so already. VSee documents "... already exists." for
// a room and nothing for an assignment.
func already(message string) bool { return strings.Contains(strings.ToLower(message), "already") }

// effectiveStatus returns the body's code where it says more than the HTTP status: a refusal always counts, any other
// failure when the status claims success.
func effectiveStatus(status int, bodyCode string) int {
	code, err := strconv.Atoi(bodyCode)
	refusal := code == http.StatusUnauthorized || code == http.StatusForbidden
	if err == nil && (refusal || (status < 300 && code >= 300)) {
		return code
	}
	return status
}

// text returns a JSON string's or number's text, and "" for anything else. VSee prints ids as strings; numbers are
// accepted too.
func text(raw json.RawMessage) string {
	s := string(raw)
	if s != "" && s[0] == '"' {
		var decoded string
		if json.Unmarshal(raw, &decoded) != nil {
			return ""
		}
		return decoded
	}
	if s != "" && strings.Trim(s, "0123456789") == "" {
		return s
	}
	return ""
}
