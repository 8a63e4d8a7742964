package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
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
		"sound":     ours("clinicpass", b.baseConfig()),
		"clinic":    changed(map[string]any{"portal": map[string]any{"url": ""}}),
		"misnamed":  ours("clinicpas", b.baseConfig()),
		"flat":      ours("clinicpass", map[string]any{"portal": "https://clinic.example.com/"}),
		"visits":    changed(map[string]any{"pathPrefix": "/visits"}),
		"unchanged": changed(map[string]any{"exactPassThrough": true}),
		"none": map[string]any{ // no auth middleware
			"headers": map[string]any{"customRequestHeaders": map[string]any{"X-Auth-Request-User": ""}},
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
		secure        bool // asked over TLS
		status        int
		line          string // of the log
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
			desc:    "no tls",
			service: "site",
			chain:   []string{"sound"},
			path:    "/clinic",
			secure:  true,
			status:  404,
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
			got := running.send(t, rowName(n), request{path: row.path, header: defaultHeaders("x")})
			assert.Equal(t, row.status, got.status, got.body)
			if row.site != "" {
				assert.Regexp(t, regexp.QuoteMeta(row.site)+"$", got.body)
				assert.Empty(t, got.header.Get("Clinicpass-Outcome"))
			}
			assert.Contains(t, instance.Log(), row.line, "the log")
			assert.Contains(t, page, row.line, "the page")
		})
	}
	for _, row := range load[behavior](t, "behavior.json") {
		outcome := row.Want.Outcome
		if row.Want.Status >= http.StatusBadRequest && outcome != "client_closed" {
			assert.Contains(t, page, "`"+outcome+"`")
		}
	}
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
}

// TestInternalServices: Traefik has no access log of a router with an internal service, unless
// accessLog.addInternals is set.
func TestInternalServices(t *testing.T) {
	for _, row := range []struct {
		desc, service, static string
		logged                bool
	}{
		{desc: "internal", service: "noop@internal"},
		{desc: "internal, added", service: "noop@internal", static: "  addInternals: true\n", logged: true},
		{desc: "the portal's", service: "site", logged: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			b := newBench(t)
			version := traefik.Tested[len(traefik.Tested)-1]
			instance := runTraefik(t, version, "accessLog:\n  format: json\n"+row.static, map[string]any{
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
		})
	}
	page := document(t, "troubleshooting.md")
	assert.Contains(t, page, "`accessLog.addInternals: true`")
}
