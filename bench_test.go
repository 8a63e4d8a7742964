package clinicpass

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	_ "github.com/clinicpass/clinicpass/internal/config/configtest" // files of tests are allowed
	"github.com/clinicpass/clinicpass/vsee/vseetest"
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

func ok(w http.ResponseWriter, r *http.Request) {}

// benchPass serves a request of the site.
func benchPass(b *testing.B, c *Config) {
	b.Helper()
	quiet(b)
	handler := mustNew(b, http.HandlerFunc(ok), c)
	r := vseetest.Click("/patients/17")
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
