package clinicpass

import (
	"net/url"
	"strings"
	"testing"
)

func testPortal(t *testing.T, change func(c *PortalConfig)) *portal {
	t.Helper()
	c := CreateConfig().Portal
	c.URL = "https://vclinic.vseepreview.com/vc/next"
	if change != nil {
		change(&c)
	}
	var found problems
	p := newPortal(c, &found)
	if len(found.lines) > 0 {
		t.Fatal(found.lines)
	}
	return p
}

func TestNext(t *testing.T) {
	for _, test := range []struct {
		desc, rest, query, want string
		refused                 bool
	}{
		{desc: "nothing", want: "/providers/dashboard"},
		{desc: "slash", rest: "/", want: "/providers/dashboard"},
		{desc: "query only", query: "x=1", want: "/providers/dashboard?x=1"},
		{desc: "path", rest: "/visits/7", want: "/visits/7"},
		{desc: "final slash", rest: "/visits/", want: "/visits/"},
		{desc: "path and query", rest: "/visits/7", query: "a=b&c=%20", want: "/visits/7?a=b&c=%20"},
		{desc: "query with everything", rest: "/v", query: "a=//evil&b=\\&c=;+%00", want: "/v?a=//evil&b=\\&c=;+%00"},
		{desc: "space", rest: "/a%20b", want: "/a%20b"},
		{desc: "unicode", rest: "/caf%C3%A9", want: "/caf%C3%A9"},
		{desc: "raw unicode", rest: "/café", want: "/caf%C3%A9"},
		{desc: "escaped question mark stays a part of the path", rest: "/a%3Fb", want: "/a%3Fb"},
		{desc: "escaped hash stays a part of the path", rest: "/a%23b", want: "/a%23b"},
		{desc: "plus and colon", rest: "/a+b:c@d", want: "/a+b:c@d"},
		{desc: "three dots are a name", rest: "/...", want: "/..."},
		{desc: "double slash", rest: "//evil.example.com", refused: true},
		{desc: "escaped double slash", rest: "/%2Fevil.example.com", refused: true},
		{desc: "double slash inside", rest: "/a/%2F/b", refused: true},
		{desc: "scheme inside", rest: "/https:%2F%2Fevil.example.com", refused: true},
		{desc: "backslash", rest: "/%5Cevil.example.com", refused: true},
		{desc: "raw backslash", rest: "/\\evil.example.com", refused: true},
		{desc: "tab", rest: "/%09/evil.example.com", refused: true},
		{desc: "line break", rest: "/a%0d%0aX:y", refused: true},
		{desc: "null byte", rest: "/%00", refused: true},
		{desc: "delete", rest: "/%7F", refused: true},
		{desc: "C1 control", rest: "/%C2%85", refused: true},
		{desc: "dot segment", rest: "/./a", refused: true},
		{desc: "dot segments", rest: "/a/../../b", refused: true},
		{desc: "escaped dot segments", rest: "/..%2F..%2Fadmin", refused: true},
		{desc: "dot segment at the end", rest: "/a/..", refused: true},
		{desc: "escaped twice", rest: "/%252F%252Fevil", refused: true},
		{desc: "per cent sign", rest: "/100%25", refused: true},
		{desc: "broken escape", rest: "/%zz", refused: true},
		{desc: "not UTF-8", rest: "/%ff%fe", refused: true},
		{desc: "no slash", rest: "evil", refused: true},
		{desc: "too long", rest: "/" + strings.Repeat("a", maxNext), refused: true},
		{desc: "just not too long", rest: "/" + strings.Repeat("a", maxNext-1), want: "/" + strings.Repeat("a", maxNext-1)},
		{desc: "too long a query", rest: "/a", query: strings.Repeat("a", maxNext), refused: true},
	} {
		t.Run(test.desc, func(t *testing.T) {
			want := test.want
			if test.refused {
				want = "/providers/dashboard"
			}
			got, refused := landOn(testPortal(t, nil), test.rest, test.query)
			if got != want || refused != test.refused {
				t.Errorf("next(%q, %q) = %q, %v; want %q, %v", test.rest, test.query, got, refused, want, test.refused)
			}
		})
	}
}

func TestAllowedNext(t *testing.T) {
	p := testPortal(t, func(c *PortalConfig) { c.AllowedNext = []string{"/visits/", " /u/clinic"} })
	for rest, allowed := range map[string]bool{
		"": true, "/": true, "/visits": true, "/visits/": true, "/visits/7": true, "/%76isits/7": true, "/u/clinic": true,
		"/visitsx": false, "/u": false, "/u/clinics": false, "/VISITS": false, "/a/visits": false,
	} {
		if _, refused := landOn(p, rest, ""); refused == allowed {
			t.Errorf("next(%q): refused = %v", rest, refused)
		}
	}
}

// TestLocationIsVSeesExample: the example of VSee's "Provider Side Integration" comes out byte for byte.
func TestLocationIsVSeesExample(t *testing.T) {
	const want = "https://vclinic.vseepreview.com/vc/next/auth?sso_token=66bcd0acff324e8a44992d9596b5d361&next=/providers/dashboard"
	if got := location(testPortal(t, nil), "66bcd0acff324e8a44992d9596b5d361", "/providers/dashboard"); got != want {
		t.Errorf("location = %s\n    want %s", got, want)
	}
}

func TestLocationCarriesNextUnchanged(t *testing.T) {
	p := testPortal(t, func(c *PortalConfig) { c.AuthParams = map[string]string{"z": "1", "disable_navigation": "a b&next=/x"} })
	for _, next := range []string{"/a", "/a%20b", "/a?b=c&next=/evil&sso_token=x", "/a?b=%2F%252F//;+'\"<>", "/caf%C3%A9?é=\xff"} {
		location := location(p, "t&next=/evil", next)
		u, err := url.Parse(location)
		if err != nil || location == "" {
			t.Fatalf("%q: %v, %q", next, err, location)
		}
		q := u.Query()
		if len(q["next"]) != 1 || q.Get("next") != next || q.Get("sso_token") != "t&next=/evil" || q.Get("disable_navigation") != "a b&next=/x" {
			t.Errorf("%q became %s", next, location)
		}
		if !strings.HasSuffix(location, "&disable_navigation=a+b%26next%3D%2Fx&z=1") {
			t.Errorf("the parameters are not in order at the end: %s", location)
		}
	}
}

// TestLocationNoticesAnotherHost: the last check sees what must never be built.
func TestLocationNoticesAnotherHost(t *testing.T) {
	p := testPortal(t, nil)
	for _, address := range []string{
		"https://x@vclinic.vseepreview.com/vc/next/auth",
		"http://vclinic.vseepreview.com/vc/next/auth",
		"https://vclinic.vseepreview.com.example.com/vc/next/auth",
		"https://vclinic.vseepreview.com/vc/auth",
		"https://vclinic.vseepreview.com:x/vc/next/auth",
	} {
		p.address = address
		if location := location(p, "t", "/a"); location != "" {
			t.Errorf("%s passed for safe", location)
		}
	}
}

func TestOwns(t *testing.T) {
	for _, test := range []struct {
		prefix, path, rest string
		owned              bool
	}{
		{"/clinic", "/clinic", "", true},
		{"/clinic", "/clinic/", "/", true},
		{"/clinic", "/clinic/a/b", "/a/b", true},
		{"/clinic", "/%63linic/a", "/a", true},
		{"/clinic", "/clinic/%2Fa", "/%2Fa", true},
		{"/clinic", "/clinicx", "", false},
		{"/clinic", "/clinic%2Fa", "", false},
		{"/care/clinic", "/care/clinic/a", "/a", true},
		{"/care/clinic", "/care", "", false},
		{"/care/clinic", "/care%2Fclinic", "", false},
		{"/care/clinic", "/care%2Fclinic/a", "", false},
	} {
		s := &signIn{prefix: test.prefix, segments: strings.Count(test.prefix, "/")}
		if owned := owns(s, test.path); owned != test.owned {
			t.Errorf("%s owns %s = %v", test.prefix, test.path, owned)
		}
		if rest := rest(s, test.path); test.owned && rest != test.rest {
			t.Errorf("%s: rest of %s = %q, want %q", test.prefix, test.path, rest, test.rest)
		}
	}
}
