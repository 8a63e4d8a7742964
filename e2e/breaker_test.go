package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// open makes five sign-ins fail, so that the breaker opens.
func (b *bench) open(t *testing.T, running *running, host string) {
	t.Helper()
	logged := len(running.log())
	down := make([]vseetest.Fault, 5)
	for i := range down {
		down[i] = vseetest.Fault{Status: 500, Body: "{}"}
	}
	b.clinic.Script(down...)
	for i := range down {
		header := defaultHeaders(fmt.Sprint("opens-", i))
		got := running.send(t, host, request{path: "/clinic", header: header})
		require.Equal(t, http.StatusBadGateway, got.status, "failure %d: %s", i+1, got.outcome())
	}
	running.waitForLog(t, logged, "failed for 5 people in a row")
}

// refuses reports whether the breaker answers, which it does without a call of the API.
func (b *bench) refuses(t *testing.T, running *running, host, id string) bool {
	t.Helper()
	calls := len(b.clinic.Requests())
	got := running.send(t, host, request{path: "/clinic", header: defaultHeaders(id)})
	made := len(b.clinic.Requests()) - calls
	if got.status != http.StatusServiceUnavailable {
		assert.NotZero(t, made, "calls for %s: %d %s", id, got.status, got.outcome())
		return false
	}
	assert.Zero(t, made, "calls for %s: %s", id, got.outcome())
	assert.Regexp(t, "^[1-5]$", got.header.Get("Retry-After"), id)
	return true
}

// TestOneFailingPatient: the API fails for one person, who clicks again and again. No doctor's click
// is refused, and the API is not asked for every click of the one. In an outage the breaker opens.
func TestOneFailingPatient(t *testing.T) {
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			failing, asked := atomic.Bool{}, atomic.Int32{}
			target, err := url.Parse(b.clinic.API())
			require.NoError(t, err)
			pass := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				isPatient := bytes.Contains(body, []byte("patient-7"))
				if isPatient || failing.Load() {
					if isPatient {
						asked.Add(1)
					}
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				pass.ServeHTTP(w, r)
			}))
			t.Cleanup(api.Close)
			running := e.start(t, b.site.URL, map[string]map[string]any{
				"clinic": overlay(b.baseConfig(), map[string]any{
					"api": map[string]any{"url": api.URL + target.Path},
				}),
			})
			click := func(id string) string {
				r := request{path: "/clinic", header: defaultHeaders(id)}
				return running.send(t, "clinic", r).outcome()
			}
			start := time.Now()
			for i := range 50 {
				for range 4 {
					require.Equal(t, "api_unavailable", click("patient-7"))
				}
				require.Equal(t, "signed_in", click(fmt.Sprint("doctor-", i)))
			}
			windows := 1 + int32(time.Since(start)/(10*time.Second))
			assert.LessOrEqual(t, asked.Load(), 5*windows, "calls for 200 clicks")
			assert.NotContains(t, running.log(), "people in a row")

			failing.Store(true)
			logged := len(running.log())
			for i := range 5 {
				require.Equal(t, "api_unavailable", click(fmt.Sprint("doctor-", i)))
			}
			running.waitForLog(t, logged, "failed for 5 people in a row")
		})
	}
}

// TestBreaker: after five failures nobody is sent to the API for 5 s, then one person, and
// everybody when that succeeds.
func TestBreaker(t *testing.T) {
	for _, e := range fewEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			otherAccount := overlay(b.baseConfig(), map[string]any{
				"api": map[string]any{"accountCode": "other"},
			})
			otherPrefix := overlay(b.baseConfig(), map[string]any{
				"pathPrefix": "/clinic", "pages": map[string]any{"contact": "x"},
			})
			running := e.start(t, b.site.URL, map[string]map[string]any{
				"clinic": b.baseConfig(), "same": otherPrefix, "other": otherAccount,
			})
			for i := range 10 { // an API that refuses works
				b.clinic.Script(vseetest.Fault{Status: 400, Body: "{}"})
				refused := b.refuses(t, running, "clinic", fmt.Sprint("refused-", i))
				require.False(t, refused, "after %d refusals of the API", i)
			}
			b.open(t, running, "clinic")
			opened := time.Now()
			assert.True(t, b.refuses(t, running, "clinic", "next"), "after five failures in a row")
			assert.True(t, b.refuses(t, running, "same", "same"), "another path, the same account")
			assert.False(t, b.refuses(t, running, "other", "other"), "another account")
			time.Sleep(time.Until(opened.Add(5*time.Second + 200*time.Millisecond)))
			b.probe(t, running)
			refused := b.refuses(t, running, "clinic", "afterwards")
			assert.False(t, refused, "after a sign-in that succeeded")
		})
	}
}

// probe lets many click at once when the API is to be tried again, and checks that only one gets
// there.
func (b *bench) probe(t *testing.T, running *running) {
	t.Helper()
	logged := len(running.log())
	calls := len(b.clinic.Requests())
	b.clinic.Script(vseetest.Fault{Delay: time.Second})
	var signedIn atomic.Int32
	var wait sync.WaitGroup
	for i := range 10 {
		wait.Go(func() {
			header := defaultHeaders(fmt.Sprint("probe-", i))
			got := running.exchange(t, "clinic", request{path: "/clinic", header: header})
			if got.status == http.StatusFound {
				signedIn.Add(1)
			}
		})
	}
	wait.Wait()
	assert.Equal(t, 1, len(b.clinic.Requests())-calls, "calls of the API")
	assert.EqualValues(t, 1, signedIn.Load(), "sign-ins")
	running.waitForLog(t, logged, "answers again")
}

// TestBreakerOutlivesReloads: a reload of Traefik's configuration does not send people to an API
// that fails.
func TestBreakerOutlivesReloads(t *testing.T) {
	b := newBench(t)
	r := newReloading(t, b, map[string]map[string]any{"clinic": b.baseConfig()})
	b.open(t, r.running, "clinic")
	for i := range 3 {
		r.reload(t)
		refused := b.refuses(t, r.running, "clinic", fmt.Sprint("after-", i))
		assert.True(t, refused, "after reload %d", i+1)
	}
	log := pluginLines(r.running.log())
	assert.Equal(t, 1, strings.Count(log, "failed for 5 people in a row"), log)
}
