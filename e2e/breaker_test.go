package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
		got := running.send(t, host, request{path: "/clinic", header: defaultHeaders(fmt.Sprint("opens-", i))})
		if got.status != http.StatusBadGateway {
			t.Fatalf("failure %d: %d %s", i+1, got.status, got.header.Get("Clinicpass-Outcome"))
		}
	}
	running.waitForLog(t, logged, "failed 5 times in a row")
}

// refuses reports whether the breaker answers, which it does without a call of the API.
func (b *bench) refuses(t *testing.T, running *running, host, id string) bool {
	t.Helper()
	calls := len(b.clinic.Requests())
	got := running.send(t, host, request{path: "/clinic", header: defaultHeaders(id)})
	refused := got.status == http.StatusServiceUnavailable
	if made := len(b.clinic.Requests()) - calls; refused != (made == 0) {
		t.Errorf("%s: %d %s after %d calls", id, got.status, got.header.Get("Clinicpass-Outcome"), made)
	}
	if retry := got.header.Get("Retry-After"); refused && (retry < "1" || retry > "5") {
		t.Errorf("%s: Retry-After %q", id, retry)
	}
	return refused
}

// TestBreaker: after five failures nobody is sent to the API for 5 s, then one person, and everybody when that succeeds.
func TestBreaker(t *testing.T) {
	for _, e := range fewEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			otherAccount := overlay(b.baseConfig(), map[string]any{"api": map[string]any{"accountCode": "other"}})
			otherPrefix := overlay(b.baseConfig(), map[string]any{"pathPrefix": "/clinic", "pages": map[string]any{"contact": "x"}})
			running := e.start(t, b.site.URL, map[string]map[string]any{
				"clinic": b.baseConfig(), "same": otherPrefix, "other": otherAccount,
			})
			for i := range 10 { // an API that refuses works
				b.clinic.Script(vseetest.Fault{Status: 400, Body: "{}"})
				if b.refuses(t, running, "clinic", fmt.Sprint("refused-", i)) {
					t.Fatalf("open after %d refusals of the API", i)
				}
			}
			b.open(t, running, "clinic")
			opened := time.Now()
			if !b.refuses(t, running, "clinic", "next") || !b.refuses(t, running, "same", "same") {
				t.Error("the API is asked after five failures in a row")
			}
			if b.refuses(t, running, "other", "other") {
				t.Error("another account is concerned")
			}
			time.Sleep(time.Until(opened.Add(5*time.Second + 200*time.Millisecond)))
			b.probe(t, running)
			if b.refuses(t, running, "clinic", "afterwards") {
				t.Error("still open after a sign-in that succeeded")
			}
		})
	}
}

// probe lets many click at once when the API is to be tried again, and checks that only one gets there.
func (b *bench) probe(t *testing.T, running *running) {
	t.Helper()
	logged := len(running.log())
	calls := len(b.clinic.Requests())
	b.clinic.Script(vseetest.Fault{Delay: time.Second})
	var signedIn atomic.Int32
	var wait sync.WaitGroup
	for i := range 10 {
		wait.Go(func() {
			got := running.send(t, "clinic", request{path: "/clinic", header: defaultHeaders(fmt.Sprint("probe-", i))})
			if got.status == http.StatusFound {
				signedIn.Add(1)
			}
		})
	}
	wait.Wait()
	if made := len(b.clinic.Requests()) - calls; made != 1 || signedIn.Load() != 1 {
		t.Errorf("%d calls and %d sign-ins while one was let through", made, signedIn.Load())
	}
	running.waitForLog(t, logged, "answers again")
}

// TestBreakerOutlivesReloads: a reload of Traefik's configuration does not send people to an API that fails.
func TestBreakerOutlivesReloads(t *testing.T) {
	b := newBench(t)
	r := newReloading(t, b, map[string]map[string]any{"clinic": b.baseConfig()})
	b.open(t, r.running, "clinic")
	for i := range 3 {
		r.reload(t)
		if !b.refuses(t, r.running, "clinic", fmt.Sprint("after-", i)) {
			t.Errorf("closed by reload %d", i+1)
		}
	}
	if log := pluginLines(r.running.log()); strings.Count(log, "failed 5 times in a row") != 1 {
		t.Errorf("the opening is not logged once: %s", log)
	}
}
