package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// dashboardFile is what the tests read of the dashboard.
type dashboardFile struct {
	UID, Title string
	Panels     []struct {
		ID                       int
		Title, Description, Type string
		GridPos                  struct{ X, Y, W, H int }
		FieldConfig              struct{ Defaults struct{ Unit string } }
		Targets                  []struct {
			RefID              string `json:"refId"`
			Expr, LegendFormat string
			Datasource         datasource
		}
	}
}

type datasource struct{ Type, UID string }

func dashboard(t *testing.T) *dashboardFile {
	t.Helper()
	d := &dashboardFile{}
	require.NoError(t, json.Unmarshal([]byte(example(t, "monitoring/grafana/clinicpass.json")), d))
	require.NotEmpty(t, d.Panels)
	return d
}

// TestDashboard: each panel is complete, none covers another, and the data sources are those that
// the example provisions.
func TestDashboard(t *testing.T) {
	var provisioned struct{ Datasources []datasource }
	content := example(t, "monitoring/grafana/datasources.yml")
	require.NoError(t, yaml.Unmarshal([]byte(content), &provisioned))
	ids, covered := map[int]bool{}, map[[2]int]string{}
	for _, panel := range dashboard(t).Panels {
		t.Run(panel.Title, func(t *testing.T) {
			assert.NotEmpty(t, panel.Title)
			assert.NotEmpty(t, panel.Description)
			assert.NotEmpty(t, panel.FieldConfig.Defaults.Unit)
			assert.False(t, ids[panel.ID], "two panels with the ID %d", panel.ID)
			ids[panel.ID] = true
			require.NotEmpty(t, panel.Targets)
			for _, target := range panel.Targets {
				assert.Contains(t, provisioned.Datasources, target.Datasource)
				assert.NotEmpty(t, target.RefID)
			}
			assert.LessOrEqual(t, panel.GridPos.X+panel.GridPos.W, 24, "columns")
			for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
				for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
					assert.Empty(t, covered[[2]int{x, y}], "column %d, row %d", x, y)
					covered[[2]int{x, y}] = panel.Title
				}
			}
		})
	}
}

// auditSchema returns docs/audit.schema.json, as it stands and compiled.
func auditSchema(t *testing.T) (properties map[string]any, compiled *jsonschema.Schema) {
	t.Helper()
	file := filepath.Join(traefik.Root(), "docs", "audit.schema.json")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var whole struct{ Properties map[string]any }
	require.NoError(t, json.Unmarshal(content, &whole))
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiled, err = compiler.Compile(file)
	require.NoError(t, err)
	return whole.Properties, compiled
}

// TestAuditSchema: docs/audit.schema.json describes real lines of every kind, and nothing else.
func TestAuditSchema(t *testing.T) {
	properties, compiled := auditSchema(t)
	for name, property := range properties {
		about, _ := property.(map[string]any)
		assert.NotEmpty(t, about["description"], name)
	}
	lines := auditLines(t)
	seen := map[string]bool{}
	for _, line := range lines {
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		require.NoError(t, err)
		assert.NoError(t, compiled.Validate(instance), "%s", line)
		entry, _ := instance.(map[string]any)
		for key := range entry {
			seen[key] = true
		}
	}
	for name := range properties {
		assert.True(t, seen[name], "no line has %s", name)
	}
	for _, row := range []struct{ desc, old, now string }{
		{desc: "another key", old: `{`, now: `{"name":"Jane Doe",`},
		{desc: "a missing key", old: `"calls":`, now: `"called":`},
		{desc: "a text for a number", old: `"status":302`, now: `"status":"302"`},
		{desc: "an unknown outcome", old: `signed_in`, now: `signed_out`},
		{desc: "a local time", old: `Z"`, now: `+02:00"`},
		{desc: "no time", old: `"time":"2`, now: `"time":"x`},
		{desc: "a user ID for the hash", old: `"provider":"`, now: `"provider":"u-17`},
		{desc: "a trace ID that is too long", old: `"trace":"`, now: `"trace":"0`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			require.Contains(t, string(lines[0]), row.old)
			changed := strings.Replace(string(lines[0]), row.old, row.now, 1)
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader(changed))
			require.NoError(t, err)
			assert.Error(t, compiled.Validate(instance), changed)
		})
	}
}

// TestMonitoringSizes: the length of audit lines is what docs/monitoring.md says.
func TestMonitoringSizes(t *testing.T) {
	longest := 0
	for _, line := range auditLines(t) {
		longest = max(longest, len(line)+1)
	}
	const most = 400
	assert.Less(t, longest, most)
	assert.Greater(t, longest, most/2, "docs/monitoring.md exaggerates")
	assert.Contains(t, document(t, "monitoring.md"), fmt.Sprintf("less than %d bytes", most))
}

// TestMonitoringPage: the outcomes' statuses are those of the plugin, each alert has a section, and
// the audit line of the page is valid.
func TestMonitoringPage(t *testing.T) {
	page := document(t, "monitoring.md")
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([0-9, ]+) \\|").FindAllStringSubmatch(page, -1)
	statuses := map[string]string{}
	for _, row := range rows {
		statuses[row[1]] = row[2]
	}
	for _, row := range load[behavior](t, "behavior.json") {
		if row.Want.Outcome != "" {
			assert.Contains(t, statuses[row.Want.Outcome], fmt.Sprint(row.Want.Status), row.Want.Outcome)
		}
	}
	for _, file := range []string{"prometheus", "loki"} {
		rules := example(t, "monitoring/"+file+"/clinicpass.rules.yml")
		alerts := regexp.MustCompile(`(?m)- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
		require.NotEmpty(t, alerts)
		for _, alert := range alerts {
			assert.Contains(t, page, "\n### "+alert[1]+"\n")
			assert.Contains(t, rules, "docs/monitoring.md#"+strings.ToLower(alert[1])+"\n")
		}
	}
	_, compiled := auditSchema(t)
	_, line, _ := strings.Cut(page, "```json\n")
	line, _, _ = strings.Cut(line, "\n")
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
	require.NoError(t, err)
	assert.NoError(t, compiled.Validate(instance))
}

// TestMonitoringTry: the steps with the demo lead to a firing alert, but for the ports.
func TestMonitoringTry(t *testing.T) {
	needPrometheus(t)
	blocks := commandsOn(t, "docs/monitoring.md")
	require.Len(t, blocks, 3)
	dir := clone(t)
	demo := background(t, dir, blocks[0].commands)
	addresses := []string{}
	require.Eventually(t, func() bool {
		addresses = regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(demo.Log(), -1)
		return strings.Contains(demo.Log(), "Press Ctrl-C")
	}, time.Minute, 50*time.Millisecond)
	free, err := program.FreeAddress()
	require.NoError(t, err)
	ports := strings.NewReplacer(
		"127.0.0.1:8080", addresses[0], "127.0.0.1:8081", addresses[1], "127.0.0.1:9091", free,
	).Replace
	file := filepath.Join(dir, "examples", "monitoring", "prometheus", "demo.yml")
	content := ports(example(t, "monitoring/prometheus/demo.yml"))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	prometheus := background(t, dir, ports(blocks[1].commands))
	require.Eventually(t, func() bool {
		return strings.Contains(prometheus.Log(), "Server is ready")
	}, 20*time.Second, 50*time.Millisecond)
	assert.Equal(t, blocks[2].output, result(t, dir, ports(blocks[2].commands)))
}

// auditLines returns what the interpreted plugin writes for several outcomes. The first is a sign-in
// with a room.
func auditLines(t *testing.T) [][]byte {
	t.Helper()
	b := newBench(t)
	running := startInterpreted(t, b.site.URL, map[string]map[string]any{"clinic": b.roomConfig(nil)})
	ask := func(method, path string, header map[string][]string) {
		running.exchange(t, "clinic", request{method: method, path: path, header: header})
	}
	traced := defaultHeaders("traced")
	traced["Traceparent"] = []string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	ask(http.MethodGet, "/clinic", traced)
	ask(http.MethodGet, "/clinic/%2Fevil.example.com", traced) // remembered, another page
	ask(http.MethodGet, "/clinic", nil)
	ask(http.MethodPost, "/clinic", traced)
	ask(http.MethodGet, "/clinic", map[string][]string{"X-Auth-Request-User": {"a", "b"}})
	for _, status := range []int{400, 403, 500} {
		b.clinic.SetFault(vseetest.Fault{Status: status})
		ask(http.MethodGet, "/clinic", defaultHeaders("unlucky"))
	}
	content, err := os.ReadFile(b.audit)
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	require.Len(t, lines, 8, "%s", content)
	return lines
}

// fewValues are the keys of the audit that may be labels in Loki: they have few values, and none
// belongs to a person.
var fewValues = []string{"outcome", "status", "middleware", "clinic"}

// TestAlloyLabels: Alloy takes its labels from keys that audit lines have, and none of a person.
func TestAlloyLabels(t *testing.T) {
	config := example(t, "monitoring/alloy/config.alloy")
	keysOf := func(stage, argument string) []string {
		block := regexp.MustCompile(stage + ` {\s+` + argument + ` += { ([^}]*) }\s+}`)
		found := block.FindAllStringSubmatch(config, -1)
		require.Len(t, found, 1, stage)
		keys := []string{}
		for _, key := range regexp.MustCompile(`(\w+) = ""`).FindAllStringSubmatch(found[0][1], -1) {
			keys = append(keys, key[1])
		}
		return keys
	}
	properties, _ := auditSchema(t)
	for _, key := range keysOf(`stage\.json`, "expressions") {
		assert.Contains(t, properties, key)
	}
	assert.ElementsMatch(t, fewValues, keysOf(`stage\.labels`, "values"))
	assert.Equal(t, strings.Count(config, "{"), strings.Count(config, "}"))
}

// TestLokiQueries: labels and keys in the queries to Loki are those that Alloy and the audit have.
func TestLokiQueries(t *testing.T) {
	properties, _ := auditSchema(t)
	outcomes, _ := properties["outcome"].(map[string]any)
	queries := []string{example(t, "monitoring/loki/clinicpass.rules.yml")}
	for _, panel := range dashboard(t).Panels {
		for _, target := range panel.Targets {
			if target.Datasource.Type == "loki" {
				queries = append(queries, target.Expr)
			}
		}
	}
	assert.GreaterOrEqual(t, len(queries), 5)
	alloy := example(t, "monitoring/alloy/config.alloy")
	for _, query := range queries {
		for _, match := range regexp.MustCompile(`(\w+)(=~?)"([^"]*)"`).FindAllStringSubmatch(query, -1) {
			label, values := match[1], strings.Split(match[3], "|")
			switch label {
			case "job":
				for _, value := range values {
					assert.Contains(t, alloy, `"job" = "`+value+`"`)
				}
			case "outcome":
				assert.Contains(t, outcomes["enum"], match[3])
			default: // | json ms="ms"
				assert.Contains(t, properties, label, query)
				assert.Equal(t, label, match[3])
			}
		}
	}
}

// TestLokiPatterns: the rule for refused configurations finds what Traefik logs of a mistake in the
// clinic's configuration and of a file that it cannot read.
func TestLokiPatterns(t *testing.T) {
	rules := example(t, "monitoring/loki/clinicpass.rules.yml")
	found := regexp.MustCompile("\\|~ `([^`]+)`").FindStringSubmatch(rules)
	require.NotNil(t, found)
	pattern := regexp.MustCompile(found[1])
	b := newBench(t)
	broken := overlay(b.baseConfig(), map[string]any{"portal": map[string]any{"url": "misspelled"}})
	content, err := json.Marshal(map[string]any{"http": map[string]any{
		"routers": map[string]any{
			probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "noop@internal"},
			"clinic": map[string]any{
				"rule": "Host(`clinic`)", "service": "noop@internal", "middlewares": []string{"clinic"},
			},
		},
		"middlewares": map[string]any{
			"clinic": map[string]any{"plugin": map[string]any{"clinicpass": broken}},
		},
	}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "dynamic.yml")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	binary, err := traefik.Build(traefik.Tested[len(traefik.Tested)-1], os.Stderr)
	require.NoError(t, err)
	address, err := program.FreeAddress()
	require.NoError(t, err)
	instance, err := traefik.Start(traefik.Options{
		Binary: binary, Address: address, Probe: probe, Level: "ERROR",
		Provider: "file: {filename: " + file + ", watch: true}",
	})
	require.NoError(t, err)
	stopAfter(t, instance)
	count := func() int { return len(pattern.FindAllString(instance.Log(), -1)) }
	require.Eventually(t, func() bool { return count() > 0 }, 5*time.Second, 20*time.Millisecond)
	before := count()
	require.NoError(t, os.WriteFile(file+".new", []byte("http: ["), 0o600))
	require.NoError(t, os.Rename(file+".new", file))
	assert.Eventually(t, func() bool { return count() > before }, 10*time.Second, 20*time.Millisecond,
		"a file that Traefik cannot read: %s", instance.Log())
}

// TestComposeFiles: Compose's own schema accepts the examples.
func TestComposeFiles(t *testing.T) {
	for _, file := range []string{"docker/compose.yml", "swarm/stack.yml", "monitoring/compose.yml"} {
		t.Run(file, func(t *testing.T) {
			var compose map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(example(t, file)), &compose))
			assert.NoError(t, schema.Validate(compose))
			services, _ := compose["services"].(map[string]any)
			for name, service := range services {
				section, _ := service.(map[string]any)
				mounts, _ := section["volumes"].([]any)
				for _, mount := range mounts {
					source, _, _ := strings.Cut(mount.(string), ":")
					if strings.HasPrefix(source, "./") {
						path := filepath.Join(traefik.Root(), "examples", filepath.Dir(file), source)
						_, err := os.Stat(path)
						assert.NoError(t, err, "%s of %s", source, name)
					}
				}
				section["no-such-key"] = true
				assert.Error(t, schema.Validate(compose), "a key that Compose does not know")
				delete(section, "no-such-key")
			}
		})
	}
}
