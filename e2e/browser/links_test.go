package browser

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// payloads follow the prefix in links that want to lead somewhere else, or to be read differently by two programs. The
// browser itself changes some of them before it asks, as it would for a person.
var payloads = []string{
	// Another host, in all the ways to write slashes.
	"//evil.example.com", "///evil.example.com", "////evil.example.com/%2e%2e", "/%2Fevil.example.com", "/%2F%2Fevil.example.com",
	"%2F%2Fevil.example.com", "/%252F%252Fevil.example.com", `/\evil.example.com`, `\\evil.example.com`, "/%5Cevil.example.com",
	"/%5C%5Cevil.example.com", "/%2F%5Cevil.example.com", "/%5C/evil.example.com", "/%255Cevil.example.com",
	// Other schemes.
	"/https://evil.example.com", "/https:evil.example.com", "/http%3A%2F%2Fevil.example.com", "/javascript:alert(1)",
	"/javascript%3Aalert(1)", "/data:text/html,x", "/%09javascript:alert(1)", "/blob:http://evil.example.com/x",
	// User information and ports, which would change the host of what stands before them.
	"@evil.example.com", "/@evil.example.com", "/.evil.example.com", "/:80@evil.example.com/", "/%40evil.example.com", ":80#@evil.example.com",
	// Control characters, which browsers drop from addresses.
	"/\t/evil.example.com", "/\n/evil.example.com", "/%09/evil.example.com", "/%0A/evil.example.com", "/%0D%0ALocation:%20http://evil.example.com",
	"/%00/evil.example.com", "/%7F/evil.example.com", "/%C2%85/evil.example.com",
	// Dots.
	"/../evil.example.com", "/..//evil.example.com", "/%2e%2e/%2e%2e/evil.example.com", "/%2e%2e//evil.example.com", "/..;/evil.example.com",
	"/..%2f..%2fevil.example.com", "/x/..%5c..%5cevil.example.com", "/.%09./evil.example.com", "/%252e%252e/evil.example.com",
	// Characters that look like others, or become others in a normalization.
	"/\uff0f\uff0fevil.example.com", "/\u2044evil.example.com", "/\u2215\u2215evil.example.com", "/\uff3cevil.example.com", "/\u3002\u3002/evil.example.com",
	"/evil\u3002example\u3002com", "/\u202e/moc.elpmaxe.live//", "/%EF%BC%8F%EF%BC%8Fevil.example.com", "/%E0%80%AFevil.example.com",
	"/%C0%AF%C0%AFevil.example.com", "/%FF%FE", "/%u002f%u002fevil.example.com", "/\u2028/evil.example.com", "/\ufeff//evil.example.com",
	// In the query and the fragment.
	"/?next=//evil.example.com", "/visits/7?next=https://evil.example.com&sso_token=forged", "?//evil.example.com", "/?%0D%0ALocation:http://evil.example.com",
	"/visits/7#//evil.example.com", "/?x#@evil.example.com", "/visits/7?a=%00%0A%FF", "/visits/7?url=http:\\\\evil.example.com", "/visits/7?a=1;next=//evil.example.com",
	"/visits/7%3Fnext=//evil.example.com", "/visits/7%23@evil.example.com",
	// Broken escapes and sheer length.
	"/%", "/%2", "/%zz", "/" + strings.Repeat("a/", 1500), "/x?" + strings.Repeat("b", 5000),
}

// TestNastyLinks clicks links that an attacker might send. Wherever they lead, it is to the portal or to the clinic, and a
// token goes to the clinic's sign-in only. The simulated clinic is careful with next, so what the browser would make of it
// without that care is asked as well.
func TestNastyLinks(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.signIn(t, jane)
	signIns := 0
	for i, payload := range payloads {
		href := w.portal + clinicPrefix + payload
		name := fmt.Sprintf("links-%d", i)
		path := w.pages.html(name, "", `<p><a id=go href="`+html.EscapeString(href)+`">A link</a></p>`)
		b.visit(t, w.portal+path)
		b.noted()
		b.click(t, "#go")
		b.waitFor(t, fmt.Sprintf("document.readyState === 'complete' && location.pathname !== %q", path))
		asked, _, _ := b.noted()
		asked = append(asked, eval[string](t, b, "location.href"))
		for _, address := range asked {
			if !strings.HasPrefix(address, w.portal+"/") && !strings.HasPrefix(address, w.clinic.URL+"/") {
				t.Errorf("%q leads to %s", payload, address)
			}
			query, atSignIn := strings.CutPrefix(address, w.clinic.Portal()+"auth?")
			if !atSignIn {
				w.holdsNoToken(t, address)
				continue
			}
			values, err := url.ParseQuery(query)
			if _, minted := w.clinic.UserOf(values.Get("sso_token")); err != nil || !minted {
				t.Errorf("%q leads to the clinic's sign-in without a token: %s", payload, address)
			}
			signIns++
			b.checkNext(t, payload, values.Get("next"))
		}
	}
	// Most of them sign in, to a page that does not exist or to the dashboard; otherwise nothing was tested.
	if signIns < len(payloads)/2 {
		t.Errorf("only %d of %d links signed in", signIns, len(payloads))
	}
}

// holdsNoToken fails the test when an address has one of the clinic's tokens in it.
func (w *world) holdsNoToken(t *testing.T, address string) {
	t.Helper()
	for _, token := range w.clinic.Tokens() {
		if strings.Contains(address, token) {
			t.Errorf("a token went to %s", address)
		}
	}
}

// checkNext has the browser resolve next as a page would, against the clinic's address and against its root.
func (b *tab) checkNext(t *testing.T, payload, next string) {
	t.Helper()
	quoted, err := json.Marshal(next)
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{b.world.clinic.Portal(), b.world.clinic.URL} {
		if origin := eval[string](t, b, fmt.Sprintf("new URL(%s, %q).origin", quoted, base)); origin != b.world.clinic.URL {
			t.Errorf("%q becomes next=%q, which a browser takes for %s", payload, next, origin)
		}
	}
	if origin := eval[string](t, b, fmt.Sprintf("new URL(%q + %s).origin", strings.TrimSuffix(b.world.clinic.Portal(), "/"), quoted)); origin != b.world.clinic.URL {
		t.Errorf("%q becomes next=%q, which makes the clinic's address %s", payload, next, origin)
	}
}
