// Package program builds the programs that the tests put around the plugin, each from a Go module that pins it, and runs
// them.
package program

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Source says where a program comes from.
type Source struct {
	Name    string // for people
	Module  string // the folder of the Go module that pins it
	Package string // its main package
	Binary  string // the file to build
	LDFlags string // beside those that leave out what only debuggers need
	// Prepare, which may be nil, makes what the folder of the module still lacks.
	Prepare func(module string) error
}

const tellEvery = 5 * time.Second

// Build builds a program, and writes to progress how far it is. A binary that was built from the same source stays.
func Build(s Source, progress io.Writer) error {
	stamp, err := s.stamp()
	if err != nil {
		return fmt.Errorf("building %s: %w", s.Name, err)
	}
	stampFile := s.Binary + ".stamp"
	if before, err := os.ReadFile(stampFile); err == nil && string(before) == stamp {
		if _, err := os.Stat(s.Binary); err == nil {
			return nil
		}
	}
	if s.Prepare != nil {
		if err := s.Prepare(s.Module); err != nil {
			return fmt.Errorf("building %s: %w", s.Name, err)
		}
	}
	fmt.Fprintf(progress, "%s: fetching its source\n", s.Name)
	packages, err := s.stale()
	if err != nil {
		return err
	}
	if err := s.build(packages, progress); err != nil {
		return err
	}
	return os.WriteFile(stampFile, []byte(stamp), 0o644)
}

// stamp names everything that the binary is made of: Go, the pinned modules, and the module's own files.
func (s Source) stamp() (string, error) {
	files := []string{filepath.Join(s.Module, "go.mod"), filepath.Join(s.Module, "go.sum")}
	if strings.HasPrefix(s.Package, "./") {
		own, err := filepath.Glob(filepath.Join(s.Module, s.Package, "*.go"))
		if err != nil {
			return "", err
		}
		files = append(files, own...)
	}
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH, s.Package, s.LDFlags)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, filepath.Base(file), len(content))
		sum.Write(content)
	}
	return fmt.Sprintf("%x\n", sum.Sum(nil)), nil
}

// stale returns how many packages Go's build cache lacks.
func (s Source) stale() (int, error) {
	var problems bytes.Buffer
	list := s.command("list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", s.Package)
	list.Stderr = &problems
	output, err := list.Output()
	if err != nil {
		return 0, fmt.Errorf("building %s: %w\n%s", s.Name, err, withoutDownloads(problems.String()))
	}
	return len(strings.Fields(string(output))), nil
}

func (s Source) command(arguments ...string) *exec.Cmd {
	command := exec.Command("go", arguments...)
	command.Dir = s.Module
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	return command
}

// build runs go build, which names each package that it compiles.
func (s Source) build(packages int, progress io.Writer) error {
	build := s.command("build", "-v", "-ldflags", strings.TrimSpace("-s -w "+s.LDFlags), "-o", s.Binary, s.Package)
	output, err := build.StderrPipe()
	if err != nil {
		return err
	}
	if err := build.Start(); err != nil {
		return err
	}
	start := time.Now()
	told := start
	var problems strings.Builder
	done := 0
	for lines := bufio.NewScanner(output); lines.Scan(); {
		line := lines.Text()
		if strings.ContainsAny(line, " :") {
			fmt.Fprintln(&problems, line)
			continue
		}
		done++
		if time.Since(told) > tellEvery {
			told = time.Now()
			fmt.Fprintf(progress, "%s: %s\n", s.Name, estimate(done, packages, time.Since(start)))
		}
	}
	if err := build.Wait(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", s.Name, err, withoutDownloads(problems.String()))
	}
	fmt.Fprintf(progress, "%s: built in %s\n", s.Name, time.Since(start).Round(time.Second))
	return nil
}

// estimate tells how far a build is, and how long the rest takes if its packages are like those that are done.
func estimate(done, all int, passed time.Duration) string {
	left := time.Duration(float64(passed) * float64(max(all-done, 0)) / float64(max(done, 1)))
	return fmt.Sprintf("%d of %d packages after %s, about %s left", done, all, passed.Round(time.Second), left.Round(time.Second))
}

func withoutDownloads(lines string) string {
	kept := []string{}
	for _, line := range strings.Split(lines, "\n") {
		if !strings.HasPrefix(line, "go: downloading ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
