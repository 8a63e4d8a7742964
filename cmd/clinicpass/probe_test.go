package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// The id header of the default preset, and a person whom nobody knows.
const (
	idHeader = "X-Auth-Request-User"
	stranger = "stranger@example.com"
	login    = "https://login.example.com/?state=0123456789abcdef"
)

// probed probes the site with the command and returns what it prints.
func probed(t *testing.T, site http.Handler, c *probeCommand) (string, error) {
	t.Helper()
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	var out bytes.Buffer
	c.URL = server.URL + "/clinic"
	c.Preset = orDefault(c.Preset, "oauth2-proxy")
	c.Value = stranger
	c.out = &out
	err := c.Run()
	return out.String(), err
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// plugin returns the plugin for the simulated clinic, without an auth layer.
func plugin(t *testing.T, clinic *vseetest.Server, preset string) http.Handler {
	t.Helper()
	redirectOutput(t)
	lines := log.Writer()
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(lines) })
	c := clinicpass.CreateConfig()
	c.Portal.URL = clinic.Portal()
	c.API.URL = clinic.API()
	c.API.AccountCode = vseetest.AccountCode
	c.API.Key = vseetest.Key
	c.Identity.Preset = preset
	c.Limits.SignIns = 5
	handler, err := clinicpass.New(t.Context(), http.NotFoundHandler(), c, t.Name())
	require.NoError(t, err)
	return handler
}

// without passes requests on without the headers that the function names.
func without(next http.Handler, deleted func(name string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if deleted(name) {
				r.Header.Del(name)
				delete(r.Header, name)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// answering answers as the plugin would: with a token if believe says so.
func answering(believe func(*http.Request) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if believe(r) {
			w.Header().Set("Clinicpass-Outcome", "signed_in")
			w.Header().Set("Location", "https://clinic.example.com/auth?sso_token=0123456789abcdef")
			w.WriteHeader(http.StatusFound)
			return
		}
		w.Header().Set("Clinicpass-Outcome", "no_identity")
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func toLogin(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, login, http.StatusFound)
}

// TestProbePlugin: of the plugin itself, what stands before it decides.
func TestProbePlugin(t *testing.T) {
	for _, row := range []struct {
		desc   string
		preset string
		auth   func(next http.Handler) http.Handler
		err    error
		want   []string
		absent []string
	}{
		{
			desc: "no auth layer",
			auth: func(next http.Handler) http.Handler { return next },
			err:  errFindings,
			want: []string{
				"GET     http://", "nothing    ", "→ 401 no_identity",
				"all headers    ", "→ 302 signed_in",
				"all headers, with underscores ", "→ 403 identity_refused",
				"HEAD    http://", "→ 405 method_refused",
				"X-Auth-Request-User, in upper case ", "→ 429 too_many",
				"4 more answers show", "5 of 42 requests were SIGNED IN", "authResponseHeaders",
			},
			absent: []string{"none signed", "No answer came"},
		},
		{
			desc:   "no auth layer, and Azure's principal",
			preset: "azure",
			auth:   func(next http.Handler) http.Handler { return next },
			err:    errFindings,
			want:   []string{"X-MS-CLIENT-PRINCIPAL ", "SIGNED IN"},
		},
		{
			desc: "an auth layer that deletes the headers",
			auth: func(next http.Handler) http.Handler {
				return without(next, func(name string) bool {
					name = strings.NewReplacer("_", "-", ".", "-").Replace(name)
					return strings.HasPrefix(strings.ToLower(name), "x-auth-request-")
				})
			},
			want:   []string{"→ 401 no_identity", "42 requests, none signed in.\n"},
			absent: []string{"SIGNED IN", "identity_refused", "more answers", "No answer came"},
		},
		{
			desc: "an auth layer that deletes the ordinary spelling",
			auth: func(next http.Handler) http.Handler {
				return without(next, func(name string) bool {
					return strings.HasPrefix(name, "X-Auth-Request-")
				})
			},
			want: []string{
				"→ 401 no_identity", "→ 403 identity_refused", "none signed in.",
			},
			absent: []string{"SIGNED IN"},
		},
		{
			desc: "an auth layer that answers itself",
			auth: func(http.Handler) http.Handler { return http.HandlerFunc(toLogin) },
			want: []string{
				"→ 302 no outcome", "No answer came from Clinicpass:", "none signed in.",
			},
			absent: []string{"SIGNED IN", login},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic := start(t)
			site := row.auth(plugin(t, clinic, orDefault(row.preset, "oauth2-proxy")))
			out, err := probed(t, site, &probeCommand{Preset: row.preset})
			require.ErrorIs(t, err, row.err, out)
			for _, want := range row.want {
				assert.Contains(t, out, want)
			}
			for _, absent := range append(clinic.Tokens(), append(row.absent, "sso_token")...) {
				assert.NotContains(t, out, absent)
			}
			assert.Equal(t, row.err != nil, len(clinic.Tokens()) > 0, "tokens were made")
		})
	}
}

// TestProbeFinds: a site that believes one thing is found by just that.
func TestProbeFinds(t *testing.T) {
	has := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Header.Get(name) == stranger }
	}
	for _, row := range []struct {
		desc    string
		command probeCommand
		believe func(*http.Request) bool
		want    []string // method, path and what was sent
	}{
		{
			desc: "whoever asks",
			believe: func(r *http.Request) bool {
				for _, lines := range r.Header {
					if lines[0] == stranger {
						return false
					}
				}
				return true
			},
			want: []string{"GET /clinic nothing", "GET /clinic/ nothing"},
		},
		{
			desc:    "underscores",
			believe: has("X_Auth_Request_User"),
			want: []string{
				"GET /clinic all headers, with underscores",
				"GET /clinic X-Auth-Request-User, with underscores",
			},
		},
		{
			desc:    "dots",
			believe: has("X.Auth.Request.User"),
			want: []string{
				"GET /clinic all headers, with dots",
				"GET /clinic X-Auth-Request-User, with dots",
			},
		},
		{
			desc:    "two lines",
			believe: func(r *http.Request) bool { return len(r.Header[idHeader]) == 2 },
			want: []string{
				"GET /clinic all headers, twice",
				"GET /clinic X-Auth-Request-User, twice",
			},
		},
		{
			desc: "hop by hop",
			believe: func(r *http.Request) bool {
				named := strings.Split(r.Header.Get("Connection"), ", ")
				return has(idHeader)(r) && named[0] == idHeader
			},
			want: []string{
				"GET /clinic all headers, named in Connection",
				"GET /clinic X-Auth-Request-User, named in Connection",
			},
		},
		{
			desc: "the last header on Connection",
			believe: func(r *http.Request) bool {
				return r.Header.Get("Connection") == idHeader+
					", X-Auth-Request-Email, X-Auth-Request-Preferred-Username, X-Auth-Request-Groups"
			},
			want: []string{"GET /clinic all headers, named in Connection"},
		},
		{
			desc: "several headers together, with a slash",
			believe: func(r *http.Request) bool {
				return r.URL.Path == "/clinic/" && has(idHeader)(r) &&
					has("X-Auth-Request-Preferred-Username")(r) && has("X-Auth-Request-Groups")(r)
			},
			want: []string{"GET /clinic/ all headers"},
		},
		{
			desc: "other methods",
			believe: func(r *http.Request) bool {
				return r.Method != http.MethodGet && has(idHeader)(r)
			},
			want: []string{
				"HEAD /clinic all headers", "POST /clinic all headers",
				"PUT /clinic all headers", "OPTIONS /clinic all headers",
			},
		},
		{
			desc:    "a header of one's own",
			command: probeCommand{Header: []string{"X-Staff", "x-auth-request-user"}},
			believe: func(r *http.Request) bool {
				return has("X-Staff")(r) && !has(idHeader)(r) && len(r.Header["X-Staff"]) == 1 &&
					r.Header.Get("Connection") == ""
			},
			want: []string{
				"GET /clinic X-Staff", "GET /clinic X-Staff, in lower case",
				"GET /clinic X-Staff, in upper case",
			},
		},
		{
			desc:    "only headers of one's own",
			command: probeCommand{Preset: "custom", Header: []string{"X-Staff"}},
			believe: func(r *http.Request) bool {
				return has("X-Staff")(r) && r.Header.Get("Connection") == "X-Staff"
			},
			want: []string{
				"GET /clinic all headers, named in Connection",
				"GET /clinic X-Staff, named in Connection",
			},
		},
		{
			desc:    "an unsigned token",
			command: probeCommand{Preset: "pomerium"},
			believe: func(r *http.Request) bool {
				parts := strings.Split(r.Header.Get("X.Pomerium.Jwt.Assertion"), ".")
				return len(parts) == 3 && parts[2] == "" && decoded(parts[0])["alg"] == "none" &&
					decoded(parts[1])["sub"] == stranger
			},
			want: []string{
				"GET /clinic all headers, with dots",
				"GET /clinic X-Pomerium-Jwt-Assertion (unsigned token), with dots",
			},
		},
		{
			desc: "no navigation",
			believe: func(r *http.Request) bool {
				h := r.Header
				return h.Get("Sec-Fetch-Site") != "none" || h.Get("Sec-Fetch-Mode") != "navigate" ||
					h.Get("Sec-Fetch-Dest") != "document"
			},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			command := row.command
			out, err := probed(t, answering(row.believe), &command)
			found := []string{}
			for _, p := range command.rows {
				if p.Outcome == "signed_in" {
					found = append(found, p.Method+" "+p.request.URL.Path+" "+p.Sent)
				}
			}
			assert.ElementsMatch(t, row.want, found)
			if len(row.want) > 0 {
				assert.ErrorIs(t, err, errFindings)
			} else {
				assert.NoError(t, err)
			}
			for _, secret := range []string{"sso_token", "0123456789abcdef", "eyJ"} {
				assert.NotContains(t, out, secret)
			}
		})
	}
}

func decoded(part string) map[string]any {
	text, _ := base64.RawURLEncoding.DecodeString(part)
	claims := map[string]any{}
	_ = json.Unmarshal(text, &claims) // leaves none of what is no JSON
	return claims
}

// TestProbeOddAnswers: no answer keeps the probe, and nothing but an outcome is printed of it.
func TestProbeOddAnswers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect is followed")
	}))
	t.Cleanup(elsewhere.Close)
	for _, row := range []struct {
		desc string
		site http.HandlerFunc
		want []string
	}{
		{
			desc: "a redirect",
			site: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+"/?token=secret", http.StatusFound)
			},
			want: []string{"→ 302 no outcome", "No answer came", "42 requests, none signed in."},
		},
		{
			desc: "an address that is none",
			site: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "://secret")
				w.WriteHeader(http.StatusFound)
			},
			want: []string{"→ 302 no outcome", "42 requests, none signed in."},
		},
		{
			desc: "an outcome that is none",
			site: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Clinicpass-Outcome", "secret-1f")
			},
			want: []string{"→ 200 unreadable"},
		},
		{
			desc: "a body without end",
			site: func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, "secret")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			},
			want: []string{"→ 403 no outcome", "42 requests, none signed in."},
		},
		{
			desc: "none to two methods",
			site: func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					panic(http.ErrAbortHandler)
				}
				if r.Method == http.MethodPut {
					<-r.Context().Done()
				}
				w.Header().Set("Clinicpass-Outcome", "no_identity")
			},
			want: []string{
				"POST    http://", "PUT     http://", "→ 0 no answer",
				"2 requests got no answer.", "42 requests, none signed in.",
			},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			out, err := probed(t, row.site, &probeCommand{timeout: 2 * time.Second})
			require.NoError(t, err, out)
			for _, want := range row.want {
				assert.Contains(t, out, want)
			}
			assert.NotContains(t, out, "secret")
		})
	}
}

// TestProbeIsBounded: there are so many requests, one at a time, and none is sent again.
func TestProbeIsBounded(t *testing.T) {
	for _, row := range []struct {
		desc   string
		header string // names
		want   int
		left   string
	}{
		{desc: "the preset's headers", want: 42},
		{desc: "one of them in another case", header: "x-auth-request-user", want: 42},
		{desc: "as many as fit", header: "A B C D E F G H", want: 98},
		{desc: "too many", header: "A B C D E F G H I", want: 100, left: "5 requests were not sent"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			var lock sync.Mutex
			asked, running := 0, 0
			count := func(started, ended int) int {
				lock.Lock()
				defer lock.Unlock()
				asked += started
				running += started - ended
				return running
			}
			site := func(_ http.ResponseWriter, r *http.Request) {
				assert.Equal(t, 1, count(1, 0), "requests at a time")
				defer count(0, 1)
				if r.Method == http.MethodOptions { // which a transport may send again
					panic(http.ErrAbortHandler)
				}
			}
			command := &probeCommand{Header: strings.Fields(row.header)}
			out, err := probed(t, http.HandlerFunc(site), command)
			require.NoError(t, err)
			assert.Equal(t, row.want, asked)
			assert.Contains(t, out, row.left)
			assert.Equal(t, row.left != "", strings.Contains(out, "not sent"), out)
		})
	}
}

// TestProbeOnTheWire: letters are sent in the case that is told.
func TestProbeOnTheWire(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	heads := make(chan string, maxProbes)
	go func() {
		defer close(heads)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			heads <- readHead(connection)
		}
	}()
	command := &probeCommand{
		URL:    "http://" + listener.Addr().String() + "/clinic",
		Preset: "oauth2-proxy", Value: stranger, out: io.Discard,
	}
	require.NoError(t, command.Run())
	require.NoError(t, listener.Close())
	sent := map[string]string{}
	for _, p := range command.rows {
		sent[p.Sent] = <-heads
	}
	for _, row := range []struct{ desc, want string }{
		{desc: "X-Auth-Request-User", want: "X-Auth-Request-User: " + stranger},
		{desc: "X-Auth-Request-User, in lower case", want: "x-auth-request-user: " + stranger},
		{desc: "X-Auth-Request-User, in upper case", want: "X-AUTH-REQUEST-USER: " + stranger},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Contains(t, sent[row.desc], "\n"+row.want+"\n")
		})
	}
}

// readHead returns the request's lines and answers it.
func readHead(connection net.Conn) string {
	defer func() { _ = connection.Close() }()
	head := ""
	for lines := bufio.NewScanner(connection); lines.Scan() && lines.Text() != ""; {
		head += lines.Text() + "\n"
	}
	_, _ = io.WriteString(connection, "HTTP/1.1 204 No Content\r\n\r\n")
	return head
}

// TestProbeSchemes: both schemes of the host are asked, and nothing else is.
func TestProbeSchemes(t *testing.T) {
	const (
		unknownHost = "a host that nobody knows"

		plainOut  = "http was not tested: connection refused."
		secureOut = "https was not tested: "
	)
	refusing := answering(func(*http.Request) bool { return false })
	for _, row := range []struct {
		desc          string
		address       string
		secure, plain http.HandlerFunc // nil if nothing listens
		verify        bool
		preset        string
		err           string
		want          []string
		absent        []string
	}{
		{
			desc:    "https",
			address: "https://portal.example.com/clinic",
			secure:  refusing, plain: toLogin,
			want: []string{
				"https://portal.example.com/clinic ", "http://portal.example.com/clinic ",
				"84 requests, none",
			},
			absent: []string{"not tested", "not sent", "port."},
		},
		{
			desc:    "http",
			address: "http://portal.example.com/clinic",
			secure:  refusing, plain: toLogin,
			want: []string{"https://portal.example.com/clinic ", "84 requests, none"},
		},
		{
			desc:    "the presets with most headers fit into the limit",
			address: "https://portal.example.com/clinic",
			preset:  "gogatekeeper",
			secure:  refusing, plain: toLogin,
			want:   []string{"98 requests, none"},
			absent: []string{"not tested", "not sent"},
		},
		{
			desc:    "only https has an auth layer",
			address: "https://portal.example.com/clinic",
			secure:  refusing,
			plain: answering(func(r *http.Request) bool {
				return r.Header.Get(idHeader) != "" && r.URL.Path == "/clinic/"
			}),
			err:  errFindings.Error(),
			want: []string{"1 of 84 requests were SIGNED IN"},
		},
		{
			desc:    "a port",
			address: "https://portal.example.com:443/clinic",
			secure:  refusing, plain: toLogin,
			want:   []string{"Only https is tested, because the address has a port.", "42 requests"},
			absent: []string{"http://"},
		},
		{
			desc:    "nothing listens for http",
			address: "https://portal.example.com/clinic",
			secure:  refusing,
			want:    []string{plainOut, "42 requests, none signed in."},
		},
		{
			desc:    "nothing listens for http, which is asked for",
			address: "http://portal.example.com/clinic",
			secure:  refusing,
			want:    []string{plainOut, "42 requests, none signed in."},
		},
		{
			desc:    "nothing listens for https",
			address: "https://portal.example.com/clinic",
			plain:   toLogin,
			err:     "https://portal.example.com/clinic: connection refused",
		},
		{
			desc:    "nothing listens",
			address: "http://portal.example.com/clinic",
			err:     "https://portal.example.com/clinic: connection refused",
		},
		{
			desc:    "nothing listens at the port",
			address: "http://portal.example.com:80/clinic",
			secure:  refusing,
			err:     "http://portal.example.com:80/clinic: connection refused",
		},
		{
			desc:    "a certificate of an unknown authority",
			address: "https://portal.example.com/clinic",
			secure:  refusing, plain: toLogin,
			verify: true,
			err:    "the certificate is not valid",
		},
		{
			desc:    "a certificate of an unknown authority, beside http",
			address: "http://portal.example.com/clinic",
			secure:  refusing, plain: toLogin,
			verify: true,
			want:   []string{secureOut + "the certificate", "42 requests, none signed in."},
		},
		{
			desc:    unknownHost,
			address: "http://portal.example.com:80/clinic",
			err:     "the host name cannot be resolved",
		},
		{
			desc:    "no answer in time",
			address: "http://portal.example.com:80/clinic",
			plain:   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			err:     "no HTTP answer",
		},
		{
			desc:    "no HTTP",
			address: "http://portal.example.com:80/clinic",
			plain: func(w http.ResponseWriter, _ *http.Request) {
				connection, _, err := http.NewResponseController(w).Hijack()
				if err == nil {
					_, _ = io.WriteString(connection, "HTTP/1.1 302 Found\r\nsecret\r\n\r\n")
					_ = connection.Close()
				}
			},
			err: "no HTTP answer",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			servers := map[string]string{
				"portal.example.com:443": listening(t, row.secure, true),
				"portal.example.com:80":  listening(t, row.plain, false),
			}
			var out bytes.Buffer
			command := probeCommand{
				URL: row.address, Preset: orDefault(row.preset, "oauth2-proxy"), Value: stranger,
				Insecure: !row.verify, out: &out,
				dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					assert.Contains(t, servers, address, "another host is asked")
					if row.desc == unknownHost {
						return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
					}
					return (&net.Dialer{}).DialContext(ctx, network, servers[address])
				},
			}
			if row.desc == "no answer in time" {
				command.timeout = 50 * time.Millisecond
			}
			err := command.Run()
			if row.err != "" {
				require.ErrorContains(t, err, row.err)
				assert.NotContains(t, err.Error(), "secret")
			} else {
				require.NoError(t, err)
			}
			for _, want := range row.want {
				assert.Contains(t, out.String(), want)
			}
			for _, absent := range row.absent {
				assert.NotContains(t, out.String(), absent)
			}
			assert.LessOrEqual(t, strings.Count(out.String(), "connection refused"), 1)
		})
	}
}

// listening returns the address of a server, or without a handler one where nothing listens.
func listening(t *testing.T, handler http.HandlerFunc, secure bool) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, 1, r.ProtoMajor, "HTTP/2, which has small letters only")
			handler(w, r)
		}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	if handler == nil {
		server.Close()
	}
	return server.Listener.Addr().String()
}

// TestProbeJSON: the JSON is all that is printed, and the same each time.
func TestProbeJSON(t *testing.T) {
	server := httptest.NewServer(answering(func(r *http.Request) bool {
		return r.Header.Get("X_Auth_Request_User") != ""
	}))
	t.Cleanup(server.Close)
	outputs := []string{}
	for range 2 {
		var out bytes.Buffer
		command := probeCommand{
			URL: server.URL + "/clinic", Preset: "oauth2-proxy", Value: stranger,
			JSON: true, out: &out,
		}
		require.ErrorIs(t, command.Run(), errFindings)
		outputs = append(outputs, out.String())
	}
	assert.Equal(t, outputs[0], outputs[1])
	assert.NotContains(t, outputs[0], "sso_token")
	var report struct {
		Rows     []map[string]any
		SignedIn int
		Notes    []string
	}
	require.NoError(t, json.Unmarshal([]byte(outputs[0]), &report))
	assert.Equal(t, 2, report.SignedIn)
	require.Len(t, report.Rows, 42)
	assert.Equal(t, map[string]any{
		"method": "GET", "url": server.URL + "/clinic", "sent": "all headers, with underscores",
		"status": 302.0, "outcome": "signed_in",
	}, report.Rows[2])
	require.Len(t, report.Notes, 2)
	assert.Contains(t, report.Notes[0], "Only http is tested")
	assert.Contains(t, report.Notes[1], "2 of 42 requests were SIGNED IN")
}

// TestProbeRefusals: what cannot be asked is refused before anything is sent.
func TestProbeRefusals(t *testing.T) {
	const address = "https://portal.example.com/clinic"
	for _, row := range []struct {
		desc    string
		command probeCommand
		want    string
	}{
		{desc: "no scheme", command: probeCommand{URL: "portal.example.com/clinic"}, want: "address"},
		{desc: "another scheme", command: probeCommand{URL: "ftp://a/clinic"}, want: "address"},
		{desc: "no host", command: probeCommand{URL: "https:///clinic"}, want: "address"},
		{desc: "no address", command: probeCommand{URL: "https://a:b/clinic"}, want: "address"},
		{desc: "a password", command: probeCommand{URL: "https://u:p@a/clinic"}, want: "address"},
		{desc: "a query", command: probeCommand{URL: address + "?token=x"}, want: "address"},
		{desc: "a fragment", command: probeCommand{URL: address + "#x"}, want: "address"},
		{
			desc:    "an unknown preset",
			command: probeCommand{URL: address, Preset: "oauth3", Header: []string{"X-Id"}},
			want:    "--preset",
		},
		{
			desc:    "no headers",
			command: probeCommand{URL: address, Preset: "custom"},
			want:    "--preset",
		},
		{
			desc:    "no header's name",
			command: probeCommand{URL: address, Header: []string{"X Id"}},
			want:    "--header",
		},
		{desc: "no value", command: probeCommand{URL: address, Value: "@"}, want: "--value"},
		{desc: "lines", command: probeCommand{URL: address, Value: "a\r\nb: c"}, want: "--value"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			command := row.command
			command.Preset = orDefault(command.Preset, "oauth2-proxy")
			command.Value = orDefault(command.Value, stranger)
			command.out = io.Discard
			command.dial = func(context.Context, string, string) (net.Conn, error) {
				t.Error("something is sent")
				return nil, io.EOF
			}
			err := command.Run()
			require.ErrorContains(t, err, row.want)
			assert.NotErrorIs(t, err, errFindings)
		})
	}
}

// TestProbeFlags: kong reads the flags and knows the defaults.
func TestProbeFlags(t *testing.T) {
	var commands struct {
		Probe probeCommand `cmd:""`
	}
	parser, err := kong.New(&commands)
	require.NoError(t, err)
	_, err = parser.Parse([]string{"probe", "https://a/clinic", "--header=A", "--header=B", "--json"})
	require.NoError(t, err)
	assert.Equal(t, probeCommand{
		URL: "https://a/clinic", Preset: "oauth2-proxy", Header: []string{"A", "B"},
		Value: "clinicpass-probe@example.com", JSON: true,
	}, commands.Probe)
}

// TestProbeBelieved: whom only something later stopped was believed all the same.
func TestProbeBelieved(t *testing.T) {
	for _, row := range []struct {
		outcome string
		err     error
	}{
		{outcome: "not_allowed", err: errFindings},
		{outcome: "too_many", err: errFindings},
		{outcome: "api_unavailable", err: errFindings},
		{outcome: "credentials_refused", err: errFindings},
		{outcome: "no_identity"},
		{outcome: "identity_refused"},
	} {
		t.Run(row.outcome, func(t *testing.T) {
			answer := func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Clinicpass-Outcome", row.outcome)
				w.WriteHeader(http.StatusForbidden)
			}
			out, err := probed(t, http.HandlerFunc(answer), &probeCommand{})
			assert.ErrorIs(t, err, row.err, out)
			assert.Equal(t, row.err != nil, strings.Contains(out, "accepted the fictitious person"))
		})
	}
}
