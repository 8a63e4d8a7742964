// Package vsee is a client for the part of the VSee Clinic API that signs users in. It knows nothing
// of Traefik and can be used on its own:
//
//	client := vsee.New(vsee.Config{API: "https://api-example.vsee.me/api_v3/", AccountCode: "example", Key: key})
//	user := &vsee.User{Type: vsee.Provider, Code: "u-17", FirstName: "Jane", LastName: "Doe"}
//	sso, err := vsee.SignIn(ctx, client, user, nil)
//
// The package runs compiled and in the Yaegi interpreter alike. That is why it has neither error
// types nor generics, and functions instead of methods, for which the interpreter takes five times
// as long.
//
// Facts about the API come from VSee's developer wiki (User API, Rooms API, Provider Side
// Integration). Where the wiki is silent the comment says so.
package vsee

import (
	"errors"
	"net/http"
	"time"
)

// What can become of a call besides success. Every failure wraps one of these, so that a caller
// decides with errors.Is and never by text. Texts hold no secret and nothing about a person.
var (
	// HTTP status or the body's code says 401 or 403.
	ErrCredentials = errors.New("the API refused the credentials")
	// Another 4xx, a redirect, or an answer that lacks what was asked for or cannot be understood.
	ErrAPI = errors.New("the API gave an unusable answer")
	// A 400 or 409 whose message says that something exists, is assigned or is taken already.
	ErrExists = errors.New("the API says that it is there already")
	// No connection, a 5xx, or a 429 that did not go away.
	ErrUnavailable = errors.New("the API is unavailable")
	// The context's deadline passed.
	ErrTimeout = errors.New("the API took too long")
	// The caller canceled the context.
	ErrCanceled = errors.New("canceled by the caller")
)

// Config says how to reach one clinic's API.
type Config struct {
	API         string // base address with a trailing slash, as VSee tells it to each customer
	AccountCode string // sent as X-AccountCode
	Key         string // sent as X-ApiKey
	Secret      string // sent as X-ApiSecret unless empty; VSee's pages disagree whether it is needed
	Token       string // the clinic admin's, sent as X-ApiToken with calls about rooms and no other
	Encoding    string // of request bodies: Multipart (the documented one; also when empty), JSON, Form
	UserAgent   string // sent as User-Agent
}

// Client calls one clinic's API. It is safe for concurrent use: all clients share one pool of
// connections.
type Client struct {
	config    Config
	api       string // no address when the encoding is unknown
	signIn    string // POST users/sso
	transport http.RoundTripper
	encoder   *encoder

	// The headers of each kind of call. Requests share them, and nobody changes them.
	byKey, byToken, byTokenWithBody http.Header
}

// New returns a client for the clinic that c describes. It connects to nothing.
func New(c Config) *Client {
	client := &Client{config: c, api: c.API, transport: transport, encoder: newEncoder(c.Encoding)}
	if client.encoder.encoding == "" {
		client.api = ":"
	}
	client.signIn = client.api + "users/sso"
	client.byKey = headers(c, "X-ApiKey", c.Key)
	if c.Secret != "" {
		client.byKey.Set("X-ApiSecret", c.Secret)
	}
	client.byToken = headers(c, "X-ApiToken", c.Token)
	client.byTokenWithBody = client.byToken.Clone()
	client.byKey.Set("Content-Type", client.encoder.contentType)
	client.byTokenWithBody.Set("Content-Type", client.encoder.contentType)
	return client
}

// Through returns a client that sends its requests through t, for tests and measurements.
func Through(c *Client, t http.RoundTripper) *Client {
	other := *c
	other.transport = t
	return &other
}

// headers returns the headers of every call, with the one credential that VSee documents for it.
func headers(c Config, credential, value string) http.Header {
	h := http.Header{"Accept": {"application/json"}}
	h.Set("X-AccountCode", c.AccountCode)
	h.Set(credential, value)
	if c.UserAgent != "" {
		h.Set("User-Agent", c.UserAgent)
	}
	return h
}

// Trace gathers what a run of calls came to. It is not safe for concurrent use.
type Trace struct {
	Calls      int           // requests sent, repetitions included
	RetryAfter time.Duration // that an API asks for which answered 429 to the last; else 0
}

// transport is shared by all clients. It is used without http.Client: that way no redirect is ever
// followed, so the credentials in the headers cannot travel to another host.
var transport = newTransport()

func newTransport() http.RoundTripper {
	// Proxies from the environment, HTTP/2, TLS 1.2 and up.
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 256
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = 55 * time.Second // below the minute after which many gateways hang up
	t.TLSHandshakeTimeout = 5 * time.Second
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}
