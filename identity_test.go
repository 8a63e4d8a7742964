package clinicpass

import (
	"fmt"
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

// TestAddress: what cannot be an e-mail address is not sent as one, and two of them are refused, beside whatever name.
func TestAddress(t *testing.T) {
	r := testReader(t, IdentityConfig{Preset: "oauth2-proxy"})
	for raw, want := range map[string]string{
		"jane@example.com": "jane@example.com", " jane@example.com ": "jane@example.com", "o'neil+a@mail.example.com": "o'neil+a@mail.example.com",
		"josé@example.com": "josé@example.com", "jane@exämple.com": "jane@exämple.com",
		"": "", "jane": "", "jane@github": "", "@example.com": "", "jane@example.com,": "", "<jane@example.com>": "", "jane doe@example.com": "",
		"jane@example.com@example.org": "refused", "a@b@c": "refused",
	} {
		for _, name := range []string{"Jane Doe", "  Jane Doe"} {
			h := http.Header{"X-Auth-Request-User": {"u-17"}, "X-Auth-Request-Email": {raw}, "X-Auth-Request-Preferred-Username": {name}}
			who, refused, _ := readFrom(r, &http.Request{Header: h})
			got := who.email
			if refused == identityRefused {
				got = "refused"
			}
			if got != want || (refused == "" && who.name != "Jane Doe") {
				t.Errorf("%q beside %q: %q, %q; want %q", raw, name, got, who.name, want)
			}
		}
	}
}

// TestPlainIdentity: what one look finds plain, the careful way reads in the same way.
func TestPlainIdentity(t *testing.T) {
	r := testReader(t, IdentityConfig{Headers: HeadersConfig{ID: "A", Email: "B", Name: "C", FirstName: "D", LastName: "E"}})
	values := []string{
		"", "u-17", "Jane Doe", "Zoë", "a  b", " a", "a ", "=?utf-8?q?x?=", "=", "a=?", "a\tb", "a\nb", "\xe9", "\x7f", "\u0085", "\u00a0", "\u200b",
		"jane@example.com", "a@@b.example.com", "jane@github", "a@b@c", "Nguyễn Văn An", "王小明", "e\u0301", "{id}", strings.Repeat("x", 400),
	}
	plain := 0
	for i := range values {
		for j := range values {
			for k := range values {
				h := http.Header{"A": {values[i]}, "B": {values[j]}, "C": {values[k]}, "D": {values[(i+j)%len(values)]}, "E": {values[(j+k)%len(values)]}}
				quick := plainIdentity(r, h)
				if quick == nil {
					continue
				}
				plain++
				who, refused, why := anyIdentity(r, &http.Request{Header: h})
				if refused != "" || fmt.Sprint(*who) != fmt.Sprint(*quick) {
					t.Fatalf("%q: %+v, %+v %s", h, quick, who, why)
				}
			}
		}
	}
	if plain < 100 {
		t.Errorf("only %d combinations are plain", plain)
	}
}

// TestDoubledHeader: no part of an identity may come twice, whichever header it is in.
func TestDoubledHeader(t *testing.T) {
	r := testReader(t, IdentityConfig{Headers: HeadersConfig{ID: "A", Email: "B", Name: "C", FirstName: "D", LastName: "E"}})
	for _, doubled := range []string{"A", "B", "C", "D", "E"} {
		h := http.Header{"A": {"u-17"}, "B": {"jane@example.com"}, "C": {"Jane Doe"}, "D": {"Jane"}, "E": {"Doe"}}
		h.Add(doubled, h.Get(doubled))
		if who, refused, why := readFrom(r, &http.Request{Header: h}); refused != identityRefused {
			t.Errorf("%s came twice: %+v, %q %s", doubled, who, refused, why)
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
