package identity

import (
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

const maxValue = 1024 // bytes of one value, groups excepted

// header is one configured header.
type header struct{ configured, canonical string }

// parseHeader checks a header's name, and makes Read refuse what another program might take for it:
// X_Auth_User or X.Auth.User for X-Auth-User, or another case than Go's and the configured one.
func parseHeader(r *Reader, key, name string, p *config.Problems) header {
	p.Require(name == "" || config.Token.MatchString(name), key, "%q is not a header name", name)
	n := header{configured: name, canonical: textproto.CanonicalMIMEHeaderKey(name)}
	if n.configured != n.canonical && !r.exact[n.configured] { // one header may be two parts
		r.otherCase = append(r.otherCase, n)
	}
	r.lengths[len(name)%64] = true
	r.exact[n.configured], r.exact[n.canonical] = true, true
	r.spellings[plainSpelling(name)] = true
	return n
}

// plainSpelling is what all aliases of a header name have in common.
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
		"is required: name the header with the provider's lasting id, or choose identity.preset")
}

// ordinary matches the values of all parts, a line each, when nothing in them is to be decoded,
// trimmed or refused: words of visible ASCII and letters, with single blanks between them, and an
// ordinary address. No value begins with "=", by which RFC 2047 is known.
var ordinary = regexp.MustCompile(
	`^` + words + `\n(?:` + plainAddress + `)?(?:\n(?:` + words + `)?){3}$`)

const (
	words        = `[!-<>-~\pL][!-~\pL\pM]*(?: [!-~\pL\pM]+)*`
	plainAddress = `[\pL0-9._%+-]+@[\pL0-9-]+(?:\.[\pL0-9-]+)+`
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
	all := strings.Join(v, "\n")
	if r.extras || len(all) > maxValue || !ordinary.MatchString(all) {
		return decodeParts(r, h, v)
	}
	return &Identity{ID: v[0], Email: v[1], Name: v[2], FirstName: v[3], LastName: v[4]}, nil
}

func refuseDoubled(part header) *outcome.Refusal {
	return refuse("header " + part.configured + " arrived more than once")
}

// decodeParts is the rest of readParts where there is something to decode, to refuse, or to add.
func decodeParts(r *Reader, h http.Header, values []string) (*Identity, *outcome.Refusal) {
	for i, part := range r.parts {
		value, ok := decode(r, values[i], i >= 2) // the names
		problem := checkValue(value)
		if !ok {
			problem = "is not encoded as configured"
		}
		if problem != "" {
			return nil, refuse("header " + part.configured + " " + problem)
		}
		values[i] = value
	}
	name := "header " + r.parts[0].configured
	return accept(r, h, values, readGroups(r, h), name, name+" is missing or blank: does the auth "+
		"middleware come before this one, and does it pass this header on (forwardAuth: "+
		"authResponseHeaders)?")
}

// readGroups reads the groups from their header, which may come in several lines, if they matter.
func readGroups(r *Reader, h http.Header) []string {
	if !r.Grouped {
		return nil
	}
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

// decode undoes the auth layer's encoding of a value. Only names may be in RFC 2047: whoever can
// choose a user name could otherwise choose one that decodes to somebody else's.
func decode(r *Reader, value string, isName bool) (string, bool) {
	if r.percent {
		decoded, err := url.PathUnescape(value)
		return decoded, err == nil && utf8.ValidString(decoded)
	}
	if strings.HasPrefix(value, "=?") && strings.HasSuffix(value, "?=") {
		decoded, err := new(mime.WordDecoder).DecodeHeader(value)
		return decoded, isName && err == nil && utf8.ValidString(decoded)
	}
	if utf8.ValidString(value) {
		return value, true
	}
	latin1 := []rune{}
	for _, letter := range []byte(value) {
		latin1 = append(latin1, rune(letter))
	}
	return string(latin1), true
}

// checkValue returns why a part of an identity is refused, or "".
func checkValue(value string) (problem string) {
	if len(value) > maxValue {
		return "is too long"
	}
	if strings.IndexFunc(value, unicode.IsControl) >= 0 {
		return "has control characters"
	}
	return ""
}
