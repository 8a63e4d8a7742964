// Package vsee is a client for the part of the VSee Clinic API that signs users in. It does not
// depend on Traefik or the plugin:
//
//	client := vsee.New(vsee.Config{API: "https://api-x.vsee.me/api_v3/", AccountCode: "x", Key: key})
//	user := &vsee.User{Type: vsee.Provider, Code: "u-17", FirstName: "Jane", LastName: "Doe"}
//	sso, err := vsee.SignIn(ctx, client, user, nil)
//
// It runs both compiled and in the Yaegi interpreter. So it has no error types and no generics. It
// has functions instead of methods, because a method call takes Yaegi five times as long.
//
// Facts about the API come from VSee's developer wiki (User API, Rooms API, Provider Side
// Integration). Comments mark what the wiki does not document.
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

// Every error of a call wraps one of these; test it with errors.Is. Error texts contain no secret
// and no personal data.
var (
	ErrCredentials = errors.New("the API refused the credentials")     // 401 or 403
	ErrAPI         = errors.New("the API gave an unusable answer")     // 4xx, redirect, unreadable
	ErrExists      = errors.New("the API says that it already exists") // "already" with 400, 409
	ErrUnavailable = errors.New("the API is unavailable")              // no connection, 5xx, 429
	ErrTimeout     = errors.New("the API took too long")               // the context's deadline
	ErrCanceled    = errors.New("canceled by the caller")              // by the context
)

// Config has the address and credentials of one clinic's API.
type Config struct {
	API         string // base address from VSee, with a trailing slash
	AccountCode string // sent as X-AccountCode
	Key         string // sent as X-ApiKey
	Secret      string // sent as X-ApiSecret unless empty; VSee's pages disagree on its need
	Token       string // the clinic admin's, sent as X-ApiToken only with calls about rooms
	Encoding    string // of request bodies: Multipart (documented; the default), JSON or Form
	UserAgent   string // sent as User-Agent
}

// Encodings of request bodies. VSee's samples use Multipart for every call of this package. VSee's
// demo pages and integrators use JSON and Form. No page says which is required.
const (
	Multipart = "multipart"
	JSON      = "json"
	Form      = "form"
	typeJSON  = "application/json"
)

// Client calls one clinic's API. It is safe for concurrent use. All clients share one connection
// pool.
type Client struct {
	config     Config
	transport  http.RoundTripper
	encoder    *encoder
	signIn     *request
	unsendable string // the error text if the address is invalid
}

// New returns a client for the clinic in c. It makes no network call.
func New(c Config) *Client {
	client := &Client{config: c, transport: transport, encoder: newEncoder(c.Encoding)}
	client.unsendable = "the address is not a URL"
	if client.encoder.contentType == "" {
		client.config.API = ":" // an invalid address, so the client sends nothing
		client.unsendable = "unknown encoding " + c.Encoding
	}
	client.signIn = newRequest(client, http.MethodPost, "users/sso", "")
	client.signIn.header.Set("X-ApiKey", c.Key)
	if c.Secret != "" {
		client.signIn.header.Set("X-ApiSecret", c.Secret)
	}
	return client
}

// Through returns a client that sends its requests through t, for tests and benchmarks.
func Through(c *Client, t http.RoundTripper) *Client {
	other := *c
	other.transport = t
	return &other
}

// request is an API call without its body.
type request struct {
	method  string
	path    string // as VSee documents it, safe to log
	address string
	header  http.Header // with only the credential that VSee documents for the call
}

var pathParameter = regexp.MustCompile(`:[a-z]+`)

// newRequest returns a call without its credential. value replaces the part of the path that begins
// with a colon.
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

// integers are the fields that VSee documents as integers. Only JSON distinguishes them from texts.
var integers = map[string]bool{"type": true, "disable_emails": true}

type encoder struct {
	contentType string // "" for an unknown encoding
	// The formats of multipart bodies, by number of fields; nil for other encodings. The boundary is
	// random, so that no value can contain it.
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

// encode returns the body for fields (a name, a value, a name, ...; all texts), or "" for none.
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

// Trace sums up several calls. It is not safe for concurrent use.
type Trace struct {
	Calls      int           // requests sent, including retries
	Took       time.Duration // total time of the requests, without the waits between them
	RetryAfter time.Duration // wait that the API asked for, if the last answer was 429; else 0
}

// transport is used without http.Client. So it never follows a redirect, and the credentials in the
// headers never reach another host.
var transport = newTransport()

func newTransport() http.RoundTripper {
	// Proxies from the environment, HTTP/2, TLS 1.2 and up.
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 256
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = 55 * time.Second // many gateways close connections after a minute
	t.TLSHandshakeTimeout = 5 * time.Second
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}
