package e2e

import (
	"context"
	"errors"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/clinicpass/clinicpass/e2e/interpreted"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// manifest is what the plugin catalog reads of .traefik.yml. Another key it drops silently.
type manifest struct {
	DisplayName   string         `yaml:"displayName"`
	Type          string         `yaml:"type"`
	Import        string         `yaml:"import"`
	Compatibility string         `yaml:"compatibility"`
	Summary       string         `yaml:"summary"`
	IconPath      string         `yaml:"iconPath"`
	BannerPath    string         `yaml:"bannerPath"`
	TestData      map[string]any `yaml:"testData"`
}

func readManifest(t *testing.T) manifest {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), ".traefik.yml"))
	require.NoError(t, err)
	var m manifest
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&m))
	return m
}

// TestCatalog repeats what the plugin catalog checks: the manifest, the module, and that
// CreateConfig and New succeed on testData in the interpreter, with no file, no environment
// variable, and no connection. As there, and in Traefik, the source comes out of a module's
// archive: what is not in it, such as nested modules, is not there.
func TestCatalog(t *testing.T) {
	m := readManifest(t)
	assert.NotEmpty(t, m.DisplayName)
	assert.Equal(t, "middleware", m.Type)
	assert.Equal(t, interpreted.ImportPath, m.Import)
	assert.NotEmpty(t, m.Summary)
	require.NotEmpty(t, m.TestData)
	for _, picture := range []string{m.IconPath, m.BannerPath} {
		file, err := os.Open(filepath.Join(traefik.Root(), picture))
		require.NoError(t, err)
		_, err = png.DecodeConfig(file)
		assert.NoError(t, err, picture)
		_ = file.Close()
	}
	checkModule(t)
	goPath := unpacked(t)
	t.Chdir(t.TempDir())
	dials := refuseConnections(t)
	output := &output{}
	plugin, err := interpreted.Load(goPath, nil, output, output)
	require.NoError(t, err)
	handler, err := plugin.New(t.Context(), http.NotFoundHandler(), m.TestData, "clinic@catalog")
	require.NoError(t, err)
	assert.Zero(t, dials.Load(), "New opened connections")
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, files, "New left files")
	// The same count sees the connections of a sign-in.
	r := httptest.NewRequest(http.MethodGet, "/clinic", nil)
	r.Header.Set("X-Auth-Request-User", "u-17")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	assert.NotZero(t, dials.Load(), "the connections of a sign-in were not counted")
}

// checkModule holds go.mod to what the catalog accepts: tests may have dependencies, but not on
// Traefik or its interpreter, and nothing may be replaced. That what is interpreted has no
// dependency is for TestDependencies.
func checkModule(t *testing.T) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), "go.mod"))
	require.NoError(t, err)
	mod, err := modfile.Parse("go.mod", content, nil)
	require.NoError(t, err)
	assert.Equal(t, interpreted.ImportPath, mod.Module.Mod.Path)
	assert.Empty(t, mod.Replace)
	assert.Empty(t, mod.Tool)
	for _, required := range mod.Require {
		assert.NotContains(t, required.Mod.Path, "github.com/traefik/")
	}
}

// unpacked returns a GOPATH with the plugin's source as it comes out of the archive that Go's
// module proxy makes of what is committed, with what is not yet.
func unpacked(t *testing.T) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = traefik.Root()
	listed, err := list.Output()
	require.NoError(t, err)
	version := module.Version{Path: interpreted.ImportPath, Version: "v0.0.1"}
	dir, copied := t.TempDir(), t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(traefik.Root(), name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed and not committed
		}
		require.NoError(t, err)
		target := filepath.Join(copied, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, content, 0o600))
	}
	archive, err := os.Create(filepath.Join(t.TempDir(), "module.zip"))
	require.NoError(t, err)
	require.NoError(t, errors.Join(zip.CreateFromDir(archive, version, copied), archive.Close()))
	source := filepath.Join(dir, "src", interpreted.ImportPath)
	require.NoError(t, os.MkdirAll(filepath.Dir(source), 0o755))
	require.NoError(t, zip.Unzip(source, version, archive.Name()))
	assert.NoDirExists(t, filepath.Join(source, "e2e"), "a nested module")
	return dir
}

// refuseConnections makes the plugin's connections fail and counts them. The plugin's transport is
// a copy of the default one, made when it is imported.
func refuseConnections(t *testing.T) *atomic.Int32 {
	t.Helper()
	dials := &atomic.Int32{}
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	dial := func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		return nil, errors.New("no network")
	}
	http.DefaultTransport = &http.Transport{DialContext: dial}
	return dials
}

// TestWorkflows: GitHub's workflows call targets of the Makefile, may do no more than they need,
// and use what others wrote in one pinned version only.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(traefik.Root(), ".github", "workflows", "*.yml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 3)
	called := []string{}
	for _, file := range files {
		called = append(called, calledBy(t, file)...)
	}
	requireTargets(t, called)
	for _, target := range []string{"lint", "test", "release", "e2e-kubernetes"} {
		assert.Contains(t, called, target)
	}
}

// TestReleaseWorkflow: a tag is tested before anything is built, and all that is built is
// published.
func TestReleaseWorkflow(t *testing.T) {
	file := filepath.Join(traefik.Root(), ".github", "workflows", "release.yml")
	assert.Equal(t, []string{"lint", "test", "release", "release-notes"}, calledBy(t, file))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(content), `make release VERSION="$GITHUB_REF_NAME"`)
	assert.Regexp(t, `gh release create "\$GITHUB_REF_NAME" --verify-tag .* \.bin/release/\*\n`,
		string(content))
	assert.Contains(t, string(content), " > .bin/notes.md\n")
	assert.Contains(t, string(content), " --notes-file .bin/notes.md ")
}

// requireTargets: the Makefile has the targets.
func requireTargets(t *testing.T, targets []string) {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join(traefik.Root(), "Makefile"))
	require.NoError(t, err)
	for _, target := range targets {
		assert.Regexp(t, "(?m)^"+target+":", string(makefile))
	}
}

var (
	pinned     = regexp.MustCompile(`^actions/[a-z-]+@[0-9a-f]{40}$`)
	makeTarget = regexp.MustCompile(`^make (?:--silent )?([a-z0-9-]+)`)
)

// calledBy returns the targets that a workflow calls.
func calledBy(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var workflow struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			Timeout  int `yaml:"timeout-minutes"`
			Strategy struct{ Matrix map[string][]string }
			Steps    []struct{ Uses, Run string }
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &workflow))
	assert.Equal(t, map[string]string{"contents": "read"}, workflow.Permissions, file)
	called := []string{}
	for name, job := range workflow.Jobs {
		assert.NotZero(t, job.Timeout, "%s: %s has no time limit", file, name)
		assert.NotEmpty(t, job.Steps, "%s: %s", file, name)
		called = append(called, job.Strategy.Matrix["target"]...)
		for _, step := range job.Steps {
			if step.Uses != "" {
				assert.Regexp(t, pinned, step.Uses, file)
			}
			if target := makeTarget.FindStringSubmatch(step.Run); target != nil {
				called = append(called, target[1])
			}
		}
	}
	return called
}

// issueForm is a form in .github/ISSUE_TEMPLATE. GitHub refuses other keys.
type issueForm struct {
	Name        string
	Description string
	Body        []struct {
		Type       string
		ID         string
		Attributes struct {
			Label       string
			Description string
			Placeholder string
			Render      string
			Value       string
			Options     []struct {
				Label    string
				Required bool
			}
		}
		Validations struct{ Required bool }
	}
}

func decodeStrictly(t *testing.T, name string, into any) {
	t.Helper()
	file, err := os.Open(filepath.Join(traefik.Root(), ".github", name))
	require.NoError(t, err)
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into), name)
}

// TestIssueForms: each form is one that GitHub accepts, warns first of what must not be published,
// and asks for what an answer needs.
func TestIssueForms(t *testing.T) {
	for _, row := range []struct {
		desc string   // also the file's name
		asks []string // fields
	}{
		{desc: "bug", asks: []string{"check", "log", "clinicpass", "traefik", "auth"}},
		{desc: "request", asks: []string{"goal"}},
	} {
		t.Run(row.desc, func(t *testing.T) {
			var form issueForm
			decodeStrictly(t, filepath.Join("ISSUE_TEMPLATE", row.desc+".yml"), &form)
			assert.NotEmpty(t, form.Name)
			assert.NotEmpty(t, form.Description)
			require.NotEmpty(t, form.Body)
			assert.Equal(t, "markdown", form.Body[0].Type)
			for _, word := range []string{"secrets", "tokens", "patients"} {
				assert.Contains(t, form.Body[0].Attributes.Value, word)
			}
			ids := map[string]bool{}
			for _, field := range form.Body[1:] {
				assert.Contains(t, []string{"textarea", "input", "checkboxes"}, field.Type)
				assert.NotEmpty(t, field.Attributes.Label, field.ID)
				assert.Equal(t, field.Type == "checkboxes", len(field.Attributes.Options) > 0)
				assert.NotEmpty(t, field.ID)
				assert.False(t, ids[field.ID], "%s is there twice", field.ID)
				ids[field.ID] = true
			}
			for _, id := range row.asks {
				assert.True(t, ids[id], "does not ask for %s", id)
			}
		})
	}
}

// TestIssueConfig: nobody opens an issue without a form, and vulnerabilities go elsewhere.
func TestIssueConfig(t *testing.T) {
	var config struct {
		BlankIssues bool                                `yaml:"blank_issues_enabled"`
		Links       []struct{ Name, URL, About string } `yaml:"contact_links"`
	}
	config.BlankIssues = true
	decodeStrictly(t, filepath.Join("ISSUE_TEMPLATE", "config.yml"), &config)
	assert.False(t, config.BlankIssues)
	require.Len(t, config.Links, 1)
	assert.NotEmpty(t, config.Links[0].Name)
	assert.NotEmpty(t, config.Links[0].About)
	assert.Equal(t, "https://"+interpreted.ImportPath+"/security/advisories/new", config.Links[0].URL)
}

// TestNamedTargets: texts for who changes or releases Clinicpass name targets that exist.
func TestNamedTargets(t *testing.T) {
	named := regexp.MustCompile("(?:`|^|&& )make (?:--silent )?([a-z0-9-]+)")
	for _, row := range []struct {
		desc string // the file
		want string // a target that it names
	}{
		{desc: ".github/pull_request_template.md", want: "test"},
		{desc: "docs/releasing.md", want: "release"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(traefik.Root(), row.desc))
			require.NoError(t, err)
			targets := []string{}
			for line := range strings.Lines(string(content)) {
				for _, target := range named.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
					targets = append(targets, target[1])
				}
			}
			assert.Contains(t, targets, row.want)
			requireTargets(t, targets)
		})
	}
}
