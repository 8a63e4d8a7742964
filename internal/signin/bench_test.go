package signin

import (
	"math/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/clinicpass/clinicpass/internal/clinic"
	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

func benchConfig(b *testing.B) *config.Config {
	b.Helper()
	c := config.Default()
	c.Portal.URL = "https://clinic.example.com/vc/next/"
	c.API.URL = "https://api.example.com/vc/next/api_v3/"
	c.API.AccountCode = "example"
	c.API.Key = "key"
	c.Identity.Preset = "oauth2-proxy"
	c.Audit.File = filepath.Join(b.TempDir(), "audit.jsonl")
	c.Limits.SignIns = 1 << 30 // the limiter counts and never refuses
	return c
}

func withRooms(c *config.Config) *config.Config {
	c.API.Token = "token"
	c.Room.Enabled = true
	return c
}

// benchHandler is the sign-in with an API in memory, which stays compiled as net/http would be.
func benchHandler(b *testing.B, c *config.Config) *Handler {
	b.Helper()
	quiet(b)
	handler := mustNew(b, c)
	clinic.Through(handler.clinic, vseetest.NewInstant())
	return handler
}

func benchServe(b *testing.B, handler *Handler, r *http.Request, want int) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			b.Fatalf("status %d: %s", w.Code, w.Body.String())
		}
	}
}

// BenchmarkSignIn is a whole sign-in with limiter and audit, but for the way to the API and back.
func BenchmarkSignIn(b *testing.B) {
	r := vseetest.Click("/clinic/visits/17?tab=notes")
	benchServe(b, benchHandler(b, benchConfig(b)), r, http.StatusFound)
}

// BenchmarkSignInWithRoom is the same for a provider whose room is remembered.
func BenchmarkSignInWithRoom(b *testing.B) {
	r := vseetest.Click("/clinic/visits/17?tab=notes")
	benchServe(b, benchHandler(b, withRooms(benchConfig(b))), r, http.StatusFound)
}

// BenchmarkRefusal is a request without an identity, and its page.
func BenchmarkRefusal(b *testing.B) {
	r := vseetest.Click("/clinic/visits/17")
	r.Header.Del("X-Auth-Request-User")
	benchServe(b, benchHandler(b, benchConfig(b)), r, http.StatusUnauthorized)
}

// BenchmarkProviders signs in one of the last thousand of many providers, who all have a room and
// have been there before, and tells the heap that is kept. With -short it goes without the most.
func BenchmarkProviders(b *testing.B) {
	sizes := []int{0, 1000, 100000, 1000000}
	if testing.Short() {
		sizes = sizes[:3]
	}
	for _, size := range sizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) { benchProviders(b, size) })
	}
}

func benchProviders(b *testing.B, size int) {
	b.Helper()
	states = map[[32]byte]*state{}
	c := withRooms(benchConfig(b))
	c.Audit.File = ""
	handler := benchHandler(b, c)
	r := vseetest.Click("/clinic")
	for i := 0; i < size; i++ {
		r.Header["X-Auth-Request-User"] = []string{strconv.Itoa(i)}
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	recent := 1000
	if size < recent {
		recent = size
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		r.Header["X-Auth-Request-User"] = []string{strconv.Itoa(size - rand.Intn(recent+1))}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusFound {
			b.Fatalf("status %d", w.Code)
		}
	}
	b.StopTimer()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(memory.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(handler)
}
