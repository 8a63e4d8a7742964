package clinicpass

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// testConfig is the smallest configuration that works with the simulated clinic.
func testConfig(clinic *vseetest.Server) *Config {
	c := CreateConfig()
	c.Portal.URL = clinic.Portal()
	c.API.URL = clinic.API()
	c.API.AccountCode = vseetest.AccountCode
	c.API.Key = vseetest.Key
	c.API.Timeout = "5s"
	c.Identity.Preset = "oauth2-proxy"
	return c
}

func mustNew(t *testing.T, c *Config) http.Handler {
	t.Helper()
	handler, err := New(context.Background(), http.NotFoundHandler(), c, "clinic@test")
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// click sends a provider's request and returns the outcome.
func click(handler http.Handler, id string) string {
	r := httptest.NewRequest("GET", "/clinic", nil)
	r.Header.Set("X-Auth-Request-User", id)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Header().Get("Clinicpass-Outcome")
}

// TestFastPath: the handler that Traefik calls for every request of the site must be compiled.
func TestFastPath(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	if _, compiled := mustNew(t, testConfig(clinic)).(*http.ServeMux); !compiled {
		t.Error("New does not return a *http.ServeMux")
	}
}

// TestExactPassThrough: where Traefik leaves unclean paths alone, they reach the site as they are.
func TestExactPassThrough(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	c := testConfig(clinic)
	for _, exact := range []bool{true, false} {
		c.ExactPassThrough = exact
		for _, path := range []string{"//a", "/a/../b", "/clinicx//y"} {
			w := httptest.NewRecorder()
			mustNew(t, c).ServeHTTP(w, httptest.NewRequest("GET", "http://portal"+path, nil))
			if passed := w.Code == http.StatusNotFound; passed != exact {
				t.Errorf("exactPassThrough %v: %s is answered with %d", exact, path, w.Code)
			}
		}
		if got := click(mustNew(t, c), "exact"); got != signedIn {
			t.Errorf("exactPassThrough %v: %s", exact, got)
		}
	}
}

func TestNewRecovers(t *testing.T) {
	handler, err := New(context.Background(), nil, nil, "clinic@test")
	if handler != nil || err == nil || !strings.Contains(err.Error(), "clinic@test: internal error") {
		t.Errorf("New(nil configuration) = %v, %v", handler, err)
	}
}

func TestStateOutlivesReloads(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	c := testConfig(clinic)
	c.Limits.SignIns = 2
	for i, want := range []string{signedIn, signedIn, tooMany, tooMany} {
		if got := click(mustNew(t, c), "reloaded"); got != want {
			t.Errorf("sign-in %d after a reload: %s, want %s", i, got, want)
		}
	}
	c.Pages.Contact = "changed"
	if got := click(mustNew(t, c), "reloaded"); got != signedIn {
		t.Errorf("another configuration has the same state: %s", got)
	}
}

func TestStatesAreBounded(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	c := testConfig(clinic)
	c.Limits.SignIns = 1
	kept := mustNew(t, c)
	click(kept, "bounded")
	for i := 0; i < maxStates+10; i++ {
		other := testConfig(clinic)
		other.Limits.SignIns = 1000 + i
		target := checkAPI(other.API, &problems{})
		stateFor(other, target, nil)
	}
	if n := len(states.byID); n > maxStates {
		t.Errorf("%d states are kept", n)
	}
	if got := click(kept, "bounded"); got != tooMany {
		t.Errorf("a handler lost its state: %s", got)
	}
}

// TestRotatedKey: a key that was replaced in its file works without a restart, at the first click.
func TestRotatedKey(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	file := filepath.Join(t.TempDir(), "key")
	write := func(key string) {
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := testConfig(clinic)
	c.API.Key = "file:" + file
	write("an-old-key")
	handler := mustNew(t, c)
	for _, step := range []struct {
		key, want string
		calls     int
	}{
		{"an-old-key", credentialsRefused, 1},
		{"", credentialsRefused, 1},
		{vseetest.Key, signedIn, 2},
		{vseetest.Key, signedIn, 1},
		{"a-wrong-key", signedIn, 1}, // the key in use still works
	} {
		write(step.key)
		clinic.Reset()
		if got := click(handler, "rotated"); got != step.want || len(clinic.Requests()) != step.calls {
			t.Errorf("key %q: %s after %d calls, want %s after %d", step.key, got, len(clinic.Requests()), step.want, step.calls)
		}
	}
}

// TestClosedTab: nobody is told anything, but the audit is.
func TestClosedTab(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequest("GET", "/clinic", nil).WithContext(ctx)
	r.Header.Set("X-Auth-Request-User", "closed")
	w := httptest.NewRecorder()
	mustNew(t, testConfig(clinic)).ServeHTTP(w, r)
	if got := w.Header().Get("Clinicpass-Outcome"); got != clientClosed || w.Code != 499 {
		t.Errorf("%d %s", w.Code, got)
	}
}

func TestAudit(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	dir := filepath.Join(t.TempDir(), "missing")
	c := testConfig(clinic)
	c.Audit.File = filepath.Join(dir, "audit.jsonl")
	handler := mustNew(t, c)
	if got := click(handler, "audited"); got != signedIn {
		t.Errorf("a file that cannot be written stopped a sign-in: %s", got)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 3; i++ {
		click(handler, "audited")
		if i == 1 { // as logrotate does
			if err := os.Rename(c.Audit.File, c.Audit.File+".1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for file, lines := range map[string]int{c.Audit.File: 1, c.Audit.File + ".1": 2} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(content), "\n"); n != lines {
			t.Errorf("%s has %d lines, want %d", filepath.Base(file), n, lines)
		}
		if strings.Contains(string(content), "audited\"") || strings.Contains(string(content), clinic.Tokens()[0]) {
			t.Errorf("the audit has the code or a token: %s", content)
		}
	}
}
