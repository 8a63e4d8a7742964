package clinic

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/vsee"
)

// What is sent to assign a room.
const (
	assignID   = "id"
	assignCode = "code"
)

const (
	maxSlugPart = 32  // bytes of one placeholder's value in a slug
	maxRoomName = 100 // characters
)

// roomRules describe each provider's waiting room.
type roomRules struct {
	enabled    bool
	account    string
	domain     string
	slug, name string // templates
	assign     config.Assign
}

var (
	domainPattern = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)
	fieldPattern  = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]+$`)
	slugBreak     = regexp.MustCompile(`[^a-z0-9]+`)
)

// parseRooms checks the section room.
func parseRooms(c *config.Config, portalHost string, p *config.Problems) roomRules {
	r := roomRules{
		enabled: c.Room.Enabled,
		account: strings.TrimSpace(c.API.AccountCode),
		domain:  strings.ToLower(config.OrElse(c.Room.Domain, portalHost)),
		slug:    c.Room.Slug,
		name:    c.Room.Name,
		assign:  c.Room.Assign,
	}
	if !r.enabled {
		return r
	}
	if c.API.Token == "" {
		p.Add("api.token", "is required when room.enabled is true: "+
			"the clinic admin's token creates and assigns rooms")
	}
	if r.domain != "" && !domainPattern.MatchString(r.domain) {
		p.Add("room.domain", "must be a bare host name, such as clinic.example.com")
	}
	if !strings.Contains(r.slug, "{hash}") {
		p.Add("room.slug", "must contain {hash}, or two providers could end at one room's address")
	}
	provider.CheckTemplate("room.slug", r.slug, p)
	provider.CheckTemplate("room.name", r.name, p)
	if !fieldPattern.MatchString(r.assign.Field) {
		p.Add("room.assign.field", "must be the name of a field, such as room_id")
	}
	config.Choice("room.assign.value", r.assign.Value, []string{assignID, assignCode}, p)
	return r
}

// roomOf returns the provider's room. Its code and slug follow from the provider's code, so that
// every replica comes to the same ones and no two providers share either. The code, 80 bits of a
// hash in letters and digits, counts account and domain in, because another clinic may number its
// providers alike.
func roomOf(r *roomRules, p *provider.Provider) vsee.Room {
	sum := sha256.Sum256([]byte(r.account + "\n" + r.domain + "\n" + p.Code))
	return vsee.Room{
		Domain: r.domain,
		Code:   strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])),
		Slug:   slugify(provider.Fill(r.slug, slugParts(p))),
		Name:   roomName(r.name, p),
	}
}

// roomName leaves out a last name that is not known, and never comes out empty.
func roomName(template string, p *provider.Provider) string {
	known := *p
	known.LastName = strings.TrimPrefix(p.LastName, "-")
	name := strings.Join(strings.Fields(provider.Fill(template, &known)), " ")
	if characters := []rune(name); len(characters) > maxRoomName {
		name = strings.TrimSpace(string(characters[:maxRoomName]))
	}
	return config.OrElse(name, p.Who.ID)
}

// slugParts shortens what goes into a slug, so that the hash always fits beside it.
func slugParts(p *provider.Provider) *provider.Provider {
	return &provider.Provider{
		Who: &identity.Identity{
			ID:    slugPart(p.Who.ID),
			Email: slugPart(p.Who.Email),
			Name:  slugPart(provider.Fill("{name}", p)),
		},
		FirstName: slugPart(p.FirstName),
		LastName:  slugPart(p.LastName),
		Hash:      p.Hash,
	}
}

func slugPart(value string) string {
	slug := slugify(value)
	if len(slug) > maxSlugPart {
		return slug[:maxSlugPart]
	}
	return slug
}

// slugify leaves lower-case letters, digits and single hyphens.
func slugify(value string) string {
	return strings.Trim(slugBreak.ReplaceAllString(strings.ToLower(value), "-"), "-")
}
