// Package traefik builds real Traefik binaries from Traefik's Go module and runs them with the plugin in this checkout as
// a local plugin.
//
// Each folder beside this file is a Go module that pins one version of Traefik and repeats the replace lines of Traefik's
// own go.mod, which Go ignores in a dependency. The newer ones leave out DNS challenges: see leaveOut.
package traefik

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/clinicpass/clinicpass/e2e/program"
)

// Tested lists the versions that every test run uses.
var Tested = []string{"v3.6.25", "v3.7.13"}

const (
	mainPackage = "github.com/traefik/traefik/v3/cmd/traefik"
	pluginPath  = "github.com/clinicpass/clinicpass"
	startLimit  = 60 * time.Second
)

// Root returns the folder of the checkout.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Build builds a version of Traefik and returns the binary's path. It writes to progress while it works. The binary that the
// variable TRAEFIK names stands for every version.
func Build(version string, progress io.Writer) (string, error) {
	if path := own(); path != "" {
		return path, nil
	}
	module := filepath.Join(Root(), "e2e", "traefik", version)
	if _, err := os.Stat(filepath.Join(module, "go.mod")); err != nil {
		return "", fmt.Errorf("no module for Traefik %s: %w", version, err)
	}
	binary := filepath.Join(Root(), ".bin", "traefik-"+version)
	return binary, program.Build(program.Source{
		Name:    "Traefik " + version,
		Prepare: leaveOut,
		Module:  module,
		Package: mainPackage,
		Binary:  binary,
		LDFlags: "-X github.com/traefik/traefik/v3/pkg/version.Version=" + version,
	}, progress)
}

// BuildDecoder builds a program that decodes configurations with the code of the newest tested Traefik.
func BuildDecoder(progress io.Writer) (string, error) {
	binary := filepath.Join(Root(), ".bin", "traefik-decode")
	return binary, program.Build(program.Source{
		Name:    "Traefik's decoder",
		Prepare: leaveOut,
		Module:  filepath.Join(Root(), "e2e", "traefik", newest()),
		Package: "./decode",
		Binary:  binary,
	}, progress)
}

// Instance is a running Traefik.
type Instance struct {
	// URL is the address of its entry point web, without a trailing slash.
	URL string
	// SecureURL is the address of its entry point websecure, with Options.Secure, without a trailing slash.
	SecureURL string

	*program.Process

	dir string
}

// Options say how to run Traefik.
type Options struct {
	Binary  string
	Address string // of the entry point; a free loopback port when empty
	Dynamic string // the dynamic configuration, YAML or JSON
	Static  string // more of the static configuration, YAML
	Level   string // of the log; DEBUG when empty
	// Secure adds an entry point websecure, for routers with tls, at a free loopback port. Its certificate is Traefik's own.
	Secure bool
	// SecureAddress is the address of websecure; a free loopback port when empty.
	SecureAddress string
	// Provider is a part of the section providers, YAML, which stands in place of the file with Dynamic.
	Provider string
	Log      io.Writer
	// Plugins are further local plugins: the folder of each by its name, which stands for its module's last element too.
	Plugins map[string]string
	// Env is what the process gets beside this one's environment and Places.
	Env []string
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
		if o.Address, err = program.FreeAddress(); err != nil {
			return nil, err
		}
	}
	i := &Instance{URL: "http://" + o.Address, dir: dir}
	if o.Secure {
		if o.SecureAddress == "" {
			if o.SecureAddress, err = program.FreeAddress(); err != nil {
				return nil, err
			}
		}
		i.SecureURL = "https://" + o.SecureAddress
	}
	if err := i.layOut(o); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	command := exec.Command(o.Binary, "--configFile="+filepath.Join(dir, "traefik.yml"))
	command.Dir = dir
	command.Env = slices.Concat(os.Environ(), Places(), o.Env)
	if i.Process, err = program.Start(command, o.Log); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := i.waitUntilRouting(o.Probe); err != nil {
		i.Stop()
		return nil, fmt.Errorf("%w; its log:\n%s", err, i.Log())
	}
	return i, nil
}

// Places are the environment variables by which whoever runs Traefik lets the plugin use the folder of temporary files.
func Places() []string {
	return []string{"CLINICPASS_FILES=" + os.TempDir(), "CLINICPASS_AUDIT=" + os.TempDir()}
}

// layOut writes the static and dynamic configuration and puts the plugin where Traefik looks for local plugins.
func (i *Instance) layOut(o Options) error {
	level := o.Level
	if level == "" {
		level = "DEBUG"
	}
	folders := map[string]string{pluginPath: Root()}
	plugins := "clinicpass: {moduleName: " + pluginPath + "}"
	for name, folder := range o.Plugins {
		module := path.Join(path.Dir(pluginPath), name)
		folders[module] = folder
		plugins += ", " + name + ": {moduleName: " + module + "}"
	}
	for module, folder := range folders {
		plugin := filepath.Join(i.dir, "plugins-local", "src", module)
		if err := errors.Join(os.MkdirAll(filepath.Dir(plugin), 0o755), os.Symlink(folder, plugin)); err != nil {
			return err
		}
	}
	provider := o.Provider
	if provider == "" {
		provider = `file: {filename: "` + filepath.Join(i.dir, "dynamic.yml") + `", watch: true}`
	}
	static := `global: {checkNewVersion: false, sendAnonymousUsage: false}
log: {level: ` + level + `, noColor: true}
ping: {entryPoint: web}
entryPoints: {web: {address: "` + o.Address + `", transport: {lifeCycle: {graceTimeOut: 1s}}}` + i.secure() + `}
providers: {providersThrottleDuration: 10ms, ` + provider + `}
experimental: {localPlugins: {` + plugins + `}}
` + o.Static
	return errors.Join(
		os.WriteFile(filepath.Join(i.dir, "traefik.yml"), []byte(static), 0o600),
		i.Configure(o.Dynamic),
	)
}

// secure is the static configuration of the entry point websecure, if there is one.
func (i *Instance) secure() string {
	if i.SecureURL == "" {
		return ""
	}
	return `, websecure: {address: "` + strings.TrimPrefix(i.SecureURL, "https://") + `"}`
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
		case <-i.Exited():
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

// Stop ends Traefik and removes its folder.
func (i *Instance) Stop() {
	i.Process.Stop()
	_ = os.RemoveAll(i.dir)
}
