package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestTroubleshooting: Traefik writes the lines that docs/troubleshooting.md has for each mistake,
// and answers as it says there.
func TestTroubleshooting(t *testing.T) {
	page := document(t, "troubleshooting.md")
	b := newBench(t)
	ours := func(name string, config map[string]any) map[string]any {
		return map[string]any{"plugin": map[string]any{name: config}}
	}
	changed := func(change map[string]any) map[string]any {
		return ours("clinicpass", overlay(b.baseConfig(), change))
	}
	middlewares := map[string]any{
		"sound":  ours("clinicpass", b.baseConfig()),
		"clinic": changed(map[string]any{"portal": map[string]any{"url": ""}}),
		"twice": changed(map[string]any{
			"portal": map[string]any{"url": ""}, "api": map[string]any{"timeout": "2m"},
		}),
		"misnamed":  ours("clinicpas", b.baseConfig()),
		"flat":      ours("clinicpass", map[string]any{"portal": "https://clinic.example.com/"}),
		"visits":    changed(map[string]any{"pathPrefix": "/visits"}),
		"unchanged": changed(map[string]any{"exactPassThrough": true}),
		"none": map[string]any{ // no auth middleware
			"headers": map[string]any{"customRequestHeaders": map[string]any{"X-Auth-Request-User": ""}},
		},
		"auth": map[string]any{
			"headers": map[string]any{"customRequestHeaders": map[string]any{"X-Auth-Request-User": "x"}},
		},
		"strip": map[string]any{
			"stripPrefix": map[string]any{"prefixes": []string{"/clinic", "/portal"}},
		},
	}
	routers := map[string]any{
		probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
	}
	rows := []struct {
		desc, service string
		chain         []string
		path          string
		stranger      bool // without the identity headers
		secure        bool // asked over TLS
		status        int
		line          string // of the log and of the page
		says          string // what the page says besides
		site          string // what the portal was asked for
	}{
		{
			desc:    "another plugin name",
			service: "site",
			chain:   []string{"misnamed"},
			path:    "/clinic",
			status:  404,
			line:    "plugin: unknown plugin type: clinicpas",
		},
		{
			desc:    "a misspelled middleware",
			service: "site",
			chain:   []string{"clinik"},
			path:    "/clinic",
			status:  404,
			line:    `middleware \"clinik@file\" does not exist`,
		},
		{
			desc:    "a configuration with a mistake",
			service: "site",
			chain:   []string{"clinic"},
			path:    "/clinic",
			status:  404,
			line:    "clinicpass: the configuration of clinic@file needs correction:",
		},
		{
			desc:    "a configuration with two mistakes",
			service: "site",
			chain:   []string{"twice"},
			path:    "/clinic",
			status:  404,
			line:    "needs 2 corrections:",
		},
		{
			desc:    "no tls",
			service: "site",
			chain:   []string{"sound"},
			path:    "/clinic",
			secure:  true,
			status:  404,
			says:    "answers 404 or shows the portal. No log mentions it. The router has no `tls`",
		},
		{
			desc:    "the auth middleware is missing",
			service: "site",
			chain:   []string{"none", "sound"},
			path:    "/clinic",
			status:  401,
			line:    "is missing or blank",
		},
		{
			desc:     "the auth middleware comes after Clinicpass",
			service:  "site",
			chain:    []string{"sound", "auth"},
			path:     "/clinic",
			stranger: true,
			status:   401,
			line:     "is missing or blank",
			says:     "comes after Clinicpass. Write `middlewares: [auth, clinic]`",
		},
		{
			desc:     "the auth middleware comes before Clinicpass",
			service:  "site",
			chain:    []string{"auth", "sound"},
			path:     "/clinic",
			stranger: true,
			status:   302,
		},
		{
			desc:    "a text for a section",
			service: "site",
			chain:   []string{"flat"},
			path:    "/clinic",
			status:  404,
			line:    "plugin: failed to decode configuration:",
		},
		{
			desc:    "noop without its provider",
			service: "noop",
			chain:   []string{"sound"},
			path:    "/clinic",
			status:  404,
			line:    `the service \"noop@file\" does not exist`,
		},
		{
			desc:   "no service",
			chain:  []string{"sound"},
			path:   "/clinic",
			status: 404,
			line:   "router must have either a service or child routers",
		},
		{
			desc:    "the prefix is stripped",
			service: "noop@internal",
			chain:   []string{"strip", "sound"},
			path:    "/clinic/visits",
			status:  418,
			says:    "## 418 on the clinic's path",
		},
		{
			desc:    "another prefix",
			service: "noop@internal",
			chain:   []string{"visits"},
			path:    "/clinic",
			status:  418,
		},
		{
			desc:    "stripPrefix before Clinicpass",
			service: "site",
			chain:   []string{"strip", "sound"},
			path:    "/portal",
			status:  307,
			says:    "## 307 redirects on pages of the portal",
		},
		{
			desc:    "stripPrefix before Clinicpass, exact",
			service: "site",
			chain:   []string{"strip", "unchanged"},
			path:    "/portal",
			status:  200,
			site:    "GET /",
		},
		{
			desc:    "stripPrefix behind Clinicpass",
			service: "site",
			chain:   []string{"sound", "strip"},
			path:    "/portal",
			status:  200,
			site:    "GET /",
		},
	}
	for n, row := range rows {
		router := map[string]any{
			"rule": "Host(`" + rowName(n) + "`)", "middlewares": row.chain,
		}
		if row.service != "" {
			router["service"] = row.service
		}
		routers[rowName(n)] = router
	}
	instance := runWith(t, traefik.Tested[len(traefik.Tested)-1], map[string]any{
		"routers": routers, "middlewares": middlewares, "services": siteService(b.site.URL),
	}, traefik.Options{Secure: true})
	for n, row := range rows {
		t.Run(row.desc, func(t *testing.T) {
			running := &running{url: instance.URL, log: instance.Log}
			if row.secure {
				running.url = instance.SecureURL
			}
			click := request{path: row.path, header: defaultHeaders("x")}
			if row.stranger {
				click.header = nil
			}
			got := running.send(t, rowName(n), click)
			assert.Equal(t, row.status, got.status, got.body)
			if row.site != "" {
				assert.Regexp(t, regexp.QuoteMeta(row.site)+"$", got.body)
				assert.Empty(t, got.header.Get("Clinicpass-Outcome"))
			}
			wantLine(t, instance, row.line)
			assert.Contains(t, page, row.line, "the page")
			assert.Contains(t, strings.ReplaceAll(page, "\n", " "), row.says, "the page")
		})
	}
	for _, key := range []string{"portal.url", "api.timeout"} { // each has a line of its own
		wantLine(t, instance, "the configuration of twice@file needs correction: "+key+": ")
	}
	for _, row := range load[behavior](t, "behavior.json") {
		outcome := row.Want.Outcome
		if row.Want.Status >= http.StatusBadRequest && outcome != "client_closed" {
			assert.Contains(t, page, "`"+outcome+"`")
		}
	}
}

// wantLine waits for a line of the log, which may come after the answer.
func wantLine(t *testing.T, instance *traefik.Instance, line string) {
	t.Helper()
	assert.Eventually(t, func() bool {
		return strings.Contains(instance.Log(), line)
	}, 5*time.Second, 10*time.Millisecond, "the log lacks %s", line)
}

// TestInstalled: what docs/install.md says of the log and of strangers, after Traefik has started.
func TestInstalled(t *testing.T) {
	const (
		loaded  = "Plugins loaded."
		started = "started as clinic@file with {"
		warning = "clinicpass: warning:"
		mistake = "clinicpass: the configuration of clinic@file needs correction:"
	)
	page := document(t, "install.md")
	b := newBench(t)
	auth := httptest.NewServer(authService())
	t.Cleanup(auth.Close)
	key := filepath.Join(t.TempDir(), "vsee_key")
	require.NoError(t, os.WriteFile(key, []byte(vseetest.Key), 0o600))
	sound := overlay(b.baseConfig(), map[string]any{
		"api": map[string]any{"key": "file:" + key}, "identity": map[string]any{"trust": "network"},
	})
	insecure := overlay(sound, map[string]any{"identity": map[string]any{"trust": nil}})
	wrong := overlay(sound, map[string]any{"portal": map[string]any{"url": ""}})
	for _, row := range []struct {
		desc, level string
		clinic      map[string]any
		open        bool // without the auth middleware
		lines       []string
		status      int
		outcome     string // with a forged header
	}{
		{desc: "correct", level: "ERROR", clinic: sound, status: 401},
		{desc: "correct, at INFO", level: "INFO", clinic: sound, lines: []string{loaded}, status: 401},
		{
			desc: "correct, at DEBUG", level: "DEBUG", clinic: sound,
			lines: []string{loaded, started}, status: 401,
		},
		{
			desc: "insecure", level: "ERROR", clinic: insecure,
			lines: []string{warning}, status: 401,
		},
		{desc: "a mistake", level: "ERROR", clinic: wrong, lines: []string{mistake}, status: 404},
		{
			desc: "no auth middleware", level: "ERROR", clinic: sound, open: true,
			status: 302, outcome: "signed_in",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			chain := []string{"auth", "clinic"}
			if row.open {
				chain = chain[1:]
			}
			instance := runWith(t, traefik.Tested[len(traefik.Tested)-1], map[string]any{
				"routers": map[string]any{
					probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
					"clinic": map[string]any{
						"rule": "Host(`clinic`)", "service": "site", "middlewares": chain,
					},
				},
				"middlewares": map[string]any{
					"auth": map[string]any{"forwardAuth": map[string]any{
						"address": auth.URL, "authResponseHeaders": []string{"X-Auth-Request-User"},
					}},
					"clinic": map[string]any{"plugin": map[string]any{"clinicpass": row.clinic}},
				},
				"services": siteService(b.site.URL),
			}, traefik.Options{Level: row.level})
			running := &running{url: instance.URL, log: instance.Log}
			forged := map[string][]string{"X-Auth-Request-User": {"somebody"}}
			got := running.exchange(t, "clinic", request{path: "/clinic", header: forged})
			assert.Equal(t, row.status, got.status)
			assert.Equal(t, row.outcome, got.header.Get("Clinicpass-Outcome"))
			for _, line := range row.lines {
				wantLine(t, instance, line)
				assert.Contains(t, page, line)
			}
			if row.level == "ERROR" && len(row.lines) == 0 {
				assert.NotContains(t, instance.Log(), "ERR")
				assert.NotContains(t, instance.Log(), "clinicpass")
			}
		})
	}
}

// TestErrorsMiddleware: an errors middleware before Clinicpass replaces its pages, as
// docs/install.md says. One that comes after it, or that has only status 401, does not.
func TestErrorsMiddleware(t *testing.T) {
	page := document(t, "install.md")
	b := newBench(t)
	pages := func(status string) map[string]any {
		return map[string]any{"errors": map[string]any{
			"status": []string{status}, "service": "site", "query": "/replaced",
		}}
	}
	router := func(host string, chain ...string) map[string]any {
		return map[string]any{"rule": "Host(`" + host + "`)", "service": "site", "middlewares": chain}
	}
	instance := runTraefik(t, traefik.Tested[len(traefik.Tested)-1], "", map[string]any{
		"routers": map[string]any{
			probe:    map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
			"before": router("before", "errors", "clinic"),
			"behind": router("behind", "clinic", "errors"),
			"only":   router("only", "only401", "clinic"),
		},
		"middlewares": map[string]any{
			"errors":  pages("400-599"),
			"only401": pages("401"),
			"clinic":  map[string]any{"plugin": map[string]any{"clinicpass": b.baseConfig()}},
		},
		"services": siteService(b.site.URL),
	})
	running := &running{url: instance.URL, log: instance.Log}
	for _, row := range []struct {
		desc, host, outcome string
		header              map[string][]string
	}{
		{desc: "before", host: "before"},
		{desc: "after", host: "behind", outcome: "no_identity"},
		{desc: "only 401, no identity", host: "only"},
		{
			desc: "only 401, a refused identity", host: "only", outcome: "identity_refused",
			header: map[string][]string{"X-Auth-Request-User": {"x", "y"}},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			got := running.exchange(t, row.host, request{path: "/clinic", header: row.header})
			assert.Equal(t, row.outcome, got.header.Get("Clinicpass-Outcome"))
			replaced := strings.Contains(got.body, "/replaced")
			assert.Equal(t, row.outcome == "", replaced, got.body)
		})
	}
	assert.Contains(t, page, "`status: [\"401\"]`")
}

// TestPluginNotLoaded: what docs/troubleshooting.md says of a plugin that cannot be loaded.
func TestPluginNotLoaded(t *testing.T) {
	binary, err := traefik.Build(traefik.Tested[len(traefik.Tested)-1], t.Output())
	require.NoError(t, err)
	const line = "Plugins are disabled because an error has occurred."
	options := traefik.Options{
		Binary:  binary,
		Dynamic: "{}",
		Plugins: map[string]string{"nowhere": t.TempDir()},
		Probe:   probe,
	}
	instance, err := traefik.Start(options)
	if err == nil {
		instance.Stop()
	}
	assert.ErrorContains(t, err, line)
	assert.Contains(t, document(t, "troubleshooting.md"), line)
	assert.Contains(t, document(t, "install.md"), line)
}

// TestInternalServices: Traefik has no access log and no metrics of a router with an internal
// service, unless addInternals is set.
func TestInternalServices(t *testing.T) {
	for _, row := range []struct {
		desc, service, static string // static goes into both sections
		logged                bool
	}{
		{desc: "internal", service: "noop@internal"},
		{desc: "internal, added", service: "noop@internal", static: "  addInternals: true\n", logged: true},
		{desc: "the portal's", service: "site", logged: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			b := newBench(t)
			version := traefik.Tested[len(traefik.Tested)-1]
			static := "accessLog:\n  format: json\n" + row.static +
				"metrics:\n  prometheus: {entryPoint: web, addRoutersLabels: true}\n" + row.static
			instance := runTraefik(t, version, static, map[string]any{
				"routers": map[string]any{
					probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
					"clinic": map[string]any{
						"rule": "Host(`clinic`)", "service": row.service, "middlewares": []string{"clinic"},
					},
				},
				"middlewares": map[string]any{
					"clinic": map[string]any{"plugin": map[string]any{"clinicpass": b.baseConfig()}},
				},
				"services": siteService(b.site.URL),
			})
			running := &running{url: instance.URL, log: instance.Log}
			clicks(t, running, "clinic", 1)
			running.send(t, probe, request{path: "/last"})
			require.Eventually(t, func() bool {
				return strings.Contains(instance.Log(), `"RequestPath":"/last"`)
			}, 5*time.Second, 10*time.Millisecond)
			logged := strings.Contains(instance.Log(), `"RouterName":"clinic@file"`)
			assert.Equal(t, row.logged, logged)
			metrics := running.exchange(t, "metrics", request{path: "/metrics"}).body
			require.Contains(t, metrics, `router="probe@file"`)
			assert.Equal(t, row.logged, strings.Contains(metrics, `router="clinic@file"`), "metrics")
		})
	}
	page := document(t, "troubleshooting.md")
	for _, section := range []string{"accessLog", "metrics", "tracing"} {
		assert.Contains(t, page, "`"+section+".addInternals: true`")
	}
}
