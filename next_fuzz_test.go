package clinicpass

import (
	"strings"
	"testing"
)

// FuzzLocation holds every address that any request target and any valid configuration can make to the corpus's rules.
// In the interpreter it is only loaded.
func FuzzLocation(f *testing.F) {
	for _, class := range nextClasses(f) {
		for n, payload := range nextPayloads(f, class) {
			config := corpusPortals[n%len(corpusPortals)].config
			f.Add("/clinic"+payload, config.URL, "/providers/dashboard", strings.Join(config.AllowedNext, ","), config.KeepQuery,
				"back", config.AuthParams["back"])
		}
	}
	f.Fuzz(func(t *testing.T, target, portalURL, defaultNext, allowedNext string, keepQuery bool, name, value string) {
		config := PortalConfig{URL: portalURL, DefaultNext: defaultNext, KeepQuery: keepQuery}
		if allowedNext != "" {
			config.AllowedNext = strings.Split(allowedNext, ",")
		}
		if name != "" {
			config.AuthParams = map[string]string{name: value}
		}
		var found problems
		p := newPortal(config, &found)
		if len(found.lines) > 0 {
			return
		}
		if flaw := flawOfTarget(p, target); flaw != "" {
			t.Errorf("request for %q: %s", target, flaw)
		}
		path, query := cutQuery(strings.TrimPrefix(target, "/clinic"))
		if flaw := flawOfNext(p, path, clean(query)); flaw != "" {
			t.Errorf("next(%q, %q): %s", path, query, flaw)
		}
	})
}
