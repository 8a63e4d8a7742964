package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

const changelog = `# Changelog

## [Unreleased]

## [$VERSION] - 2026-01-31

### Added

- Something.

## [0.0.1] - 2026-01-01

- Less.
`

// repository returns a repository with the files of this one that have to do with a release, as
// they would be for version.
func repository(t *testing.T, version string) (dir string, run func(arguments ...string)) {
	t.Helper()
	dir = t.TempDir()
	run = func(arguments ...string) {
		t.Helper()
		command := exec.Command("git", append([]string{
			"-c", "user.name=Somebody", "-c", "user.email=somebody@example.com",
		}, arguments...)...)
		command.Dir = dir
		output, err := command.CombinedOutput()
		require.NoError(t, err, "git %v\n%s", arguments, output)
	}
	files := []string{
		"plugin.go", "README.md", "docs/install.md", "docs/upgrading.md", "cmd/clinicpass/go.mod",
	}
	examples := filepath.Join(traefik.Root(), "examples")
	err := filepath.WalkDir(examples, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(traefik.Root(), path)
		files = append(files, name)
		return err
	})
	require.NoError(t, err)
	number := strings.TrimPrefix(version, "v")
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(traefik.Root(), file))
		require.NoError(t, err)
		write(t, dir, file, strings.ReplaceAll(string(content), clinicpass.Version, number))
	}
	write(t, dir, "CHANGELOG.md", strings.ReplaceAll(changelog, "$VERSION", number))
	run("init", "--quiet", "--initial-branch=main")
	run("add", ".")
	run("commit", "--quiet", "--message", "All")
	run("tag", "v0.0.1")
	return dir, run
}

func write(t *testing.T, dir, file, content string) {
	t.Helper()
	path := filepath.Join(dir, file)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

// TestRelease: a version that is ready, and each thing that can be in its way.
func TestRelease(t *testing.T) {
	type edit = map[string][2]string // by file
	for _, row := range []struct {
		desc, version string
		edit          edit
		git           []string
		want          []string // how the problems begin
	}{
		{desc: "ready"},
		{desc: "a candidate", version: "v0.3.0-rc.1"},
		{desc: "no v", version: "0.3.0", want: []string{"0.3.0: must be"}},
		{desc: "a part is missing", version: "v0.3", want: []string{"v0.3: must be"}},
		{desc: "another module", version: "v2.0.0", want: []string{"v2.0.0: must be"}},
		{
			desc: "the code",
			edit: edit{"plugin.go": {`Version = "0.3.0"`, `Version = "0.2.0"`}},
			want: []string{"plugin.go:"},
		},
		{
			desc: "the README",
			edit: edit{"README.md": {"version: v0.3.0", "version: v0.2.0"}},
			want: []string{"README.md:"},
		},
		{
			desc: "the README without one",
			edit: edit{"README.md": {"version: v0.3.0", ""}},
			want: []string{"README.md: does not name"},
		},
		{
			desc: "a page",
			edit: edit{"docs/install.md": {"--branch v0.3.0", "--branch v0.2.0"}},
			want: []string{"docs/install.md:"},
		},
		{
			desc: "an example in YAML",
			edit: edit{"examples/file/traefik.yml": {"version: v0.3.0", "version: v0.2.0"}},
			want: []string{"examples/file/traefik.yml:"},
		},
		{
			desc: "an example in TOML",
			edit: edit{"examples/toml/traefik.toml": {"v0.3.0", "v0.2.0"}},
			want: []string{"examples/toml/traefik.toml:"},
		},
		{
			desc: "an example of flags",
			edit: edit{"examples/docker/compose.yml": {"v0.3.0", "v0.2.0"}},
			want: []string{"examples/docker/compose.yml:"},
		},
		{
			desc: "the command",
			edit: edit{"cmd/clinicpass/go.mod": {"clinicpass v0.3.0", "clinicpass v0.2.0"}},
			want: []string{"cmd/clinicpass/go.mod:"},
		},
		{
			desc: "no upgrade note",
			edit: edit{"docs/upgrading.md": {"v0.3.0", "v0.2.0"}},
			want: []string{"docs/upgrading.md: has no row"},
		},
		{
			desc: "no section",
			edit: edit{"CHANGELOG.md": {"[0.3.0]", "[0.2.0]"}},
			want: []string{"CHANGELOG.md: must begin"},
		},
		{
			desc: "no place for what comes",
			edit: edit{"CHANGELOG.md": {"## [Unreleased]", ""}},
			want: []string{"CHANGELOG.md: must begin"},
		},
		{
			desc: "entries that were left",
			edit: edit{"CHANGELOG.md": {"## [Unreleased]\n", "## [Unreleased]\n\n- More.\n"}},
			want: []string{"CHANGELOG.md: has entries"},
		},
		{
			desc: "a date of another form",
			edit: edit{"CHANGELOG.md": {"2026-01-31", "31.01.2026"}},
			want: []string{"CHANGELOG.md: the version's date"},
		},
		{
			desc: "a day that does not exist",
			edit: edit{"CHANGELOG.md": {"2026-01-31", "2026-02-30"}},
			want: []string{"CHANGELOG.md: the version's date"},
		},
		{
			desc: "an empty section",
			edit: edit{"CHANGELOG.md": {"- Something.", ""}},
			want: []string{"CHANGELOG.md: says nothing"},
		},
		{
			desc: "tagged already",
			git:  []string{"tag", "v0.3.0"},
			want: []string{"git: v0.3.0 is tagged"},
		},
		{desc: "older", git: []string{"tag", "v0.10.0"}, want: []string{"git: v0.3.0 is older"}},
		{
			desc: "a tag of a nested module",
			git:  []string{"tag", "cmd/clinicpass/v0.2.0"},
			want: []string{"git: the tag cmd/clinicpass/v0.2.0"},
		},
		{
			desc: "another branch",
			git:  []string{"checkout", "--quiet", "-b", "work"},
			want: []string{"git: this is work"},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			if row.version == "" {
				row.version = "v0.3.0"
			}
			dir, run := repository(t, row.version)
			for file, change := range row.edit {
				content, err := os.ReadFile(filepath.Join(dir, file))
				require.NoError(t, err)
				require.Contains(t, string(content), change[0], file)
				write(t, dir, file, strings.Replace(string(content), change[0], change[1], 1))
				run("commit", "--quiet", "--all", "--message", "Change")
			}
			if row.git != nil {
				run(row.git...)
			}
			found, err := check(dir, row.version)
			require.NoError(t, err)
			require.Len(t, found, len(row.want))
			for i, want := range row.want {
				assert.Regexp(t, "^"+regexp.QuoteMeta(want), found[i])
			}
		})
	}
}

// TestReleaseUncommitted: what is not committed would not be tagged.
func TestReleaseUncommitted(t *testing.T) {
	dir, _ := repository(t, "v0.3.0")
	write(t, dir, "new.go", "package clinicpass\n")
	found, err := check(dir, "v0.3.0")
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Contains(t, found[0], "new.go")
}

// TestSections: the notes of a version are its part of the changelog and no more.
func TestSections(t *testing.T) {
	all := sections(strings.ReplaceAll(changelog, "$VERSION", "0.3.0"))
	assert.Equal(t, []section{
		{name: "Unreleased"},
		{name: "0.3.0", date: "2026-01-31", text: "### Added\n\n- Something."},
		{name: "0.0.1", date: "2026-01-01", text: "- Less."},
	}, all)
	assert.Empty(t, sections("nothing"))
}

// TestBillsOfMaterials: make sbom tells of all that a release is made of.
func TestBillsOfMaterials(t *testing.T) {
	command := exec.Command("make", "sbom")
	command.Dir = traefik.Root()
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	for _, row := range []struct {
		desc      string   // the file's name
		libraries []string // without which there are no components
	}{
		{desc: "clinicpass"},
		{
			desc: "clinicpass-command",
			libraries: []string{
				"github.com/alecthomas/kong",
				"github.com/clinicpass/clinicpass",
				"go.yaml.in/yaml/v3",
			},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			file := filepath.Join(traefik.Root(), ".bin", row.desc+".cdx.json")
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			type component struct{ Name, Version, Purl string }
			var bill struct {
				BomFormat, SpecVersion string
				Metadata               struct{ Component component }
				Components             []component
			}
			require.NoError(t, json.Unmarshal(content, &bill))
			assert.Equal(t, "CycloneDX", bill.BomFormat)
			assert.NotEmpty(t, bill.SpecVersion)
			about := bill.Metadata.Component
			assert.Regexp(t, `^github\.com/clinicpass/clinicpass`, about.Name)
			assert.NotEmpty(t, about.Version)
			if row.libraries == nil {
				assert.Empty(t, bill.Components)
			} else {
				assert.NotEmpty(t, bill.Components)
			}
			for _, library := range row.libraries {
				assert.Contains(t, string(content), "pkg:golang/"+library+"@")
			}
		})
	}
}
