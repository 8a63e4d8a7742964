package e2e

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestNextRoundTrip: the clinic's page is asked for with the path and query that were clicked, byte for byte. (A semicolon in
// a query is not among them: Traefik turns it into an ampersand before any middleware unless encodeQuerySemicolons is set.)
func TestNextRoundTrip(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start func(map[string]map[string]any) *running) {
		running := start(map[string]map[string]any{"clinic": overlay(b.baseConfig(), map[string]any{"limits": map[string]any{"signIns": 0}})})
		for _, target := range []string{
			"/visits/7", "/visits/", "/a+b", "/a%20b", "/caf%C3%A9", "/a;b=c", "/a:b@c", "/a=b&c", "/~a_b-c.d", "/%E7%8E%8B",
			"/visits?a=b", "/visits?a=b&a=c&a=", "/visits?a+b=c+d", "/visits?a%20b=c%2Bd", "/visits?%C3%A9=%E7%8E%8B",
			"/visits?next=/evil&sso_token=x", "/visits?a=//b&c=%2F%2Fd", "/visits?a=%25&b=%2525", "/visits?a=b?c=d", "/visits?=&&", "/visits?a=%23b",
			"/visits?'()*!$,[]|{}", "/visits?a=\\b", "/visits?%zz",
		} {
			got := running.send(t, "clinic", request{path: "/clinic" + target, header: defaultHeaders("traveller")})
			if got.status != http.StatusFound {
				t.Errorf("%s: %d", target, got.status)
				continue
			}
			page := html.UnescapeString(land(t, got.header.Get("Location")))
			path, query, hasQuery := strings.Cut(target, "?")
			if !strings.Contains(page, `<dd id="path">`+unescape(t, path)+"</dd>") {
				t.Errorf("%s: another path: %s", target, page)
			}
			if hasQuery && !strings.Contains(page, `<dd id="query">`+query+"</dd>") {
				t.Errorf("%s: another query: %s", target, page)
			}
		}
	})
}

// unescape returns the path as the clinic's page shows it.
func unescape(t *testing.T, path string) string {
	t.Helper()
	decoded, err := url.PathUnescape(path)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}
