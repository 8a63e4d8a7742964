package e2e

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNextRoundTrip: the clinic's page is asked for with the path and query that were clicked, byte
// for byte. (A semicolon in a query is not among them: Traefik turns it into an ampersand before
// any middleware unless encodeQuerySemicolons is set.)
func TestNextRoundTrip(t *testing.T) {
	targets := []string{
		"/visits/7",
		"/visits/",
		"/a+b",
		"/a%20b",
		"/caf%C3%A9",
		"/a;b=c",
		"/a:b@c",
		"/a=b&c",
		"/~a_b-c.d",
		"/%E7%8E%8B",
		"/visits?a=b",
		"/visits?a=b&a=c&a=",
		"/visits?a+b=c+d",
		"/visits?a%20b=c%2Bd",
		"/visits?%C3%A9=%E7%8E%8B",
		"/visits?next=/evil&sso_token=x",
		"/visits?a=//b&c=%2F%2Fd",
		"/visits?a=%25&b=%2525",
		"/visits?a=b?c=d",
		"/visits?=&&",
		"/visits?a=%23b",
		"/visits?'()*!$,[]|{}",
		"/visits?a=\\b",
		"/visits?%zz",
	}
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		unlimited := map[string]any{"limits": map[string]any{"signIns": 0}}
		running := start(map[string]map[string]any{"clinic": overlay(b.baseConfig(), unlimited)})
		for _, target := range targets {
			t.Run(target, func(t *testing.T) {
				r := request{path: "/clinic" + target, header: defaultHeaders("traveler")}
				got := running.send(t, "clinic", r)
				require.Equal(t, http.StatusFound, got.status)
				page := html.UnescapeString(land(t, got.header.Get("Location")))
				path, query, hasQuery := strings.Cut(target, "?")
				decoded, err := url.PathUnescape(path) // as the clinic's page shows it
				require.NoError(t, err)
				assert.Contains(t, page, `<dd id="path">`+decoded+"</dd>")
				if hasQuery {
					assert.Contains(t, page, `<dd id="query">`+query+"</dd>")
				}
			})
		}
	})
}
