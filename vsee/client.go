// Package vsee is a client for the part of the VSee Clinic API that signs users in. It knows
// nothing of Traefik and can be used on its own:
//
//	client := vsee.New(vsee.Config{API: "https://api-x.vsee.me/api_v3/", AccountCode: "x", Key: key})
//	user := &vsee.User{Type: vsee.Provider, Code: "u-17", FirstName: "Jane", LastName: "Doe"}
//	sso, err := vsee.SignIn(ctx, client, user, nil)
//
// It runs compiled and in the Yaegi interpreter alike. That is why it has neither error types nor
// generics, and functions instead of methods, for which the interpreter takes five times as long.
//
// Facts about the API come from VSee's developer wiki (User API, Rooms API, Provider Side
// Integration). Where the wiki is silent the comment says so.
package vsee

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// What can become of a call besides success. Every failure wraps one of these, so that a caller
// decides with errors.Is and never by text. Texts hold no secret and nothing about a person.
var (
	ErrCredentials = errors.New("the API refused the credentials")       // 401 or 403
	ErrAPI         = errors.New("the API gave an unusable answer")       // 4xx, redirect, unreadable
	ErrExists      = errors.New("the API says that it is there already") // "already" with 400, 409
	ErrUnavailable = errors.New("the API is unavailable")                // no connection, 5xx, 429
	ErrTimeout     = errors.New("the API took too long")                 // the context's deadline
	ErrCanceled    = errors.New("canceled by the caller")                // by the context
)

// Config says how to reach one clinic's API.
type Config struct {
	API         string // base address with a trailing slash, as VSee tells it to each customer
	AccountCode string // sent as X-AccountCode
	Key         string // sent as X-ApiKey
	Secret      string // sent as X-ApiSecret unless empty; VSee's pages disagree whether it is needed
	Token       string // the clinic admin's, sent as X-ApiToken with calls about rooms and no other
	Encoding    string // of request bodies: Multipart (the documented one, the default), JSON, Form
	UserAgent   string // sent as User-Agent
}

// Encodings of a request's body. VSee's samples show Multipart for every call used here; JSON and
// Form are seen in VSee's demo pages and at integrators. No page says which is required.
const (
	Multipart = "multipart"
	JSON      = "json"
	Form      = "form"
	typeJSON  = "application/json"
)

// Client calls one clinic's API. It is safe for concurrent use. All share one pool of connections.
type Client struct {
	config     Config
	transport  http.RoundTripper
	encoder    *encoder
	signIn     *request
	unsendable string // why a request cannot be made
}

// New returns a client for the clinic that c describes. It connects to nothing.
func New(c Config) *Client {
	client := &Client{config: c, transport: transport, encoder: newEncoder(c.Encoding)}
	client.unsendable = "the address is not a URL"
	if client.encoder.contentType == "" {
		client.config.API = ":" // no address, so that nothing is sent
		client.unsendable = "unknown encoding " + c.Encoding
	}
	client.signIn = newRequest(client, http.MethodPost, "users/sso", "")
	client.signIn.header.Set("X-ApiKey", c.Key)
	if c.Secret != "" {
		client.signIn.header.Set("X-ApiSecret", c.Secret)
	}
	return client
}

// Through returns a client that sends its requests through t, for tests and measurements.
func Through(c *Client, t http.RoundTripper) *Client {
	other := *c
	other.transport = t
	return &other
}

// request is a call of the API without its body.
type request struct {
	method  string
	path    string // as VSee documents it, fit for a log
	address string
	header  http.Header // with the one credential that VSee documents for it
}

var pathParameter = regexp.MustCompile(`:[a-z]+`)

// newRequest returns a call that lacks its credential, with value for the part of the path that
// begins with a colon.
func newRequest(c *Client, method, path, value string) *request {
	r := &request{method: method, path: path, header: http.Header{"Accept": {"application/json"}}}
	r.address = c.config.API + pathParameter.ReplaceAllLiteralString(path, url.PathEscape(value))
	r.header.Set("X-AccountCode", c.config.AccountCode)
	if c.config.UserAgent != "" {
		r.header.Set("User-Agent", c.config.UserAgent)
	}
	if method == http.MethodPost {
		r.header.Set("Content-Type", c.encoder.contentType)
	}
	return r
}

// integers are the fields that VSee documents as such, where an encoding can tell one from a text.
var integers = map[string]bool{"type": true, "disable_emails": true}

type encoder struct {
	contentType string // "" for an unknown encoding
	// The formats of multipart bodies, by the number of fields; nil for other encodings. Their
	// boundary is random, so that nobody can put it into a value.
	formats []string
}

func newEncoder(encoding string) *encoder {
	switch encoding {
	case JSON:
		return &encoder{contentType: typeJSON}
	case Form:
		return &encoder{contentType: "application/x-www-form-urlencoded"}
	case Multipart, "":
		w := multipart.NewWriter(io.Discard)
		e := &encoder{contentType: w.FormDataContentType(), formats: []string{""}}
		body := "--" + w.Boundary()
		for i := 1; i <= 6; i++ { // no call has more fields
			body += "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n--" + w.Boundary()
			e.formats = append(e.formats, body+"--\r\n")
		}
		return e
	}
	return &encoder{}
}

// encode returns the body of fields (a name, a value, a name, ...; all texts), or "" for none.
func encode(e *encoder, fields []interface{}) string {
	if e.formats != nil {
		return fmt.Sprintf(e.formats[len(fields)/2], fields...)
	}
	return encodeOtherwise(e, fields)
}

func encodeOtherwise(e *encoder, fields []interface{}) string {
	values := url.Values{}
	object := map[string]interface{}{}
	for ; len(fields) > 1; fields = fields[2:] {
		name, value := fmt.Sprint(fields[0]), fmt.Sprint(fields[1])
		values.Set(name, value)
		object[name] = value
		if n, err := strconv.Atoi(value); integers[name] && err == nil {
			object[name] = n
		}
	}
	if e.contentType == typeJSON && len(object) > 0 {
		body, _ := json.Marshal(object) // texts and numbers only
		return string(body)
	}
	return values.Encode()
}

// Trace gathers what a run of calls came to. It is not safe for concurrent use.
type Trace struct {
	Calls      int           // requests sent, repetitions included
	Took       time.Duration // sum of these requests' times, without the pauses between them
	RetryAfter time.Duration // that an API asks for which answered 429 to the last; else 0
}

// transport is used without http.Client: that way no redirect is ever followed, so the credentials
// in the headers cannot travel to another host.
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
