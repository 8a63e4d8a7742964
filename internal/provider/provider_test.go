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

func testRules(code string) *Rules { return &Rules{code: code, nameOrder: firstLast} }

// hashOf returns the SHA-256 of a text in hexadecimal digits.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestCode(t *testing.T) {
	long := strings.Repeat("x", maxCode+1)
	for _, row := range []struct {
		desc, template string
		who            identity.Identity
		code           string // "" for nobody
	}{
		{
			desc:     "the id",
			template: "{id}",
			who:      identity.Identity{ID: "u-17", Email: "jane@example.com"},
			code:     "u-17",
		},
		{
			desc:     "a template",
			template: "a:{id}:{email}:{name}:{firstName}:{lastName}",
			who:      identity.Identity{ID: "7", Email: "j@example.com", Name: "Jane Doe"},
			code:     "a:7:j@example.com:Jane Doe:Jane:Doe",
		},
		{
			desc:     "the name is made up from its parts",
			template: "{id}/{name}",
			who:      identity.Identity{ID: "7", FirstName: "Jane", LastName: "Doe"},
			code:     "7/Jane Doe",
		},
		{
			desc:     "the name is made up from one part",
			template: "{id}/{name}/{firstName}/{lastName}",
			who:      identity.Identity{ID: "7", FirstName: "Jane"},
			code:     "7/Jane/Jane/-",
		},
		{
			desc:     "the name is the one that was told",
			template: "{id}/{name}",
			who: identity.Identity{
				ID:        "7",
				Name:      "Dr. J. Doe",
				FirstName: "Jane",
				LastName:  "Doe",
			},
			code: "7/Dr. J. Doe",
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
			who:      identity.Identity{ID: long[:maxCode]},
			code:     long[:maxCode],
		},
		{
			desc:     "129 bytes become their hash",
			template: "{id}",
			who:      identity.Identity{ID: long},
			code:     hashOf(long),
		},
		{
			desc:     "129 bytes of a template become their hash",
			template: "y{id}",
			who:      identity.Identity{ID: long[:maxCode]},
			code:     hashOf("y" + long[:maxCode]),
		},
		{desc: "an empty code", template: "{email}", who: identity.Identity{ID: "7"}},
		{desc: "a code of blanks", template: " {email} ", who: identity.Identity{ID: "7"}},
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
			assert.Equal(t, hashOf(row.code)[:16], p.Hash)
			assert.True(t, p.Who == &who, "another identity")
			assert.Equal(t, row.who.Email, p.Who.Email)
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
	for _, row := range []struct {
		desc   string
		change func(c *config.Config)
		want   []string // the beginnings of what is told
	}{
		{desc: "defaults", change: func(c *config.Config) {}},
		{desc: "e-mail", change: func(c *config.Config) { c.Provider.Code = "{email}" }},
		{
			desc:   "template of everything",
			change: func(c *config.Config) { c.Provider.Code = "{id}{name}{firstName}{lastName}" },
		},
		{
			desc:   "neither id nor e-mail",
			change: func(c *config.Config) { c.Provider.Code = "{name}" },
			want:   []string{"provider.code: must contain {id} or {email}"},
		},
		{
			desc:   "no code",
			change: func(c *config.Config) { c.Provider.Code = "" },
			want:   []string{"provider.code: must contain {id} or {email}"},
		},
		{
			desc:   "unknown placeholder",
			change: func(c *config.Config) { c.Provider.Code = "{id}{npi}" },
			want:   []string{"provider.code: has an unknown placeholder"},
		},
		{
			desc:   "unfinished placeholder",
			change: func(c *config.Config) { c.Provider.Code = "{id}{" },
			want:   []string{"provider.code: has an unknown placeholder"},
		},
		{
			desc:   "hash of itself",
			change: func(c *config.Config) { c.Provider.Code = "{id}{hash}" },
			want:   []string{"provider.code: cannot contain {hash}"},
		},
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
