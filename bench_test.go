package clinicpass

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

const (
	acceptHTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	firefox    = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// benchConfig is that of the benchmarks of internal/signin.
func benchConfig(b *testing.B) *Config {
	b.Helper()
	c := CreateConfig()
	c.Portal.URL = "https://clinic.example.com/vc/next/"
	c.API.URL = "https://api.example.com/vc/next/api_v3/"
	c.API.AccountCode = "example"
	c.API.Key = "key"
	c.Identity.Preset = "oauth2-proxy"
	c.Audit.File = filepath.Join(b.TempDir(), "audit.jsonl")
	c.Limits.SignIns = 1 << 30 // the limiter counts and never refuses
	return c
}

// benchRequest is what arrives behind oauth2-proxy from a browser.
func benchRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/patients/17", nil)
	for name, value := range map[string]string{
		"Accept":                            acceptHTML,
		"Accept-Language":                   "en-US,en;q=0.5",
		"Cookie":                            "_oauth2_proxy=" + strings.Repeat("x", 400),
		"Referer":                           "https://portal.example.com/",
		"Sec-Fetch-Dest":                    "document",
		"Sec-Fetch-Mode":                    "navigate",
		"Sec-Fetch-Site":                    "same-origin",
		"Sec-Fetch-User":                    "?1",
		"Upgrade-Insecure-Requests":         "1",
		"User-Agent":                        firefox,
		"X-Auth-Request-Email":              "jane.doe@example.com",
		"X-Auth-Request-Groups":             "doctors,staff",
		"X-Auth-Request-Preferred-Username": "Jane Doe",
		"X-Auth-Request-User":               "u-17",
		"X-Forwarded-For":                   "192.0.2.7",
		"X-Forwarded-Host":                  "portal.example.com",
		"X-Forwarded-Proto":                 "https",
		"X-Real-Ip":                         "192.0.2.7",
	} {
		r.Header.Set(name, value)
	}
	return r
}

func ok(w http.ResponseWriter, r *http.Request) {}

// benchPass serves a request of the site.
func benchPass(b *testing.B, c *Config) {
	b.Helper()
	quiet(b)
	handler := mustNew(b, http.HandlerFunc(ok), c)
	r := benchRequest()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body.String())
		}
	}
}

// BenchmarkPassThrough is a request of the site.
func BenchmarkPassThrough(b *testing.B) { benchPass(b, benchConfig(b)) }

// BenchmarkExactPassThrough is the same with exactPassThrough.
func BenchmarkExactPassThrough(b *testing.B) {
	c := benchConfig(b)
	c.ExactPassThrough = true
	benchPass(b, c)
}
