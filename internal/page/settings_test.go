package page

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// TestContactLanguage: the label of a link is in the page's language.
func TestContactLanguage(t *testing.T) {
	pages := testPages(t, "https://example.com/help")
	for tag, want := range map[string]string{
		"en": ">IT help desk</a>",
		"es": ">Soporte informático</a>",
		"vi": ">Bộ phận hỗ trợ CNTT</a>",
	} {
		t.Run(tag, func(t *testing.T) {
			result := &outcome.Result{Outcome: outcome.NoIdentity}
			body := get(pages, result, "Accept-Language", tag).Body.String()
			assert.Contains(t, body, want)
			assert.NotContains(t, body, ">https:")
		})
	}
}

func TestHome(t *testing.T) {
	for _, row := range []struct{ desc, home, want string }{
		{desc: "default", home: config.Default().Pages.Home, want: "/"},
		{desc: "path", home: "/portal/start", want: "/portal/start"},
		{desc: "quotes", home: `/"><b>`, want: "/%22%3e%3cb%3e"},
		{
			desc: "address",
			home: "https://portal.example.com",
			want: "https://portal.example.com",
		},
		{desc: "this machine", home: "http://127.0.0.1:8080/x", want: "http://127.0.0.1:8080/x"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			c.Pages.Home = row.home
			pages := parsed(t, c)
			for name, label := range map[outcome.Outcome]string{
				outcome.NotAllowed: "Back to the portal",
				outcome.NoIdentity: "Go to the portal and sign in",
			} {
				body := get(pages, &outcome.Result{Outcome: name}, "Accept", "").Body.String()
				assert.Contains(t, body, `<a href="`+row.want+`" target="_top">`+label+"</a>")
			}
		})
	}
}

func TestHomeRefused(t *testing.T) {
	const plain = "must be a plain path such as /portal, without //, \\, %, . or .. segments"
	for _, row := range []struct{ desc, home, want string }{
		{desc: "nothing", home: "", want: plain},
		{desc: "no slash", home: "portal", want: plain},
		{desc: "another host", home: "//example.com", want: plain},
		{desc: "backslash", home: `/\example.com`, want: plain},
		{desc: "dots", home: "/a/../b", want: plain},
		{desc: "escape", home: "/%2f/", want: plain},
		{desc: "tab", home: "/\t/example.com", want: plain},
		{desc: "line break", home: "/a\nb", want: plain},
		{desc: "script", home: "javascript:alert(1)", want: plain},
		{desc: "data", home: "data:text/html,x", want: plain},
		{desc: "address without slashes", home: "https:portal.example.com", want: plain},
		{desc: "script with slashes", home: "javascript://a/%0aalert(1)", want: "must be https"},
		{desc: "http", home: "http://portal.example.com/", want: "must be https"},
		{desc: "user", home: "https://a:b@portal.example.com/", want: "must have no user"},
		{desc: "backslash in a host", home: `https://a\b.example.com/`, want: "is not an address"},
		{desc: "no host", home: "https:///portal", want: "is not an address"},
		{desc: "space before", home: " https://portal.example.com", want: "is not an address"},
		{desc: "control in an address", home: "https://a.example.com/\n", want: "is not an address"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			c.Pages.Home = row.home
			p := &config.Problems{}
			Parse(c, p)
			require.Len(t, p.Lines, 1)
			assert.Contains(t, p.Lines[0], "pages.home: "+row.want)
		})
	}
}

func TestContact(t *testing.T) {
	for _, row := range []struct{ desc, contact, want string }{
		{desc: "nothing"},
		{desc: "spaces", contact: "  "},
		{
			desc:    "text",
			contact: "IT support, room 5",
			want:    "<p>Contact: IT support, room 5</p>",
		},
		{
			desc:    "text with a colon",
			contact: "Phone: 555-0100",
			want:    "<p>Contact: Phone: 555-0100</p>",
		},
		{
			desc:    "telephone",
			contact: "tel:555-0100",
			want:    `<p>Contact: <a href="tel:555-0100" target="_top">555-0100</a></p>`,
		},
		{
			desc:    "e-mail",
			contact: " mailto:it@example.com?cc=x ",
			want: `<p>Contact: ` +
				`<a href="mailto:it@example.com?cc=x" target="_top">it@example.com</a></p>`,
		},
		{
			desc:    "link",
			contact: "https://example.com/help?a=b&c",
			want: `<p>Contact: ` +
				`<a href="https://example.com/help?a=b&amp;c" target="_top">IT help desk</a></p>`,
		},
		{
			desc:    "link with a label",
			contact: "Service desk & co <https://example.com/help>",
			want: `<p>Contact: ` +
				`<a href="https://example.com/help" target="_top">Service desk &amp; co</a></p>`,
		},
		{
			desc:    "telephone with a label",
			contact: "Service desk, 7 to 19<tel:555-0100>",
			want: `<p>Contact: ` +
				`<a href="tel:555-0100" target="_top">Service desk, 7 to 19</a></p>`,
		},
		{
			desc:    "e-mail in brackets",
			contact: "<mailto:it@example.com>",
			want: `<p>Contact: ` +
				`<a href="mailto:it@example.com" target="_top">it@example.com</a></p>`,
		},
		{
			desc:    "text in brackets",
			contact: "IT support <room 5>",
			want:    `<p>Contact: IT support &lt;room 5&gt;</p>`,
		},
		{
			desc:    "the longest text",
			contact: strings.Repeat("x", 200),
			want:    "<p>Contact: " + strings.Repeat("x", 200) + "</p>",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			result := &outcome.Result{Outcome: outcome.NoIdentity}
			body := get(testPages(t, row.contact), result, "Accept", "text/html").Body.String()
			if row.want == "" {
				assert.NotContains(t, body, "Contact")
			} else {
				assert.Contains(t, body, row.want)
			}
		})
	}
}

func TestContactRefused(t *testing.T) {
	for _, row := range []struct{ desc, contact, want string }{
		{desc: "two lines", contact: "IT\nsupport", want: "must be one line"},
		{desc: "too long", contact: strings.Repeat("x", 201), want: "must be one line"},
		{desc: "no address", contact: "mailto:", want: "is not a complete link"},
		{desc: "no number", contact: "tel:?x", want: "is not a complete link"},
		{desc: "space in a link", contact: "https://example.com/ a", want: "is not a complete"},
		{
			desc:    "space in a link with a label",
			contact: "IT <https://example.com/ a>",
			want:    "is not a complete",
		},
		{
			desc:    "nothing in a link with a label",
			contact: "IT <mailto:>",
			want:    "is not a complete",
		},
		{
			desc:    "brackets in a link",
			contact: "https://example.com/<x",
			want:    "is not a complete",
		},
		{
			desc:    "script with a label",
			contact: "IT <javascript:alert(1)>",
			want:    "must be a text or a mailto:",
		},
		{
			desc:    "http with a label",
			contact: "IT <http://example.com>",
			want:    "must be a text or a mailto:",
		},
		{desc: "http", contact: "http://example.com/help", want: "must be a text or a mailto:"},
		{desc: "script", contact: "javascript:alert(1)", want: "must be a text or a mailto:"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			c.Pages.Contact = row.contact
			p := &config.Problems{}
			Parse(c, p)
			require.Len(t, p.Lines, 1)
			assert.Contains(t, p.Lines[0], "pages.contact: "+row.want)
		})
	}
}
