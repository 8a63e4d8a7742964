// Package redis runs Debian's redis-server, from which several Traefiks can take one configuration.
package redis

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/clinicpass/clinicpass/e2e/program"
)

// without names the variable that lets the tests be skipped where there is no Redis.
const without = "CLINICPASS_NO_REDIS"

// Find reports whether Redis is there.
func Find() error {
	for _, name := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(name); err != nil {
			return errors.New("no " + name + " in PATH: install it (Debian: apt-get install redis-server), or set " +
				without + "=1 to go without the tests with several Traefiks")
		}
	}
	return nil
}

// Excused reports whether the tests may be skipped where Redis is missing. CI has no excuse.
func Excused() bool { return os.Getenv(without) == "1" && os.Getenv("CI") != "true" }

// Prepare installs Redis where it is missing and that is possible.
func Prepare(progress io.Writer) error {
	if Find() != nil {
		if err := program.Install(progress, "redis-server"); err != nil {
			fmt.Fprintln(progress, err)
		}
	}
	return Find()
}

// Server is a running Redis that keeps nothing.
type Server struct {
	Address string

	*program.Process
}

// Start runs Redis on a free port, in an empty folder.
func Start(dir string) (*Server, error) {
	address, err := program.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(address, ":")
	process, err := program.Start(exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", dir), nil)
	if err != nil {
		return nil, err
	}
	s := &Server{Address: address, Process: process}
	for range 100 {
		if s.Run("PING") == nil {
			return s, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	process.Stop()
	return nil, fmt.Errorf("redis-server does not answer; it wrote: %s", process.Log())
}

// Run lets redis-cli carry out commands, one a line, as an operator would.
func (s *Server) Run(commands string) error {
	_, port, _ := strings.Cut(s.Address, ":")
	cli := exec.Command("redis-cli", "-e", "-p", port)
	cli.Stdin = strings.NewReader(commands + "\n")
	output, err := cli.CombinedOutput()
	if err != nil || strings.Contains(string(output), "ERR") {
		return fmt.Errorf("redis-cli: %w: %s", err, output)
	}
	return nil
}
