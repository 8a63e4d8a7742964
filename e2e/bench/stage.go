package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// delays of the simulated API.
var delays = []time.Duration{0, 30 * time.Millisecond}

// stage is everything that runs during a measurement.
type stage struct {
	dir     string
	site    *httptest.Server
	apis    map[time.Duration]*httptest.Server
	proxy   *traefik.Instance
	parts   map[string]part // floor and service, by name and delay
	cleanup []func()
	closing sync.Once
}

// debugHost is where Traefik's own profiles are.
const debugHost = "debug"

// part is a process beside Traefik.
type part struct {
	address string
	id      int
}

func (s *stage) close() {
	s.closing.Do(func() {
		for _, end := range s.cleanup {
			end()
		}
	})
}

// closeOnInterrupt stops all processes on Ctrl-C.
func (s *stage) closeOnInterrupt() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		s.close()
		os.Exit(1)
	}()
}

// newStage builds and starts everything.
func newStage() (*stage, error) {
	binary, err := traefik.Build(version(), os.Stderr)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "clinicpass-bench-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, site: site(), apis: map[time.Duration]*httptest.Server{}, parts: map[string]part{}}
	s.cleanup = []func(){func() { _ = os.RemoveAll(dir) }, s.site.Close}
	for _, delay := range delays {
		server := api(delay)
		s.apis[delay] = server
		s.cleanup = append(s.cleanup, server.Close)
		config, err := json.Marshal(s.middleware(delay, "floor"))
		if err == nil {
			err = s.start("floor", delay, "-upstream", s.site.URL, "-config", string(config))
		}
		if err == nil {
			err = s.start("service", delay, "-upstream", server.URL+"/")
		}
		if err != nil {
			s.close()
			return nil, err
		}
	}
	dynamic, err := json.Marshal(map[string]any{"http": s.dynamic()})
	if err != nil {
		return nil, err
	}
	s.proxy, err = traefik.Start(traefik.Options{
		Binary:  binary,
		Dynamic: string(dynamic),
		Level:   "ERROR",
		Static:  "api: {debug: true}\n",
		Probe:   "none",
		Plugins: map[string]string{"donothing": filepath.Join(traefik.Root(), "e2e", "bench", "donothing")},
	})
	if err != nil {
		s.close()
		return nil, err
	}
	s.cleanup = append(s.cleanup, s.proxy.Stop)
	return s, nil
}

// version is the newest Traefik that is tested.
func version() string { return traefik.Tested[len(traefik.Tested)-1] }

// start runs this program in another role.
func (s *stage) start(role string, delay time.Duration, arguments ...string) error {
	address, err := program.FreeAddress()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(self, append([]string{"-role", role, "-address", address}, arguments...)...)
	command.Env = append(os.Environ(), traefik.Places()...)
	process, err := program.Start(command, nil)
	if err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, process.Stop)
	s.parts[role+delay.String()] = part{address: address, id: process.ID()}
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not listen; it wrote: %s", role, process.Log())
}

// middleware is the plugin's configuration: everything at its default, an audit file, and a limiter that counts but refuses
// nobody, because few providers make all the sign-ins here.
func (s *stage) middleware(delay time.Duration, name string) map[string]any {
	return map[string]any{
		"portal":   map[string]any{"url": "https://clinic.example.com/vc/next/"},
		"api":      map[string]any{"url": s.apis[delay].URL + "/", "accountCode": "example", "key": "key"},
		"identity": map[string]any{"preset": "oauth2-proxy"},
		"limits":   map[string]any{"signIns": 1 << 30},
		"audit":    map[string]any{"file": filepath.Join(s.dir, name+delay.String()+".jsonl")},
	}
}

// dynamic is Traefik's configuration: a router for each variant, by host.
func (s *stage) dynamic() map[string]any {
	exact := s.middleware(0, "exact")
	exact["exactPassThrough"] = true
	middlewares := map[string]any{
		"redirect":    map[string]any{"redirectRegex": map[string]any{"regex": "^https?://[^/]+/clinic(/.*)?$", "replacement": "https://clinic.example.com/${1}"}},
		"ours":        map[string]any{"plugin": map[string]any{"clinicpass": s.middleware(0, "ours")}},
		"exact":       map[string]any{"plugin": map[string]any{"clinicpass": exact}},
		"donothing":   map[string]any{"plugin": map[string]any{"donothing": map[string]any{}}},
		"forwardauth": forwardAuth(s.parts["service"+delays[0].String()], "/auth"),
	}
	for _, delay := range delays {
		middlewares["plugin"+delay.String()] = map[string]any{"plugin": map[string]any{"clinicpass": s.middleware(delay, "plugin")}}
		middlewares["service"+delay.String()] = forwardAuth(s.parts["service"+delay.String()], "/mint")
	}
	routers := map[string]any{"none": map[string]any{"rule": "Host(`none`)", "service": "site"}}
	for name := range middlewares {
		routers[name] = map[string]any{"rule": "Host(`" + name + "`)", "service": "site", "middlewares": []string{name}}
	}
	routers[debugHost] = map[string]any{"rule": "Host(`" + debugHost + "`)", "service": "api@internal"}
	servers := []any{map[string]any{"url": s.site.URL}}
	return map[string]any{
		"routers":     routers,
		"middlewares": middlewares,
		"services":    map[string]any{"site": map[string]any{"loadBalancer": map[string]any{"servers": servers}}},
	}
}

func forwardAuth(p part, path string) map[string]any {
	return map[string]any{"forwardAuth": map[string]any{
		"address": "http://" + p.address + path, "authResponseHeaders": []string{"X-Auth-Request-User"},
	}}
}

// traefikAddress is where Traefik listens.
func (s *stage) traefikAddress() string { return strings.TrimPrefix(s.proxy.URL, "http://") }
