package clinicpass

import (
	"net/http"
	"strings"
	"testing"
)

func testReader(t *testing.T, c IdentityConfig) *identityReader {
	t.Helper()
	if c.Encoding == "" {
		c.Encoding = encodingAuto
	}
	var found problems
	r := newIdentityReader(c, &found)
	if len(found.lines) > 0 {
		t.Fatal(found.lines)
	}
	return r
}

func TestIdentityValues(t *testing.T) {
	for _, test := range []struct {
		desc, encoding, raw, want string
		refused                   bool // as whatever
		badID                     bool // as an id only
	}{
		{desc: "ASCII", raw: "jdoe", want: "jdoe"},
		{desc: "blanks around", raw: "  jdoe ", want: "jdoe", badID: true},
		{desc: "another blank behind", raw: "jdoe\u00a0", want: "jdoe", badID: true},
		{desc: "an encoded blank before", encoding: encodingPercent, raw: "%20jdoe", want: "jdoe", badID: true},
		{desc: "a blank inside", raw: "jane doe", want: "jane doe"},
		{desc: "UTF-8", raw: "José", want: "José"},
		{desc: "Latin-1", raw: "Jos\xe9", want: "José"},
		{desc: "RFC 2047 Q", raw: "=?utf-8?q?Jos=C3=A9?=", want: "José"},
		{desc: "RFC 2047 B", raw: "=?UTF-8?B?Sm9zw6k=?=", want: "José"},
		{desc: "RFC 2047 in two words", raw: "=?utf-8?q?Jos=C3=A9?= =?utf-8?q?_Doe?=", want: "José Doe"},
		{desc: "RFC 2047 with a line break", raw: "=?utf-8?q?a=0Ab?=", refused: true},
		{desc: "RFC 2047 in an unknown charset", raw: "=?klingon?q?a?=", refused: true},
		{desc: "escapes mean nothing in auto", raw: "100%41", want: "100%41"},
		{desc: "percent", encoding: encodingPercent, raw: "Jos%C3%A9+x", want: "José+x"},
		{desc: "broken percent", encoding: encodingPercent, raw: "100%", refused: true},
		{desc: "percent that is not UTF-8", encoding: encodingPercent, raw: "%ff", refused: true},
		{desc: "encoded line break", encoding: encodingPercent, raw: "a%0Ab", refused: true},
		{desc: "tab", raw: "a\tb", refused: true},
		{desc: "delete", raw: "a\x7fb", refused: true},
		{desc: "C1 control in Latin-1", raw: "a\x85b", refused: true},
		{desc: "just not too long", raw: strings.Repeat("x", maxIdentityValue), want: strings.Repeat("x", maxIdentityValue)},
		{desc: "too long", raw: strings.Repeat("x", maxIdentityValue+1), refused: true},
	} {
		r := testReader(t, IdentityConfig{Headers: HeadersConfig{ID: "X-User", Name: "X-Name"}, Encoding: test.encoding})
		for _, header := range []string{"X-User", "X-Name"} {
			h := http.Header{"X-User": {"u-17"}}
			h[header] = []string{test.raw}
			who, refused, why := readFrom(r, &http.Request{Header: h})
			got := who.id
			want, wantRefused := test.want, test.refused
			if header == "X-Name" {
				got = who.name
			} else if test.badID || strings.HasPrefix(test.raw, "=?") { // no way to write somebody else's id
				want = ""
				wantRefused = true
			}
			if wantRefused != (refused == identityRefused) || got != want {
				t.Errorf("%s in %s: %q, %q, want %q", test.desc, header, got, refused, want)
			}
			if wantRefused && (!strings.Contains(why, header) || strings.Contains(why, test.raw)) {
				t.Errorf("%s: the reason must name the header and not quote it: %s", test.desc, why)
			}
		}
	}
}

func TestIdentityHeaders(t *testing.T) {
	for _, test := range []struct {
		desc    string
		header  http.Header
		refused string
		id      string
	}{
		{"as configured, as Traefik's basicAuth writes it", http.Header{"X-WebAuth-User": {"jdoe"}}, "", "jdoe"},
		{"canonical", http.Header{"X-Webauth-User": {"jdoe"}}, "", "jdoe"},
		{"both", http.Header{"X-WebAuth-User": {"jdoe"}, "X-Webauth-User": {"evil"}}, identityRefused, ""},
		{"a third case", http.Header{"X-WEBAUTH-USER": {"evil"}}, identityRefused, ""},
		{"two lines", http.Header{"X-Webauth-User": {"jdoe", "jdoe"}}, identityRefused, ""},
		{"two lines, one of them empty", http.Header{"X-Webauth-User": {"", "jdoe"}}, identityRefused, ""},
		{"underscore", http.Header{"X-Webauth-User": {"jdoe"}, "X_webauth_user": {"evil"}}, identityRefused, ""},
		{"mixed signs", http.Header{"X-Webauth-User": {"jdoe"}, "X.webauth_user": {"evil"}}, identityRefused, ""},
		{"another header of that length", http.Header{"X-Webauth-User": {"jdoe"}, "X-Webauth-Uses": {"x"}}, "", "jdoe"},
		{"none", http.Header{}, noIdentity, ""},
		{"an empty list", http.Header{"X-Webauth-User": {}}, noIdentity, ""},
		{"blank", http.Header{"X-Webauth-User": {" "}}, noIdentity, ""},
		{"blanks of all kinds", http.Header{"X-Webauth-User": {" \u00a0\u2003"}}, noIdentity, ""},
	} {
		who, refused, _ := readFrom(testReader(t, IdentityConfig{Preset: "basic-auth"}), &http.Request{Header: test.header})
		if refused != test.refused || who.id != test.id {
			t.Errorf("%s: %q, %q; want %q, %q", test.desc, who.id, refused, test.id, test.refused)
		}
	}
}

func TestAllowedGroups(t *testing.T) {
	r := testReader(t, IdentityConfig{
		Headers:       HeadersConfig{ID: "X-User", Groups: "X-groups"},
		AllowedGroups: []string{" clinicians", "José"}, GroupsSeparator: "|",
	})
	for _, test := range []struct {
		lines   []string
		allowed bool
	}{
		{nil, false},
		{[]string{"staff"}, false},
		{[]string{"staff|clinicians"}, true},
		{[]string{"staff", " clinicians "}, true},
		{[]string{"clinicians,staff"}, false},
		{[]string{"Clinicians"}, false},
		{[]string{"José"}, true},
		{[]string{"=?utf-8?q?Jos=C3=A9?="}, false},
		{[]string{""}, false},
	} {
		who, refused, _ := readFrom(r, &http.Request{Header: http.Header{"X-User": {"jane"}, "X-Groups": test.lines}})
		if got := mayEnter(r, &who); got != test.allowed || refused != "" {
			t.Errorf("groups %q: %v", test.lines, got)
		}
	}
}
