// Package program builds the programs that the tests put around the plugin, each from a Go module that pins it, and runs
// them.
package program

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
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
	Takes   string // how long a first build takes, for people
}

// Build builds a program and writes to progress while it works. With Go's build cache filled it takes seconds.
func Build(s Source, progress io.Writer) error {
	fmt.Fprintf(progress, "%s: building (%s the first time, then cached)\n", s.Name, s.Takes)
	build := exec.Command("go", "build", "-v", "-ldflags", strings.TrimSpace("-s -w "+s.LDFlags), "-o", s.Binary, s.Package)
	build.Dir = s.Module
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	return runWithProgress(build, s.Name, progress)
}

// runWithProgress runs go build -v and tells every few seconds how many packages are done.
func runWithProgress(build *exec.Cmd, name string, progress io.Writer) error {
	output, err := build.StderrPipe()
	if err != nil {
		return err
	}
	if err := build.Start(); err != nil {
		return err
	}
	start := time.Now()
	told := start
	var tail bytes.Buffer // what was no package's name: the error
	packages := 0
	for lines := bufio.NewScanner(output); lines.Scan(); {
		line := lines.Text()
		if strings.ContainsAny(line, " :") && !strings.HasPrefix(line, "go: downloading") {
			fmt.Fprintln(&tail, line)
			continue
		}
		packages++
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			fmt.Fprintf(progress, "%s: %d packages, %s\n", name, packages, time.Since(start).Round(time.Second))
		}
	}
	if err := build.Wait(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", name, err, tail.String())
	}
	fmt.Fprintf(progress, "%s: ready after %s\n", name, time.Since(start).Round(time.Second))
	return nil
}
