package browser

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nastyLinks are what follows the prefix in links that want to lead somewhere else, or to be read
// differently by two programs. The browser itself changes some of them before it asks, as it would
// for a person.
var nastyLinks = []struct {
	desc     string
	payloads []string
}{
	{
		desc: "another host, in all the ways to write slashes",
		payloads: []string{
			"//evil.example.com",
			"///evil.example.com",
			"////evil.example.com/%2e%2e",
			"/%2Fevil.example.com",
			"/%2F%2Fevil.example.com",
			"%2F%2Fevil.example.com",
			"/%252F%252Fevil.example.com",
			`/\evil.example.com`,
			`\\evil.example.com`,
			"/%5Cevil.example.com",
			"/%5C%5Cevil.example.com",
			"/%2F%5Cevil.example.com",
			"/%5C/evil.example.com",
			"/%255Cevil.example.com",
		},
	},
	{
		desc: "other schemes",
		payloads: []string{
			"/https://evil.example.com",
			"/https:evil.example.com",
			"/http%3A%2F%2Fevil.example.com",
			"/javascript:alert(1)",
			"/javascript%3Aalert(1)",
			"/data:text/html,x",
			"/%09javascript:alert(1)",
			"/blob:http://evil.example.com/x",
		},
	},
	{
		// They would change the host of what stands before them.
		desc: "user information and ports",
		payloads: []string{
			"@evil.example.com",
			"/@evil.example.com",
			"/.evil.example.com",
			"/:80@evil.example.com/",
			"/%40evil.example.com",
			":80#@evil.example.com",
		},
	},
	{
		// Browsers drop them from addresses.
		desc: "control characters",
		payloads: []string{
			"/\t/evil.example.com",
			"/\n/evil.example.com",
			"/%09/evil.example.com",
			"/%0A/evil.example.com",
			"/%0D%0ALocation:%20http://evil.example.com",
			"/%00/evil.example.com",
			"/%7F/evil.example.com",
			"/%C2%85/evil.example.com",
		},
	},
	{
		desc: "dots",
		payloads: []string{
			"/../evil.example.com",
			"/..//evil.example.com",
			"/%2e%2e/%2e%2e/evil.example.com",
			"/%2e%2e//evil.example.com",
			"/..;/evil.example.com",
			"/..%2f..%2fevil.example.com",
			"/x/..%5c..%5cevil.example.com",
			"/.%09./evil.example.com",
			"/%252e%252e/evil.example.com",
		},
	},
	{
		desc: "characters that look like others, or become others in a normalization",
		payloads: []string{
			"/\uff0f\uff0fevil.example.com",
			"/\u2044evil.example.com",
			"/\u2215\u2215evil.example.com",
			"/\uff3cevil.example.com",
			"/\u3002\u3002/evil.example.com",
			"/evil\u3002example\u3002com",
			"/\u202e/moc.elpmaxe.live//",
			"/%EF%BC%8F%EF%BC%8Fevil.example.com",
			"/%E0%80%AFevil.example.com",
			"/%C0%AF%C0%AFevil.example.com",
			"/%FF%FE",
			"/%u002f%u002fevil.example.com",
			"/\u2028/evil.example.com",
			"/\ufeff//evil.example.com",
		},
	},
	{
		desc: "in the query and the fragment",
		payloads: []string{
			"/?next=//evil.example.com",
			"/visits/7?next=https://evil.example.com&sso_token=forged",
			"?//evil.example.com",
			"/?%0D%0ALocation:http://evil.example.com",
			"/visits/7#//evil.example.com",
			"/?x#@evil.example.com",
			"/visits/7?a=%00%0A%FF",
			"/visits/7?url=http:\\\\evil.example.com",
			"/visits/7?a=1;next=//evil.example.com",
			"/visits/7%3Fnext=//evil.example.com",
			"/visits/7%23@evil.example.com",
		},
	},
	{
		desc: "broken escapes and sheer length",
		payloads: []string{
			"/%",
			"/%2",
			"/%zz",
			"/" + strings.Repeat("a/", 1500),
			"/x?" + strings.Repeat("b", 5000),
		},
	},
}

// TestNastyLinks clicks links that an attacker might send. Wherever they lead, it is to the portal
// or to the clinic, and a token goes to the clinic's sign-in only. The simulated clinic is careful
// with next, so what the browser would make of it without that care is asked as well.
func TestNastyLinks(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.signIn(t, jane)
	links, signIns := 0, 0
	for _, row := range nastyLinks {
		t.Run(row.desc, func(t *testing.T) {
			for _, payload := range row.payloads {
				links++
				signIns += b.clickLink(t, fmt.Sprintf("links-%d", links), payload)
			}
		})
	}
	// Most of them sign in, to a page that does not exist or to the dashboard; otherwise nothing
	// was tested.
	assert.GreaterOrEqual(t, signIns, links/2, "sign-ins of %d links", links)
}

// clickLink clicks a link with the payload on a page of the given name, checks where it leads, and
// returns how many sign-ins that were.
func (b *tab) clickLink(t *testing.T, name, payload string) int {
	t.Helper()
	w := b.world
	href := w.portal + clinicPrefix + payload
	body := `<p><a id=go href="` + html.EscapeString(href) + `">A link</a></p>`
	path := w.pages.html(name, "", body)
	b.visit(t, w.portal+path)
	b.noted()
	b.click(t, "#go")
	const elsewhere = "document.readyState === 'complete' && location.pathname !== %q"
	b.waitFor(t, fmt.Sprintf(elsewhere, path))
	asked, _, _ := b.noted()
	asked = append(asked, eval[string](t, b, "location.href"))
	ours := "^(" + regexp.QuoteMeta(w.portal) + "|" + regexp.QuoteMeta(w.clinic.URL) + ")/"
	signIns := 0
	for _, address := range asked {
		assert.Regexp(t, ours, address, "%q leads elsewhere", payload)
		query, atSignIn := strings.CutPrefix(address, w.clinic.Portal()+"auth?")
		if !atSignIn {
			w.holdsNoToken(t, address)
			continue
		}
		values, err := url.ParseQuery(query)
		assert.NoError(t, err, "%q leads to %s", payload, address)
		_, minted := w.clinic.UserOf(values.Get("sso_token"))
		assert.True(t, minted, "%q leads without a token to %s", payload, address)
		signIns++
		b.checkNext(t, payload, values.Get("next"))
	}
	return signIns
}

// holdsNoToken fails the test when an address has one of the clinic's tokens in it.
func (w *world) holdsNoToken(t *testing.T, address string) {
	t.Helper()
	for _, token := range w.clinic.Tokens() {
		assert.NotContains(t, address, token)
	}
}

// checkNext has the browser resolve next as a page would: against the clinic's address, against its
// root, and behind the address.
func (b *tab) checkNext(t *testing.T, payload, next string) {
	t.Helper()
	quoted, err := json.Marshal(next)
	require.NoError(t, err)
	address := b.world.clinic.Portal()
	for _, expression := range []string{
		fmt.Sprintf("new URL(%s, %q).origin", quoted, address),
		fmt.Sprintf("new URL(%s, %q).origin", quoted, b.world.clinic.URL),
		fmt.Sprintf("new URL(%q + %s).origin", strings.TrimSuffix(address, "/"), quoted),
	} {
		assert.Equal(t, b.world.clinic.URL, eval[string](t, b, expression),
			"%q becomes %s", payload, shortened(expression))
	}
}
