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
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/clinicpass/clinicpass/e2e/interpreted"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// manifest is what the plugin catalogue reads of .traefik.yml. Another key it drops silently.
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
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestCatalogue repeats what the plugin catalogue checks: the manifest, the module, and that CreateConfig and New succeed
// on testData in the interpreter, with no file, no environment variable, and no connection. As there, and in Traefik, the source
// comes out of a module's archive: what is ignored by it, such as nested modules, is not there.
func TestCatalogue(t *testing.T) {
	m := readManifest(t)
	if m.DisplayName == "" || m.Type != "middleware" || m.Import != interpreted.ImportPath || m.Summary == "" || len(m.TestData) == 0 {
		t.Errorf("the manifest is incomplete: %+v", m)
	}
	for _, picture := range []string{m.IconPath, m.BannerPath} {
		file, err := os.Open(filepath.Join(traefik.Root(), picture))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.DecodeConfig(file); err != nil {
			t.Errorf("%s: %v", picture, err)
		}
		_ = file.Close()
	}
	content, err := os.ReadFile(filepath.Join(traefik.Root(), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	if mod.Module.Mod.Path != interpreted.ImportPath || len(mod.Require) > 0 || len(mod.Replace) > 0 {
		t.Errorf("go.mod is not that of a plugin without dependencies:\n%s", content)
	}
	goPath := unpacked(t)
	t.Chdir(t.TempDir())
	dials := refuseConnections(t)
	output := &output{}
	plugin, err := interpreted.Load(goPath, nil, output, output)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := plugin.New(t.Context(), http.NotFoundHandler(), m.TestData, "clinic@catalogue")
	if err != nil {
		t.Fatal(err)
	}
	if n := dials.Load(); n != 0 {
		t.Errorf("New opened %d connections", n)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 0 {
		t.Errorf("New left files: %v, %v", files, err)
	}
	// The same count sees the connections of a sign-in.
	r := httptest.NewRequest(http.MethodGet, "/clinic", nil)
	r.Header.Set("X-Auth-Request-User", "u-17")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	if dials.Load() == 0 {
		t.Error("the connections of a sign-in were not counted")
	}
}

// unpacked returns a GOPATH with the plugin's source as it comes out of the archive that Go's module proxy makes of what is
// committed, with what is not yet.
func unpacked(t *testing.T) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = traefik.Root()
	listed, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	version := module.Version{Path: interpreted.ImportPath, Version: "v0.0.1"}
	dir, copied := t.TempDir(), t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(traefik.Root(), name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed and not committed
		}
		target := filepath.Join(copied, name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	archive, err := os.Create(filepath.Join(t.TempDir(), "module.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(zip.CreateFromDir(archive, version, copied), archive.Close()); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(dir, "src", interpreted.ImportPath)
	if err := errors.Join(os.MkdirAll(filepath.Dir(source), 0o755), zip.Unzip(source, version, archive.Name())); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(source, "e2e")); err == nil {
		t.Error("the archive has a nested module in it")
	}
	return dir
}

// refuseConnections makes the plugin's connections fail and counts them. The plugin's transport is a copy of the default
// one, made when it is imported.
func refuseConnections(t *testing.T) *atomic.Int32 {
	t.Helper()
	dials := &atomic.Int32{}
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	http.DefaultTransport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		return nil, errors.New("no network")
	}}
	return dials
}

// TestWorkflows: GitHub's workflows call targets of the Makefile, may do no more than they need, and use what others wrote in one
// pinned version only.
func TestWorkflows(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(traefik.Root(), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(traefik.Root(), ".github", "workflows", "*.yml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	called := []string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var workflow struct {
			Permissions map[string]string
			Jobs        map[string]struct {
				Timeout  int `yaml:"timeout-minutes"`
				Strategy struct{ Matrix map[string][]string }
				Steps    []struct{ Uses, Run string }
			}
		}
		if err := yaml.Unmarshal(content, &workflow); err != nil {
			t.Fatal(err)
		}
		if len(workflow.Permissions) != 1 || workflow.Permissions["contents"] != "read" {
			t.Errorf("%s: the permissions are %v", filepath.Base(file), workflow.Permissions)
		}
		for name, job := range workflow.Jobs {
			if job.Timeout == 0 || len(job.Steps) == 0 {
				t.Errorf("%s: %s has no time limit or no steps", filepath.Base(file), name)
			}
			called = append(called, job.Strategy.Matrix["target"]...)
			for _, step := range job.Steps {
				if step.Uses != "" && !regexp.MustCompile(`^actions/[a-z-]+@[0-9a-f]{40}$`).MatchString(step.Uses) {
					t.Errorf("%s: %s is not pinned, or not GitHub's own", filepath.Base(file), step.Uses)
				}
				if target := regexp.MustCompile(`^make (?:--silent )?([a-z0-9-]+)`).FindStringSubmatch(step.Run); target != nil {
					called = append(called, target[1])
				}
			}
		}
	}
	for _, target := range called {
		if !regexp.MustCompile("(?m)^" + target + ":").Match(makefile) {
			t.Errorf("the Makefile has no %s", target)
		}
	}
	for _, target := range []string{"lint", "test", "sbom", "e2e-kubernetes"} {
		if !slices.Contains(called, target) {
			t.Errorf("no workflow calls make %s", target)
		}
	}
}
