package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	_ "github.com/clinicpass/clinicpass/internal/config/configtest" // files of tests are allowed
	"github.com/clinicpass/clinicpass/internal/memory"
	"github.com/clinicpass/clinicpass/internal/outcome"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// setup returns a simulated clinic and the smallest configuration that works with it.
func setup(t *testing.T) (*vseetest.Server, *config.Config) {
	t.Helper()
	quiet(t)
	clinic := vseetest.NewServer()
	t.Cleanup(clinic.Close)
	c := config.Default()
	c.Portal.URL = clinic.Portal()
	c.API.URL = clinic.API()
	c.API.AccountCode = vseetest.AccountCode
	c.API.Key = vseetest.Key
	c.API.Timeout = "5s"
	c.Identity.Preset = "oauth2-proxy"
	return clinic, c
}

// quiet drops what the plugin logs, as Traefik drops lines below its level.
func quiet(t testing.TB) {
	t.Helper()
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	stdout := os.Stdout
	errorLog := log.Writer()
	os.Stdout = nowhere
	log.SetOutput(io.Discard)
	t.Cleanup(func() {
		os.Stdout = stdout
		log.SetOutput(errorLog)
		_ = nowhere.Close()
	})
}

// logged gathers what is logged as an error from now on. setup came before.
func logged() *bytes.Buffer {
	buffer := &bytes.Buffer{}
	log.SetOutput(buffer)
	return buffer
}

// printed gathers what is logged as debug from now on in a file, and returns its name. setup came
// before. The interpreter has its own standard output, of which a test sees nothing.
func printed(t *testing.T) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "debug.log"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	os.Stdout = file
	return file.Name()
}

// debugLines returns what printed has gathered, and whether it could gather.
func debugLines(t *testing.T, file string) (string, bool) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	_, name, _, _ := runtime.Caller(0)
	compiled := strings.HasSuffix(name, "signin_test.go")
	return string(content), compiled
}

func mustNew(t testing.TB, c *config.Config) *Handler {
	t.Helper()
	handler, err := New(c, "clinic@test", "0.1.0")
	require.NoError(t, err)
	return handler
}

// click sends a provider's request and returns the outcome.
func click(handler *Handler, id string) string { return ask(handler, "GET", id) }

func ask(handler *Handler, method, id string) string {
	r := httptest.NewRequest(method, "/clinic", nil)
	r.Header.Set("X-Auth-Request-User", id)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Header().Get("Clinicpass-Outcome")
}

// entries returns the lines of an audit file.
func entries(t *testing.T, file string) []map[string]interface{} {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	list := []map[string]interface{}{}
	for _, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
		entry := map[string]interface{}{}
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		list = append(list, entry)
	}
	return list
}

// TestSteps: each step may end a sign-in, and the audit has what was found until then.
func TestSteps(t *testing.T) {
	for _, row := range []struct {
		desc      string
		method    string // GET for ""
		path      string // /clinic/visits/7 for ""
		header    map[string]string
		fault     int // the API's status; 0 for none
		status    int
		want      string
		anonymous bool // nobody is known
		refused   bool // the page that was asked for
		calls     float64
	}{
		{
			desc:   "success",
			header: map[string]string{"X-Auth-Request-User": "u-17"},
			status: 302,
			want:   "signed_in",
			calls:  1,
		},
		{
			desc:    "page refused",
			path:    "/clinic//evil.example.com",
			header:  map[string]string{"X-Auth-Request-User": "u-17"},
			status:  302,
			want:    "signed_in",
			refused: true,
			calls:   1,
		},
		{
			desc:      "method",
			method:    "POST",
			header:    map[string]string{"X-Auth-Request-User": "u-17"},
			status:    405,
			want:      "method_refused",
			anonymous: true,
		},
		{
			desc: "no navigation",
			header: map[string]string{
				"X-Auth-Request-User": "u-17",
				"Sec-Purpose":         "prefetch",
			},
			status:    403,
			want:      "not_a_navigation",
			anonymous: true,
		},
		{
			desc:      "no identity",
			status:    401,
			want:      "no_identity",
			anonymous: true,
		},
		{
			desc:      "identity refused",
			header:    map[string]string{"X-Auth-Request-User": "u-17\x01"},
			status:    403,
			want:      "identity_refused",
			anonymous: true,
		},
		{
			desc:   "API fails",
			header: map[string]string{"X-Auth-Request-User": "u-17"},
			fault:  400,
			status: 502,
			want:   "api_error",
			calls:  1,
		},
		{
			desc:    "API fails, page refused",
			path:    "/clinic//evil.example.com",
			header:  map[string]string{"X-Auth-Request-User": "u-17"},
			fault:   400,
			status:  502,
			want:    "api_error",
			refused: true,
			calls:   1,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, c := setup(t)
			c.Audit.File = filepath.Join(t.TempDir(), "audit.jsonl")
			handler := mustNew(t, c)
			if row.fault != 0 {
				clinic.SetFault(vseetest.Fault{Status: row.fault})
			}
			path := config.OrElse(row.path, "/clinic/visits/7")
			r := httptest.NewRequest(config.OrElse(row.method, "GET"), path, nil)
			for name, value := range row.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			assert.Equal(t, row.status, w.Code)
			assert.Equal(t, row.want, w.Header().Get("Clinicpass-Outcome"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			location := ""
			if row.want == "signed_in" {
				next := "/visits/7"
				if row.refused {
					next = "/providers/dashboard"
				}
				tokens := clinic.Tokens()
				require.Len(t, tokens, 1)
				location = clinic.Portal() + "auth?sso_token=" + tokens[0] + "&next=" + next
			}
			assert.Equal(t, location, w.Header().Get("Location"))

			list := entries(t, c.Audit.File)
			require.Len(t, list, 1)
			entry := list[0]
			assert.Equal(t, row.want, entry["outcome"])
			assert.Equal(t, vseetest.AccountCode, entry["clinic"])
			assert.Equal(t, row.anonymous, entry["provider"] == nil)
			assert.Equal(t, row.refused, entry["next_refused"] == true)
			assert.Equal(t, row.calls, entry["calls"])
			assert.Equal(t, float64(row.status), entry["status"])
			assert.Equal(t, "clinic@test", entry["middleware"])
			assert.Equal(t, w.Header().Get("Clinicpass-Ref"), entry["ref"])
			assert.NotContains(t, entry, "trace")
			if row.want != "signed_in" {
				assert.Contains(t, w.Body.String(), entry["ref"])
			}
			at, err := time.Parse(time.RFC3339Nano, entry["time"].(string))
			require.NoError(t, err)
			assert.Regexp(t, "Z$", entry["time"], "not UTC")
			assert.Less(t, time.Since(at), time.Minute)
		})
	}
}

// TestRoom: log and audit tell how the provider's room was obtained.
func TestRoom(t *testing.T) {
	_, c := setup(t)
	c.API.Token = vseetest.AdminToken
	c.Room.Enabled = true
	c.Audit.File = filepath.Join(t.TempDir(), "audit.jsonl")
	handler := mustNew(t, c)
	debug := printed(t)
	require.Equal(t, "signed_in", click(handler, "furnished"))
	require.Equal(t, "signed_in", click(handler, "furnished"))
	list := entries(t, c.Audit.File)
	require.Len(t, list, 2)
	assert.Equal(t, "created", list[0]["room"])
	assert.Equal(t, true, list[0]["assigned"])
	assert.Equal(t, 3.0, list[0]["calls"])
	assert.Equal(t, "remembered", list[1]["room"])
	assert.Nil(t, list[1]["assigned"])
	assert.Equal(t, 1.0, list[1]["calls"])
	said, compiled := debugLines(t, debug)
	if compiled {
		lines := strings.Split(said, "\n")
		require.Len(t, lines, 3)
		assert.Contains(t, lines[0], " room=created assigned=true")
		assert.Contains(t, lines[1], " room=remembered assigned=false")
	}
}

// TestFrame: the clinic opens in a frame where that is allowed.
func TestFrame(t *testing.T) {
	for _, row := range []struct {
		desc       string
		allowFrame bool
		want       string
	}{
		{desc: "forbidden", want: "not_a_navigation"},
		{desc: "allowed", allowFrame: true, want: "signed_in"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, c := setup(t)
			c.Portal.AllowFrame = row.allowFrame
			r := httptest.NewRequest("GET", "/clinic", nil)
			r.Header.Set("X-Auth-Request-User", "framed")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.Header.Set("Sec-Fetch-Dest", "iframe")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			w := httptest.NewRecorder()
			mustNew(t, c).ServeHTTP(w, r)
			assert.Equal(t, row.want, w.Header().Get("Clinicpass-Outcome"))
		})
	}
}

// TestAnswer: failure pages say what would work, and when.
func TestAnswer(t *testing.T) {
	for _, row := range []struct {
		desc       string
		outcome    outcome.Outcome
		retryAfter time.Duration
		allow      string
		wait       string // Retry-After
		status     int
	}{
		{
			desc:    "method",
			outcome: outcome.MethodRefused,
			allow:   "GET",
			status:  405,
		},
		{
			desc:       "a second",
			outcome:    outcome.TooMany,
			retryAfter: time.Second,
			wait:       "1",
			status:     429,
		},
		{
			desc:       "rounded up",
			outcome:    outcome.TooMany,
			retryAfter: time.Second + 1,
			wait:       "2",
			status:     429,
		},
		{
			desc:       "less than a second",
			outcome:    outcome.APIUnavailable,
			retryAfter: 1,
			wait:       "1",
			status:     503,
		},
		{
			desc:    "not known when",
			outcome: outcome.APIUnavailable,
			status:  502,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, c := setup(t)
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/clinic", nil)
			answer(mustNew(t, c), w, r, &outcome.Result{
				Outcome:    row.outcome,
				RetryAfter: row.retryAfter,
			})
			assert.Equal(t, row.status, w.Code)
			assert.Equal(t, row.allow, w.Header().Get("Allow"))
			assert.Equal(t, row.wait, w.Header().Get("Retry-After"))
			assert.Equal(t, string(row.outcome), w.Header().Get("Clinicpass-Outcome"))
			assert.Empty(t, w.Header().Get("Location"))
		})
	}
}

// TestLimit: a redirect loop ends, and nobody else is concerned.
func TestLimit(t *testing.T) {
	for _, row := range []struct {
		desc  string
		limit int
		last  string // of four sign-ins
	}{
		{desc: "three", limit: 3, last: "too_many"},
		{desc: "four", limit: 4, last: "signed_in"},
		{desc: "no limit", limit: 0, last: "signed_in"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server, c := setup(t)
			c.Limits.SignIns = row.limit
			handler := mustNew(t, c)
			for i := 0; i < 3; i++ {
				require.Equal(t, "signed_in", click(handler, "looping"))
			}
			calls := len(server.Requests())
			assert.Equal(t, row.last, click(handler, "looping"))
			asked := len(server.Requests()) > calls
			assert.Equal(t, row.last == "signed_in", asked, "the API was asked")
			assert.Equal(t, "signed_in", click(handler, "somebody else"))
		})
	}
}

// TestOutageLocksNobodyOut: only sign-ins that succeeded count towards the limit.
func TestOutageLocksNobodyOut(t *testing.T) {
	server, c := setup(t)
	c.Limits.SignIns = 2
	handler := mustNew(t, c)
	server.SetFault(vseetest.Fault{Status: http.StatusBadRequest})
	for i := 0; i < 12; i++ {
		require.Equal(t, "api_error", click(handler, "patient"))
	}
	server.SetFault(vseetest.Fault{})
	for _, want := range []string{"signed_in", "signed_in", "too_many", "too_many"} {
		assert.Equal(t, want, click(handler, "patient"))
	}
}

// TestSimultaneousClicks: no more of them than the limit end in the clinic.
func TestSimultaneousClicks(t *testing.T) {
	_, c := setup(t)
	c.Limits.SignIns = 3
	handler := mustNew(t, c)
	outcomes := make(chan string, 20)
	for i := 0; i < cap(outcomes); i++ {
		go func() { outcomes <- click(handler, "hasty") }()
	}
	count := map[string]int{}
	for i := 0; i < cap(outcomes); i++ {
		count[<-outcomes]++
	}
	assert.Equal(t, map[string]int{"signed_in": 3, "too_many": 17}, count)
	hash := fmt.Sprintf("%.8x", sha256.Sum256([]byte("hasty")))
	assert.Equal(t, 3, memory.Count(handler.signIns, hash, 0, time.Now()), "what was refused counts")
}

func TestStateOutlivesReloads(t *testing.T) {
	_, c := setup(t)
	c.Limits.SignIns = 2
	for i, want := range []string{"signed_in", "signed_in", "too_many", "too_many"} {
		assert.Equal(t, want, click(mustNew(t, c), "reloaded"), "sign-in %d after a reload", i)
	}
	c.Pages.Contact = "changed"
	assert.Equal(t, "signed_in", click(mustNew(t, c), "reloaded"),
		"another configuration has the same state")
}

func TestStatesAreBounded(t *testing.T) {
	_, c := setup(t)
	c.Limits.SignIns = 1
	kept := mustNew(t, c)
	require.Equal(t, "signed_in", click(kept, "bounded"))
	p := &config.Problems{}
	h, way := parse(c, "test", "test/1.0", p)
	require.Empty(t, p.Lines)
	for i := 0; i < maxStates+10; i++ {
		other := *c
		other.Limits.SignIns = 1000 + i
		_, fresh := stateFor(&other, way, h.identity.Verifier)
		require.True(t, fresh)
	}
	assert.LessOrEqual(t, len(states), maxStates)
	assert.Equal(t, "too_many", click(kept, "bounded"), "a handler lost its state")
}

// TestRotatedKey: a key that was replaced in its file works without a restart, at the first click.
func TestRotatedKey(t *testing.T) {
	clinic, c := setup(t)
	file := filepath.Join(t.TempDir(), "key")
	c.API.Key = "file:" + file
	require.NoError(t, os.WriteFile(file, []byte("an-old-key\n"), 0o600))
	handler := mustNew(t, c)
	for _, row := range []struct {
		desc, key, want string
		calls           int
	}{
		{desc: "refused", key: "an-old-key", want: "credentials_refused", calls: 1},
		{desc: "file is empty", key: "", want: "credentials_refused", calls: 1},
		{desc: "replaced", key: vseetest.Key, want: "signed_in", calls: 2},
		{desc: "remembered", key: vseetest.Key, want: "signed_in", calls: 1},
		{desc: "the key in use still works", key: "a-wrong-key", want: "signed_in", calls: 1},
	} {
		t.Run(row.desc, func(t *testing.T) {
			require.NoError(t, os.WriteFile(file, []byte(row.key+"\n"), 0o600))
			clinic.Reset()
			assert.Equal(t, row.want, click(handler, "rotated"))
			assert.Len(t, clinic.Requests(), row.calls)
		})
	}
}

// TestClosedTab: nobody is told anything, but the audit is.
func TestClosedTab(t *testing.T) {
	_, c := setup(t)
	c.Audit.File = filepath.Join(t.TempDir(), "audit.jsonl")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequest("GET", "/clinic", nil).WithContext(ctx)
	r.Header.Set("X-Auth-Request-User", "closed")
	w := httptest.NewRecorder()
	mustNew(t, c).ServeHTTP(w, r)
	assert.Equal(t, "client_closed", w.Header().Get("Clinicpass-Outcome"))
	assert.Equal(t, 499, w.Code)
	list := entries(t, c.Audit.File)
	require.Len(t, list, 1)
	assert.Equal(t, "client_closed", list[0]["outcome"])
}

func TestAudit(t *testing.T) {
	clinic, c := setup(t)
	dir := filepath.Join(t.TempDir(), "missing")
	c.Audit.File = filepath.Join(dir, "audit.jsonl")
	handler := mustNew(t, c)
	require.Equal(t, "signed_in", click(handler, "audited"),
		"a file that cannot be written stopped a sign-in")
	require.NoError(t, os.Mkdir(dir, 0o700))
	for i := 0; i < 3; i++ {
		click(handler, "audited")
		if i == 1 { // as logrotate does
			require.NoError(t, os.Rename(c.Audit.File, c.Audit.File+".1"))
		}
	}
	assert.Len(t, entries(t, c.Audit.File), 1)
	assert.Len(t, entries(t, c.Audit.File+".1"), 2)
	require.NotEmpty(t, clinic.Tokens())
	for _, file := range []string{c.Audit.File, c.Audit.File + ".1"} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotContains(t, string(content), "audited\"", "the audit has the code")
		for _, token := range clinic.Tokens() {
			assert.NotContains(t, string(content), token, "the audit has a token")
		}
	}
}

// TestMistakes: Check lists them, New's error has them all, and several are logged one by one.
func TestMistakes(t *testing.T) {
	_, c := setup(t)
	assert.Empty(t, Check(c))
	errors := logged()
	c.PathPrefix = "clinic"
	lines := Check(c)
	require.Len(t, lines, 1)
	handler, err := New(c, "clinic@test", "0.1.0")
	assert.True(t, handler == nil, "a handler beside the error")
	const about = "clinicpass: the configuration of clinic@test needs "
	assert.EqualError(t, err, about+"correction: "+lines[0])
	assert.Empty(t, errors.String(), "Traefik logs the only mistake")

	c.Portal.URL = ""
	c.Limits.SignIns = -1
	lines = Check(c)
	require.Len(t, lines, 3)
	_, err = New(c, "clinic@test", "0.1.0")
	assert.EqualError(t, err, about+"3 corrections: "+strings.Join(lines, "; "))
	want := ""
	for _, line := range lines {
		want += about + "correction: " + line + "\n"
	}
	assert.Equal(t, want, errors.String())
}

// TestStart: what is logged at a start warns of what is insecure, and has no secret. A reload with
// the same configuration logs nothing.
func TestStart(t *testing.T) {
	for _, row := range []struct {
		desc     string
		change   func(c *config.Config, file string) // file has a key
		warnings []string
	}{
		{
			desc:     "a literal",
			change:   func(c *config.Config, file string) { c.API.Key = "first-value" },
			warnings: []string{"api.key is written in the configuration", "nothing proves that your auth middleware"},
		},
		{
			desc: "literals and a proof",
			change: func(c *config.Config, file string) {
				c.API.Key = "first-value"
				c.API.Secret = "second-value"
				c.API.Token = "third-value"
				c.Identity.Proof.Header = "X-Proof"
				c.Identity.Proof.Secret = "fourth-value"
			},
			warnings: []string{
				"api.key is written in the configuration",
				"api.secret is written in the configuration",
				"api.token is written in the configuration",
				"identity.proof.secret is written in the configuration",
			},
		},
		{
			desc: "a file, on a network that is trusted",
			change: func(c *config.Config, file string) {
				c.API.Key = "file:" + file
				c.Identity.Trust = "network"
			},
		},
		{
			desc:     "a file",
			change:   func(c *config.Config, file string) { c.API.Key = "file:" + file },
			warnings: []string{"nothing proves that your auth middleware"},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, c := setup(t)
			file := filepath.Join(t.TempDir(), "key")
			require.NoError(t, os.WriteFile(file, []byte("first-value\n"), 0o600))
			row.change(c, file)
			errors := logged()
			debug := printed(t)
			mustNew(t, c)
			lines := strings.FieldsFunc(errors.String(), func(c rune) bool { return c == '\n' })
			require.Len(t, lines, len(row.warnings))
			for i, warning := range row.warnings {
				assert.Contains(t, lines[i], "clinicpass: warning: clinic@test: "+warning)
			}
			assert.NotContains(t, errors.String(), "-value")
			errors.Reset()
			mustNew(t, c)
			assert.Empty(t, errors.String(), "a reload warns again")
			said, compiled := debugLines(t, debug)
			assert.NotContains(t, said, "-value")
			if compiled {
				assert.Equal(t, 1, strings.Count(said, "\n"), said)
				assert.Contains(t, said, "clinicpass: 0.1.0 started as clinic@test with {")
				assert.Contains(t, said, `"key":"set"`)
				assert.Contains(t, said, `"id":"X-Auth-Request-User"`, "the preset's header")
			}
		})
	}
}

// TestLogLevels: an operator sees what is for them, and nobody's name.
func TestLogLevels(t *testing.T) {
	for _, row := range []struct {
		desc   string
		id     string
		method string   // GET when empty
		groups []string // that are allowed
		limit  int      // of sign-ins, which is reached; 0 for the default
		fault  int      // the API's status; 0 for none
		want   string
		alarm  bool
	}{
		{
			desc: "success",
			id:   "logged",
			want: "signed_in",
		},
		{
			desc:   "in no group",
			id:     "logged",
			groups: []string{"doctors"},
			want:   "not_allowed",
			alarm:  true,
		},
		{
			desc:  "too many",
			id:    "logged",
			limit: 1,
			want:  "too_many",
			alarm: true,
		},
		{
			desc:   "nobody's fault",
			id:     "logged",
			method: http.MethodPost,
			want:   "method_refused",
		},
		{
			desc:  "no identity",
			want:  "no_identity",
			alarm: true,
		},
		{
			desc:  "API fails",
			id:    "logged",
			fault: http.StatusBadRequest,
			want:  "api_error",
			alarm: true,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, c := setup(t)
			c.Identity.AllowedGroups = row.groups
			if row.limit > 0 {
				c.Limits.SignIns = row.limit
				click(mustNew(t, c), row.id)
			}
			handler := mustNew(t, c)
			if row.fault != 0 {
				clinic.SetFault(vseetest.Fault{Status: row.fault})
			}
			errors := logged()
			debug := printed(t)
			method := row.method
			if method == "" {
				method = http.MethodGet
			}
			require.Equal(t, row.want, ask(handler, method, row.id))
			said, compiled := debugLines(t, debug)
			if row.alarm {
				assert.Empty(t, said)
				said = errors.String()
				compiled = true
			} else {
				assert.Empty(t, errors.String())
			}
			assert.NotContains(t, said, "logged")
			if compiled {
				assert.Equal(t, 1, strings.Count(said, "\n"), said)
				assert.Regexp(t, `^clinicpass: clinic@test: `+row.want+` ref=[0-9a-f]{10}\b`, said)
			}
		})
	}
}

// TestReferencesDiffer, and have ten hexadecimal digits.
func TestReferencesDiffer(t *testing.T) {
	_, c := setup(t)
	c.Audit.File = filepath.Join(t.TempDir(), "audit.jsonl")
	handler := mustNew(t, c)
	for i := 0; i < 100; i++ {
		click(handler, "")
	}
	seen := map[string]bool{}
	for _, entry := range entries(t, c.Audit.File) {
		assert.Regexp(t, "^[0-9a-f]{10}$", entry["ref"])
		seen[entry["ref"].(string)] = true
	}
	assert.Len(t, seen, 100)
}
