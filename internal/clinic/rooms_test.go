package clinic

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
	"github.com/clinicpass/clinicpass/vsee"
)

// testSettings returns the settings that define a room.
func testSettings(account, domain, slug, name string) *Settings {
	return &Settings{
		target: vsee.Config{AccountCode: account},
		rooms:  config.Room{Domain: domain, Slug: slug, Name: name},
	}
}

// testRoom returns the room of a person, from the templates.
func testRoom(t *testing.T, slug, name string, who identity.Identity) vsee.Room {
	t.Helper()
	return roomOf(testSettings("vclinic", portalHost, slug, name), someone(t, who))
}

func TestRoomOfAProvider(t *testing.T) {
	sum := sha256.Sum256([]byte("u-17"))
	hash := hex.EncodeToString(sum[:])[:16]
	for _, row := range []struct {
		desc, slug, name   string
		who                identity.Identity
		wantSlug, wantName string
	}{
		{
			desc:     "defaults",
			slug:     "provider-{hash}",
			name:     "{firstName} {lastName}",
			who:      identity.Identity{ID: "u-17", Name: "Jane Doe"},
			wantSlug: "provider-HASH",
			wantName: "Jane Doe",
		},
		{
			desc:     "an unknown last name",
			slug:     "provider-{hash}",
			name:     "{firstName} {lastName}",
			who:      identity.Identity{ID: "u-17", Name: "Jane"},
			wantSlug: "provider-HASH",
			wantName: "Jane",
		},
		{
			desc:     "no name at all",
			slug:     "provider-{hash}",
			name:     "Dr. {name}",
			who:      identity.Identity{ID: "u-17"},
			wantSlug: "provider-HASH",
			wantName: "Dr. u-17",
		},
		{
			desc:     "a name that comes out empty",
			slug:     "provider-{hash}",
			name:     "{email}",
			who:      identity.Identity{ID: "u-17"},
			wantSlug: "provider-HASH",
			wantName: "u-17",
		},
		{
			desc:     "spaces",
			slug:     "provider-{hash}",
			name:     " Dr.  {name} ",
			who:      identity.Identity{ID: "u-17", Name: "Jane   Doe"},
			wantSlug: "provider-HASH",
			wantName: "Dr. Jane Doe",
		},
		{
			desc:     "names in the slug",
			slug:     "{lastName}-{firstName}-{hash}",
			name:     "{name}",
			who:      identity.Identity{ID: "u-17", Name: "José O'Neil-Smith"},
			wantSlug: "o-neil-smith-jos-HASH",
			wantName: "José O'Neil-Smith",
		},
		{
			desc:     "a name made up from its parts, in the slug",
			slug:     "{name}-{hash}",
			name:     "{name}",
			who:      identity.Identity{ID: "u-17", FirstName: "Jane", LastName: "Doe"},
			wantSlug: "jane-doe-HASH",
			wantName: "Jane Doe",
		},
		{
			desc:     "id and e-mail in the slug",
			slug:     "{id}-{email}-{hash}",
			name:     "{id} {email} {hash}",
			who:      identity.Identity{ID: "u-17", Email: "Jane@Example.com"},
			wantSlug: "u-17-jane-example-com-HASH",
			wantName: "u-17 Jane@Example.com HASH",
		},
		{
			desc:     "no letters for the slug",
			slug:     "{name}-{hash}",
			name:     "{name}",
			who:      identity.Identity{ID: "u-17", Name: "王小明"},
			wantSlug: "HASH",
			wantName: "王小明",
		},
		{
			desc:     "signs in the slug's template",
			slug:     "Dr. {hash}!",
			name:     "{name}",
			who:      identity.Identity{ID: "u-17", Name: "J"},
			wantSlug: "dr-HASH",
			wantName: "J",
		},
		{
			desc:     "a long name",
			slug:     "{name}-{hash}",
			name:     "{name}",
			who:      identity.Identity{ID: "u-17", Name: strings.Repeat("ab", 100)},
			wantSlug: strings.Repeat("ab", 16) + "-HASH",
			wantName: strings.Repeat("ab", 50),
		},
		{
			desc:     "a long name in letters of several bytes",
			slug:     "{hash}",
			name:     "{name}",
			who:      identity.Identity{ID: "u-17", Name: strings.Repeat("é", 101)},
			wantSlug: "HASH",
			wantName: strings.Repeat("é", 100),
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			got := testRoom(t, row.slug, row.name, row.who)
			assert.Equal(t, strings.ReplaceAll(row.wantSlug, "HASH", hash), got.Slug)
			assert.Equal(t, strings.ReplaceAll(row.wantName, "HASH", hash), got.Name)
			assert.Equal(t, portalHost, got.Domain)
			assert.Empty(t, got.ID)
		})
	}
}

// TestRoomCodesDiffer: no two providers, accounts or domains share a room.
func TestRoomCodesDiffer(t *testing.T) {
	codes := map[string]string{}
	for _, id := range []string{"José", "Jose", "JOSE", "jose!", "a", "b", "a\nb"} {
		who := identity.Identity{ID: id, Name: "Jane Doe"}
		room := testRoom(t, "provider-{hash}", "{name}", who)
		assert.Regexp(t, "^[a-z0-9]{16}$", room.Code, id)
		assert.Empty(t, codes[room.Code], "%q has the code of another", id)
		codes[room.Code] = id
	}
	require.Len(t, codes, 7)
	p := someone(t, identity.Identity{ID: "a", Name: "J"})
	same := roomOf(testSettings("vclinic", portalHost, "", ""), p)
	assert.Equal(t, "a", codes[same.Code], "the code depends on a template")
	another := roomOf(testSettings("other", portalHost, "", ""), p)
	assert.Empty(t, codes[another.Code], "another account has its code")
	another = roomOf(testSettings("vclinic", "other.example.com", "", ""), p)
	assert.Empty(t, codes[another.Code], "another domain has its code")

	before := testRoom(t, "{hash}", "x", identity.Identity{ID: "a", Name: "Jane"})
	after := testRoom(t, "{hash}", "x", identity.Identity{ID: "a", Name: "John"})
	assert.Equal(t, before.Code, after.Code, "a changed name changes the room")
	assert.Equal(t, before.Slug, after.Slug, "a changed name changes the room")
}

// TestRoomCodeLasts: a release with other codes would give each provider a second room.
func TestRoomCodeLasts(t *testing.T) {
	who := identity.Identity{ID: "u-17", Name: "Jane Doe"}
	assert.Equal(t, "2zlplpzflzwykq77", testRoom(t, "provider-{hash}", "{name}", who).Code)
}
