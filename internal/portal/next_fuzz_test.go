package portal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clinicpass/clinicpass/internal/config"
)

// FuzzLocation checks the corpus's rules for any request target and any valid configuration. Yaegi
// only loads it.
func FuzzLocation(f *testing.F) {
	for _, class := range nextClasses(f) {
		for n, payload := range nextPayloads(f, class) {
			c := corpusPortals[n%len(corpusPortals)].config
			f.Add("/clinic"+payload, c.URL, "/providers/dashboard",
				strings.Join(c.AllowedNext, ","), c.KeepQuery, "back", c.AuthParams["back"])
		}
	}
	f.Fuzz(func(
		t *testing.T, target, portalURL, defaultNext, allowedNext string, keepQuery bool,
		name, value string,
	) {
		c := config.Portal{URL: portalURL, DefaultNext: defaultNext, KeepQuery: keepQuery}
		if allowedNext != "" {
			c.AllowedNext = strings.Split(allowedNext, ",")
		}
		if name != "" {
			c.AuthParams = map[string]string{name: value}
		}
		p := &config.Problems{}
		to := Parse(c, p)
		if len(p.Lines) > 0 {
			return
		}
		assert.Empty(t, flawOfTarget(to, target), "request for %q", target)
		path, query := cutQuery(strings.TrimPrefix(target, "/clinic"))
		query = clean(query)
		assert.Empty(t, flawOfNext(to, path, query), "path %q, query %q", path, query)
		next, refused := landOn(to, path, query)
		unguard(t)
		slowly, alsoRefused := landOn(to, path, query)
		assert.Equal(t, slowly, next, "path %q, query %q", path, query)
		assert.Equal(t, alsoRefused, refused, "path %q, query %q", path, query)
	})
}
