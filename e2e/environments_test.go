// Package e2e holds the plugin to its contract where it really runs: compiled, in the interpreter
// as Traefik sets it up, and in real Traefik binaries, always over sockets and with the same
// tables.
package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mitchellh/mapstructure"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass"
	"github.com/clinicpass/clinicpass/e2e/interpreted"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// environment is a place where the plugin runs.
type environment struct {
	name string
	// start serves each middleware in front of the site under the host name that is its key.
	start func(t *testing.T, site string, middlewares map[string]map[string]any) *running
}

// running is a started environment.
type running struct {
	url string
	log func() string
}

type request struct {
	method, path string
	header       map[string][]string
}

type answer struct {
	status int
	header http.Header
	body   string
}

// outcome is what the plugin says of the request, and empty when it was not the plugin that
// answered.
func (a answer) outcome() string { return a.header.Get("Clinicpass-Outcome") }

func environments() []environment {
	list := []environment{{"compiled", startCompiled}, {"interpreted", startInterpreted}}
	for _, version := range traefikVersions() {
		start := func(
			t *testing.T, site string, middlewares map[string]map[string]any,
		) *running {
			t.Helper()
			return startTraefik(t, version, site, middlewares)
		}
		list = append(list, environment{"traefik-" + version, start})
	}
	return list
}

// traefikVersions are the versions of this test run.
func traefikVersions() []string {
	versions, err := traefik.Versions()
	if err != nil {
		panic(err)
	}
	return versions
}

// builder makes one middleware, or says what is wrong with its configuration.
type builder func(
	ctx context.Context, next http.Handler, config map[string]any, name string,
) (http.Handler, error)

// serve serves what build makes of the middlewares, and leaves out those it refuses, as Traefik
// does.
func serve(
	t *testing.T, site string, middlewares map[string]map[string]any, build builder,
	problems io.Writer,
) string {
	t.Helper()
	next, err := url.Parse(site)
	require.NoError(t, err)
	handlers := map[string]http.Handler{}
	for host, config := range middlewares {
		handler, err := build(context.Background(), passThrough(next), config, host+"@test")
		if err != nil {
			_, _ = io.WriteString(problems, err.Error()+"\n")
			continue
		}
		handlers[host] = handler
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler := handlers[r.Host]; handler != nil {
			handler.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// passThrough asks the site with the request's target unchanged.
func passThrough(site *url.URL) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := *r.URL
		target.Scheme = site.Scheme
		target.Host = site.Host
		request := &http.Request{Method: r.Method, URL: &target, Header: r.Header}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		w.WriteHeader(response.StatusCode)
		_, _ = io.Copy(w, response.Body)
	})
}

func startCompiled(t *testing.T, site string, middlewares map[string]map[string]any) *running {
	t.Helper()
	output := redirectOutput(t)
	return &running{url: serve(t, site, middlewares, compile, log.Writer()), log: output}
}

// compile builds the middleware in this program, with a configuration decoded as Traefik does it.
func compile(
	ctx context.Context, next http.Handler, config map[string]any, name string,
) (http.Handler, error) {
	decoded := clinicpass.CreateConfig()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook:       mapstructure.StringToSliceHookFunc(","),
		WeaklyTypedInput: true,
		Result:           decoded,
	})
	if err != nil {
		return nil, err
	}
	if err := decoder.Decode(config); err != nil {
		return nil, err
	}
	return clinicpass.New(ctx, next, decoded, name)
}

// redirectOutput sends what the compiled plugin logs to a file and returns what reads it.
func redirectOutput(t *testing.T) func() string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "output")
	file, err := os.Create(name)
	require.NoError(t, err)
	stdout := os.Stdout
	os.Stdout = file
	log.SetOutput(file)
	t.Cleanup(func() {
		os.Stdout = stdout
		log.SetOutput(os.Stderr)
		_ = file.Close()
		if content, err := os.ReadFile(name); err == nil {
			written.add(t.Name(), "the plugin's log", string(content))
		}
	})
	return func() string {
		content, _ := os.ReadFile(name)
		return string(content)
	}
}

func startInterpreted(t *testing.T, site string, middlewares map[string]map[string]any) *running {
	t.Helper()
	output := &output{}
	plugin, err := interpreted.Load(pluginPath(t), os.Environ(), output, output)
	require.NoError(t, err)
	t.Cleanup(func() { written.add(t.Name(), "the plugin's log", output.String()) })
	return &running{url: serve(t, site, middlewares, plugin.New, output), log: output.String}
}

func pluginPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, interpreted.GoPath(dir, traefik.Root()))
	return dir
}

type output struct {
	mu      sync.Mutex
	content strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.content.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.content.String()
}

// probe is a host that every Traefik of these tests routes to the site without a middleware.
const probe = "probe"

func startTraefik(
	t *testing.T, version, site string, middlewares map[string]map[string]any,
) *running {
	t.Helper()
	routers := map[string]any{
		probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
	}
	plugins := map[string]any{}
	for host, config := range middlewares {
		plugins[host] = map[string]any{"plugin": map[string]any{"clinicpass": config}}
		routers[host] = map[string]any{
			"rule":        "Host(`" + host + "`)",
			"service":     "site",
			"middlewares": []string{host},
		}
	}
	instance := runTraefik(t, version, "", map[string]any{
		"routers":     routers,
		"middlewares": plugins,
		"services":    siteService(site),
	})
	return &running{url: instance.URL, log: instance.Log}
}

func siteService(site string) map[string]any {
	balancer := map[string]any{"servers": []any{map[string]any{"url": site}}}
	return map[string]any{"site": map[string]any{"loadBalancer": balancer}}
}

// binaries holds the binary of each version, built once.
var binaries sync.Map

// runTraefik starts a Traefik with more static configuration and the HTTP part of a dynamic one,
// which must route probe at the entry point web.
func runTraefik(
	t *testing.T, version, static string, httpConfig map[string]any,
) *traefik.Instance {
	t.Helper()
	return runWith(t, version, httpConfig, traefik.Options{Static: static})
}

// runWith starts a Traefik likewise, as the options say.
func runWith(
	t *testing.T, version string, httpConfig map[string]any, options traefik.Options,
) *traefik.Instance {
	t.Helper()
	build := func() (string, error) { return traefik.Build(version, os.Stderr) }
	once, _ := binaries.LoadOrStore(version, sync.OnceValues(build))
	binary, err := once.(func() (string, error))()
	require.NoError(t, err)
	dynamic, err := json.Marshal(map[string]any{"http": httpConfig})
	require.NoError(t, err)
	options.Binary, options.Dynamic, options.Probe = binary, string(dynamic), probe
	instance, err := traefik.Start(options)
	require.NoError(t, err)
	stopAfter(t, instance)
	return instance
}

// stopAfter ends a Traefik with the test, and lets its log be searched for secrets.
func stopAfter(t *testing.T, instance *traefik.Instance) {
	t.Helper()
	t.Cleanup(func() {
		instance.Stop()
		written.add(t.Name(), "Traefik's log", instance.Log())
		if t.Failed() && os.Getenv("SHOW_LOG") != "" {
			t.Log(instance.Log())
		}
	})
}

// waitForLog waits until the plugin's log has the text after the given place.
func (e *running) waitForLog(t *testing.T, after int, text string) {
	t.Helper()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Contains(c, pluginLines(e.log()[after:]), text)
	}, 3*time.Second, 5*time.Millisecond)
}

// client follows no redirect and adds no header of its own.
var client = &http.Client{
	Timeout: time.Minute,
	Transport: &http.Transport{
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, // Traefik's own certificate
		DialContext:        (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// send asks for the path at the host. Header names go out in the case given.
func (e *running) send(t *testing.T, host string, r request) answer {
	t.Helper()
	got := e.exchange(t, host, r)
	require.NotZero(t, got.status, "no answer")
	return got
}

// exchange is send for goroutines other than the test's own: a failure does not end the test, and
// leaves the answer empty.
func (e *running) exchange(t *testing.T, host string, r request) answer {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodGet
	}
	req, err := http.NewRequest(r.method, e.url+r.path, nil)
	if !assert.NoError(t, err) {
		return answer{}
	}
	req.Host = host
	req.Header = r.header
	if req.Header == nil {
		req.Header = http.Header{}
	}
	response, err := client.Do(req)
	if !assert.NoError(t, err) {
		return answer{}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if !assert.NoError(t, err) {
		return answer{}
	}
	got := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	written.addAnswer(t.Name(), got)
	return got
}
