package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// host is the platform of this machine, and imaged the one of an image for its processor.
var (
	host   = platform{system: runtime.GOOS, processor: runtime.GOARCH}
	imaged = platform{system: "linux", processor: runtime.GOARCH}
)

// built makes a release for this machine and returns its files by name.
func built(t *testing.T, version string) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	bill := filepath.Join(dir, "bill.cdx.json")
	write(t, dir, "bill.cdx.json", "{}")
	output := filepath.Join(dir, "release")
	write(t, output, "clinicpass-v0.0.1-plan9-mips.tar.gz", "of another release")
	release := &build{
		root:      traefik.Root(),
		output:    output,
		version:   version,
		platforms: slices.Compact([]platform{host, imaged}),
		bills:     []string{bill},
	}
	names, err := release.run()
	require.NoError(t, err)
	files := map[string][]byte{}
	entries, err := os.ReadDir(output)
	require.NoError(t, err)
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(output, entry.Name()))
		require.NoError(t, err)
		files[entry.Name()] = content
		assert.Contains(t, names, entry.Name())
	}
	assert.Len(t, names, len(files))
	return files
}

// entry is a file in an archive.
type entry struct {
	mode    int64
	time    time.Time
	content []byte
}

func untar(t *testing.T, r io.Reader) map[string]entry {
	t.Helper()
	entries := map[string]entry{}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		require.NoError(t, err)
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		assert.Zero(t, header.Uid+header.Gid, header.Name)
		entries[header.Name] = entry{header.Mode, header.ModTime.UTC(), content}
	}
}

func unzip(t *testing.T, content []byte) map[string]entry {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	entries := map[string]entry{}
	for _, f := range archive.File {
		opened, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(opened)
		require.NoError(t, err)
		entries[f.Name] = entry{int64(f.Mode()), f.Modified.UTC(), content}
	}
	return entries
}

// unpacked returns what the archive of a platform has.
func unpacked(t *testing.T, name string, content []byte) map[string]entry {
	t.Helper()
	if strings.HasSuffix(name, ".zip") {
		return unzip(t, content)
	}
	raw, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	return untar(t, raw)
}

// archiveOf returns the name of a platform's archive and the program's path in it.
func archiveOf(version string, p platform) (archive, program string) {
	folder := fmt.Sprintf("clinicpass-%s-%s-%s", version, p.system, p.processor)
	if p.system == "windows" {
		return folder + ".zip", folder + "/clinicpass.exe"
	}
	return folder + ".tar.gz", folder + "/clinicpass"
}

// TestBuild: the release's files are complete, match their checksums, hold a program that runs and
// an image of it, and come out the same a second time.
func TestBuild(t *testing.T) {
	const version = "v0.3.0"
	files := built(t, version)
	archive, program := archiveOf(version, host)
	imagedArchive, imagedProgram := archiveOf(version, imaged)
	entries := unpacked(t, archive, files[archive])

	t.Run("files", func(t *testing.T) {
		want := []string{
			archive,
			imagedArchive,
			"bill.cdx.json",
			"checksums.txt",
			"clinicpass-v0.3.0-image.tar",
		}
		got := []string{}
		for name := range files {
			got = append(got, name)
		}
		slices.Sort(want)
		assert.ElementsMatch(t, slices.Compact(want), got)
	})
	t.Run("checksums", func(t *testing.T) {
		lines := strings.Split(strings.TrimSpace(string(files["checksums.txt"])), "\n")
		assert.Len(t, lines, len(files)-1)
		for name, content := range files {
			if name != "checksums.txt" {
				assert.Contains(t, lines, fmt.Sprintf("%x  %s", sha256.Sum256(content), name))
			}
		}
	})
	t.Run("licenses", func(t *testing.T) {
		folder := filepath.Dir(program)
		license, err := os.ReadFile(filepath.Join(traefik.Root(), "LICENSE"))
		require.NoError(t, err)
		assert.Equal(t, string(license), string(entries[folder+"/LICENSE"].content))
		notices := string(entries[folder+"/THIRD-PARTY.txt"].content)
		for _, dependency := range buildInfo(t, entries[program].content).Deps {
			if dependency.Path != "github.com/clinicpass/clinicpass" {
				assert.Contains(t, notices, "==== "+dependency.Path+" "+dependency.Version+":")
			}
		}
		assert.Contains(t, notices, "==== Go: LICENSE")
		readme := string(entries[folder+"/README.txt"].content)
		assert.Contains(t, readme, "clinicpass v0.3.0 for "+host.String())
		assert.Contains(t, readme, "/blob/v0.3.0/docs/checking.md")
		assert.FileExists(t, filepath.Join(traefik.Root(), "docs", "checking.md"))
	})
	t.Run("program", func(t *testing.T) {
		info := buildInfo(t, entries[program].content)
		settings := map[string]string{}
		for _, setting := range info.Settings {
			settings[setting.Key] = setting.Value
		}
		assert.Equal(t, "0", settings["CGO_ENABLED"])
		assert.Equal(t, "true", settings["-trimpath"])
		assert.NotContains(t, string(entries[program].content), traefik.Root())
		roots := slices.ContainsFunc(info.Deps, func(m *debug.Module) bool {
			return m.Path == "golang.org/x/crypto/x509roots/fallback"
		})
		assert.True(t, roots, "the image has no certificates")
		assert.Equal(t, "v0.3.0\n", output(t, entries[program].content, "--version"))
		example := filepath.Join(traefik.Root(), "examples", "file")
		assert.Equal(t, "Nothing found.\n", output(t, entries[program].content, "check", example))
	})
	t.Run("image", func(t *testing.T) {
		want := unpacked(t, imagedArchive, files[imagedArchive])
		checkImage(t, files["clinicpass-v0.3.0-image.tar"], want[imagedProgram].content)
	})
	t.Run("again", func(t *testing.T) {
		again := built(t, version)
		for name := range files {
			same := bytes.Equal(files[name], again[name])
			assert.True(t, same, "%s has other bytes the second time", name)
		}
	})
	t.Run("no release", func(t *testing.T) {
		archive, program := archiveOf("dev", host)
		entries := unpacked(t, archive, built(t, "dev")[archive])
		assert.Equal(t, "dev\n", output(t, entries[program].content, "--version"))
	})
}

// checkImage holds the image to what docs/releasing.md says of it.
func checkImage(t *testing.T, packed, program []byte) {
	t.Helper()
	dir := t.TempDir()
	for name, e := range untar(t, bytes.NewReader(packed)) {
		write(t, dir, name, string(e.content))
	}
	top, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	list, err := top.IndexManifest()
	require.NoError(t, err)
	require.Len(t, list.Manifests, 1, "programs that copy an image want one in the file")
	tag := list.Manifests[0].Annotations["org.opencontainers.image.ref.name"]
	assert.Equal(t, "v0.3.0", tag)
	index, err := top.ImageIndex(list.Manifests[0].Digest)
	require.NoError(t, err)
	require.NoError(t, validate.Index(index))
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	assert.Equal(t, types.OCIImageIndex, manifest.MediaType)
	require.Len(t, manifest.Manifests, 1)
	about := &v1.Platform{OS: imaged.system, Architecture: imaged.processor}
	assert.Equal(t, about, manifest.Manifests[0].Platform)
	image, err := index.Image(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, imaged.system, config.OS)
	assert.Equal(t, imaged.processor, config.Architecture)
	assert.Equal(t, []string{"/clinicpass"}, config.Config.Entrypoint)
	assert.Empty(t, config.Config.Cmd)
	assert.Equal(t, "65532:65532", config.Config.User)
	for key, want := range map[string]string{
		"title":    "clinicpass",
		"version":  "v0.3.0",
		"licenses": "MIT",
		"source":   "https://github.com/clinicpass/clinicpass",
	} {
		key = "org.opencontainers.image." + key
		assert.Equal(t, want, config.Config.Labels[key], key)
		assert.Equal(t, want, manifest.Annotations[key], key)
	}
	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	raw, err := layers[0].Uncompressed()
	require.NoError(t, err)
	entries := untar(t, raw)
	assert.Len(t, entries, 3)
	assert.Contains(t, entries, "LICENSE")
	assert.Contains(t, entries, "THIRD-PARTY.txt")
	assert.Equal(t, int64(0o755), entries["clinicpass"].mode)
	assert.True(t, bytes.Equal(program, entries["clinicpass"].content), "another program")
}

// output runs a program and returns what it prints. The program must end with exit code 0.
func output(t *testing.T, program []byte, arguments ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clinicpass.exe")
	require.NoError(t, os.WriteFile(path, program, 0o700))
	printed, err := exec.Command(path, arguments...).CombinedOutput()
	require.NoError(t, err, string(printed))
	return string(printed)
}

func buildInfo(t *testing.T, program []byte) *buildinfo.BuildInfo {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	require.NoError(t, err)
	return info
}

// TestArchives: what each kind of archive has.
func TestArchives(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 30, 10, 0, time.UTC)
	for _, row := range []struct {
		desc     string
		platform platform
		want     string
		program  string
	}{
		{
			desc:     "compressed tar",
			platform: platform{system: "darwin", processor: "arm64"},
			want:     "clinicpass-v0.3.0-darwin-arm64.tar.gz",
			program:  "clinicpass",
		},
		{
			desc:     "zip",
			platform: platform{system: "windows", processor: "amd64"},
			want:     "clinicpass-v0.3.0-windows-amd64.zip",
			program:  "clinicpass.exe",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			b := &build{output: t.TempDir(), version: "v0.3.0", time: at}
			require.NoError(t, b.writeArchive(row.platform, []file{
				{row.program, []byte("a program"), 0o755},
				{"LICENSE", []byte("a license"), 0o644},
			}))
			content, err := os.ReadFile(filepath.Join(b.output, row.want))
			require.NoError(t, err)
			_, program := archiveOf("v0.3.0", row.platform)
			assert.Equal(t, map[string]entry{
				program:                                 {0o755, at, []byte("a program")},
				filepath.Dir(program) + "/" + "LICENSE": {0o644, at, []byte("a license")},
			}, unpacked(t, row.want, content))
		})
	}
}

// TestBuildRefuses: a version that is none, before anything is removed.
func TestBuildRefuses(t *testing.T) {
	for _, row := range []struct{ desc, version string }{
		{desc: "no v", version: "0.3.0"},
		{desc: "a part is missing", version: "v0.3"},
		{desc: "a branch", version: "main"},
		{desc: "another flag of the linker", version: "v0.3.0 -X main.other=1"},
		{desc: "another folder", version: "../v0.3.0"},
		{desc: "none", version: ""},
	} {
		t.Run(row.desc, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "before", "")
			_, err := (&build{root: traefik.Root(), output: dir, version: row.version}).run()
			assert.ErrorContains(t, err, "must be vMAJOR.MINOR.PATCH")
			assert.FileExists(t, filepath.Join(dir, "before"))
		})
	}
}

// TestLicenses: a module without a license stops the release.
func TestLicenses(t *testing.T) {
	for _, row := range []struct {
		desc  string
		files []string
		want  string
		err   string
	}{
		{desc: "one", files: []string{"LICENSE"}, want: "==== m v1: LICENSE ====\n\ntext\n\n"},
		{desc: "another name", files: []string{"License.txt"}, want: "==== m v1: License.txt"},
		{desc: "of others", files: []string{"COPYING", "NOTICE"}, want: "==== m v1: NOTICE"},
		{desc: "none", files: []string{"README.md"}, err: "m v1 has no license"},
		{desc: "a folder", files: []string{"licenses/README.md"}, err: "m v1 has no license"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			dir, text := t.TempDir(), &bytes.Buffer{}
			for _, name := range row.files {
				write(t, dir, name, "\ntext\n")
			}
			err := appendLicenses(text, "m v1", dir)
			if row.err != "" {
				assert.ErrorContains(t, err, row.err)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, text.String(), row.want)
		})
	}
}
