package identity

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
)

// clinicians is the allowed DN. No other DN may match it.
const clinicians = "cn=clinicians,ou=groups,o=example"

// groupConfig has the groups in X-Groups.
func groupConfig(allowed ...string) config.Identity {
	return config.Identity{
		Headers:       config.Headers{ID: "X-User", Groups: "X-Groups"},
		AllowedGroups: allowed,
	}
}

// isIn reports whether a person with these lines of groups is in an allowed group.
func isIn(t *testing.T, c config.Identity, lines ...string) bool {
	t.Helper()
	r := testReader(t, c)
	require.True(t, r.Grouped)
	who, refusedAs, why := readFrom(r, http.Header{"X-User": {"jane"}, "X-Groups": lines})
	require.Empty(t, refusedAs, why)
	return Allowed(r, who)
}

func TestAllowedGroups(t *testing.T) {
	for _, row := range []struct {
		desc    string
		lines   []string
		allowed bool
	}{
		{desc: "no header"},
		{desc: "empty", lines: []string{""}},
		{desc: "commas only", lines: []string{",,"}},
		{desc: "another", lines: []string{"staff"}},
		{desc: "alone", lines: []string{"clinicians"}, allowed: true},
		{desc: "first", lines: []string{"clinicians,staff"}, allowed: true},
		{desc: "in the middle", lines: []string{"a,clinicians,b"}, allowed: true},
		{desc: "last", lines: []string{"staff,clinicians"}, allowed: true},
		{desc: "spaces around the commas", lines: []string{"a , clinicians , b"}, allowed: true},
		{desc: "empty ones around", lines: []string{",,clinicians,"}, allowed: true},
		{desc: "second line", lines: []string{"staff", " clinicians "}, allowed: true},
		{desc: "another case", lines: []string{"Clinicians"}},
		{desc: "longer", lines: []string{"clinicians2"}},
		{desc: "longer before", lines: []string{"nonclinicians"}},
		{desc: "with another word", lines: []string{"not clinicians"}},
		{desc: "with another word behind", lines: []string{"clinicians of old,staff"}},
		{desc: "bars", lines: []string{"staff|clinicians"}},
		{desc: "semicolons", lines: []string{"staff;clinicians"}},
		{desc: "path", lines: []string{"/clinicians"}},
		{desc: "attribute", lines: []string{"cn=clinicians"}},
		{desc: "over two lines", lines: []string{"clini", "cians"}},

		{desc: "JSON", lines: []string{`["staff","clinicians"]`}, allowed: true},
		{desc: "JSON with spaces", lines: []string{` [ "staff" , "clinicians" ] `}, allowed: true},
		{desc: "JSON with escapes", lines: []string{`["clin\u0069cians"]`}, allowed: true},
		{desc: "JSON beside other things", lines: []string{`[1,null,"clinicians"]`}, allowed: true},
		{desc: "JSON of others", lines: []string{`["staff"]`}},
		{desc: "JSON with a comma in a text", lines: []string{`["staff,clinicians"]`}},
		{desc: "JSON with brackets in a text", lines: []string{`["[clinicians]"]`}},
		{desc: "JSON in JSON", lines: []string{`[["clinicians"]]`}},
		{desc: "JSON cut short", lines: []string{`["staff","clinicians"`}},
		{desc: "JSON cut short within a text", lines: []string{`["staff,clinicians`}},
		{desc: "JSON cut short, with a space", lines: []string{`[ "staff", clinicians`}},
		{desc: "more behind JSON", lines: []string{`["staff"],clinicians`}},
		{desc: "object that says no", lines: []string{`{"clinicians":false}`}},
		{desc: "object that says yes", lines: []string{`{"clinicians":{"a":"b"}}`}},
		{desc: "objects in a list", lines: []string{`[{"clinicians":{"a":"b"}}]`}},
		{desc: "object with spaces", lines: []string{`{ "staff": 1, clinicians }`}},
		{desc: "objects in a list, cut short", lines: []string{`[{"staff":1},clinicians`}},

		{desc: "Go slice", lines: []string{"[staff clinicians]"}, allowed: true},
		{desc: "Go slice of one", lines: []string{"[clinicians]"}, allowed: true},
		{desc: "Go slice of others", lines: []string{"[staff clinicians2]"}},
		{desc: "brackets and commas", lines: []string{"[staff, clinicians]"}, allowed: true},
		{desc: "brackets and spaces", lines: []string{"[ staff,clinicians ]"}, allowed: true},
		{desc: "words in brackets", lines: []string{"[staff,not clinicians]"}},
		{desc: "bracket before", lines: []string{"[clinicians"}},
		{desc: "bracket behind", lines: []string{"clinicians]"}},
		{desc: "empty brackets", lines: []string{"[]"}},

		{desc: "quotes", lines: []string{`"staff","clinicians"`}, allowed: true},
		{desc: "quotes around one", lines: []string{`"clinicians"`}, allowed: true},
		{desc: "quotes in brackets", lines: []string{`[staff, "clinicians"]`}, allowed: true},
		{desc: "comma in quotes", lines: []string{`"staff,clinicians"`}},
		{desc: "comma in quotes, in the middle", lines: []string{`"a,clinicians,b",staff`}},
		{desc: "comma behind an escaped quote", lines: []string{`"staff\",clinicians,x"`}},
		{desc: "comma behind a doubled quote", lines: []string{`"staff"",clinicians,x"`}},
		{desc: "quote that is not closed", lines: []string{`"staff,clinicians`}},
		{desc: "quote that is closed too soon", lines: []string{`"clinicians"x`}},
		{desc: "single quotes", lines: []string{`'clinicians'`}},

		{desc: "escaped comma", lines: []string{`staff\,clinicians`}},
		{desc: "escaped comma before and behind", lines: []string{`a\,clinicians\,b`}},
		{desc: "escaped backslash", lines: []string{`staff\\,clinicians`}, allowed: true},
		{desc: "backslash within", lines: []string{`clini\cians`}},
		{desc: "account of Windows", lines: []string{`CORP\clinicians`}},

		{desc: "percent escape", lines: []string{"%63linicians"}},
		{desc: "percent escape of a comma", lines: []string{"staff%2Cclinicians"}},
		{desc: "RFC 2047", lines: []string{"=?utf-8?q?clinicians?="}},
		{desc: "RFC 2047 with a comma", lines: []string{"=?utf-8?q?staff,clinicians?="}},
		{desc: "zero-width space", lines: []string{"clinicians\u200b"}},
		{desc: "no-break space around", lines: []string{"\u00a0clinicians\u00a0"}, allowed: true},
		{desc: "line break", lines: []string{"staff\nclinicians"}},
		{desc: "many", lines: []string{strings.Repeat("x,", 5000) + "clinicians"}, allowed: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.allowed, isIn(t, groupConfig("clinicians"), row.lines...))
		})
	}
	assert.True(t, isIn(t, groupConfig("staff", "clinicians"), "clinicians"), "the second one")
	everybody := testReader(t, config.Identity{Preset: "authelia"})
	assert.False(t, everybody.Grouped, "no group is asked for")
}

// TestDistinguishedNames: a DN is one group. A DN below, above or beside it is another group.
func TestDistinguishedNames(t *testing.T) {
	const staff = "cn=staff,ou=groups,o=example"
	for _, row := range []struct {
		desc, line string
		allowed    bool
	}{
		{desc: "alone", line: clinicians, allowed: true},
		{desc: "behind another", line: staff + "," + clinicians, allowed: true},
		{desc: "before another", line: clinicians + "," + staff, allowed: true},
		{
			desc:    "between others",
			line:    staff + "," + clinicians + ",cn=csr,ou=groups,o=example",
			allowed: true,
		},
		{desc: "a comma and a space between", line: staff + ", " + clinicians, allowed: true},
		{desc: "a name that is no DN before", line: "staff," + clinicians, allowed: true},
		{desc: "a name that is no DN behind", line: clinicians + ",staff", allowed: true},
		{desc: "another root", line: "cn=staff,dc=example,dc=com," + clinicians, allowed: true},
		{desc: "a country as root", line: "cn=staff,o=x,c=us," + clinicians, allowed: true},
		{
			desc:    "attributes in capitals before",
			line:    "CN=x,O=example," + clinicians,
			allowed: true,
		},
		{desc: "quotes", line: `"` + staff + `","` + clinicians + `"`, allowed: true},
		{desc: "brackets", line: "[" + staff + "," + clinicians + "]", allowed: true},
		{desc: "JSON", line: `["` + staff + `","` + clinicians + `"]`, allowed: true},

		{desc: "another", line: staff},
		{desc: "several others", line: staff + ",cn=csr,ou=groups,o=example"},
		{desc: "below it", line: "cn=janitors," + clinicians},
		{desc: "below it, and a space", line: "cn=janitors, " + clinicians},
		{desc: "below it by a unit", line: "ou=janitors," + clinicians},
		{desc: "below it by two", line: "cn=a,ou=b," + clinicians},
		{desc: "below it by a user", line: "uid=jane," + clinicians},
		{desc: "below it by an unusual attribute", line: "serialNumber=1," + clinicians},
		{desc: "below it by a number", line: "2.5.4.3=janitors," + clinicians},
		{desc: "below it by a component", line: "dc=janitors," + clinicians},
		{desc: "below it in capitals", line: "CN=janitors," + clinicians},
		{desc: "below it, spaces around the sign", line: "cn = janitors," + clinicians},
		{desc: "below it, behind another", line: staff + ",cn=janitors," + clinicians},
		{desc: "below it, before another", line: "cn=janitors," + clinicians + "," + staff},
		{desc: "below it, an escaped comma", line: `cn=Doe\, Jane,` + clinicians},
		{desc: "below it, an escaped sign", line: "cn%3Djanitors," + clinicians},
		{desc: "below it, in quotes", line: `"cn=janitors,` + clinicians + `"`},
		{desc: "below it, a quote not closed", line: `"cn=janitors,` + clinicians},
		{desc: "below it, in brackets", line: "[cn=janitors," + clinicians + "]"},
		{desc: "below it, in JSON", line: `["cn=janitors,` + clinicians + `"]`},
		{desc: "below it, in JSON cut short", line: `["cn=janitors,` + clinicians},
		{desc: "two values in one", line: "cn=janitors+" + clinicians},
		{desc: "its comma is escaped", line: `cn=clinicians\,ou=groups,o=example`},
		{desc: "its other comma is escaped", line: `cn=clinicians,ou=groups\,o=example`},
		{desc: "a country above it", line: clinicians + ",c=us"},
		{desc: "a component above it", line: clinicians + ",dc=com"},
		{desc: "an unusual attribute above it", line: clinicians + ",serialNumber=1"},
		{desc: "a unit above it", line: clinicians + ",ou=x"},
		{desc: "without its root", line: "cn=clinicians,ou=groups"},
		{desc: "without a piece", line: "cn=clinicians,o=example"},
		{desc: "its first piece", line: "cn=clinicians"},
		{desc: "pieces in another order", line: "ou=groups,cn=clinicians,o=example"},
		{desc: "a space in it", line: "cn=clinicians, ou=groups,o=example"},
		{desc: "attributes in capitals", line: "CN=clinicians,OU=groups,O=example"},
		{desc: "pieces in JSON", line: `["cn=clinicians","ou=groups","o=example"]`},
		{desc: "pieces in quotes", line: `"cn=clinicians","ou=groups","o=example"`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.allowed, isIn(t, groupConfig(clinicians), row.line))
		})
	}
	assert.True(t, isIn(t, groupConfig(clinicians), staff, clinicians), "a line each")
	assert.False(t, isIn(t, groupConfig(clinicians), "cn=clinicians", "ou=groups", "o=example"),
		"pieces in a line each")
	two := groupConfig(staff, clinicians)
	assert.True(t, isIn(t, two, clinicians), "two are allowed")
	assert.False(t, isIn(t, two, "cn=janitors,"+clinicians), "two are allowed")
	escaped := groupConfig(`CN=Doe\, Jane,OU=Admins,DC=example,DC=com`)
	assert.True(t, isIn(t, escaped, `CN=x,OU=y,DC=com,CN=Doe\, Jane,OU=Admins,DC=example,DC=com`))
	assert.False(t, isIn(t, escaped, `CN=Doe,OU=Admins,DC=example,DC=com`))
	assert.False(t, isIn(t, escaped, `CN=Doe, Jane,OU=Admins,DC=example,DC=com`))
	spaced := groupConfig("cn=clinicians, ou=groups, o=example")
	assert.True(t, isIn(t, spaced, "cn=clinicians, ou=groups, o=example"))
	assert.False(t, isIn(t, spaced, "cn=janitors, cn=clinicians, ou=groups, o=example"))
}

// TestNamesWithCommas: a group name with the separator matches as a whole.
func TestNamesWithCommas(t *testing.T) {
	for _, row := range []struct {
		desc, line string
		allowed    bool
	}{
		{desc: "alone", line: "Clinic, all", allowed: true},
		{desc: "between others", line: "staff,Clinic, all,csr", allowed: true},
		{desc: "quotes", line: `staff,"Clinic, all"`, allowed: true},
		{desc: "escaped comma", line: `staff,Clinic\, all,csr`, allowed: true},
		{desc: "JSON", line: `["staff","Clinic, all"]`, allowed: true},
		{desc: "brackets", line: "[staff, Clinic, all]", allowed: true},
		{desc: "its first word", line: "Clinic"},
		{desc: "its last word", line: "all"},
		{desc: "both words apart", line: "Clinic,staff,all"},
		{desc: "both words in another order", line: "all,Clinic"},
		{desc: "both words in JSON", line: `["Clinic","all"]`},
		{desc: "both words in quotes", line: `"Clinic", "all"`},
		{desc: "without the space", line: "Clinic,all"},
		{desc: "more before", line: "The Clinic, all"},
		{desc: "more behind", line: "Clinic, all of them"},
		{desc: "another comma", line: "Clinic,, all"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.allowed, isIn(t, groupConfig("Clinic, all"), row.line))
		})
	}
	quoted := groupConfig(`Doe, Jane "JD"`)
	assert.True(t, isIn(t, quoted, `staff,Doe, Jane "JD"`), "as it is")
	assert.True(t, isIn(t, quoted, `staff,"Doe, Jane ""JD"""`), "doubled quotes")
	assert.True(t, isIn(t, quoted, `staff,"Doe, Jane \"JD\""`), "escaped quotes")
	assert.False(t, isIn(t, quoted, `staff,"Doe, Jane"`))
	assert.True(t, isIn(t, groupConfig(`a\b`), `"a\\b"`), "escaped backslash in quotes")
	assert.True(t, isIn(t, groupConfig("authentik Admins"), "[staff authentik Admins]"),
		"a name with a space in a Go slice")
	assert.True(t, isIn(t, groupConfig("all of our own clinicians"),
		"[staff all of our own clinicians]"), "a name with many spaces in a Go slice")
	assert.True(t, isIn(t, groupConfig("team=clinicians"), "team=staff,team=clinicians"),
		"names with signs are no DN")
	assert.True(t, isIn(t, groupConfig("{5B0C-77E1}"), "{5B0C-77E1}"), "a name with braces")
	assert.True(t, isIn(t, groupConfig("[staff]"), "[staff]"), "a name with brackets")
}

// TestGroupsAreBounded: a long list does not take quadratic time.
func TestGroupsAreBounded(t *testing.T) {
	r := testReader(t, groupConfig("Clinic, all"))
	const length = 2000
	for _, text := range []string{
		strings.Repeat("x,", length),
		"[" + strings.Repeat("x ", length) + "]",
		strings.Repeat(`"x",`, length),
	} {
		assert.Less(t, len(groupsIn(r.allowed, text)), 20*length)
	}
}

func TestGroupsSeparator(t *testing.T) {
	for _, row := range []struct {
		desc, allowed, separator, line string
		want                           bool
	}{
		{desc: "bar", allowed: "b", separator: "|", line: "a|b", want: true},
		{desc: "bar, and commas", allowed: "b", separator: "|", line: "a,b"},
		{desc: "bar in the name", allowed: "a|b", separator: "|", line: "x|a|b", want: true},
		{desc: "space", allowed: "b", separator: " ", line: "a b", want: true},
		{desc: "space, in brackets", allowed: "b", separator: " ", line: "[a b]", want: true},
		{desc: "colon", allowed: "b", separator: ":", line: "a:b:c", want: true},
		{desc: "two signs", allowed: "b", separator: "::", line: "a::b", want: true},
		{desc: "half of two signs", allowed: "b", separator: "::", line: "a:b"},
		{desc: "dot", allowed: "b", separator: ".", line: "a.b", want: true},
		{desc: "dot means itself", allowed: "b", separator: ".", line: "axb"},
		{desc: "asterisk", allowed: "b", separator: "*", line: "a*b", want: true},
		{
			desc:      "DN",
			allowed:   clinicians,
			separator: ";",
			line:      "cn=a,o=b;" + clinicians,
			want:      true,
		},
		{desc: "DN below", allowed: clinicians, separator: ";", line: "cn=a," + clinicians},
		{
			desc:      "escaped",
			allowed:   "Clinic; day",
			separator: ";",
			line:      `a;Clinic\; day`,
			want:      true,
		},
		{desc: "escaped, another", allowed: "day", separator: ";", line: `a;Clinic\;day`},
		{desc: "JSON", allowed: "b", separator: "|", line: `["a","b"]`, want: true},
		{desc: "JSON with it", allowed: "b", separator: "|", line: `["a|b"]`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := groupConfig(row.allowed)
			c.GroupsSeparator = row.separator
			assert.Equal(t, row.want, isIn(t, c, row.line))
		})
	}
}

// TestEncodingOfGroups: groups are decoded like names. Separators are not encoded.
func TestEncodingOfGroups(t *testing.T) {
	for _, row := range []struct {
		desc, allowed, encoding, line string
		want                          bool
	}{
		{desc: "UTF-8", allowed: "Ärzte", encoding: auto, line: "staff,Ärzte", want: true},
		{desc: "Latin-1", allowed: "Ärzte", encoding: auto, line: "staff,\xc4rzte", want: true},
		{desc: "escapes in auto", allowed: "Ärzte", encoding: auto, line: "%C3%84rzte"},
		{desc: "escapes", allowed: "Ärzte", encoding: percent, line: "a,%C3%84rzte", want: true},
		{
			desc:     "escapes of Latin-1",
			allowed:  "Ärzte",
			encoding: percent,
			line:     "%C4rzte",
			want:     true,
		},
		{desc: "broken escape", allowed: "100%", encoding: percent, line: "a,100%", want: true},
		{desc: "escaped comma", allowed: "a, b", encoding: percent, line: "x,a%2C%20b", want: true},
		{desc: "escaped comma separates nothing", allowed: "b", encoding: percent, line: "a%2Cb"},
		{desc: "escaped twice", allowed: "b", encoding: percent, line: "%2562"},
		{
			desc:     "escaped spaces around",
			allowed:  "b",
			encoding: percent,
			line:     "a,%20b%20",
			want:     true,
		},
		{desc: "latin1", allowed: "Ärzte", encoding: latin1, line: "staff,\xc4rzte", want: true},
		{desc: "UTF-8 in latin1", allowed: "Ärzte", encoding: latin1, line: "Ärzte"},
		{desc: "RFC 2047 in latin1", allowed: "b", encoding: latin1, line: "=?utf-8?q?b?="},
		{
			desc:     "escaped DN",
			allowed:  clinicians,
			encoding: percent,
			line:     "cn=a%2Co=b,cn=clinicians%2Cou=groups%2Co=example",
		},
		{
			desc:     "escaped DN behind a root",
			allowed:  clinicians,
			encoding: percent,
			line:     "o=b,o=c,staff,cn%3Dclinicians%2Cou%3Dgroups%2Co%3Dexample",
			want:     true,
		},
		{
			desc:     "DN below, the comma between is escaped",
			allowed:  clinicians,
			encoding: percent,
			line:     "cn=janitors%2C" + clinicians,
		},
		{
			desc:     "DN below, all commas are escaped",
			allowed:  clinicians,
			encoding: percent,
			line:     "cn=janitors%2Ccn=clinicians%2Cou=groups%2Co=example",
		},
		{
			desc:     "DN below, its sign is escaped",
			allowed:  clinicians,
			encoding: percent,
			line:     "cn%3Djanitors," + clinicians,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := groupConfig(row.allowed)
			c.Encoding = row.encoding
			assert.Equal(t, row.want, isIn(t, c, row.line))
		})
	}
}

// TestParseGroups: pieces of a text that Traefik split at commas are refused. %2C is a comma.
func TestParseGroups(t *testing.T) {
	const (
		torn  = "is only a piece of a distinguished name"
		blank = "has a space before or after it"
		empty = "has an empty group: write a name, or remove it"
	)
	for _, row := range []struct {
		desc    string
		allowed []string
		want    []string // the mistakes
	}{
		{desc: "DN", allowed: []string{clinicians}},
		{desc: "DN with spaces", allowed: []string{"cn=clinicians, ou=groups"}},
		{desc: "DN with an escaped comma", allowed: []string{`cn=Doe\, Jane,o=example`}},
		{desc: "%2C in a DN", allowed: []string{"cn=clinicians%2Cou=groups%2co=example"}},
		{desc: "a name with a space", allowed: []string{"authentik Admins"}},
		{desc: "a name with a sign", allowed: []string{"team=clinicians"}},
		{desc: "a name that begins so", allowed: []string{"cn", "o-negative", "ouch=1"}},
		{desc: "only a piece", allowed: []string{"cn=clinicians"}, want: []string{torn}},
		{desc: "a piece in capitals", allowed: []string{"OU=Groups"}, want: []string{torn}},
		{desc: "a piece with a space", allowed: []string{"dc = com"}, want: []string{torn}},
		{
			desc:    "a piece of each kind",
			allowed: []string{"o=a", "c=us", "l=a", "st=a", "street=a", "uid=a", "userid=a"},
			want:    []string{torn, torn, torn, torn, torn, torn, torn},
		},
		{
			desc:    "a piece with an escaped comma",
			allowed: []string{`cn=Doe\, Jane`},
			want:    []string{torn},
		},
		{
			desc:    "a DN cut at its commas",
			allowed: strings.Split(clinicians, ","),
			want:    []string{torn, torn, torn},
		},
		{
			desc:    "a DN with spaces cut at its commas",
			allowed: strings.Split("cn=clinicians, o=example", ","),
			want:    []string{torn, blank, torn},
		},
		{
			desc:    "a DN with an escaped comma cut at its commas",
			allowed: strings.Split(`cn=Doe\, Jane,o=example`, ","),
			want:    []string{blank, torn},
		},
		{desc: "a space before", allowed: []string{"staff", " csr"}, want: []string{blank}},
		{desc: "a space after", allowed: []string{"staff "}, want: []string{blank}},
		{desc: "another space after", allowed: []string{"staff\u00a0"}, want: []string{blank}},
		{desc: "an empty group", allowed: []string{"staff", ""}, want: []string{empty}},
		{desc: "spaces only", allowed: []string{" "}, want: []string{empty}},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := groupConfig(row.allowed...)
			c.Encoding = auto
			p := &config.Problems{}
			Parse(c, p)
			require.Len(t, p.Lines, len(row.want), p.Lines)
			for i, want := range row.want {
				assert.Contains(t, p.Lines[i], "identity.allowedGroups: ")
				assert.Contains(t, p.Lines[i], want)
			}
		})
	}
	escaped := groupConfig("cn=clinicians%2Cou=groups%2co=example")
	assert.True(t, isIn(t, escaped, clinicians))
	assert.False(t, isIn(t, escaped, "cn=clinicians%2Cou=groups%2co=example"), "as it is written")
	assert.True(t, isIn(t, groupConfig("Clinic%2C all"), "Clinic, all"))
}

// TestGroupsOfAToken: a token without the claim is in no group.
func TestGroupsOfAToken(t *testing.T) {
	key := newKey(t)
	c := tokenConfig(t, key)
	for _, row := range []struct {
		desc, groups string
		group        string // the allowed group; default: clinicians
		allowed      bool
	}{
		{desc: "list", groups: `["staff","clinicians"]`, allowed: true},
		{desc: "list of one", groups: `["clinicians"]`, allowed: true},
		{desc: "list with other things", groups: `[1,null,{"a":"b"},"clinicians"]`, allowed: true},
		{desc: "list of numbers", groups: `[17,18]`, group: "18", allowed: true},
		{desc: "number", groups: `17`, group: "17", allowed: true},
		{desc: "text", groups: `"staff, clinicians"`, allowed: true},
		{desc: "JSON in a text", groups: `"[\"staff\",\"clinicians\"]"`, allowed: true},
		{desc: "Go slice in a text", groups: `"[staff clinicians]"`, allowed: true},
		{desc: "DN in a text", groups: `"` + clinicians + `"`, group: clinicians, allowed: true},
		{
			desc:    "DN in a list",
			groups:  `["x","` + clinicians + `"]`,
			group:   clinicians,
			allowed: true,
		},
		{desc: "Zitadel", groups: `{"clinicians":{"17":"example.com"}}`, allowed: true},
		{
			desc:    "Zitadel, second role",
			groups:  `{"staff":{"17":"x"},"clinicians":{"17":"x"}}`,
			allowed: true,
		},
		{desc: "another", groups: `["staff"]`},
		{desc: "none"},
		{desc: "null", groups: "null"},
		{desc: "true", groups: "true"},
		{desc: "list with commas", groups: `["staff,clinicians"]`},
		{desc: "list in a list", groups: `[["clinicians"]]`},
		{desc: "list of objects", groups: `[{"clinicians":{"17":"x"}}]`},
		{desc: "list of named objects", groups: `[{"name":"clinicians"}]`},
		{desc: "false", groups: `{"clinicians":false}`},
		{desc: "object that says true", groups: `{"clinicians":true}`},
		{desc: "object without an organization", groups: `{"clinicians":{}}`},
		{desc: "role below", groups: `{"staff":{"clinicians":{"17":"x"}}}`},
		{desc: "organization", groups: `{"staff":{"clinicians":"x"}}`},
		{desc: "doubled role", groups: `{"clinicians":{"17":"x"},"clinicians":false}`},
		{desc: "object in a text", groups: `"{\"clinicians\":{\"17\":\"x\"}}"`},
		{desc: "RFC 2047", groups: `["=?utf-8?q?clinicians?="]`},
		{desc: "DN below in a text", groups: `"cn=x,` + clinicians + `"`, group: clinicians},
		{desc: "DN below in a list", groups: `["cn=x,` + clinicians + `"]`, group: clinicians},
		{
			desc:   "pieces of a DN in a list",
			groups: `["cn=clinicians","ou=groups","o=example"]`,
			group:  clinicians,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c.AllowedGroups = []string{config.OrElse(row.group, "clinicians")}
			r := testReader(t, c)
			token := sign(t, key, es256, goodClaims(t, "groups", row.groups))
			who, refusedAs, why := readFrom(r, http.Header{"X-Token": {token}})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.allowed, Allowed(r, who))
		})
	}
}
