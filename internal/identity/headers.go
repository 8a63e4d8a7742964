package identity

import (
	"net/http"
	"net/textproto"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// header is one configured header.
type header struct{ configured, canonical string }

// parseHeader checks a header name. It makes Read refuse names that another program might take for
// it: X_Auth_User or X.Auth.User for X-Auth-User, or a case that is neither Go's nor configured.
func parseHeader(r *Reader, key, name string, p *config.Problems) header {
	p.Require(name == "" || config.Token.MatchString(name), key, "%q is not a header name", name)
	n := header{configured: name, canonical: textproto.CanonicalMIMEHeaderKey(name)}
	if n.configured != n.canonical && !r.exact[n.configured] { // two parts may share a header
		r.otherCase = append(r.otherCase, n)
	}
	r.lengths[len(name)%64] = true
	r.exact[n.configured], r.exact[n.canonical] = true, true
	r.spellings[plainSpelling(name)] = true
	return n
}

// plainSpelling returns the same text for all aliases of a header name.
func plainSpelling(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, "_", "-"), ".", "-"))
}

// parseParts makes the reader take the identity from plain headers.
func parseParts(r *Reader, c config.Identity, p *config.Problems) {
	used := 0
	names := inOrder(r.Headers)
	for i, key := range []string{"id", "email", "name", "firstName", "lastName"} {
		part := parseHeader(r, "identity.headers."+key, names[i], p)
		r.parts = append(r.parts, part)
		r.names = append(r.names, part.canonical)
		if names[i] != "" {
			used = i + 1
		}
	}
	r.names = r.names[:used]
	r.groups = parseHeader(r, "identity.headers.groups", r.Headers.Groups, p)
	_, known := presets[c.Preset]
	p.Require(!known || r.Headers.ID != "", "identity.headers.id",
		"is required: name the header with the provider's stable user ID, or set identity.preset")
}

// ordinary matches the values of all parts, one per line, if none needs decoding, trimming or a
// refusal: words of visible ASCII and letters with single spaces, and an ordinary email address. No
// value begins with "=", as RFC 2047 does.
var ordinary = regexp.MustCompile(
	`^` + plainID + `\n(?:` + plainAddress + `)?(?:\n(?:` + plainWords + `)?){3}$`)

const (
	letters      = `\p{Latin}\p{Cyrillic}0-9_%+-`
	plainID      = `[!-<>-~\p{Latin}\p{Cyrillic}][!-~\p{Latin}\p{Cyrillic}]*`
	plainWords   = `[!-<>-~\pL][!-~\pL\pM]*(?: [!-~\pL\pM]+)*`
	plainAddress = `[` + letters + `]+(?:\.[` + letters + `]+)*@[` + letters + `]+(?:\.[` + letters + `]+)+`
)

// readParts reads the identity from plain headers.
func readParts(r *Reader, h http.Header) (*Identity, *outcome.Refusal) {
	v := []string{"", "", "", "", ""}
	for i, name := range r.names {
		lines := h[name]
		if len(lines) > 1 {
			return nil, refuseDoubled(r.parts[i])
		}
		if len(lines) == 1 {
			v[i] = lines[0]
		}
	}
	if v[0] == "" {
		return nil, outcome.Refuse(outcome.NoIdentity, missingID(r))
	}
	all := strings.Join(v, "\n")
	if r.extras || len(all) > maxValue || !ordinary.MatchString(all) ||
		placeholder.MatchString(all) {
		return decodeParts(r, h, v)
	}
	return &Identity{ID: v[0], Email: v[1], Name: v[2], FirstName: v[3], LastName: v[4]}, nil
}

func refuseDoubled(part header) *outcome.Refusal {
	return refuse("header " + part.configured + " arrived more than once")
}

// decodeParts is the slow path of readParts, for values to decode or refuse, and for groups.
func decodeParts(r *Reader, h http.Header, values []string) (*Identity, *outcome.Refusal) {
	sources := []string{}
	for i, part := range r.parts {
		source := "header " + part.configured
		value, ok := decode(r.encoding, values[i], i >= 2) // the names
		if !ok {
			return nil, refuse(source + " is not encoded as identity.encoding says; for an auth layer " +
				"that sends Latin-1, set it to latin1")
		}
		values[i] = value
		sources = append(sources, source)
	}
	return accept(r, h, sources, values, readGroups(r, h), missingID(r))
}

func missingID(r *Reader) string {
	return "header " + r.parts[0].configured + " is missing or blank: put the auth middleware before " +
		"this one, and make it pass this header on (forwardAuth: authResponseHeaders)"
}

// readGroups reads the groups header, which may have several lines, if only groups may sign in.
func readGroups(r *Reader, h http.Header) []string {
	groups := []string{}
	if !r.Grouped {
		return groups
	}
	for _, line := range h[r.groups.canonical] {
		for _, group := range groupsIn(r.allowed, line) {
			if group, ok := decode(r.encoding, group, !strings.HasPrefix(group, "=?")); ok {
				groups = append(groups, group)
			}
		}
	}
	return groups
}
