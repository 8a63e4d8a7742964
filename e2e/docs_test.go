package e2e

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

func document(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestThreatModelNamesTests: each test and row that the threat model points to exists, so that renaming one shows here.
func TestThreatModelNamesTests(t *testing.T) {
	known := []string{}
	err := filepath.WalkDir(traefik.Root(), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(content), -1) {
			known = append(known, found[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range load[behaviour](t, "behaviour.json") {
		known = append(known, "TestBehaviour/"+row.Desc)
	}
	for _, row := range append(crookedPaths(), spoofs...) {
		known = append(known, "TestSpoofing/"+row.chain+": "+row.desc)
	}
	known = append(known, "TestSpoofing/unlisted: "+unlistedRow)
	named := regexp.MustCompile("`(Test[^`…]+)`").FindAllStringSubmatch(document(t, "threat-model.md"), -1)
	if len(named) == 0 {
		t.Error("no test is named")
	}
	for _, name := range named {
		if !slices.Contains(known, name[1]) {
			t.Errorf("there is no %s", name[1])
		}
	}
}

// TestAuthLayersPage: every preset has a section, the plugin takes what it shows, and forwardAuth lists every header that
// the preset reads.
func TestAuthLayersPage(t *testing.T) {
	b := newBench(t)
	page := document(t, "auth-layers.md")
	sections := map[string]string{}
	for _, section := range strings.Split(page, "\n## ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		sections[name] = text
	}
	middlewares := map[string]map[string]any{}
	for name, text := range sections {
		var shown struct {
			Identity    map[string]any
			ForwardAuth *struct {
				Headers []string `yaml:"authResponseHeaders"`
			} `yaml:"forwardAuth"`
		}
		for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
			if err := yaml.Unmarshal([]byte(block[1]), &shown); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if shown.Identity["preset"] != name {
			t.Errorf("the section %s shows the preset %v", name, shown.Identity["preset"])
		}
		middlewares[name] = b.baseConfig()
		middlewares[name]["identity"] = shown.Identity
		if shown.ForwardAuth != nil {
			for _, header := range tableOf(page)[name] {
				if !slices.Contains(shown.ForwardAuth.Headers, header) {
					t.Errorf("forwardAuth of %s does not list %s", name, header)
				}
			}
		}
	}
	running := startCompiled(t, b.site.URL, middlewares)
	for name := range middlewares {
		if got := running.send(t, name, request{path: "/clinic"}); got.status != http.StatusUnauthorized {
			t.Errorf("%s: status = %d: %s", name, got.status, configurationError(running.log(), name))
		}
		// An alias is refused only of a header that the plugin reads.
		for _, header := range tableOf(page)[name] {
			alias := map[string][]string{strings.ReplaceAll(header, "-", "_"): {"x"}}
			if got := running.send(t, name, request{path: "/clinic", header: alias}); got.status != http.StatusForbidden {
				t.Errorf("%s does not read %s", name, header)
			}
		}
	}
	for _, row := range load[map[string]any](t, "presets.json") {
		if preset, _ := row["preset"].(string); preset != "" && (sections[preset] == "" || tableOf(page)[preset] == nil) {
			t.Errorf("there is no section, or no row of the table, for %s", preset)
		}
	}
}

// tableOf returns the headers that the page's table gives for each preset.
func tableOf(page string) map[string][]string {
	table := map[string][]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| \[([a-z0-9-]+)\]\(#.*$`).FindAllStringSubmatch(page, -1) {
		table[row[1]] = []string{}
		for _, header := range regexp.MustCompile("`([A-Z][A-Za-z-]+)`").FindAllStringSubmatch(row[0], -1) {
			table[row[1]] = append(table[row[1]], header[1])
		}
	}
	return table
}
