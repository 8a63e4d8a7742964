package identity

import (
	"net/http"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
)

// parseGroups checks identity.allowedGroups, which needs a source of groups.
func parseGroups(r *Reader, c config.Identity, p *config.Problems) {
	for _, group := range c.AllowedGroups {
		if group = strings.TrimSpace(group); group != "" {
			r.allowedGroups[group] = true
		}
	}
	switch {
	case len(c.AllowedGroups) == 0:
	case len(r.allowedGroups) == 0:
		p.Add("identity.allowedGroups", "holds blanks only; name a group, or remove the key")
	case r.token != nil && r.token.claims.Groups == "":
		p.Add("identity.allowedGroups",
			"needs identity.jwt.claims.groups, the claim with the provider's groups")
	case r.parts != nil && r.Headers.Groups == "":
		p.Add("identity.allowedGroups",
			"needs identity.headers.groups, the header with the provider's groups")
	}
}

// Allowed reports whether somebody is in one of identity.allowedGroups.
func Allowed(r *Reader, who *Identity) bool {
	for _, group := range who.Groups {
		if r.allowedGroups[strings.TrimSpace(group)] {
			return true
		}
	}
	return false
}

// readGroups reads the groups from their header, which may come in several lines.
func readGroups(r *Reader, h http.Header) []string {
	groups := []string{}
	for _, line := range h[r.groups.canonical] {
		for _, group := range strings.Split(line, r.separator) {
			if group, ok := decode(r, strings.TrimSpace(group), false); ok {
				groups = append(groups, group)
			}
		}
	}
	return groups
}
