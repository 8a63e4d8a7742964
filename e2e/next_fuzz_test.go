package e2e

import (
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// FuzzNext lets a browser's URL parser judge where the compiled plugin sends whatever is asked for;
// TestNextCorpus does the same over sockets. FuzzLocation in the plugin's own tests is faster and
// varies the configuration as well.
func FuzzNext(f *testing.F) {
	discardLog(f)
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
			"portal": map[string]any{
				"url": portalOrigin + portal.path, "allowedNext": portal.allowed,
			},
			"api": map[string]any{
				"url": clinic.API(), "accountCode": vseetest.AccountCode, "key": vseetest.Key,
			},
			"identity": map[string]any{"preset": "oauth2-proxy"},
			"limits":   map[string]any{"signIns": 0},
		}, host+"@fuzz")
		require.NoError(f, err)
		handlers[host] = handler
	}
	f.Fuzz(func(t *testing.T, payload string) {
		target, err := url.ParseRequestURI("/clinic" + payload)
		if err != nil {
			return // no server takes such a request
		}
		log.SetOutput(t.Output()) // what the plugin logs of a payload that fails
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
			location := w.Header().Get("Location")
			there, err := whatwg.ParseRef("http://"+host+"/clinic/", location)
			require.NoError(t, err, "%q leads to %q", payload, location)
			nextAttempt{host, "fuzz", payload}.checkPortal(t, there)
		}
	})
}

// discardLog keeps the compiled plugin's log from the terminal.
func discardLog(f *testing.F) {
	f.Helper()
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(f, err)
	stdout := os.Stdout
	os.Stdout = nowhere
	log.SetOutput(nowhere)
	f.Cleanup(func() {
		os.Stdout = stdout
		log.SetOutput(os.Stderr)
		_ = nowhere.Close()
	})
}
