// Package traefik builds real Traefik binaries from Traefik's Go module and runs them with the plugin in this checkout as
// a local plugin.
//
// Each folder beside this file is a Go module that pins one version of Traefik and repeats the replace lines of Traefik's
// own go.mod, which Go ignores in a dependency.
package traefik

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Tested lists the versions that every test run uses.
var Tested = []string{"v3.6.12", "v3.7.6"}

const (
	mainPackage = "github.com/traefik/traefik/v3/cmd/traefik"
	pluginPath  = "github.com/clinicpass/clinicpass"
	startLimit  = 60 * time.Second
	stopLimit   = 10 * time.Second
)

// Root returns the folder of the checkout.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Build builds a version of Traefik unless it has been built before, and returns the binary's path. It writes to progress
// while it works: about five minutes on two cores the first time, seconds when Go's build cache holds the packages.
func Build(version string, progress io.Writer) (string, error) {
	module := filepath.Join(Root(), "e2e", "traefik", version)
	if _, err := os.Stat(filepath.Join(module, "go.mod")); err != nil {
		return "", fmt.Errorf("no module for Traefik %s: %w", version, err)
	}
	binary := filepath.Join(Root(), ".bin", "traefik-"+version)
	fmt.Fprintf(progress, "Traefik %s: building (about five minutes on two cores the first time, then cached)\n", version)
	build := exec.Command("go", "build", "-v", "-ldflags",
		"-s -w -X github.com/traefik/traefik/v3/pkg/version.Version="+version, "-o", binary, mainPackage)
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	return binary, runWithProgress(build, version, progress)
}

// runWithProgress runs go build -v and tells every few seconds how many packages are done.
func runWithProgress(build *exec.Cmd, version string, progress io.Writer) error {
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
			fmt.Fprintf(progress, "Traefik %s: %d packages, %s\n", version, packages, time.Since(start).Round(time.Second))
		}
	}
	if err := build.Wait(); err != nil {
		return fmt.Errorf("building Traefik %s: %w\n%s", version, err, tail.String())
	}
	fmt.Fprintf(progress, "Traefik %s: ready after %s\n", version, time.Since(start).Round(time.Second))
	return nil
}

// Instance is a running Traefik.
type Instance struct {
	// URL is the address of its entry point, without a trailing slash.
	URL string

	dir     string
	command *exec.Cmd
	log     *syncBuffer
	exited  chan struct{}
}

// Options say how to run Traefik.
type Options struct {
	Binary  string
	Address string // of the entry point; a free loopback port when empty
	Dynamic string // the dynamic configuration, YAML or JSON
	Static  string // more of the static configuration, YAML
	Log     io.Writer
	// Probe is a host name that the dynamic configuration routes: Start waits until it is not answered with 404.
	Probe string
}

// Start runs Traefik in a new folder of its own and waits until it routes.
func Start(o Options) (*Instance, error) {
	dir, err := os.MkdirTemp("", "clinicpass-traefik-")
	if err != nil {
		return nil, err
	}
	if o.Address == "" {
		if o.Address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	i := &Instance{URL: "http://" + o.Address, dir: dir, log: &syncBuffer{also: o.Log}, exited: make(chan struct{})}
	if err := i.layOut(o); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	i.command = exec.Command(o.Binary, "--configFile="+filepath.Join(dir, "traefik.yml"))
	i.command.Dir = dir
	i.command.Stdout = i.log
	i.command.Stderr = i.log
	if err := i.command.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		_ = i.command.Wait()
		close(i.exited)
	}()
	if err := i.waitUntilRouting(o.Probe); err != nil {
		i.Stop()
		return nil, fmt.Errorf("%w; its log:\n%s", err, i.Log())
	}
	return i, nil
}

// layOut writes the static and dynamic configuration and puts the plugin where Traefik looks for local plugins.
func (i *Instance) layOut(o Options) error {
	plugin := filepath.Join(i.dir, "plugins-local", "src", pluginPath)
	static := `global: {checkNewVersion: false, sendAnonymousUsage: false}
log: {level: DEBUG, noColor: true}
ping: {entryPoint: web}
entryPoints: {web: {address: "` + o.Address + `", transport: {lifeCycle: {graceTimeOut: 1s}}}}
providers: {file: {filename: "` + filepath.Join(i.dir, "dynamic.yml") + `", watch: true}}
experimental: {localPlugins: {clinicpass: {moduleName: ` + pluginPath + `}}}
` + o.Static
	return errors.Join(
		os.MkdirAll(filepath.Dir(plugin), 0o755),
		os.Symlink(Root(), plugin),
		os.WriteFile(filepath.Join(i.dir, "traefik.yml"), []byte(static), 0o600),
		i.Configure(o.Dynamic),
	)
}

// Configure replaces the dynamic configuration; a running Traefik reloads it.
func (i *Instance) Configure(dynamic string) error {
	file := filepath.Join(i.dir, "dynamic.yml")
	if err := os.WriteFile(file+".new", []byte(dynamic), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func (i *Instance) waitUntilRouting(host string) error {
	client := &http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		select {
		case <-i.exited:
			return errors.New("the Traefik process ended")
		default:
		}
		request, err := http.NewRequest(http.MethodGet, i.URL+"/", nil)
		if err != nil {
			return err
		}
		request.Host = host
		response, err := client.Do(request)
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		// Traefik would go on without the plugin; experimental.abortOnPluginFailure is not in its early versions.
		if strings.Contains(i.Log(), "Plugins are disabled") {
			return errors.New("the plugin was not loaded by Traefik")
		}
		if response.StatusCode != http.StatusNotFound {
			return nil
		}
	}
	return errors.New("nothing is routed after " + startLimit.String())
}

// Log returns what Traefik has written so far.
func (i *Instance) Log() string { return i.log.String() }

// Exited is closed when Traefik has ended.
func (i *Instance) Exited() <-chan struct{} { return i.exited }

// Stop ends Traefik and removes its folder.
func (i *Instance) Stop() {
	_ = i.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-i.exited:
	case <-time.After(stopLimit):
		_ = i.command.Process.Kill()
		<-i.exited
	}
	_ = os.RemoveAll(i.dir)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// syncBuffer is a buffer that may be read while it is written.
type syncBuffer struct {
	mu      sync.Mutex
	content bytes.Buffer
	also    io.Writer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.also != nil {
		_, _ = b.also.Write(p)
	}
	return b.content.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}
