package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

const repositoryURL = "https://github.com/clinicpass/clinicpass"

// noRelease is the version of a build that is no release.
const noRelease = "dev"

// checksumsFile lists the SHA-256 of every other file of a release.
const checksumsFile = "checksums.txt"

// platform is what a program runs on, in Go's words.
type platform struct{ system, processor string }

func (p platform) String() string { return p.system + "/" + p.processor }

// released lists the platforms of a release.
var released = []platform{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

// build makes the files of a release. The same commit, version and Go make the same bytes.
type build struct {
	root      string // the checkout
	output    string // the folder for the files, which loses what it has
	version   string
	platforms []platform
	bills     []string // bills of materials, taken over as they are

	revision string    // the commit
	time     time.Time // when it was committed, the time of everything in the files
}

// file is an entry of an archive, or of an image's layer.
type file struct {
	name    string
	content []byte
	mode    int64
}

// run makes all files and returns their names.
func (b *build) run() ([]string, error) {
	if b.version != noRelease && (b.version == "" || semver.Canonical(b.version) != b.version) {
		return nil, fmt.Errorf("version %q must be vMAJOR.MINOR.PATCH, such as v0.1.0, or %s",
			b.version, noRelease)
	}
	if err := b.readCommit(); err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(b.output), os.MkdirAll(b.output, 0o755)); err != nil {
		return nil, err
	}
	programs := map[platform][]file{}
	for _, p := range b.platforms {
		files, err := b.makeFiles(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		if p.system == "linux" {
			programs[p] = files
		}
		if err := b.writeArchive(p, files); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	if err := b.writeImage(programs); err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	for _, bill := range b.bills {
		content, err := os.ReadFile(bill)
		if err != nil {
			return nil, err
		}
		if err := b.write(filepath.Base(bill), content); err != nil {
			return nil, err
		}
	}
	return b.writeChecksums()
}

// readCommit sets the commit and its time.
func (b *build) readCommit() error {
	c := &checkout{dir: b.root}
	revision, at, _ := strings.Cut(c.git("log", "-1", "--format=%H %ct"), " ")
	if c.err != nil {
		return c.err
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	b.revision, b.time = revision, time.Unix(seconds, 0).UTC()
	return err
}

// base returns how the names of the release's files begin.
func (b *build) base() string { return "clinicpass-" + b.version }

func (b *build) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(b.output, name), content, 0o644)
}

// goTool runs Go in the command's module, the same way on every machine.
func (b *build) goTool(p platform, arguments ...string) ([]byte, error) {
	command := exec.Command("go", arguments...)
	command.Dir = filepath.Join(b.root, "cmd", "clinicpass")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=",
		"GOOS="+p.system, "GOARCH="+p.processor, "GOAMD64=v1", "GOARM64=v8.0")
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", arguments[0], err, complaint.String())
	}
	return output, nil
}

// makeFiles builds the program and returns it with the files that go with it.
func (b *build) makeFiles(p platform) ([]file, error) {
	dir, err := os.MkdirTemp("", "clinicpass-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := "clinicpass"
	if p.system == "windows" {
		name += ".exe"
	}
	flags := "-s -w"
	if b.version != noRelease {
		flags += " -X main.version=" + b.version
	}
	path := filepath.Join(dir, name)
	_, err = b.goTool(p, "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", path, ".")
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	license, err := os.ReadFile(filepath.Join(b.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	notices, err := b.notices(p)
	if err != nil {
		return nil, err
	}
	return []file{
		{name, program, 0o755},
		{"LICENSE", license, 0o644},
		{"THIRD-PARTY.txt", notices, 0o644},
		{"README.txt", b.readme(p), 0o644},
	}, nil
}

func (b *build) readme(p platform) []byte {
	tree := b.version
	if b.version == noRelease {
		tree = b.revision
	}
	return fmt.Appendf(nil, `clinicpass %s for %s

  clinicpass check traefik.yml clinic.yml              finds mistakes in Traefik's configuration
  clinicpass probe https://portal.example.com/clinic   tests whether clients can forge an identity
  clinicpass simulate                                  runs a simulated clinic
  clinicpass --help                                    lists all flags

The command has no files of its own. Copy it to a folder of your PATH.

Documentation: %s/blob/%s/docs/checking.md
Licenses: LICENSE, and THIRD-PARTY.txt for the libraries in the program
`, b.version, p, repositoryURL, tree)
}

// notices returns the licenses of everything that is compiled into the program.
func (b *build) notices(p platform) ([]byte, error) {
	goRoot, err := b.goTool(p, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	listed, err := b.goTool(p, "list", "-deps", "-f",
		"{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}", ".")
	if err != nil {
		return nil, err
	}
	text := &bytes.Buffer{}
	if err := appendLicenses(text, "Go", strings.TrimSpace(string(goRoot))); err != nil {
		return nil, err
	}
	seen := map[string]bool{"": true}
	for line := range strings.Lines(string(listed)) {
		module, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		version, dir, _ := strings.Cut(rest, "\t")
		if seen[module] || strings.HasPrefix(module+"/", "github.com/clinicpass/clinicpass/") {
			continue
		}
		seen[module] = true
		if err := appendLicenses(text, module+" "+version, dir); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice)`)

// appendLicenses appends what the folder has of licenses and notices.
func appendLicenses(text *bytes.Buffer, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	before := text.Len()
	for _, entry := range entries {
		if entry.IsDir() || !licenseFile.MatchString(entry.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "==== %s: %s ====\n\n%s\n\n", name, entry.Name(), bytes.TrimSpace(content))
	}
	if text.Len() == before {
		return fmt.Errorf("%s has no license in %s", name, dir)
	}
	return nil
}

// writeArchive writes a zip file for Windows, and a compressed tar file for others. A folder in it
// keeps the files together.
func (b *build) writeArchive(p platform, files []file) error {
	folder := fmt.Sprintf("%s-%s-%s", b.base(), p.system, p.processor)
	packed, extension := &bytes.Buffer{}, ".tar.gz"
	var err error
	if p.system == "windows" {
		extension = ".zip"
		err = b.writeZip(packed, folder, files)
	} else {
		compressed := gzip.NewWriter(packed)
		err = errors.Join(b.writeTar(compressed, folder+"/", files), compressed.Close())
	}
	if err != nil {
		return err
	}
	return b.write(folder+extension, packed.Bytes())
}

func (b *build) writeTar(w io.Writer, prefix string, files []file) error {
	archive := tar.NewWriter(w)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg,
			Name:     prefix + f.name,
			Size:     int64(len(f.content)),
			Mode:     f.mode,
			ModTime:  b.time,
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(f.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

func (b *build) writeZip(w io.Writer, folder string, files []file) error {
	archive := zip.NewWriter(w)
	for _, f := range files {
		header := &zip.FileHeader{Name: folder + "/" + f.name, Method: zip.Deflate, Modified: b.time}
		header.SetMode(fs.FileMode(f.mode))
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// writeChecksums writes what sha256sum --check reads, and returns the names of all files.
func (b *build) writeChecksums() ([]string, error) {
	entries, err := os.ReadDir(b.output)
	if err != nil {
		return nil, err
	}
	names, sums := []string{}, &bytes.Buffer{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(b.output, entry.Name()))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sums, "%x  %s\n", sha256.Sum256(content), entry.Name())
		names = append(names, entry.Name())
	}
	return append(names, checksumsFile), b.write(checksumsFile, sums.Bytes())
}
