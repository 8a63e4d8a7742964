package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/prometheus"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// needPrometheus skips a test where nobody wants Prometheus.
func needPrometheus(t *testing.T) {
	t.Helper()
	err := prometheus.Find()
	if err != nil && prometheus.Excused() {
		t.Skip(err)
	}
	require.NoError(t, err)
}

// monitored is a site with Traefik's metrics, Prometheus and the rules of examples/monitoring. All
// durations of the configuration are divided by faster, so that hours become seconds.
type monitored struct {
	*bench
	t        *testing.T
	options  traefik.Options
	instance *traefik.Instance
	server   *prometheus.Server
	dynamic  string // file
	router   string // the clinic's
	mu       sync.Mutex
	pause    bool // nobody signs in
}

const faster = 200

var durationPattern = regexp.MustCompile(`\b(\d+)(s|m|h)\b`)

// hasten divides every duration in a text.
func hasten(text string) string {
	return durationPattern.ReplaceAllStringFunc(text, func(d string) string {
		whole, _ := time.ParseDuration(d)
		return strconv.FormatInt((whole/faster).Milliseconds(), 10) + "ms"
	})
}

func TestHasten(t *testing.T) {
	assert.Equal(t, "rate5m [1500ms] offset 3000ms, for: 600ms, p95_5m, 75ms",
		hasten("rate5m [5m] offset 10m, for: 2m, p95_5m, 15s"))
}

// startMonitored starts everything, and people who sign in all the time.
func startMonitored(t *testing.T) *monitored {
	t.Helper()
	m := &monitored{t: t, bench: newBench(t), router: "clinic"}
	folder := t.TempDir()
	address, err := program.FreeAddress()
	require.NoError(t, err)
	binary, err := traefik.Build(traefik.Tested[len(traefik.Tested)-1], os.Stderr)
	require.NoError(t, err)
	m.dynamic = filepath.Join(folder, "dynamic.yml")
	m.configure(map[string]any{})
	m.options = traefik.Options{
		Binary: binary, Address: address, Probe: probe, Static: metricsSection(t),
		Provider: "file: {filename: " + m.dynamic + ", watch: true}",
	}
	m.start()
	t.Cleanup(func() {
		written.add(t.Name(), "Traefik's log", m.instance.Log())
		m.instance.Stop()
	})

	config := hasten(example(t, "monitoring/prometheus/prometheus.yml"))
	config = strings.ReplaceAll(config, "traefik:8082", address)
	rules := hasten(example(t, "monitoring/prometheus/clinicpass.rules.yml"))
	always := regexp.MustCompile(`(record: clinic:working_hours.*\n +expr: )vector\(1\) and .*`)
	require.Regexp(t, always, rules)
	rules = always.ReplaceAllString(rules, "${1}vector(1)") // promtool's tests have the hours
	for name, content := range map[string]string{
		"prometheus.yml": config, "clinicpass.rules.yml": rules,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	m.server, err = prometheus.Start(filepath.Join(folder, "prometheus.yml"), folder)
	require.NoError(t, err)
	t.Cleanup(m.server.Stop)
	m.signIns()
	return m
}

// metricsSection returns the metrics of the example's static configuration, at the entry point web.
func metricsSection(t *testing.T) string {
	t.Helper()
	whole := example(t, "monitoring/traefik.yml")
	section := regexp.MustCompile(`(?m)^metrics:\n(?: .*\n)+`).FindString(whole)
	require.NotEmpty(t, section)
	return strings.ReplaceAll(section, "entryPoint: metrics", "entryPoint: web")
}

// configure writes the dynamic configuration, with a change of the clinic's.
func (m *monitored) configure(change map[string]any) {
	m.t.Helper()
	unlimited := map[string]any{"limits": map[string]any{"signIns": 0}}
	clinic := overlay(overlay(m.baseConfig(), unlimited), change)
	content, err := json.Marshal(map[string]any{"http": map[string]any{
		"routers": map[string]any{
			probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
			m.router: map[string]any{
				"rule": "Host(`clinic`)", "service": "site", "middlewares": []string{"clinic"},
			},
		},
		"middlewares": map[string]any{
			"clinic": map[string]any{"plugin": map[string]any{"clinicpass": clinic}},
		},
		"services": siteService(m.site.URL),
	}})
	require.NoError(m.t, err)
	m.replace(string(content))
}

// replace replaces the dynamic configuration at once: Traefik must not read half a file.
func (m *monitored) replace(content string) {
	m.t.Helper()
	whole := m.dynamic + ".new"
	require.NoError(m.t, os.WriteFile(whole, []byte(content), 0o600))
	require.NoError(m.t, os.Rename(whole, m.dynamic))
}

// rename gives the clinic's router another name.
func (m *monitored) rename(router string) {
	m.router = router
	m.configure(map[string]any{})
}

func (m *monitored) start() {
	m.t.Helper()
	instance, err := traefik.Start(m.options)
	require.NoError(m.t, err)
	m.instance = instance
}

// signIns lets somebody sign in every 50 ms until the test ends, but for pauses.
func (m *monitored) signIns() {
	running := &running{url: "http://" + m.options.Address}
	done := make(chan struct{})
	var wait sync.WaitGroup
	m.t.Cleanup(func() {
		close(done)
		wait.Wait()
	})
	wait.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if m.paused() {
				continue
			}
			wait.Go(func() { running.tryToSignIn(fmt.Sprint("provider-", i)) })
		}
	})
}

func (e *running) tryToSignIn(id string) {
	request, err := http.NewRequest(http.MethodGet, e.url+"/clinic", nil)
	if err != nil {
		return
	}
	request.Host, request.Header = "clinic", defaultHeaders(id)
	if response, err := client.Do(request); err == nil {
		_ = response.Body.Close()
	}
}

func (m *monitored) paused() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pause
}

func (m *monitored) setPause(pause bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pause = pause
}

// firing returns the names of the alerts that fire.
func (m *monitored) firing(t require.TestingT) []string {
	alerts, err := m.server.Alerts()
	require.NoError(t, err)
	names := []string{}
	for _, alert := range alerts {
		if alert.State == "firing" {
			names = append(names, alert.Labels["alertname"])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// wait waits until an alert fires or does not.
func (m *monitored) wait(t *testing.T, alert string, fires bool) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, fires, slices.Contains(m.firing(c), alert), alert)
	}, 90*time.Second, 50*time.Millisecond, "%s fires: %t; %v", alert, fires, m.firing(t))
}

// TestAlerts: each alert of examples/monitoring fires when its cause is there, and ends after it.
func TestAlerts(t *testing.T) {
	needPrometheus(t)
	m := startMonitored(t)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		samples, err := m.server.Query("clinic:sign_ins:per_minute > 0")
		assert.NoError(c, err)
		assert.Len(c, samples, 1)
	}, 30*time.Second, 50*time.Millisecond)
	time.Sleep(3 * time.Second) // ten minutes of ordinary operation
	require.Empty(t, m.firing(t), "although all is well")

	// What Traefik and Prometheus have now is what the dashboard shows.
	rows := []struct {
		alert      string
		cause, end func()
	}{
		{
			alert: "ClinicBadGateway",
			cause: func() { m.clinic.Script(vseetest.Fault{Status: 403, Body: `{"code":403}`}) },
			end:   func() {},
		},
		{
			alert: "ClinicAPIUnavailable",
			cause: func() { m.clinic.SetFault(vseetest.Fault{Status: 503}) },
			end:   m.clinic.Reset,
		},
		{
			alert: "ClinicFailures",
			cause: func() { m.clinic.SetFault(vseetest.Fault{Status: 400}) },
			end:   m.clinic.Reset,
		},
		{
			alert: "ClinicSlow",
			cause: func() { m.clinic.SetFault(vseetest.Fault{Delay: 4 * time.Second}) },
			end:   m.clinic.Reset,
		},
		{
			alert: "ClinicSilentAfterReload",
			cause: func() { m.configure(map[string]any{"portal": map[string]any{"url": "misspelled"}}) },
			end:   func() { m.configure(map[string]any{}) },
		},
		{
			alert: "ClinicRouterMissing", // under a name that the rules do not know
			cause: func() { m.rename("vsee") },
			end:   func() { m.rename("clinic") },
		},
		{
			alert: "ClinicNoSignIns",
			cause: func() { m.setPause(true) },
			end:   func() { m.setPause(false) },
		},
		{
			alert: "ClinicTraefikDown",
			cause: func() { m.instance.Stop() },
			end:   m.start,
		},
	}
	known := []string{}
	for _, row := range rows {
		known = append(known, row.alert)
		t.Run(row.alert, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() && os.Getenv("SHOW_LOG") != "" {
					t.Log(m.instance.Log())
				}
			})
			m.wait(t, row.alert, false) // after the cause of the row before
			row.cause()
			m.wait(t, row.alert, true)
			if row.alert == "ClinicFailures" {
				m.checkDashboard(t)
			}
			row.end()
			m.wait(t, row.alert, false)
		})
	}
	named := regexp.MustCompile(`(?m)- alert: (\w+)`)
	rules := example(t, "monitoring/prometheus/clinicpass.rules.yml")
	found := []string{}
	for _, match := range named.FindAllStringSubmatch(rules, -1) {
		found = append(found, match[1])
	}
	assert.ElementsMatch(t, found, known, "alerts that no row brings about")
}

// checkDashboard evaluates what the dashboard's panels ask Prometheus.
func (m *monitored) checkDashboard(t *testing.T) {
	t.Helper()
	asked := 0
	for _, panel := range dashboard(t).Panels {
		for _, target := range panel.Targets {
			if target.Datasource.Type != "prometheus" {
				continue
			}
			asked++
			samples, err := m.server.Query(hasten(target.Expr))
			require.NoError(t, err, panel.Title)
			assert.NotEmpty(t, samples, "%s: %s", panel.Title, target.Expr)
			for _, label := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				for _, sample := range samples {
					assert.Contains(t, sample.Metric, label[1], panel.Title)
				}
			}
		}
	}
	assert.GreaterOrEqual(t, asked, 7)
	for prefix, count := range map[string]string{"traefik_router_": "15", "clinic:request": "11"} {
		each := `count by (code) ({__name__=~"` + prefix + `.+", router="clinic@file"})`
		samples, err := m.server.Query(each)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(samples), 3, "status codes")
		for _, sample := range samples {
			assert.Equal(t, count, sample.Value[1], "series of a status code: %s", prefix)
		}
	}
	assert.Contains(t, document(t, "monitoring.md"), "has 15 time series")
	assert.Contains(t, document(t, "monitoring.md"), "The rules add 11")
}
