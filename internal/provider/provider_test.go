package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
)

const limit = 128 // bytes of a code; VSee's limit

func testRules(code string) *Rules { return &Rules{code: code, nameOrder: firstLast} }

// hashOf returns the SHA-256 of a text in hexadecimal digits.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestCode(t *testing.T) {
	long := strings.Repeat("x", limit+1)
	digest := hashOf("somebody")
	for _, row := range []struct {
		desc, template string
		who            identity.Identity
		code           string // "" for no provider
	}{
		{
			desc:     "the id",
			template: "{id}",
			who:      identity.Identity{ID: "u-17", Email: "jane@example.com"},
			code:     "u-17",
		},
		{
			desc:     "the address",
			template: "{email}",
			who:      identity.Identity{ID: "u-17", Email: "jane@example.com"},
			code:     "jane@example.com",
		},
		{
			desc:     "the id with a text around it",
			template: "a:{id}/b",
			who:      identity.Identity{ID: "7", Email: "j@example.com", Name: "Jane Doe"},
			code:     "a:7/b",
		},
		{
			desc:     "the address with a text around it",
			template: "staff-{email}.x",
			who:      identity.Identity{ID: "7", Email: "j@example.com"},
			code:     "staff-j@example.com.x",
		},
		{
			desc:     "values are not templates",
			template: "{id}",
			who:      identity.Identity{ID: "{email}", Email: "j@example.com"},
			code:     "{email}",
		},
		{
			desc:     "values in a template are not templates",
			template: "x{id}",
			who:      identity.Identity{ID: "{email}", Email: "j@example.com"},
			code:     "x{email}",
		},
		{
			desc:     "128 bytes stay",
			template: "{id}",
			who:      identity.Identity{ID: long[:limit]},
			code:     long[:limit],
		},
		{
			desc:     "128 bytes of a template stay",
			template: "y{id}",
			who:      identity.Identity{ID: long[:limit-1]},
			code:     "y" + long[:limit-1],
		},
		{
			desc:     "129 bytes become their hash",
			template: "{id}",
			who:      identity.Identity{ID: long},
			code:     "h-" + hashOf(long),
		},
		{
			desc:     "129 bytes of a template become their hash",
			template: "y{id}",
			who:      identity.Identity{ID: long[:limit]},
			code:     "h-" + hashOf("y"+long[:limit]),
		},
		{
			desc:     "129 bytes of an address become their hash",
			template: "{email}",
			who:      identity.Identity{ID: "7", Email: long},
			code:     "h-" + hashOf(long),
		},
		{
			desc:     "letters count as their bytes",
			template: "{id}",
			who:      identity.Identity{ID: strings.Repeat("é", 65)},
			code:     "h-" + hashOf(strings.Repeat("é", 65)),
		},
		{
			desc:     "an id like a hash becomes its hash",
			template: "{id}",
			who:      identity.Identity{ID: "h-" + digest},
			code:     "h-" + hashOf("h-"+digest),
		},
		{
			desc:     "an address like a hash becomes its hash",
			template: "{email}",
			who:      identity.Identity{ID: "7", Email: "h-" + digest},
			code:     "h-" + hashOf("h-"+digest),
		},
		{
			desc:     "a template's code like a hash becomes its hash",
			template: "h-{id}",
			who:      identity.Identity{ID: digest},
			code:     "h-" + hashOf("h-"+digest),
		},
		{
			desc:     "a digest alone stays",
			template: "{id}",
			who:      identity.Identity{ID: digest},
			code:     digest,
		},
		{
			desc:     "as long as a hash, and none",
			template: "{id}",
			who:      identity.Identity{ID: "i-" + digest},
			code:     "i-" + digest,
		},
		{
			desc:     "shorter than a hash",
			template: "{id}",
			who:      identity.Identity{ID: "h-" + digest[1:]},
			code:     "h-" + digest[1:],
		},
		{
			desc:     "longer than a hash",
			template: "{id}",
			who:      identity.Identity{ID: "h-" + digest + "0"},
			code:     "h-" + digest + "0",
		},
		{
			desc:     "a hash behind something",
			template: "x{id}",
			who:      identity.Identity{ID: "h-" + digest},
			code:     "xh-" + digest,
		},
		{
			desc:     "a hash with a line below it",
			template: "{id}\n",
			who:      identity.Identity{ID: "h-" + digest},
			code:     "h-" + digest + "\n",
		},
		{desc: "no id", template: "{id}", who: identity.Identity{Email: "j@example.com"}},
		{desc: "no id in a text", template: "x-{id}", who: identity.Identity{Email: "j@example.com"}},
		{desc: "no address", template: "{email}", who: identity.Identity{ID: "7"}},
		{desc: "no address in spaces", template: " {email} ", who: identity.Identity{ID: "7"}},
		{desc: "no address behind a text", template: "staff-{email}", who: identity.Identity{ID: "7"}},
		{desc: "no address before a text", template: "{email}.x", who: identity.Identity{ID: "7"}},
		{
			desc:     "no address behind a long text",
			template: long + "{email}",
			who:      identity.Identity{ID: "7"},
		},
		{
			desc:     "no address, and an id that is none",
			template: "staff-{email}",
			who:      identity.Identity{ID: "{email}", Name: "Jane Doe"},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			who := row.who
			p := Of(testRules(row.template), &who)
			if row.code == "" {
				require.True(t, p == nil, "somebody without a code")
				return
			}
			require.True(t, p != nil, "nobody")
			assert.Equal(t, row.code, p.Code)
			assert.LessOrEqual(t, len(p.Code), limit)
			assert.Equal(t, hashOf(row.code)[:16], p.Hash)
			assert.True(t, p.Who == &who, "another identity")
			assert.Equal(t, row.who.Email, p.Who.Email)
		})
	}
}

// TestCodesDoNotMeet: a person who can choose an ID or email address cannot get another person's
// code. The attacker knows all codes and tries each as a value.
func TestCodesDoNotMeet(t *testing.T) {
	long := strings.Repeat("x", 3*limit)
	for _, row := range []struct{ desc, template, before string }{
		{desc: "the id", template: "{id}"},
		{desc: "the address", template: "{email}"},
		{desc: "behind a text", template: "staff-{id}", before: "staff-"},
		{desc: "behind a text like a hash's", template: "h-{id}", before: "h-"},
		{desc: "behind half of a hash's", template: "h{email}", before: "h"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			owners := map[string]string{} // of the codes
			take := func(value string) string {
				p := Of(testRules(row.template), &identity.Identity{ID: value, Email: value})
				require.True(t, p != nil, "nobody")
				if owner := owners[p.Code]; owner != "" {
					assert.Equal(t, owner, value, "two people have the code %s", p.Code)
				}
				owners[p.Code] = value
				return p.Code
			}
			take("u-17")
			take(long[:limit])
			for i := 0; i < 3; i++ {
				code := take(long[:limit+1+i])
				for try := 0; try < 4; try++ { // the value, and the codes that result from it
					value := strings.TrimPrefix(code, row.before)
					take(value + " ")
					take("h-" + hashOf(code))
					code = take(value)
				}
			}
			assert.Greater(t, len(owners), 15)
		})
	}
}

func TestHash(t *testing.T) {
	p := Of(testRules("{id}"), &identity.Identity{ID: "abc"})
	assert.Equal(t, "ba7816bf8f01cfea", p.Hash)
}

func TestFill(t *testing.T) {
	p := &Provider{
		Who:       &identity.Identity{ID: "7", Email: "j@example.com"},
		FirstName: "Jane",
		LastName:  "-",
		Hash:      "0123456789abcdef",
	}
	for _, row := range []struct {
		desc, template, want string
	}{
		{desc: "nothing", template: "", want: ""},
		{desc: "plain", template: "a b", want: "a b"},
		{
			desc:     "everything else",
			template: "{id} {email} {hash}",
			want:     "7 j@example.com 0123456789abcdef",
		},
		{desc: "unknown last name", template: "{name}/{firstName}/{lastName}", want: "Jane/Jane/-"},
		{desc: "twice", template: "{id}{id}", want: "77"},
		{desc: "other case", template: "{ID}", want: "{ID}"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, Fill(row.template, p))
		})
	}
}

func TestParse(t *testing.T) {
	code := func(template string) func(c *config.Config) {
		return func(c *config.Config) { c.Provider.Code = template }
	}
	once := []string{"provider.code: must have {id} or {email} once, and no other placeholder: " +
		"names or several values could give two people the same account"}
	for _, row := range []struct {
		desc   string
		change func(c *config.Config)
		want   []string // the beginnings of the mistakes
	}{
		{desc: "defaults", change: func(c *config.Config) {}},
		{desc: "e-mail", change: code("{email}")},
		{desc: "id behind a text", change: code("staff-{id}")},
		{desc: "e-mail before a text", change: code("{email}:x")},
		{desc: "spaces", change: code(" {id} ")},
		{desc: "no code", change: code(""), want: once},
		{desc: "one code for everybody", change: code("doctor"), want: once},
		{desc: "name", change: code("{name}"), want: once},
		{desc: "id and name", change: code("{id}-{name}"), want: once},
		{desc: "e-mail and first name", change: code("{firstName}{email}"), want: once},
		{desc: "id and last name", change: code("{id}{lastName}"), want: once},
		{desc: "id and e-mail", change: code("{id}-{email}"), want: once},
		{desc: "e-mail and id", change: code("{email}{id}"), want: once},
		{desc: "id twice", change: code("{id}-{id}"), want: once},
		{desc: "e-mail twice", change: code("{email}{email}"), want: once},
		{desc: "everything", change: code("{id}{name}{firstName}{lastName}"), want: once},
		{desc: "unknown placeholder", change: code("{id}{npi}"), want: once},
		{desc: "other case", change: code("{ID}"), want: once},
		{desc: "unfinished placeholder", change: code("{id}{"), want: once},
		{desc: "unbegun placeholder", change: code("}{email}"), want: once},
		{desc: "placeholder in a placeholder", change: code("{i{id}d}"), want: once},
		{desc: "hash of itself", change: code("{id}{hash}"), want: once},
		{
			desc:   "order of names",
			change: func(c *config.Config) { c.Identity.NameOrder = "last-first" },
		},
		{
			desc:   "unknown order of names",
			change: func(c *config.Config) { c.Identity.NameOrder = "LastFirst" },
			want:   []string{`identity.nameOrder: "LastFirst" is unknown`},
		},
		{
			desc:   "unknown type",
			change: func(c *config.Config) { c.Provider.Type = "nurse" },
			want:   []string{`provider.type: "nurse" is unknown`},
		},
		{
			desc: "patient",
			change: func(c *config.Config) {
				c.Provider.Type = "patient"
				c.Portal.DefaultNext = "/patients/visits"
			},
		},
		{
			desc: "patient with a provider's rooms and page",
			change: func(c *config.Config) {
				c.Provider.Type = "patient"
				c.Room.Enabled = true
			},
			want: []string{
				"room.enabled: must be false when provider.type is patient",
				"portal.defaultNext: must be set when provider.type is patient: " +
					"a patient cannot open /providers/dashboard",
			},
		},
		{desc: "provider with rooms", change: func(c *config.Config) { c.Room.Enabled = true }},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			row.change(c)
			p := &config.Problems{}
			rules := Parse(c, p)
			require.Len(t, p.Lines, len(row.want), strings.Join(p.Lines, "\n"))
			for i, want := range row.want {
				assert.True(t, strings.HasPrefix(p.Lines[i], want), p.Lines[i])
			}
			if len(row.want) == 0 {
				assert.Equal(t, c.Provider.Code, rules.code)
				assert.Equal(t, c.Identity.NameOrder, rules.nameOrder)
			}
		})
	}
}

func TestCheckTemplate(t *testing.T) {
	for _, row := range []struct {
		desc, template string
		known          bool
	}{
		{desc: "nothing", template: "", known: true},
		{
			desc:     "everything",
			template: "{id}{email}{name}{firstName}{lastName}{hash}",
			known:    true,
		},
		{desc: "unknown", template: "{hash}-{room}"},
		{desc: "other case", template: "{firstname}"},
		{desc: "brace", template: "{hash}}"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			p := &config.Problems{}
			assert.Equal(t, row.known, CheckTemplate("room.name", row.template, p))
			if row.known {
				assert.Empty(t, p.Lines)
				return
			}
			require.Len(t, p.Lines, 1)
			assert.Equal(t, "room.name: has an unknown placeholder; known are "+
				"{id} {email} {name} {firstName} {lastName} {hash}", p.Lines[0])
		})
	}
}
