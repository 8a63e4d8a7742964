package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// FuzzNext lets a browser's URL parser judge where the compiled plugin sends whatever is asked for; TestNextCorpus does the
// same over sockets. FuzzLocation in the plugin's own tests is faster and varies the configuration as well.
func FuzzNext(f *testing.F) {
	for _, payloads := range nextClasses(f) {
		for _, payload := range payloads {
			f.Add(payload)
		}
	}
	clinic := vseetest.NewServer()
	f.Cleanup(clinic.Close)
	handlers := map[string]http.Handler{}
	for host, portal := range nextPortals {
		handler, err := compile(f.Context(), http.NotFoundHandler(), map[string]any{
			"portal":   map[string]any{"url": portalOrigin + portal.path, "allowedNext": portal.allowed},
			"api":      map[string]any{"url": clinic.API(), "accountCode": vseetest.AccountCode, "key": vseetest.Key},
			"identity": map[string]any{"preset": "oauth2-proxy"},
			"limits":   map[string]any{"signIns": 0},
		}, host+"@fuzz")
		if err != nil {
			f.Fatal(err)
		}
		handlers[host] = handler
	}
	f.Fuzz(func(t *testing.T, payload string) {
		target, err := url.ParseRequestURI("/clinic" + payload)
		if err != nil {
			return // no server takes such a request
		}
		clinic.Reset()
		for host, handler := range handlers {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL = target
			r.Header = defaultHeaders("fuzz")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Header().Get("Clinicpass-Outcome") != "signed_in" {
				continue
			}
			there, err := whatwg.ParseRef("http://"+host+"/clinic/", w.Header().Get("Location"))
			if err != nil {
				t.Fatalf("%q: %s is no address: %v", payload, w.Header().Get("Location"), err)
			}
			nextAttempt{host, "fuzz", payload}.checkPortal(t, there)
		}
	})
}
