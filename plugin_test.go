package clinicpass

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// setup returns a simulated clinic and the smallest configuration that works with it.
func setup(t *testing.T) (*vseetest.Server, *Config) {
	t.Helper()
	quiet(t)
	clinic := vseetest.NewServer()
	t.Cleanup(clinic.Close)
	c := CreateConfig()
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

func mustNew(t testing.TB, next http.Handler, c *Config) http.Handler {
	t.Helper()
	handler, err := New(context.Background(), next, c, "clinic@test")
	require.NoError(t, err)
	return handler
}

// get sends a provider's request.
func get(handler http.Handler, path, id string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://portal"+path, nil)
	r.Header.Set("X-Auth-Request-User", id)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// site stands for what Traefik has behind the middleware. It answers with 404 and tells the path.
type site struct{}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Path", r.URL.Path)
	w.WriteHeader(http.StatusNotFound)
}

// TestSignIn: a provider's click leads to the portal with a token of that provider's.
func TestSignIn(t *testing.T) {
	clinic, c := setup(t)
	w := get(mustNew(t, &site{}, c), "/clinic/visits/7?tab=notes", "u-17")
	require.Equal(t, http.StatusFound, w.Code)
	assert.Equal(t, "signed_in", w.Header().Get("Clinicpass-Outcome"))
	tokens := clinic.Tokens()
	require.Len(t, tokens, 1)
	assert.Equal(t, clinic.Portal()+"auth?sso_token="+tokens[0]+"&next=/visits/7%3Ftab%3Dnotes",
		w.Header().Get("Location"))
	user, known := clinic.UserOf(tokens[0])
	require.True(t, known)
	assert.Equal(t, "u-17", user.Code)
	assert.Equal(t, "clinicpass/"+Version, clinic.Requests()[0].Header.Get("User-Agent"))
}

// TestFastPath: the handler that Traefik calls for every request of the site must be compiled.
func TestFastPath(t *testing.T) {
	_, c := setup(t)
	_, compiled := mustNew(t, &site{}, c).(*http.ServeMux)
	assert.True(t, compiled, "New does not return a *http.ServeMux")
}

// TestPassThrough: what is not the sign-in's reaches the site, and the sign-in nothing else.
func TestPassThrough(t *testing.T) {
	for _, row := range []struct {
		desc, path, prefix string
		signIn, exactOnly  bool
	}{
		{desc: "root", path: "/"},
		{desc: "page of the site", path: "/patients/17"},
		{desc: "longer name", path: "/clinicx"},
		{desc: "other case", path: "/Clinic"},
		{desc: "prefix inside", path: "/a/clinic"},
		// The mux of Go 1.21, which go.mod asks for and Traefik does not have, sees no difference.
		{desc: "escaped slash", path: "/clinic%2Fvisits", exactOnly: true},
		{desc: "prefix", path: "/clinic", signIn: true},
		{desc: "below the prefix", path: "/clinic/visits", signIn: true},
		{desc: "escaped prefix", path: "/%63linic/visits", signIn: true},
		{desc: "every path", path: "/patients/17", prefix: "/", signIn: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			for _, exact := range []bool{false, true} {
				if row.exactOnly && !exact {
					continue
				}
				_, c := setup(t)
				c.ExactPassThrough = exact
				if row.prefix != "" {
					c.PathPrefix = row.prefix
				}
				w := get(mustNew(t, &site{}, c), row.path, "passing")
				if row.signIn {
					assert.Equal(t, http.StatusFound, w.Code, "exactPassThrough: %v", exact)
				} else {
					assert.Equal(t, http.StatusNotFound, w.Code, "exactPassThrough: %v", exact)
					assert.Empty(t, w.Header().Get("Clinicpass-Outcome"))
				}
			}
		})
	}
}

// TestExactPassThrough: where Traefik leaves unclean paths alone, they reach the site as they are.
func TestExactPassThrough(t *testing.T) {
	for _, row := range []struct {
		desc  string
		exact bool
	}{
		{desc: "exact", exact: true},
		{desc: "cleaned", exact: false},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, c := setup(t)
			c.ExactPassThrough = row.exact
			handler := mustNew(t, &site{}, c)
			for _, path := range []string{"//a", "/a/../b", "/clinicx//y"} {
				w := get(handler, path, "exact")
				if row.exact {
					assert.Equal(t, http.StatusNotFound, w.Code, path)
					assert.Equal(t, path, w.Header().Get("Path"))
				} else {
					assert.NotEqual(t, http.StatusNotFound, w.Code, path)
				}
			}
			w := get(handler, "/clinic", "exact")
			assert.Equal(t, "signed_in", w.Header().Get("Clinicpass-Outcome"))
		})
	}
}

// TestExactPassThroughOfNoPath: behind StripPrefix a path may be empty.
func TestExactPassThroughOfNoPath(t *testing.T) {
	_, c := setup(t)
	c.ExactPassThrough = true
	r := httptest.NewRequest("GET", "http://portal/", nil)
	r.URL.Path = ""
	w := httptest.NewRecorder()
	mustNew(t, &site{}, c).ServeHTTP(w, r)
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Empty(t, w.Header().Get("Path"))
}

// TestNewRecovers: a panic would end the goroutine that applies Traefik's configuration.
func TestNewRecovers(t *testing.T) {
	handler, err := New(context.Background(), &site{}, nil, "clinic@test")
	assert.True(t, handler == nil, "a handler beside the error")
	assert.ErrorContains(t, err, "clinic@test: internal error")
}

// TestNewNamesEveryMistake at once.
func TestNewNamesEveryMistake(t *testing.T) {
	_, c := setup(t)
	c.PathPrefix = "clinic"
	c.API.Key = ""
	c.Limits.SignIns = -1
	handler, err := New(context.Background(), &site{}, c, "clinic@test")
	assert.True(t, handler == nil, "a handler beside the error")
	require.Error(t, err)
	parts := strings.Split(err.Error(), "; ")
	require.Len(t, parts, 4) // the text about pathPrefix may hold no semicolon
	assert.Contains(t, parts[0], "the configuration of clinic@test needs 3 corrections: pathPrefix: ")
}
