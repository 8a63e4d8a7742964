package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// TestTroubleshooting: Traefik writes the lines that docs/troubleshooting.md has for each mistake, and answers as it says there.
func TestTroubleshooting(t *testing.T) {
	page := document(t, "troubleshooting.md")
	b := newBench(t)
	ours := func(name string, config map[string]any) map[string]any {
		return map[string]any{"plugin": map[string]any{name: config}}
	}
	middlewares := map[string]any{
		"sound":     ours("clinicpass", b.baseConfig()),
		"clinic":    ours("clinicpass", overlay(b.baseConfig(), map[string]any{"portal": map[string]any{"url": ""}})),
		"misnamed":  ours("clinicpas", b.baseConfig()),
		"flat":      ours("clinicpass", map[string]any{"portal": "https://clinic.example.com/"}),
		"visits":    ours("clinicpass", overlay(b.baseConfig(), map[string]any{"pathPrefix": "/visits"})),
		"unchanged": ours("clinicpass", overlay(b.baseConfig(), map[string]any{"exactPassThrough": true})),
		"strip":     map[string]any{"stripPrefix": map[string]any{"prefixes": []string{"/clinic", "/portal"}}},
	}
	routers := map[string]any{probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"}}
	rows := []struct {
		desc, service string
		chain         []string
		path          string
		status        int
		line          string // of the log
		site          string // what the portal was asked for
	}{
		{desc: "another plugin name", service: "site", chain: []string{"misnamed"}, path: "/clinic", status: 404, line: "plugin: unknown plugin type: clinicpas"},
		{desc: "a misspelt middleware", service: "site", chain: []string{"clinik"}, path: "/clinic", status: 404, line: `middleware \"clinik@file\" does not exist`},
		{desc: "a configuration with a mistake", service: "site", chain: []string{"clinic"}, path: "/clinic", status: 404, line: "clinicpass: the configuration of clinic@file needs correction:"},
		{desc: "a text for a section", service: "site", chain: []string{"flat"}, path: "/clinic", status: 404, line: "plugin: failed to decode configuration:"},
		{desc: "noop without its provider", service: "noop", chain: []string{"sound"}, path: "/clinic", status: 404, line: `the service \"noop@file\" does not exist`},
		{desc: "no service", chain: []string{"sound"}, path: "/clinic", status: 404, line: "router must have either a service or child routers"},
		{desc: "the prefix is stripped", service: "noop@internal", chain: []string{"strip", "sound"}, path: "/clinic/visits", status: 418},
		{desc: "another prefix", service: "noop@internal", chain: []string{"visits"}, path: "/clinic", status: 418},
		{desc: "stripPrefix before ours", service: "site", chain: []string{"strip", "sound"}, path: "/portal", status: 307},
		{desc: "stripPrefix before ours, exact", service: "site", chain: []string{"strip", "unchanged"}, path: "/portal", status: 200, site: "GET /"},
		{desc: "stripPrefix behind ours", service: "site", chain: []string{"sound", "strip"}, path: "/portal", status: 200, site: "GET /"},
	}
	for n, row := range rows {
		router := map[string]any{"rule": "Host(`" + rowName(n) + "`)", "middlewares": row.chain}
		if row.service != "" {
			router["service"] = row.service
		}
		routers[rowName(n)] = router
	}
	instance := runTraefik(t, traefik.Tested[len(traefik.Tested)-1], "", map[string]any{
		"routers": routers, "middlewares": middlewares, "services": siteService(b.site.URL),
	})
	running := &running{url: instance.URL, log: instance.Log}
	for n, row := range rows {
		t.Run(row.desc, func(t *testing.T) {
			got := running.send(t, rowName(n), request{path: row.path, header: defaultHeaders("x")})
			if got.status != row.status || !strings.HasSuffix(got.body, row.site) || (row.site != "" && got.header.Get("Clinicpass-Outcome") != "") {
				t.Errorf("%d %s, want %d and the site's answer to %q", got.status, got.body, row.status, row.site)
			}
			if !strings.Contains(instance.Log(), row.line) || !strings.Contains(page, row.line) {
				t.Errorf("the log or the page lacks %q", row.line)
			}
		})
	}
	for _, row := range load[behaviour](t, "behaviour.json") {
		if outcome := row.Want.Outcome; row.Want.Status >= http.StatusBadRequest && outcome != "client_closed" && !strings.Contains(page, "`"+outcome+"`") {
			t.Errorf("the page lacks %s", outcome)
		}
	}
}

// TestPluginNotLoaded: what docs/troubleshooting.md says of a plugin that cannot be loaded.
func TestPluginNotLoaded(t *testing.T) {
	binary, err := traefik.Build(traefik.Tested[len(traefik.Tested)-1], t.Output())
	if err != nil {
		t.Fatal(err)
	}
	const line = "Plugins are disabled because an error has occurred."
	options := traefik.Options{Binary: binary, Dynamic: "{}", Plugins: map[string]string{"nowhere": t.TempDir()}, Probe: probe}
	instance, err := traefik.Start(options)
	if err == nil {
		instance.Stop()
	}
	if err == nil || !strings.Contains(err.Error(), line) || !strings.Contains(document(t, "troubleshooting.md"), line) {
		t.Errorf("the log or the page lacks %q: %v", line, err)
	}
}
