package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// TestMonitoringExample: Traefik's code takes the example's configurations. They sign a provider in
// and write the audit.
func TestMonitoringExample(t *testing.T) {
	static := decodeAsTraefik(t, "static.yml", example(t, "monitoring/traefik.yml"))
	assert.Contains(t, string(static), "github.com/clinicpass/clinicpass")
	folder := t.TempDir()
	dynamic := strings.ReplaceAll(example(t, "monitoring/clinic.yml"), "/var/log/clinicpass", folder)
	runExample(t, "monitoring/clinic.yml", decodeAsTraefik(t, "dynamic.yml", dynamic))
	assert.NotEmpty(t, entries(t, filepath.Join(folder, "audit.jsonl")))
}

// rule is a recording or alert rule of Prometheus or Loki.
type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

// rulesOf returns the rules of a folder of examples/monitoring.
func rulesOf(t *testing.T, folder string) []rule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	content := example(t, "monitoring/"+folder+"/clinicpass.rules.yml")
	require.NoError(t, yaml.Unmarshal([]byte(content), &file))
	rules := []rule{}
	for _, group := range file.Groups {
		rules = append(rules, group.Rules...)
	}
	require.NotEmpty(t, rules)
	return rules
}

// TestRules: promtool accepts the rules and configurations, and the rules pass their unit tests.
func TestRules(t *testing.T) {
	needPrometheus(t)
	for _, row := range []struct{ desc, args string }{
		{desc: "rules", args: "check rules clinicpass.rules.yml"},
		{desc: "configurations", args: "check config prometheus.yml demo.yml"},
		{desc: "unit tests", args: "test rules clinicpass.tests.yml"},
		{desc: "unit tests of time zones", args: "test rules clinicpass.hours.tests.yml"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), "promtool", strings.Fields(row.args)...)
			command.Dir = filepath.Join(traefik.Root(), "examples", "monitoring", "prometheus")
			output, err := command.CombinedOutput()
			assert.NoError(t, err, string(output))
		})
	}
}

// TestAlertTexts: each alert says how bad it is, what happened and what to do, and the page's table
// has it with its severity.
func TestAlertTexts(t *testing.T) {
	page := document(t, "monitoring.md")
	for _, folder := range []string{"prometheus", "loki"} {
		for _, rule := range rulesOf(t, folder) {
			if rule.Alert == "" {
				continue
			}
			t.Run(rule.Alert, func(t *testing.T) {
				severity := rule.Labels["severity"]
				assert.Contains(t, []string{"critical", "warning"}, severity)
				assert.NotEmpty(t, rule.Annotations["summary"])
				assert.Regexp(t, `\. .+\.$`, rule.Annotations["description"], "what happened, what to do")
				anchor := strings.ToLower(rule.Alert)
				assert.Contains(t, page, fmt.Sprintf("| [%s](#%s) | %s |", rule.Alert, anchor, severity))
			})
		}
	}
}

var (
	metricPattern  = regexp.MustCompile(`\b(traefik_\w+|clinic:[\w:]+)(?:{([^}]*)})?`)
	matcherPattern = regexp.MustCompile(`(\w+)(?:=~?|!=|!~)"`)
	groupPattern   = regexp.MustCompile(`\b(?:by|on|group_left) \(([^)]*)\)`)
)

// named returns the metrics and labels that rules and dashboard ask Prometheus for. What the rules
// record is not a metric of Traefik's.
func named(t *testing.T) (metrics, labels []string) {
	t.Helper()
	recorded, expressions := []string{}, []string{}
	for _, rule := range rulesOf(t, "prometheus") {
		recorded, expressions = append(recorded, rule.Record), append(expressions, rule.Expr)
	}
	for _, panel := range dashboard(t).Panels {
		for _, target := range panel.Targets {
			if target.Datasource.Type == "prometheus" {
				expressions = append(expressions, target.Expr)
			}
		}
	}
	for _, expression := range expressions {
		for _, metric := range metricPattern.FindAllStringSubmatch(expression, -1) {
			if !slices.Contains(recorded, metric[1]) {
				metrics = append(metrics, metric[1])
			}
			for _, matcher := range matcherPattern.FindAllStringSubmatch(metric[2], -1) {
				labels = append(labels, matcher[1])
			}
		}
		for _, group := range groupPattern.FindAllStringSubmatch(expression, -1) {
			if group[1] != "" {
				labels = append(labels, strings.Split(group[1], ", ")...)
			}
		}
	}
	return metrics, labels
}

// seriesPattern finds name and labels in what Traefik exposes.
var seriesPattern = regexp.MustCompile(`(?m)^(traefik_\w+)(?:{(.*)})? (\S+)$`)

// exposed returns what Traefik exposes, and its value for each series without labels.
func exposed(t *testing.T, instance *traefik.Instance) (text string, values map[string]string) {
	t.Helper()
	response, err := client.Get(instance.URL + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	values = map[string]string{}
	for _, series := range seriesPattern.FindAllStringSubmatch(string(content), -1) {
		if series[2] == "" {
			values[series[1]] = series[3]
		}
	}
	return string(content), values
}

// TestMetrics: each Traefik has the metrics and labels that rules and dashboard name. It counts a
// reload that disables a router, has no metric of a file that it cannot read, and drops the metrics
// of a router that is gone.
func TestMetrics(t *testing.T) {
	for _, version := range traefikVersions() {
		t.Run("traefik-"+version, func(t *testing.T) {
			m := &monitored{t: t, bench: newBench(t), router: "clinic"}
			m.dynamic = filepath.Join(t.TempDir(), "dynamic.yml")
			m.configure(map[string]any{})
			binary, err := traefik.Build(version, t.Output())
			require.NoError(t, err)
			m.options = traefik.Options{
				Binary: binary, Probe: probe, Static: metricsSection(t),
				Provider: "file: {filename: " + m.dynamic + ", watch: true}",
			}
			m.start()
			stopAfter(t, m.instance)
			running := &running{url: m.instance.URL, log: m.instance.Log}
			got := running.send(t, "clinic", request{path: "/clinic", header: defaultHeaders("jane")})
			require.Equal(t, "signed_in", got.outcome())

			text, before := exposed(t, m.instance)
			metrics, labels := named(t)
			require.Greater(t, len(metrics), 3)
			for _, metric := range metrics {
				assert.Contains(t, text, "\n"+metric, "the rules name it")
			}
			for _, label := range labels {
				if !slices.Contains([]string{"job", "alertname", "alertstate", "__name__"}, label) {
					assert.Regexp(t, `[{,]`+label+`="`, text, "the rules name it")
				}
			}
			assert.NotRegexp(t, "traefik_config_.*fail", text, "docs/monitoring.md says that there is none")

			m.configure(map[string]any{"portal": map[string]any{"url": "misspelled"}})
			m.waitForReload(t, before)
			text, before = exposed(t, m.instance)
			assert.Contains(t, text, `router="clinic@file"`, "a disabled router keeps its series")
			logged := len(m.instance.Log())
			m.replace("http: [")
			require.Eventually(t, func() bool {
				return strings.Contains(m.instance.Log()[logged:], "Error occurred during watcher callback")
			}, 10*time.Second, 20*time.Millisecond)
			_, after := exposed(t, m.instance)
			assert.Equal(t, before["traefik_config_reloads_total"], after["traefik_config_reloads_total"])

			m.rename("vsee")
			assert.EventuallyWithT(t, func(c *assert.CollectT) {
				text, _ := exposed(t, m.instance)
				assert.NotContains(c, text, `router="clinic@file"`)
			}, 10*time.Second, 50*time.Millisecond)
		})
	}
}

// waitForReload waits until Traefik has counted one more reload.
func (m *monitored) waitForReload(t *testing.T, before map[string]string) {
	t.Helper()
	const counter = "traefik_config_reloads_total"
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		_, now := exposed(t, m.instance)
		assert.NotEqual(c, before[counter], now[counter])
	}, 10*time.Second, 50*time.Millisecond)
}
