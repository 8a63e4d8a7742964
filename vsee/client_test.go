package vsee

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// success is VSee's documented answer to a sign-in.
const success = `{"data":{"id":"1","token":{"token":"66bcd0acff324e8a44992d9596b5d361"}}}`

func jane() *User {
	return &User{
		Type:      Provider,
		Code:      "u-17",
		FirstName: "Jane",
		LastName:  "Doe",
		Email:     "jane.doe@example.com",
	}
}

// setup returns a simulated clinic, and its configuration with every credential.
func setup(t *testing.T) (*vseetest.Server, Config) {
	t.Helper()
	clinic := vseetest.NewServer()
	t.Cleanup(clinic.Close)
	return clinic, Config{
		API:         clinic.API(),
		AccountCode: vseetest.AccountCode,
		Key:         vseetest.Key,
		Secret:      vseetest.Secret,
		Token:       vseetest.AdminToken,
		UserAgent:   "test/1",
	}
}

// answering returns a client of an API that always gives one answer.
func answering(t *testing.T, status int, body string) *Client {
	t.Helper()
	clinic, config := setup(t)
	clinic.SetFault(vseetest.Fault{Status: status, Body: body})
	return New(config)
}

// serve returns a client of an API that handler serves.
func serve(t *testing.T, handler http.Handler) *Client {
	t.Helper()
	api := httptest.NewServer(handler)
	t.Cleanup(api.Close)
	return New(Config{API: api.URL + "/", AccountCode: vseetest.AccountCode, Key: vseetest.Key})
}

// assertIs asserts that an error wraps want, or with a want of nil that there is none.
func assertIs(t *testing.T, want, err error) {
	t.Helper()
	if want == nil {
		assert.NoError(t, err)
		return
	}
	assert.ErrorIs(t, err, want)
}

// TestCredentials: each call carries only the credentials that VSee documents for it.
func TestCredentials(t *testing.T) {
	clinic, config := setup(t)
	c := New(config)
	ctx := context.Background()
	sso, err := SignIn(ctx, c, jane(), nil)
	require.NoError(t, err)
	made, err := CreateRoom(ctx, c, testRoom(), nil)
	require.NoError(t, err)
	require.NoError(t, AssignRoom(ctx, c, assignment(UserID(sso), "room_id", made.ID), nil))
	_, err = RoomByCode(ctx, c, made.Code, nil)
	require.NoError(t, err)
	_, err = RoomProviders(ctx, c, made.Code, nil)
	require.NoError(t, err)

	calls := clinic.Requests()
	require.Len(t, calls, 5)
	for i, row := range []struct {
		desc, method, key, secret, token string
		hasBody                          bool
	}{
		{
			desc:    "users/sso",
			method:  "POST",
			key:     vseetest.Key,
			secret:  vseetest.Secret,
			hasBody: true,
		},
		{desc: "rooms", method: "POST", token: vseetest.AdminToken, hasBody: true},
		{
			desc:    "users/" + UserID(sso) + "/rooms",
			method:  "POST",
			token:   vseetest.AdminToken,
			hasBody: true,
		},
		{desc: "rooms/abc123", method: "GET", token: vseetest.AdminToken},
		{desc: "rooms/abc123/providers", method: "GET", token: vseetest.AdminToken},
	} {
		call := calls[i]
		t.Run(row.method+" "+row.desc, func(t *testing.T) {
			assert.Equal(t, row.desc, call.Path)
			assert.Equal(t, row.method, call.Method)
			assert.Equal(t, row.key, call.Header.Get("X-ApiKey"))
			assert.Equal(t, row.secret, call.Header.Get("X-ApiSecret"))
			assert.Equal(t, row.token, call.Header.Get("X-ApiToken"))
			assert.Equal(t, vseetest.AccountCode, call.Header.Get("X-AccountCode"))
			assert.Equal(t, "test/1", call.Header.Get("User-Agent"))
			assert.Equal(t, "application/json", call.Header.Get("Accept"))
			assert.Equal(t, row.hasBody, call.Header.Get("Content-Type") != "", "a Content-Type")
			assert.Equal(t, row.hasBody, len(call.Fields) > 0, "a body")
		})
	}
}

// TestUnsetHeaders: an unset header is not sent, not even as an empty line.
func TestUnsetHeaders(t *testing.T) {
	clinic, config := setup(t)
	config.Secret = ""
	config.UserAgent = ""
	_, err := SignIn(context.Background(), New(config), jane(), nil)
	require.NoError(t, err)
	header := clinic.Requests()[0].Header
	assert.Len(t, header.Values("X-ApiSecret"), 0)
	assert.Equal(t, "Go-http-client/1.1", header.Get("User-Agent"), "net/http's own")
}

// TestConnectionsAreReused: after any kind of answer the next call works. Good answers share one
// connection.
func TestConnectionsAreReused(t *testing.T) {
	clinic, config := setup(t)
	peers := make(chan string, 100)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peers <- r.RemoteAddr
		clinic.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	config.API = front.URL + strings.TrimPrefix(clinic.API(), clinic.URL)
	c := New(config)
	ctx := context.Background()
	clinic.Script(
		vseetest.Fault{Status: 400},
		vseetest.Fault{},
		vseetest.Fault{Status: 500, Body: "<html>"},
	)
	for i := 0; i < 20; i++ {
		_, _ = SignIn(ctx, c, jane(), nil)
	}
	first := <-peers
	for i := 1; i < 20; i++ {
		assert.Equal(t, first, <-peers, "call %d has a connection of its own", i+1)
	}
	for _, row := range []struct {
		desc  string
		fault vseetest.Fault
	}{
		{desc: "endless", fault: vseetest.Fault{Status: 200, Body: strings.Repeat("x", 10<<20)}},
		{desc: "reset", fault: vseetest.Fault{Reset: true}},
		{desc: "not HTTP", fault: vseetest.Fault{Raw: "hello"}},
		{desc: "cut off", fault: vseetest.Fault{Status: 200, Body: "{", Truncate: true}},
	} {
		t.Run("after "+row.desc, func(t *testing.T) {
			clinic.Script(row.fault)
			_, _ = SignIn(ctx, c, jane(), nil)
			_, err := SignIn(ctx, c, jane(), nil)
			assert.NoError(t, err)
		})
	}
}

// TestNoRedirects: the credentials go only to the configured host.
func TestNoRedirects(t *testing.T) {
	visits := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visits <- r.URL.Path
	}))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			c := serve(t, http.RedirectHandler(other.URL, status))
			trace := &Trace{}
			_, err := SignIn(context.Background(), c, jane(), trace)
			assert.ErrorIs(t, err, ErrAPI)
			assert.ErrorContains(t, err, "a redirect, which is not followed")
			assert.Equal(t, 1, trace.Calls)
			assert.Len(t, visits, 0, "followed")
		})
	}
}

func TestUntrustedCertificate(t *testing.T) {
	api := httptest.NewUnstartedServer(http.NotFoundHandler())
	// For the failed handshake. The interpreter's log.New makes no *log.Logger.
	nowhere := slog.NewTextHandler(io.Discard, nil)
	api.Config.ErrorLog = slog.NewLogLogger(nowhere, slog.LevelError)
	api.StartTLS()
	t.Cleanup(api.Close)
	trace := &Trace{}
	c := New(Config{API: api.URL + "/", Key: vseetest.Key})
	_, err := SignIn(context.Background(), c, jane(), trace)
	assert.ErrorIs(t, err, ErrUnavailable)
	assert.ErrorContains(t, err, "certificate")
	assert.Equal(t, 1, trace.Calls, "a certificate does not become valid by another attempt")
}

func TestBadAddress(t *testing.T) {
	c := New(Config{API: "https://api.example.com/\x7f", Key: vseetest.Key})
	trace := &Trace{}
	_, err := SignIn(context.Background(), c, jane(), trace)
	assert.ErrorIs(t, err, ErrAPI)
	assert.ErrorContains(t, err, "the address is not a URL")
	assert.LessOrEqual(t, trace.Calls, 1)
}

// TestThrough: the new client has the same credentials, and the old one keeps its transport.
func TestThrough(t *testing.T) {
	clinic, config := setup(t)
	c := New(config)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	config.API = gone.URL + "/"
	through := Through(New(config), &detour{to: clinic.URL})
	_, err := SignIn(context.Background(), through, jane(), nil)
	require.NoError(t, err)
	_, err = SignIn(context.Background(), c, jane(), nil)
	require.NoError(t, err)
	calls := clinic.Requests()
	require.Len(t, calls, 2)
	for _, call := range calls {
		assert.Equal(t, vseetest.Key, call.Header.Get("X-ApiKey"))
		assert.Equal(t, vseetest.Secret, call.Header.Get("X-ApiSecret"))
	}
}

// detour sends every request to another server, to the path of its API.
type detour struct{ to string }

func (d *detour) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	address := d.to + "/vc/next/api_v3" + r.URL.Path
	other, err := http.NewRequestWithContext(r.Context(), r.Method, address,
		strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	other.Header = r.Header
	return http.DefaultTransport.RoundTrip(other)
}

// TestSharedConcurrently: one client serves simultaneous calls, each with its own values.
func TestSharedConcurrently(t *testing.T) {
	clinic, config := setup(t)
	c := New(config)
	errs := make(chan error, 20)
	for i := 0; i < 20; i++ {
		go func(code string) {
			u := jane()
			u.Code = code
			sso, err := SignIn(context.Background(), c, u, nil)
			if err == nil {
				user, _ := clinic.UserOf(sso.Token.Token)
				if user.Code != code {
					err = io.ErrUnexpectedEOF
				}
			}
			errs <- err
		}("u-" + strconv.Itoa(i))
	}
	for i := 0; i < 20; i++ {
		assert.NoError(t, <-errs)
	}
	assert.Len(t, clinic.Users(), 20)
}
