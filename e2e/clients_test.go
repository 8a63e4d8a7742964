package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// storm is a Traefik under clients that do not behave, beside people who only want the site.
type storm struct {
	*reloading
	b      *bench
	mu     sync.Mutex
	took   []time.Duration // by requests of the site
	failed atomic.Int32
}

// ask asks for the site, steadily, until the returned function is called, which returns the 99th
// percentile.
func (s *storm) ask() func() time.Duration {
	s.took = nil
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	own := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 4},
		Timeout:   10 * time.Second,
	}
	for range 4 {
		wait.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				request, err := http.NewRequest(http.MethodGet, s.running.url+"/patients", nil)
				if err != nil {
					s.failed.Add(1)
					return
				}
				request.Host = "clinic"
				response, err := own.Do(request)
				if err != nil || response.StatusCode != http.StatusOK {
					s.failed.Add(1)
				}
				if err == nil {
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
				}
				s.mu.Lock()
				s.took = append(s.took, time.Since(start))
				s.mu.Unlock()
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	return func() time.Duration {
		cancel()
		wait.Wait()
		own.CloseIdleConnections()
		slices.Sort(s.took)
		return s.took[len(s.took)*99/100]
	}
}

// TestBadClients: whatever clients do, the site goes on being served, and Traefik neither ends nor
// grows.
func TestBadClients(t *testing.T) {
	b := newBench(t)
	config := overlay(b.baseConfig(), map[string]any{"api": map[string]any{"timeout": "20s"}})
	r := newReloading(t, b, map[string]map[string]any{"clinic": config})
	s := &storm{reloading: r, b: b}
	s.misbehave(t, "warm-up", func() { clicks(t, s.running, "clinic", 200) })
	goroutines, memory := s.size(t)
	s.misbehave(t, "nothing else", func() { time.Sleep(time.Second) })
	s.misbehave(t, "300 who leave in the middle of a sign-in", s.leave)
	s.misbehave(t, "300 who send their headers slowly", s.drip)
	s.misbehave(t, "10,000 identities", func() { s.identities(t, 10000) })
	s.misbehave(t, "headers of 64 KB", func() { s.large(t) })
	s.misbehave(t, "thousands of sign-ins at once", func() { s.crowd(t) })
	moreGoroutines, moreMemory := s.size(t)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if moreGoroutines <= goroutines+50 && moreMemory <= memory+20 {
			break
		}
		time.Sleep(200 * time.Millisecond)
		moreGoroutines, moreMemory = s.size(t)
	}
	t.Logf("%d goroutines became %d, %d MiB became %d",
		goroutines, moreGoroutines, memory, moreMemory)
	assert.LessOrEqual(t, moreGoroutines, goroutines+50, "goroutines")
	assert.LessOrEqual(t, moreMemory, memory+20, "MiB")
	select {
	case <-s.instance.Exited():
		assert.Fail(t, "Traefik has ended")
	default:
	}
	clicks(t, s.running, "clinic", 1)
}

// misbehave lets clients do something while others ask for the site, all of whom must be served.
func (s *storm) misbehave(t *testing.T, desc string, what func()) {
	t.Helper()
	stop := s.ask()
	what()
	p99 := stop()
	t.Logf("%s: %d requests of the site, 99 %% within %s",
		desc, len(s.took), p99.Round(time.Millisecond))
	assert.Zero(t, s.failed.Swap(0), "requests of the site that failed: %s", desc)
}

// raw connects, writes, and hands the connection over.
func (s *storm) raw(text string, then func(c net.Conn)) {
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(s.running.url, "http://"), 5*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, text); err == nil {
		then(c)
	}
}

func (s *storm) leave() {
	s.b.clinic.Script(slices.Repeat([]vseetest.Fault{{Delay: 300 * time.Millisecond}}, 300)...)
	var wait sync.WaitGroup
	for i := range 300 {
		wait.Go(func() {
			text := "GET /clinic HTTP/1.1\r\nHost: clinic\r\nX-Auth-Request-User: leaver-%d\r\n\r\n"
			s.raw(fmt.Sprintf(text, i), func(net.Conn) {
				time.Sleep(time.Duration(i) * time.Millisecond)
			})
		})
	}
	wait.Wait()
	time.Sleep(300 * time.Millisecond)
	s.b.clinic.Script()
}

func (s *storm) drip() {
	var wait sync.WaitGroup
	for range 300 {
		wait.Go(func() {
			s.raw("GET /clinic HTTP/1.1\r\nHost: clinic\r\n", func(c net.Conn) {
				for i := range 20 {
					if _, err := fmt.Fprintf(c, "X-Slow-%d: x\r\n", i); err != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		})
	}
	wait.Wait()
}

func (s *storm) identities(t *testing.T, count int) {
	t.Helper()
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; i < count; i += 8 {
				header := map[string][]string{"X-Auth-Request-User": {fmt.Sprint("many-", i)}}
				r := request{path: "/clinic", header: header}
				got := s.running.exchange(t, "clinic", r)
				if !assert.Equal(t, http.StatusFound, got.status, "%d: %s", i, got.outcome()) {
					return
				}
			}
		})
	}
	wait.Wait()
}

func (s *storm) large(t *testing.T) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Auth-Request-User":  "identity_refused",
		"X-Auth-Request-Email": "identity_refused",
		"X-Auth-Request-Name":  "signed_in", // without it
	} {
		header := defaultHeaders("large")
		header[name] = []string{strings.Repeat("x", 64<<10)}
		got := s.running.send(t, "clinic", request{path: "/clinic", header: header})
		assert.Equal(t, want, got.outcome(), "%s of 64 KB: %d", name, got.status)
	}
	header := defaultHeaders("large")
	header["Cookie"] = []string{strings.Repeat("x", 64<<10)}
	got := s.running.send(t, "clinic", request{path: "/clinic", header: header})
	assert.Equal(t, http.StatusFound, got.status, "a cookie of 64 KB")
	header["Cookie"] = []string{strings.Repeat("x", 2<<20)} // more than Traefik takes
	got = s.running.send(t, "clinic", request{path: "/clinic", header: header})
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, got.status, "a cookie of 2 MB")
}

// crowd lets as many sign in at once as open files allow, at most 5,000: each needs two here and
// four in all.
func (s *storm) crowd(t *testing.T) {
	t.Helper()
	count := 5000
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	if err == nil && limit.Cur < uint64(3*count) {
		limit.Cur = min(limit.Max, uint64(3*count))
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		count = min(count, int(limit.Cur)/3)
	}
	var wait sync.WaitGroup
	var signedIn atomic.Int32
	for i := range count {
		wait.Go(func() {
			text := "GET /clinic HTTP/1.1\r\nHost: clinic\r\nConnection: close\r\n" +
				"X-Auth-Request-User: crowd-%d\r\n\r\n"
			s.raw(fmt.Sprintf(text, i), func(c net.Conn) {
				content, err := io.ReadAll(c)
				if err == nil && strings.HasPrefix(string(content), "HTTP/1.1 302 ") {
					signedIn.Add(1)
				}
			})
		})
	}
	wait.Wait()
	t.Logf("%d of %d sign-ins at once succeeded", signedIn.Load(), count)
	assert.EqualValues(t, count, signedIn.Load(), "sign-ins at once that succeeded")
}
