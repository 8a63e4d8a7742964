package identity

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
)

// TestNameValues: a name is read as well as possible, and never stops a sign-in.
func TestNameValues(t *testing.T) {
	longest := strings.Repeat("x", maxValue)
	for _, row := range []struct{ desc, encoding, raw, want string }{
		{desc: "ASCII", raw: "Jane Doe", want: "Jane Doe"},
		{desc: "spaces around", raw: "  Jane ", want: "Jane"},
		{desc: "other spaces around", raw: "\u3000Jane\u00a0", want: "Jane"},
		{desc: "two spaces inside", raw: "Jane  Doe", want: "Jane Doe"},
		{desc: "UTF-8", raw: "José", want: "José"},
		{desc: "Chinese", raw: "王小明", want: "王小明"},
		{desc: "combining letters", raw: "Jose\u0301", want: "Jose\u0301"},
		{desc: "a joiner that Persian needs", raw: "می\u200cخواهم", want: "می\u200cخواهم"},
		{desc: "Latin-1", raw: "Jos\xe9", want: "José"},
		{desc: "windows-1252", raw: "O\x92Neil \x80", want: "O’Neil €"},
		{desc: "UTF-8 that is cut off", raw: "Jos\xc3", want: "JosÃ"},
		{desc: "RFC 2047 Q", raw: "=?utf-8?q?Jos=C3=A9?=", want: "José"},
		{desc: "RFC 2047 B", raw: "=?UTF-8?B?Sm9zw6k=?=", want: "José"},
		{desc: "RFC 2047 of Latin-1", raw: "=?iso-8859-1?q?Jos=E9?=", want: "José"},
		{desc: "RFC 2047 of windows-1252", raw: "=?windows-1252?q?O=92Neil?=", want: "O’Neil"},
		{desc: "RFC 2047 of windows-1252 in B", raw: "=?Windows-1252?B?T5JOZWls?=", want: "O’Neil"},
		{
			desc: "RFC 2047 in two words",
			raw:  "=?utf-8?q?Jos=C3=A9?= =?utf-8?q?_Doe?=",
			want: "José Doe",
		},
		{desc: "RFC 2047 with a line break", raw: "=?utf-8?q?a=0D=0Ab?=", want: "a b"},
		{desc: "RFC 2047 with NUL", raw: "=?utf-8?q?a=00b?=", want: "a b"},
		{desc: "RFC 2047 in an unknown charset", raw: "=?klingon?q?a?="},
		{desc: "RFC 2047 that is not UTF-8", raw: "=?utf-8?q?Jos=E9?="},
		{desc: "RFC 2047 that is empty", raw: "=?utf-8?q??="},
		{desc: "RFC 2047 of a placeholder", raw: "=?utf-8?q?null?="},
		{desc: "RFC 2047 with more behind", raw: "=?utf-8?q?a?=x", want: "=?utf-8?q?a?=x"},
		{desc: "escapes mean nothing in auto", raw: "100%41", want: "100%41"},
		{desc: "tab", raw: "Jane\tDoe", want: "Jane Doe"},
		{desc: "line break", raw: "Jane\r\nX-Admin: 1", want: "Jane X-Admin: 1"},
		{desc: "NUL", raw: "Jane\x00Doe", want: "Jane Doe"},
		{desc: "delete", raw: "Jane\x7fDoe", want: "Jane Doe"},
		{desc: "C1 control in UTF-8", raw: "Jane\u0085Doe", want: "Jane Doe"},
		{desc: "control that windows-1252 lacks", raw: "Jane\x81Doe", want: "Jane Doe"},
		{desc: "line separator", raw: "Jane\u2028Doe", want: "Jane Doe"},
		{desc: "replacement character", raw: "Jos\ufffd", want: "Jos"},
		{desc: "only control characters", raw: "\x00\x7f\t"},
		{desc: "just not too long", raw: longest, want: longest},
		{desc: "too long", raw: longest + "x"},
		{desc: "percent", encoding: percent, raw: "Jos%C3%A9+x", want: "José+x"},
		{desc: "percent, lower case", encoding: percent, raw: "Jos%c3%a9", want: "José"},
		{desc: "percent twice", encoding: percent, raw: "a%2541", want: "a%41"},
		{desc: "broken percent", encoding: percent, raw: "100%", want: "100%"},
		{desc: "broken percent beside others", encoding: percent, raw: "%41%4", want: "%41%4"},
		{desc: "broken percent, Latin-1", encoding: percent, raw: "Jos\xe9 %", want: "José %"},
		{desc: "percent of Latin-1", encoding: percent, raw: "Jos%E9", want: "José"},
		{desc: "percent of windows-1252", encoding: percent, raw: "O%92Neil", want: "O’Neil"},
		{desc: "encoded line break", encoding: percent, raw: "a%0D%0Ab", want: "a b"},
		{desc: "encoded spaces around", encoding: percent, raw: "%20Jane%20", want: "Jane"},
		{desc: "encoded placeholder", encoding: percent, raw: "%3Cno%20value%3E"},
		{
			desc:     "percent and RFC 2047",
			encoding: percent,
			raw:      "=?utf-8?q?a?=",
			want:     "=?utf-8?q?a?=",
		},
		{desc: "latin1", encoding: latin1, raw: "Jos\xe9", want: "José"},
		{
			desc:     "latin1 that is windows-1252",
			encoding: latin1,
			raw:      "\x8aime \x9f",
			want:     "Šime Ÿ",
		},
		{desc: "latin1 that could be UTF-8", encoding: latin1, raw: "Jos\xc3\xa9", want: "JosÃ©"},
		{desc: "latin1 and RFC 2047", encoding: latin1, raw: "=?utf-8?q?Jos=C3=A9?=", want: "José"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			r := testReader(t, config.Identity{
				Headers: config.Headers{
					ID:        "X-User",
					Name:      "X-Name",
					FirstName: "F",
					LastName:  "L",
				},
				Encoding: row.encoding,
			})
			who, refusedAs, why := readFrom(r, http.Header{
				"X-User": {"u-17"},
				"X-Name": {row.raw},
				"F":      {row.raw},
				"L":      {row.raw},
			})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.want, who.Name)
			assert.Equal(t, row.want, who.FirstName)
			assert.Equal(t, row.want, who.LastName)
			assert.Equal(t, "u-17", who.ID)
		})
	}
}

// TestNoUTF8: a value that is not UTF-8 after decoding is not a name, from any source.
func TestNoUTF8(t *testing.T) {
	assert.Empty(t, decodeWords("=?utf-8?q?Jos=E9?="))
	assert.Empty(t, cleanName("Jos\xe9"))
	assert.Equal(t, "José", cleanName("José"))
}

// TestIDValues: an ID is unchanged, or refused if it has two possible readings.
func TestIDValues(t *testing.T) {
	longest := strings.Repeat("x", maxValue)
	for _, row := range []struct {
		desc, encoding, raw, want string // refused if want is ""
	}{
		{desc: "ASCII", raw: "jdoe", want: "jdoe"},
		{desc: "signs", raw: `CORP\j.doe+x|y:z{}"'<>`, want: `CORP\j.doe+x|y:z{}"'<>`},
		{desc: "a space inside", raw: "jane doe", want: "jane doe"},
		{desc: "two spaces inside", raw: "jane  doe", want: "jane  doe"},
		{desc: "UTF-8", raw: "José", want: "José"},
		{desc: "combining letter", raw: "Jose\u0301", want: "Jose\u0301"},
		{desc: "Cyrillic", raw: "джейн", want: "джейн"},
		{desc: "Japanese", raw: "住所", want: "住所"},
		{desc: "picture", raw: "😀", want: "😀"},
		{desc: "begins like RFC 2047", raw: "=?utf-8?q?a?=x", want: "=?utf-8?q?a?=x"},
		{desc: "ends like RFC 2047", raw: "x=?utf-8?q?a?=", want: "x=?utf-8?q?a?="},
		{desc: "escapes mean nothing in auto", raw: "100%41", want: "100%41"},
		{desc: "broken escape means nothing in auto", raw: "100%", want: "100%"},
		{desc: "a name of no value", raw: "Null", want: "Null"},
		{desc: "just not too long", raw: longest, want: longest},
		{desc: "too long", raw: longest + "x"},
		{desc: "too long with spaces", raw: longest + " "},
		{desc: "space before", raw: " jdoe"},
		{desc: "space after", raw: "jdoe "},
		{desc: "no-break space behind", raw: "jdoe\u00a0"},
		{desc: "no-break space inside", raw: "j\u00a0doe"},
		{desc: "ideographic space before", raw: "\u3000jdoe"},
		{desc: "line separator", raw: "j\u2028doe"},
		{desc: "Latin-1", raw: "Jos\xe9"},
		{desc: "UTF-8 that is cut off", raw: "Jos\xc3"},
		{desc: "overlong UTF-8", raw: "j\xc0\xaedoe"},
		{desc: "half a pair of UTF-16", raw: "j\xed\xa0\x80doe"},
		{desc: "RFC 2047 Q", raw: "=?utf-8?q?jdoe?="},
		{desc: "RFC 2047 B", raw: "=?UTF-8?B?amRvZQ==?="},
		{desc: "RFC 2047 of Latin-1", raw: "=?iso-8859-1?q?jdoe?="},
		{desc: "RFC 2047 in an unknown charset", raw: "=?klingon?q?jdoe?="},
		{desc: "RFC 2047 in two words", raw: "=?utf-8?q?j?= =?utf-8?q?doe?="},
		{desc: "tab", raw: "j\tdoe"},
		{desc: "tab behind", raw: "jdoe\t"},
		{desc: "line break", raw: "jdoe\nadmin"},
		{desc: "NUL", raw: "jdoe\x00"},
		{desc: "delete", raw: "j\x7fdoe"},
		{desc: "C1 control", raw: "j\u0085doe"},
		{desc: "zero-width space", raw: "j\u200bdoe"},
		{desc: "zero-width joiner", raw: "j\u200ddoe"},
		{desc: "word joiner", raw: "j\u2060doe"},
		{desc: "byte order mark", raw: "\ufeffjdoe"},
		{desc: "soft hyphen", raw: "j\u00addoe"},
		{desc: "right-to-left mark", raw: "jdoe\u200f"},
		{desc: "right-to-left override", raw: "\u202eeodj"},
		{desc: "isolate", raw: "\u2066jdoe\u2069"},
		{desc: "Arabic letter mark", raw: "jdoe\u061c"},
		{desc: "tag", raw: "jdoe\U000e0041"},
		{desc: "replacement character", raw: "j\ufffddoe"},
		{desc: "Hangul filler", raw: "jdoe\u3164"},
		{desc: "half-width Hangul filler", raw: "jdoe\uffa0"},
		{desc: "grapheme joiner", raw: "j\u034fdoe"},
		{desc: "variation selector", raw: "jdoe\ufe0f"},
		{desc: "empty Braille pattern", raw: "jdoe\u2800"},

		{desc: "percent", encoding: percent, raw: "Jos%C3%A9+x", want: "José+x"},
		{desc: "percent of a slash", encoding: percent, raw: "a%2Fb", want: "a/b"},
		{desc: "percent twice", encoding: percent, raw: "%256Adoe", want: "%6Adoe"},
		{
			desc:     "percent and RFC 2047",
			encoding: percent,
			raw:      "=?utf-8?q?jdoe?=",
			want:     "=?utf-8?q?jdoe?=",
		},
		{desc: "broken percent", encoding: percent, raw: "100%"},
		{desc: "half an escape", encoding: percent, raw: "jdoe%4"},
		{desc: "percent that is not UTF-8", encoding: percent, raw: "Jos%E9"},
		{desc: "percent and Latin-1", encoding: percent, raw: "Jos\xe9%20x"},
		{desc: "encoded NUL", encoding: percent, raw: "jdoe%00"},
		{desc: "encoded line break", encoding: percent, raw: "jdoe%0Aadmin"},
		{desc: "encoded space before", encoding: percent, raw: "%20jdoe"},
		{desc: "encoded zero-width space", encoding: percent, raw: "j%E2%80%8Bdoe"},

		{desc: "latin1", encoding: latin1, raw: "m\xfcller", want: "müller"},
		{desc: "latin1 that is windows-1252", encoding: latin1, raw: "o\x92neil", want: "o’neil"},
		{
			desc:     "latin1 that could be UTF-8",
			encoding: latin1,
			raw:      "m\xc3\xbcller",
			want:     "mÃ¼ller",
		},
		{desc: "latin1 and escapes", encoding: latin1, raw: "m%FCller", want: "m%FCller"},
		{desc: "latin1, unknown letter", encoding: latin1, raw: "j\x81doe"},
		{desc: "latin1, soft hyphen", encoding: latin1, raw: "j\xaddoe"},
		{desc: "latin1, no-break space behind", encoding: latin1, raw: "jdoe\xa0"},
		{desc: "latin1 and RFC 2047", encoding: latin1, raw: "=?utf-8?q?jdoe?="},
	} {
		t.Run(row.desc, func(t *testing.T) {
			r := testReader(t, config.Identity{
				Headers:  config.Headers{ID: "X-User", Name: "X-Name"},
				Encoding: row.encoding,
			})
			for _, name := range []string{"", "Jane Doe", "Jane  Doe"} { // the last is not ordinary
				who, refusedAs, why := readFrom(r, http.Header{
					"X-User": {row.raw},
					"X-Name": {name},
				})
				assert.Equal(t, row.want, who.ID, "beside %q", name)
				if row.want != "" {
					assert.Empty(t, refusedAs, why)
					continue
				}
				assert.Equal(t, refused, refusedAs, "beside %q", name)
				assert.Contains(t, why, "header X-User ")
				assert.NotContains(t, why, row.raw, "quotes the value")
			}
		})
	}
}

// placeholders are texts that programs write for a missing value.
var placeholders = []string{
	"<no value>", "<nil>", "<null>", "<none>", "<empty>", "nil", "null", "undefined", "None",
	"(null)", "(none)", "(nil)", "map[]", "[]", "{}", "-", "---", "N/A", "n/a", "unknown",
	"anonymous", "anonymousUser", "[object Object]", "null null", "undefined undefined",
	"None None", "Unknown Unknown", "%{REMOTE_USER}e", "%{X-User}", "%REMOTE_USER%",
	"%!s(<nil>)", "%!v(MISSING)", "$remote_user", "$X", "${user}", "${user.name}",
	"{{ .Sub }}", "{{}}", "{http.auth.user.id}", "Not supported currently. Use oid claim.",
}

// TestPlaceholders: a placeholder counts as a missing value.
func TestPlaceholders(t *testing.T) {
	r := testReader(t, fiveHeaders())
	key := newKey(t)
	byToken := testReader(t, tokenConfig(t, key))
	byPrincipal := testReader(t, config.Identity{Preset: "azure"})
	for _, value := range placeholders {
		t.Run(value, func(t *testing.T) {
			quoted, err := json.Marshal(value)
			require.NoError(t, err)
			token := sign(t, key, es256, goodClaims(t, "sub", string(quoted)))
			for _, from := range []struct {
				r *Reader
				h http.Header
			}{
				{r: r, h: http.Header{"A": {value}}},
				{r: r, h: http.Header{"A": {value}, "B": {"jane@example.com"}, "C": {"Jane"}}},
				{r: byToken, h: http.Header{"X-Token": {token}}},
				{r: byPrincipal, h: http.Header{"X-Ms-Client-Principal": {
					principal(`{"typ":"oid","val":` + string(quoted) + `}`),
				}}},
			} {
				_, refusedAs, why := readFrom(from.r, from.h)
				assert.Equal(t, noIdentity, refusedAs)
				assert.Contains(t, why, "placeholder")
			}
			who, refusedAs, why := readFrom(r, http.Header{
				"A": {"u-17"},
				"B": {value},
				"C": {value},
				"D": {" " + value},
				"E": {value},
			})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, "u-17|||||", partsOf(who))
		})
	}
	_, refusedAs, _ := readFrom(r, http.Header{"A": {" null"}})
	assert.Equal(t, refused, refusedAs, "a space before the ID")
}

// TestNoPlaceholders: people and accounts have names like these.
func TestNoPlaceholders(t *testing.T) {
	r := testReader(t, fiveHeaders())
	for _, value := range []string{
		"Null", "NULL", "Unknown", "Undefined", "Nil", "NONE", "none", "Anonymous", "anonymous2",
		"unknown@example.com", "null-17", "- -", "-x", "n/a/b", "Jane null", "null Doe",
		"nullnull", "{id}", "{jane}", "{5B0C}", "[a]", "{a:1}", "<b>", "$5", "$a b", "100%",
		"%A", "%x(y)", "{{x", "map[a:b]", "(none) x",
	} {
		t.Run(value, func(t *testing.T) {
			who, refusedAs, why := readFrom(r, http.Header{
				"A": {value},
				"C": {value},
				"D": {" " + value},
				"E": {value},
			})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, value+"||"+value+"|"+value+"|"+value+"|", partsOf(who))
		})
	}
}

// TestAddress: a value that is not an email address is not sent as one. Two addresses are refused.
func TestAddress(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "oauth2-proxy"})
	for _, row := range []struct {
		desc, raw, want string
		refused         bool
	}{
		{desc: "address", raw: "jane@example.com", want: "jane@example.com"},
		{desc: "spaces around", raw: " jane@example.com ", want: "jane@example.com"},
		{desc: "other spaces around", raw: "\u00a0jane@example.com\u2003", refused: true},
		{
			desc: "signs",
			raw:  "o'neil+a@mail.example.com",
			want: "o'neil+a@mail.example.com",
		},
		{desc: "letter outside ASCII", raw: "josé@example.com", want: "josé@example.com"},
		{desc: "letter in Latin-1", raw: "jos\xe9@example.com", refused: true},
		{desc: "host outside ASCII", raw: "jane@exämple.com", want: "jane@exämple.com"},
		{desc: "host in Latin-1", raw: "jane@ex\xe4mple.com", refused: true},
		{desc: "UTF-8 that is cut off", raw: "jane@example.com\xc3", refused: true},
		{desc: "zero-width space", raw: "ja\u200bne@example.com", refused: true},
		{desc: "right-to-left override", raw: "jane@\u202eexample.com", refused: true},
		{desc: "soft hyphen", raw: "ja\u00adne@example.com", refused: true},
		{desc: "replacement character", raw: "jan\ufffd@example.com", refused: true},
		{desc: "no-break space inside", raw: "ja\u00a0ne@example.com", refused: true},
		{desc: "variation selector", raw: "jane\ufe0f@example.com", refused: true},
		{desc: "line break", raw: "jane@example.com\nx@example.com", refused: true},
		{desc: "too long", raw: strings.Repeat("x", 1020) + "@b.cd", refused: true},
		{
			desc: "just not too long",
			raw:  strings.Repeat("x", 1019) + "@b.cd",
			want: strings.Repeat("x", 1019) + "@b.cd",
		},
		{
			desc:    "too long with spaces",
			raw:     "jane@example.com" + strings.Repeat(" ", maxValue),
			refused: true,
		},
		{desc: "placeholder", raw: "<no value>"},
		{desc: "placeholder with an @", raw: "${user}@example.com", want: "${user}@example.com"},
		{desc: "two with a semicolon", raw: "a@b.cd;c@d.ef", refused: true},
		{desc: "two with a comma", raw: "a@b.cd, c@d.ef", refused: true},
		{desc: "name before it", raw: "Jane Doe <jane@example.com>"},
		{desc: "dot at the end", raw: "jane@example.com."},
		{desc: "two dots", raw: "jane..doe@example.com"},
		{desc: "dot before", raw: ".jane@example.com"},
		{desc: "dot before the @", raw: "jane.@example.com"},
		{desc: "Hangul filler", raw: "jane\u3164@example.com", refused: true},
		{desc: "Hangul filler in the host", raw: "jane@example\u115f.com", refused: true},
		{desc: "Cyrillic", raw: "квіточка@пошта.укр", want: "квіточка@пошта.укр"},
		{desc: "Chinese", raw: "王@例子.公司", want: "王@例子.公司"},
		{desc: "nothing"},
		{desc: "login", raw: "jane"},
		{desc: "host without a dot", raw: "jane@github"},
		{desc: "no name", raw: "@example.com"},
		{desc: "comma behind", raw: "jane@example.com,"},
		{desc: "angle brackets", raw: "<jane@example.com>"},
		{desc: "space inside", raw: "jane doe@example.com"},
		{desc: "two addresses", raw: "jane@example.com@example.org", refused: true},
		{desc: "two @ and no dot", raw: "a@b@c", refused: true},
		{desc: "tab", raw: "jane\t@example.com", refused: true},
		{desc: "delete", raw: "jane@example.com\x7f", refused: true},
		{desc: "C1 control", raw: "jane\u0085@example.com", refused: true},
		{desc: "C1 control in Latin-1", raw: "jane\x85@example.com", refused: true},
		{desc: "RFC 2047", raw: "=?utf-8?q?jane@example.com?=", refused: true},
		{desc: "like RFC 2047", raw: "=?jane@example.com", want: "=?jane@example.com"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			for _, name := range []string{"Jane Doe", "  Jane Doe"} {
				who, refusedAs, why := readFrom(r, http.Header{
					"X-Auth-Request-User":               {"u-17"},
					"X-Auth-Request-Email":              {row.raw},
					"X-Auth-Request-Preferred-Username": {name},
				})
				assert.Equal(t, row.want, who.Email, "beside %q", name)
				if row.refused {
					assert.Equal(t, refused, refusedAs, "beside %q", name)
					assert.NotContains(t, why, row.raw)
					continue
				}
				require.Empty(t, refusedAs, why)
				assert.Equal(t, "Jane Doe", who.Name)
			}
		})
	}
}

// guardValues are for every part of an identity. The pattern of ordinary values may match only
// values that decode unchanged.
var guardValues = []string{
	"", "u-17", "Jane Doe", "Zoë", "a  b", " a", "a ", "=?utf-8?q?x?=", "=", "a=?", "a\tb", "a\nb",
	"\xe9", "\x7f", "\u0085", "\u00a0", "\u200b", "jane@example.com", "a@@b.example.com",
	"jane@github", "a@b@c", "Nguyễn Văn An", "王小明", "e\u0301", "{id}", "null", "$user", "-",
	"x\u3164",
	strings.Repeat("x", 400),
}

// guardAddresses are for the email address.
var guardAddresses = []string{
	"j@example.com", "josé@example.com", "jos\xe9@example.com", "jane@exämple.com",
	"jane@ex\xe4mple.com", " jane@example.com", "jane@example.com ", "\u00a0jane@example.com",
	"jane@example.com\u2003", "\u200bjane@example.com", "jane\t@example.com",
	"jane@example.com\t", "jane\x7f@example.com", "jane@example.com\x7f",
	"jane\u0085@example.com", "jane@example.com\u0085", "jane\x00@example.com",
	"jane@example\x1b.com", "jane@example.com\n", "jane\r@example.com",
	"=?utf-8?q?jane@example.com?=", "=?jane@example.com", "jane@example.com?=", "=@b.c",
	"a@=?.b?=", "a@b.", "a@.b", "@b.c", "a@b..c", "a@b.c@", "a@b.c,", "<a@b.c>", `"a"@b.c`,
	"a b@c.d", "a@b\\.c", "e\u0301@b.c", "\u0301@b.c", "王@b.c", "a@b.\u00a0",
	"a@b.c" + strings.Repeat("d", 1100), "%{x}@b.c", "jane\u3164@b.c",
	"jane@b\uffa0.c", "a..b@c.d", ".a@b.c", "a.@b.c", "jane\u034f@b.c", "jane\ufe0f@b.c",
}

// withoutGuard sends every value through decodeParts until the test ends.
func withoutGuard(t *testing.T) {
	t.Helper()
	guard := ordinary
	t.Cleanup(func() { ordinary = guard })
	ordinary = regexp.MustCompile(`[^\x00-\x{10ffff}]`) // matches nothing
}

// TestGuard: decodeParts gives the same result for all values that the pattern accepts.
func TestGuard(t *testing.T) {
	r := testReader(t, fiveHeaders())
	headers := []http.Header{}
	plain := 0
	add := func(values ...string) {
		h := http.Header{}
		for i, name := range []string{"A", "B", "C", "D", "E"} {
			h[name] = []string{values[i]}
		}
		headers = append(headers, h)
		if ordinary.MatchString(strings.Join(values, "\n")) {
			plain++
		}
	}
	all := guardValues
	for i, id := range all {
		for j, email := range all {
			for k, name := range all {
				add(id, email, name, all[(i+j)%len(all)], all[(j+k)%len(all)])
			}
		}
	}
	require.Greater(t, plain, 100, "combinations that are plain")
	before := plain
	for _, email := range guardAddresses {
		add("u-17", email, "Jane Doe", "", "")
		add("u-17", email, "  Jane Doe", "", "")
	}
	for i := 0; i < 256; i++ { // each byte, and each letter of Latin-1, in each place
		for _, c := range []string{string([]byte{byte(i)}), string([]rune{rune(i)})} {
			for _, name := range []string{c + "ab", "a" + c + "b", "ab" + c} {
				add(name, "", "", "", "")
				add("u-17", "", "", name, "")
			}
			for _, email := range []string{
				c + "a@b.cd", "a" + c + "@b.cd", "a@" + c + "b.cd", "a@b" + c + ".cd", "a@b.cd" + c,
			} {
				add("u-17", email, "", "", "")
			}
		}
	}
	require.Greater(t, plain, before+1000, "values that are plain")

	read := func() []string {
		results := []string{}
		for _, h := range headers {
			who, refusedAs, why := readFrom(r, h)
			results = append(results, strings.Join([]string{partsOf(who), refusedAs, why}, "\n"))
		}
		return results
	}
	guarded := read()
	withoutGuard(t)
	require.False(t, ordinary.MatchString("u-17\n\n\n\n"))
	for i, want := range read() {
		if want != guarded[i] {
			assert.Equal(t, want, guarded[i], "%q", headers[i])
		}
	}
}

// TestGuardOfFewHeaders: Clinicpass reads no value from headers that are not configured.
func TestGuardOfFewHeaders(t *testing.T) {
	r := testReader(t, config.Identity{Headers: config.Headers{ID: "A", Name: "C"}})
	h := http.Header{"A": {"u-17"}, "B": {"jane@example.com"}, "C": {"Jane"}, "": {"x"}}
	who, refusedAs, _ := readFrom(r, h)
	require.Empty(t, refusedAs)
	guarded := partsOf(who)
	withoutGuard(t)
	who, refusedAs, _ = readFrom(r, h)
	require.Empty(t, refusedAs)
	assert.Equal(t, partsOf(who), guarded)
	assert.Equal(t, "u-17", who.ID)
	assert.Equal(t, "Jane", who.Name)
}

// TestOnePass: the patterns in every sign-in are one-pass, which makes them 2.5 times as fast.
func TestOnePass(t *testing.T) {
	assert.True(t, onePass(t, ordinary), ordinary.String())
	assert.True(t, onePass(t, addressPattern), addressPattern.String())
	assert.False(t, onePass(t, regexp.MustCompile(`^a*a*$`)), "the check sees no difference")
}

// onePass reads a private field of the regexp package.
func onePass(t *testing.T, pattern *regexp.Regexp) bool {
	t.Helper()
	field := reflect.ValueOf(pattern).Elem().FieldByName("onepass")
	require.True(t, field.IsValid(), "regexp.Regexp has no field onepass any more")
	return !field.IsNil()
}
