package identity

import (
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
)

func TestIdentityValues(t *testing.T) {
	longest := strings.Repeat("x", maxValue)
	for _, row := range []struct {
		desc, encoding, raw, want string
		refused                   bool // as whatever
		badID                     bool // as an id only
	}{
		{desc: "ASCII", raw: "jdoe", want: "jdoe"},
		{desc: "blanks around", raw: "  jdoe ", want: "jdoe", badID: true},
		{desc: "another blank behind", raw: "jdoe\u00a0", want: "jdoe", badID: true},
		{
			desc:     "an encoded blank before",
			encoding: encodingPercent,
			raw:      "%20jdoe",
			want:     "jdoe",
			badID:    true,
		},
		{desc: "a blank inside", raw: "jane doe", want: "jane doe"},
		{desc: "two blanks inside", raw: "jane  doe", want: "jane  doe"},
		{desc: "UTF-8", raw: "José", want: "José"},
		{desc: "Latin-1", raw: "Jos\xe9", want: "José"},
		{desc: "RFC 2047 Q", raw: "=?utf-8?q?Jos=C3=A9?=", want: "José"},
		{desc: "RFC 2047 B", raw: "=?UTF-8?B?Sm9zw6k=?=", want: "José"},
		{
			desc: "RFC 2047 in two words",
			raw:  "=?utf-8?q?Jos=C3=A9?= =?utf-8?q?_Doe?=",
			want: "José Doe",
		},
		{desc: "RFC 2047 with a line break", raw: "=?utf-8?q?a=0Ab?=", refused: true},
		{desc: "RFC 2047 in an unknown charset", raw: "=?klingon?q?a?=", refused: true},
		{desc: "escapes mean nothing in auto", raw: "100%41", want: "100%41"},
		{desc: "percent", encoding: encodingPercent, raw: "Jos%C3%A9+x", want: "José+x"},
		{desc: "broken percent", encoding: encodingPercent, raw: "100%", refused: true},
		{
			desc:     "percent that is not UTF-8",
			encoding: encodingPercent,
			raw:      "%ff",
			refused:  true,
		},
		{desc: "encoded line break", encoding: encodingPercent, raw: "a%0Ab", refused: true},
		{desc: "tab", raw: "a\tb", refused: true},
		{desc: "delete", raw: "a\x7fb", refused: true},
		{desc: "C1 control in Latin-1", raw: "a\x85b", refused: true},
		{desc: "C1 control in UTF-8", raw: "a\u0085b", refused: true},
		{desc: "just not too long", raw: longest, want: longest},
		{desc: "too long", raw: longest + "x", refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			r := testReader(t, config.Identity{
				Headers:  config.Headers{ID: "X-User", Name: "X-Name"},
				Encoding: row.encoding,
			})
			who, refusedAs, why := readFrom(r, http.Header{
				"X-User": {"u-17"},
				"X-Name": {row.raw},
			})
			checkValueTold(t, "X-Name", row.raw, row.refused, refusedAs, why)
			assert.Equal(t, row.want, who.Name)

			who, refusedAs, why = readFrom(r, http.Header{"X-User": {row.raw}})
			want := row.want
			badID := row.refused || row.badID || strings.HasPrefix(row.raw, "=?")
			if badID { // no way to write somebody else's id
				want = ""
			}
			checkValueTold(t, "X-User", row.raw, badID, refusedAs, why)
			assert.Equal(t, want, who.ID)
		})
	}
}

// checkValueTold: the reason must name the header and not quote it.
func checkValueTold(t *testing.T, name, raw string, wantRefused bool, refusedAs, why string) {
	t.Helper()
	if !wantRefused {
		assert.Empty(t, refusedAs, why)
		return
	}
	assert.Equal(t, refused, refusedAs, name)
	assert.Contains(t, why, name)
	assert.NotContains(t, why, raw)
}

// TestAddress: what cannot be an e-mail address is not sent as one, and two of them are refused,
// beside whatever name.
func TestAddress(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "oauth2-proxy"})
	for _, row := range []struct {
		desc, raw, want string
		refused         bool
	}{
		{desc: "address", raw: "jane@example.com", want: "jane@example.com"},
		{desc: "blanks around", raw: " jane@example.com ", want: "jane@example.com"},
		{
			desc: "other blanks around",
			raw:  "\u00a0jane@example.com\u2003",
			want: "jane@example.com",
		},
		{
			desc: "signs",
			raw:  "o'neil+a@mail.example.com",
			want: "o'neil+a@mail.example.com",
		},
		{desc: "letter outside ASCII", raw: "josé@example.com", want: "josé@example.com"},
		{desc: "letter in Latin-1", raw: "jos\xe9@example.com", want: "josé@example.com"},
		{desc: "host outside ASCII", raw: "jane@exämple.com", want: "jane@exämple.com"},
		{desc: "host in Latin-1", raw: "jane@ex\xe4mple.com", want: "jane@exämple.com"},
		{desc: "nothing"},
		{desc: "login", raw: "jane"},
		{desc: "host without a dot", raw: "jane@github"},
		{desc: "no name", raw: "@example.com"},
		{desc: "comma behind", raw: "jane@example.com,"},
		{desc: "angle brackets", raw: "<jane@example.com>"},
		{desc: "blank inside", raw: "jane doe@example.com"},
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

// guardValues are for every part of an identity. The pattern of ordinary values must match what is
// read the same way without it.
var guardValues = []string{
	"", "u-17", "Jane Doe", "Zoë", "a  b", " a", "a ", "=?utf-8?q?x?=", "=", "a=?", "a\tb", "a\nb",
	"\xe9", "\x7f", "\u0085", "\u00a0", "\u200b", "jane@example.com", "a@@b.example.com",
	"jane@github", "a@b@c", "Nguyễn Văn An", "王小明", "e\u0301", "{id}",
	strings.Repeat("x", 400),
}

// guardAddresses are for the e-mail address.
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
	"a@b.c" + strings.Repeat("d", 1100),
}

// withoutGuard makes every value go the whole way until the test ends.
func withoutGuard(t *testing.T) {
	t.Helper()
	guard := ordinary
	t.Cleanup(func() { ordinary = guard })
	ordinary = regexp.MustCompile(`[^\x00-\x{10ffff}]`) // matches nothing
}

// TestGuard: what the pattern of ordinary values lets through at once, the whole way reads in the
// same way.
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

// TestGuardOfFewHeaders: names that are not configured have no values, whatever comes.
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

// TestOnePass: the patterns on the way of every sign-in have no two ways to match. They are 2.5
// times as fast for it.
func TestOnePass(t *testing.T) {
	assert.True(t, onePass(t, ordinary), ordinary.String())
	assert.True(t, onePass(t, addressPattern), addressPattern.String())
	assert.False(t, onePass(t, regexp.MustCompile(`^a*a*$`)), "the check sees no difference")
}

// onePass reads what the regexp package tells nobody.
func onePass(t *testing.T, pattern *regexp.Regexp) bool {
	t.Helper()
	field := reflect.ValueOf(pattern).Elem().FieldByName("onepass")
	require.True(t, field.IsValid(), "regexp.Regexp has no field onepass any more")
	return !field.IsNil()
}
