package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/interpreted"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// soak reports whether the long versions are asked for, by make soak.
func soak() bool { return os.Getenv("SOAK") != "" }

// reloading is a Traefik whose configuration can be reloaded: each time the site's answers get
// another number.
type reloading struct {
	running     *running
	instance    *traefik.Instance
	site        string
	middlewares map[string]map[string]any
	number      int
}

const debugHost = "debug"

func newReloading(t *testing.T, b *bench, middlewares map[string]map[string]any) *reloading {
	t.Helper()
	r := &reloading{site: b.site.URL, middlewares: middlewares}
	versions := traefikVersions()
	static := "api: {debug: true}\n"
	r.instance = runTraefik(t, versions[len(versions)-1], static, r.dynamic())
	r.running = &running{url: r.instance.URL, log: r.instance.Log}
	return r
}

// dynamic is the HTTP part of the configuration, with the number in a header of every answer.
func (r *reloading) dynamic() map[string]any {
	headers := map[string]any{"X-Number": strconv.Itoa(r.number)}
	middlewares := map[string]any{
		"number": map[string]any{"headers": map[string]any{"customResponseHeaders": headers}},
	}
	routers := map[string]any{
		probe: map[string]any{
			"rule": "Host(`" + probe + "`)", "service": "site", "middlewares": []string{"number"},
		},
		debugHost: map[string]any{"rule": "Host(`" + debugHost + "`)", "service": "api@internal"},
	}
	for host, config := range r.middlewares {
		middlewares[host] = map[string]any{"plugin": map[string]any{"clinicpass": config}}
		routers[host] = map[string]any{
			"rule":        "Host(`" + host + "`)",
			"service":     "site",
			"middlewares": []string{"number", host},
		}
	}
	return map[string]any{
		"routers": routers, "middlewares": middlewares, "services": siteService(r.site),
	}
}

// reload changes the configuration and waits until it serves.
func (r *reloading) reload(t *testing.T) {
	t.Helper()
	r.number++
	dynamic, err := json.Marshal(map[string]any{"http": r.dynamic()})
	require.NoError(t, err)
	require.NoError(t, r.instance.Configure(string(dynamic)))
	// Not require.Eventually, whose goroutine must not end the test where a request fails.
	want, served := strconv.Itoa(r.number), ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		served = r.running.send(t, probe, request{path: "/"}).header.Get("X-Number")
		if served == want {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	require.Equal(t, want, served, "the number of the reload that is applied")
}

var goroutinesPattern = regexp.MustCompile(`goroutine profile: total (\d+)`)

// size returns Traefik's goroutines and the memory in use after a collection, in MiB, as its own
// profiles tell.
func (r *reloading) size(t *testing.T) (goroutines, memory int) {
	t.Helper()
	profile := r.running.send(t, debugHost, request{path: "/debug/pprof/goroutine?debug=1"})
	heap := r.running.send(t, debugHost, request{path: "/debug/pprof/heap?gc=1&debug=1"})
	found := goroutinesPattern.FindStringSubmatch(profile.body)
	require.NotNil(t, found, "no profile: %d", profile.status)
	allocated := regexp.MustCompile(`# HeapAlloc = (\d+)`).FindStringSubmatch(heap.body)
	require.NotNil(t, allocated, "no profile: %d", heap.status)
	goroutines, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	memory, err = strconv.Atoi(allocated[1])
	require.NoError(t, err)
	return goroutines, memory >> 20
}

// TestReloadStorm: Traefik's configuration is reloaded again and again under load. Nothing fails,
// nothing grows, and what is to outlive a reload does.
func TestReloadStorm(t *testing.T) {
	reloads := 60
	if soak() {
		reloads = 1000
	}
	b := newBench(t)
	var connections atomic.Int32
	api := servedBy(t, b.clinic.API(), func(c, upstream net.Conn) {
		connections.Add(1)
		go func() { _, _ = io.Copy(upstream, c) }()
		_, _ = io.Copy(c, upstream)
	})
	r := newReloading(t, b, map[string]map[string]any{
		"clinic": overlay(b.baseConfig(), map[string]any{
			"api": map[string]any{"url": api}, "limits": map[string]any{"signIns": 1000000},
		}),
		"rooms":   b.roomConfig(nil),
		"limited": b.baseConfig(),
	})
	b.visit(t, r.running, "rooms", "remembered", "Jane Doe")
	settled := steadyLoad(t, r.running)
	limited := request{path: "/clinic", header: defaultHeaders("limited")}
	var goroutines, memory int
	for i := range reloads {
		if i == reloads/4 {
			goroutines, memory = r.size(t)
		}
		if i == reloads-10 { // a minute is enough for ten reloads
			for range 11 {
				r.running.send(t, "limited", limited)
			}
		}
		contact := []string{"the help desk", "extension 5"}[i%2]
		r.middlewares["clinic"] = overlay(r.middlewares["clinic"], map[string]any{
			"pages": map[string]any{"contact": contact},
		})
		r.reload(t)
	}
	settled(reloads)
	moreGoroutines, moreMemory := r.size(t)
	t.Logf("after %d and %d reloads: %d and %d goroutines, %d and %d MiB",
		reloads/4, reloads, goroutines, moreGoroutines, memory, moreMemory)
	assert.LessOrEqual(t, moreGoroutines, goroutines+30, "goroutines, once %d", goroutines)
	assert.LessOrEqual(t, moreMemory, memory+memory/2+10, "MiB, once %d", memory)
	got := b.visit(t, r.running, "rooms", "remembered", "Jane Doe")
	assert.Len(t, got.calls, 1, "a remembered room is forgotten")
	answer := r.running.send(t, "limited", limited)
	assert.Equal(t, http.StatusTooManyRequests, answer.status, "the limiter forgot")
	assert.LessOrEqual(t, connections.Load(), int32(20), "connections to the API")
}

// steadyLoad asks for the site and signs in, steadily, until the returned function is called, which
// checks that all went well.
func steadyLoad(t *testing.T, running *running) func(reloads int) {
	t.Helper()
	var stop atomic.Bool
	var wait sync.WaitGroup
	var count atomic.Int64
	for i := range 4 {
		wait.Go(func() {
			for n := 0; !stop.Load(); n++ {
				host, path, want := "clinic", "/clinic", http.StatusFound
				if i%2 == 0 {
					path, want = "/patients", http.StatusOK
				}
				r := request{path: path, header: defaultHeaders(fmt.Sprint("p-", n%100))}
				got := running.exchange(t, host, r)
				outcome := got.header.Get("Clinicpass-Outcome")
				if !assert.Equal(t, want, got.status, "%s during reloads: %s", path, outcome) {
					return
				}
				count.Add(1)
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	return func(reloads int) {
		stop.Store(true)
		wait.Wait()
		assert.GreaterOrEqual(t, count.Load(), int64(reloads), "requests during the reloads")
	}
}

// TestNewDoesNotGrow: Traefik calls New for every router at every reload, for as long as it runs.
func TestNewDoesNotGrow(t *testing.T) {
	calls := 10000
	if soak() {
		calls = 50000
	}
	b := newBench(t)
	for _, row := range []struct {
		desc    string
		contact func(i int) string
		limit   int // MiB that the heap may grow by in the last half
	}{
		{
			desc:    "one configuration",
			contact: func(int) string { return "the help desk" },
			limit:   2,
		},
		{
			desc:    "ever new configurations",
			contact: func(i int) string { return fmt.Sprint("extension ", i) },
			limit:   4,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			plugin, err := interpreted.Load(pluginPath(t), traefik.Places(), io.Discard, io.Discard)
			require.NoError(t, err)
			var half int
			for i := range calls {
				pages := map[string]any{"contact": row.contact(i)}
				config := overlay(b.baseConfig(), map[string]any{"pages": pages})
				_, err := plugin.New(t.Context(), http.NotFoundHandler(), config, "clinic@test")
				require.NoError(t, err)
				if i == calls/2 {
					half = heap()
				}
			}
			assert.LessOrEqual(t, heap(), half+row.limit, "MiB after all of %d calls", calls)
			runtime.KeepAlive(plugin)
		})
	}
}

// heap returns what is in use after a collection, in MiB.
func heap() int {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int(memory.HeapAlloc >> 20)
}
