package portal

import (
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/request"
)

// testPortal returns VSee's example with the change.
func testPortal(t testing.TB, change func(c *config.Portal)) *Portal {
	t.Helper()
	c := config.Default().Portal
	c.URL = "https://vclinic.vseepreview.com/vc/next"
	if change != nil {
		change(&c)
	}
	p := &config.Problems{}
	to := Parse(c, p)
	require.Empty(t, p.Lines)
	return to
}

// clinicPrefix is the prefix of all requests in these tests.
func clinicPrefix() *request.Prefix {
	prefix := request.ParsePrefix("/clinic", &config.Problems{})
	return &prefix
}

// landOn is Land for the rest of a path after the prefix, in the form that net/http provides. It
// treats invalid escapes, which net/http refuses, as letters.
func landOn(to *Portal, below, query string) (string, bool) {
	path, err := url.PathUnescape(below)
	if err != nil {
		path = below
	}
	asked := &url.URL{Path: "/clinic" + path, RawQuery: query}
	if asked.EscapedPath() != "/clinic"+below {
		asked.RawPath = "/clinic" + below
	}
	return Land(to, clinicPrefix(), asked)
}

func TestNext(t *testing.T) {
	long := strings.Repeat("a", config.MaxPath)
	for _, row := range []struct {
		desc, below, query, want string
		refused                  bool
	}{
		{desc: "nothing", want: "/providers/dashboard"},
		{desc: "slash", below: "/", want: "/providers/dashboard"},
		{desc: "query only", query: "x=1", want: "/providers/dashboard?x=1"},
		{desc: "path", below: "/visits/7", want: "/visits/7"},
		{desc: "final slash", below: "/visits/", want: "/visits/"},
		{
			desc:  "path and query",
			below: "/visits/7",
			query: "a=b&c=%20",
			want:  "/visits/7?a=b&c=%20",
		},
		{
			desc:  "query with everything",
			below: "/v",
			query: "a=//evil&b=\\&c=;+%00",
			want:  "/v?a=//evil&b=\\&c=;+%00",
		},
		{desc: "space", below: "/a%20b", want: "/a%20b"},
		{desc: "unicode", below: "/caf%C3%A9", want: "/caf%C3%A9"},
		{desc: "raw unicode", below: "/café", want: "/caf%C3%A9"},
		{desc: "escaped question mark stays a part of the path", below: "/a%3Fb", want: "/a%3Fb"},
		{desc: "escaped hash stays a part of the path", below: "/a%23b", want: "/a%23b"},
		{desc: "plus and colon", below: "/a+b:c@d", want: "/a+b:c@d"},
		{desc: "three dots are a name", below: "/...", want: "/..."},
		{desc: "double slash", below: "//evil.example.com", refused: true},
		{desc: "escaped double slash", below: "/%2Fevil.example.com", refused: true},
		{desc: "double slash inside", below: "/a/%2F/b", refused: true},
		{desc: "scheme inside", below: "/https:%2F%2Fevil.example.com", refused: true},
		{desc: "backslash", below: "/%5Cevil.example.com", refused: true},
		{desc: "raw backslash", below: "/\\evil.example.com", refused: true},
		{desc: "tab", below: "/%09/evil.example.com", refused: true},
		{desc: "line break", below: "/a%0d%0aX:y", refused: true},
		{desc: "null byte", below: "/%00", refused: true},
		{desc: "delete", below: "/%7F", refused: true},
		{desc: "C1 control", below: "/%C2%85", refused: true},
		{desc: "dot segment", below: "/./a", refused: true},
		{desc: "dot segments", below: "/a/../../b", refused: true},
		{desc: "escaped dot segments", below: "/..%2F..%2Fadmin", refused: true},
		{desc: "dot segment at the end", below: "/a/..", refused: true},
		{desc: "escaped twice", below: "/%252F%252Fevil", refused: true},
		{desc: "per cent sign", below: "/100%25", refused: true},
		{desc: "broken escape", below: "/%zz", refused: true},
		{desc: "not UTF-8", below: "/%ff%fe", refused: true},
		{desc: "no slash", below: "evil", refused: true},
		{desc: "too long", below: "/" + long, refused: true},
		{desc: "just not too long", below: "/" + long[1:], want: "/" + long[1:]},
		{desc: "too long a query", below: "/a", query: long, refused: true},
		{desc: "query after a refused path", below: "//evil", query: "a=b", refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			want := row.want
			if row.refused {
				want = "/providers/dashboard"
			}
			next, refused := landOn(testPortal(t, nil), row.below, row.query)
			assert.Equal(t, want, next)
			assert.Equal(t, row.refused, refused)
		})
	}
}

func TestAllowedNext(t *testing.T) {
	to := testPortal(t, func(c *config.Portal) {
		c.AllowedNext = []string{"/visits/", " /u/clinic"}
	})
	for _, row := range []struct {
		desc, below string
		allowed     bool
	}{
		{desc: "nothing", below: "", allowed: true},
		{desc: "slash", below: "/", allowed: true},
		{desc: "prefix", below: "/visits", allowed: true},
		{desc: "prefix and slash", below: "/visits/", allowed: true},
		{desc: "below a prefix", below: "/visits/7", allowed: true},
		{desc: "escaped letter", below: "/%76isits/7", allowed: true},
		{desc: "prefix of two segments", below: "/u/clinic", allowed: true},
		{desc: "longer segment", below: "/visitsx"},
		{desc: "above a prefix", below: "/u"},
		{desc: "longer second segment", below: "/u/clinics"},
		{desc: "other case", below: "/VISITS"},
		{desc: "prefix inside", below: "/a/visits"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, refused := landOn(to, row.below, "")
			assert.Equal(t, !row.allowed, refused)
		})
	}
}

// TestDefaultNextIsEscaped if it replaces another page.
func TestDefaultNextIsEscaped(t *testing.T) {
	to := testPortal(t, func(c *config.Portal) { c.DefaultNext = "/café 1" })
	for _, below := range []string{"", "/", "//evil.example.com"} {
		next, _ := landOn(to, below, "")
		assert.Equal(t, "/caf%C3%A9%201", next, below)
	}
}

func TestParse(t *testing.T) {
	for _, row := range []struct {
		desc, want string
		change     func(c *config.Portal)
	}{
		{
			desc:   "no address",
			change: func(c *config.Portal) { c.URL = "" },
			want:   "portal.url: ",
		},
		{
			desc:   "default page elsewhere",
			change: func(c *config.Portal) { c.DefaultNext = "https://evil.example.com" },
			want:   "portal.defaultNext: ",
		},
		{
			desc:   "default page with a query",
			change: func(c *config.Portal) { c.DefaultNext = "/a?b" },
			want:   "portal.defaultNext: ",
		},
		{
			desc:   "default page with a fragment",
			change: func(c *config.Portal) { c.DefaultNext = "/a#b" },
			want:   "portal.defaultNext: ",
		},
		{
			desc:   "allowed page that is no path",
			change: func(c *config.Portal) { c.AllowedNext = []string{"/a", "visits"} },
			want:   `portal.allowedNext: "visits"`,
		},
		{
			desc:   "another token",
			change: func(c *config.Portal) { c.AuthParams = map[string]string{"sso_token": "x"} },
			want:   `portal.authParams: "sso_token"`,
		},
		{
			desc:   "another page",
			change: func(c *config.Portal) { c.AuthParams = map[string]string{"next": "/x"} },
			want:   `portal.authParams: "next"`,
		},
		{
			desc:   "parameter without a name",
			change: func(c *config.Portal) { c.AuthParams = map[string]string{"": "/x"} },
			want:   `portal.authParams: ""`,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default().Portal
			c.URL = "https://portal.example.com/"
			row.change(&c)
			p := &config.Problems{}
			Parse(c, p)
			require.Len(t, p.Lines, 1)
			assert.Contains(t, p.Lines[0], row.want)
		})
	}
}

// TestLocationIsVSeesExample, the one in "Provider Side Integration", byte for byte.
func TestLocationIsVSeesExample(t *testing.T) {
	const want = "https://vclinic.vseepreview.com/vc/next/auth" +
		"?sso_token=66bcd0acff324e8a44992d9596b5d361&next=/providers/dashboard"
	to := testPortal(t, nil)
	assert.Equal(t, want, Location(to, "66bcd0acff324e8a44992d9596b5d361", "/providers/dashboard"))
}

func TestLocationCarriesNextUnchanged(t *testing.T) {
	to := testPortal(t, func(c *config.Portal) {
		c.AuthParams = map[string]string{"z": "1", "disable_navigation": "a b&next=/x"}
	})
	for _, row := range []struct{ desc, next string }{
		{desc: "path", next: "/a"},
		{desc: "escaped space", next: "/a%20b"},
		{desc: "query with our parameters", next: "/a?b=c&next=/evil&sso_token=x"},
		{desc: "query with everything", next: "/a?b=%2F%252F//;+'\"<>"},
		{desc: "raw bytes", next: "/caf%C3%A9?é=\xff"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			location := Location(to, "t&next=/evil", row.next)
			require.NotEmpty(t, location)
			u, err := url.Parse(location)
			require.NoError(t, err)
			query := u.Query()
			assert.Equal(t, []string{row.next}, query["next"])
			assert.Equal(t, "t&next=/evil", query.Get("sso_token"))
			assert.Equal(t, "a b&next=/x", query.Get("disable_navigation"))
			assert.Regexp(t, `&disable_navigation=a\+b%26next%3D%2Fx&z=1$`, location,
				"the parameters are not in order at the end")
		})
	}
}

// TestLocationCarriesTokenUnchanged: package vsee accepts visible ASCII as a token.
func TestLocationCarriesTokenUnchanged(t *testing.T) {
	to := testPortal(t, nil)
	visible := ""
	for c := '!'; c <= '~'; c++ {
		visible += string(c)
	}
	for _, row := range []struct{ desc, token string }{
		{desc: "hexadecimal", token: "66bcd0acff324e8a44992d9596b5d361"},
		{desc: "signed", token: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln-_~"},
		{desc: "base64", token: "a+b/c=="},
		{desc: "parameters", token: "t&next=/evil"},
		{desc: "escape", token: "t%26next"},
		{desc: "fragment", token: "t#u"},
		{desc: "every visible character", token: visible},
	} {
		t.Run(row.desc, func(t *testing.T) {
			location := Location(to, row.token, "/a")
			require.NotEmpty(t, location)
			u, err := url.Parse(location)
			require.NoError(t, err)
			assert.Equal(t, []string{row.token}, u.Query()["sso_token"])
			assert.Equal(t, []string{"/a"}, u.Query()["next"])
		})
	}
}

// TestLocationRefusesToken that package vsee would not accept either.
func TestLocationRefusesToken(t *testing.T) {
	to := testPortal(t, nil)
	for _, row := range []struct{ desc, token string }{
		{desc: "none"},
		{desc: "space", token: "a b"},
		{desc: "line break", token: "t\r\nX-Evil: 1"},
		{desc: "null byte", token: "t\x00"},
		{desc: "letter outside ASCII", token: "é"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Empty(t, Location(to, row.token, "/a"))
		})
	}
}

// TestLocationNoticesAnotherHost: the last check refuses an address of another host.
func TestLocationNoticesAnotherHost(t *testing.T) {
	for _, row := range []struct{ desc, address string }{
		{desc: "user", address: "https://x@vclinic.vseepreview.com/vc/next/auth"},
		{desc: "scheme", address: "http://vclinic.vseepreview.com/vc/next/auth"},
		{desc: "longer host", address: "https://vclinic.vseepreview.com.example.com/vc/next/auth"},
		{desc: "path", address: "https://vclinic.vseepreview.com/vc/auth"},
		{desc: "port", address: "https://vclinic.vseepreview.com:x/vc/next/auth"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			to := testPortal(t, nil)
			require.NotEmpty(t, Location(to, "t", "/a"))
			to.address = row.address + "?sso_token="
			assert.Empty(t, Location(to, "t", "/a"))
		})
	}
}

// TestShape: the pattern accepts only the portal's auth page with its parameters.
func TestShape(t *testing.T) {
	const (
		host   = "vclinic.vseepreview.com"
		origin = "https://" + host
		rest   = "/vc/next/auth?sso_token=t&next=/a"
		auth   = origin + "/vc/next/auth"
		good   = origin + rest
	)
	plain := testPortal(t, nil)
	with := testPortal(t, func(c *config.Portal) {
		c.AuthParams = map[string]string{"back": "/x"}
	})
	const next = "&next=/a/b%3Fc%3D%2520+~._-/"
	require.True(t, plain.shape.MatchString(good))
	require.True(t, plain.shape.MatchString(auth+"?sso_token=aZ09~._-"+next))
	require.True(t, plain.escaped.MatchString(auth+"?sso_token=aZ09%26~._-"+next))
	require.True(t, with.shape.MatchString(good+"&back=%2Fx"))
	require.True(t, with.escaped.MatchString(good+"&back=%2Fx"))
	require.False(t, plain.shape.MatchString(auth+"?sso_token=%26&next=/a"), "escape in a token")
	for _, row := range []struct{ desc, location string }{
		{desc: "nothing"},
		{desc: "another host", location: "https://evil.example.com" + rest},
		{desc: "longer host", location: origin + ".example.com" + rest},
		{desc: "dot for any letter", location: "https://vclinicxvseepreview.com" + rest},
		{desc: "host in capitals", location: "https://VCLINIC.vseepreview.com" + rest},
		{desc: "port", location: origin + ":444" + rest},
		{desc: "user", location: "https://u@" + host + rest},
		{desc: "user and password", location: "https://u:p@" + host + rest},
		{desc: "portal as a user", location: origin + "@evil.example.com" + rest},
		{desc: "another scheme", location: "http://" + host + rest},
		{desc: "script", location: "javascript:" + good},
		{desc: "no scheme", location: "//" + host + rest},
		{desc: "another path", location: origin + "/vc/auth?sso_token=t&next=/a"},
		{desc: "longer path", location: auth + "x?sso_token=t&next=/a"},
		{desc: "below the path", location: auth + "/..?sso_token=t&next=/a"},
		{desc: "something before", location: "x" + good},
		{desc: "space before", location: " " + good},
		{desc: "line break before", location: "\n" + good},
		{desc: "line before", location: "https://evil.example.com/\n" + good},
		{desc: "parameter before", location: auth + "?a=b&sso_token=t&next=/a"},
		{desc: "parameter between", location: auth + "?sso_token=t&a=b&next=/a"},
		{desc: "parameter after", location: good + "&a=b"},
		{desc: "second next", location: good + "&next=/b"},
		{desc: "second token", location: good + "&sso_token=u"},
		{desc: "semicolon", location: good + ";a=b"},
		{desc: "equals sign", location: good + "=b"},
		{desc: "fragment", location: good + "#b"},
		{desc: "question mark", location: good + "?b"},
		{desc: "no token", location: auth + "?sso_token=&next=/a"},
		{desc: "slash in the token", location: auth + "?sso_token=/&next=/a"},
		{desc: "no next", location: auth + "?sso_token=t"},
		{desc: "empty next", location: auth + "?sso_token=t&next="},
		{desc: "next without slash", location: auth + "?sso_token=t&next=a"},
		{desc: "next with a scheme", location: auth + "?sso_token=t&next=https://example.com/"},
		{desc: "next with a colon", location: auth + "?sso_token=t&next=/a:b"},
		{desc: "next with a user", location: auth + "?sso_token=t&next=/a@b"},
		{desc: "backslash", location: auth + `?sso_token=t&next=/\evil.example.com`},
		{desc: "line break at the end", location: good + "\n"},
		{desc: "line break in next", location: good + "\r\nSet-Cookie"},
		{desc: "line break in the token", location: auth + "?sso_token=t\n&next=/a"},
		{desc: "line after", location: good + "\nhttps://evil.example.com/"},
		{desc: "tab", location: good + "\t"},
		{desc: "null byte", location: good + "\x00"},
		{desc: "space", location: good + " "},
		{desc: "letter outside ASCII", location: good + "é"},
		{desc: "quote", location: good + `"`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.False(t, plain.shape.MatchString(row.location), row.location)
			assert.False(t, plain.escaped.MatchString(row.location), row.location)
			location := row.location + "&back=%2Fx"
			assert.False(t, with.shape.MatchString(location), location)
			assert.False(t, with.escaped.MatchString(location), location)
		})
	}
	for _, row := range []struct{ desc, location string }{
		{desc: "parameter of the configuration is missing", location: good},
		{desc: "it has another value", location: good + "&back=%2Fy"},
		{desc: "it comes twice", location: good + "&back=%2Fx&back=%2Fx"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.False(t, with.shape.MatchString(row.location), row.location)
			assert.False(t, with.escaped.MatchString(row.location), row.location)
		})
	}
}

// TestOnePass: the patterns in every sign-in are one-pass, which makes them 2.5 times as fast.
func TestOnePass(t *testing.T) {
	assert.True(t, onePass(t, ordinaryPath), ordinaryPath.String())
	require.False(t, onePass(t, regexp.MustCompile(`^a*a*$`)), "the check sees no difference")
	for _, row := range corpusPortals {
		t.Run(row.desc, func(t *testing.T) {
			to := corpusPortal(t, row.config)
			assert.True(t, onePass(t, to.shape), to.shape.String())
			assert.True(t, onePass(t, to.escaped), to.escaped.String())
		})
	}
}

// onePass reads a private field of the regexp package.
func onePass(t *testing.T, pattern *regexp.Regexp) bool {
	t.Helper()
	field := reflect.ValueOf(pattern).Elem().FieldByName("onepass")
	require.True(t, field.IsValid(), "regexp.Regexp has no field onepass any more")
	return !field.IsNil()
}
