package identity

import (
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clinicpass/clinicpass/internal/outcome"
)

const maxValue = 1024 // bytes of one value, groups excepted

// Where the parts of an identity stand in a list of their values.
const (
	partID = iota
	partEmail
	partName
	partFirstName
	partLastName
	parts
)

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
	values := []string{"", "", "", "", ""}
	for i, name := range r.names {
		lines := h[name]
		if len(lines) > 1 {
			return nil, refuseDoubled(r.parts[i])
		}
		if len(lines) == 1 {
			values[i] = lines[0]
		}
	}
	all := strings.Join(values, "\n")
	if r.extras || len(all) > maxValue || !ordinary.MatchString(all) {
		return decodeParts(r, h, values)
	}
	return identityOf(values), nil
}

func refuseDoubled(part header) *outcome.Refusal {
	return refuse("header " + part.configured + " arrived more than once")
}

// identityOf returns the identity with the values of all parts.
func identityOf(v []string) *Identity {
	return &Identity{
		ID: v[partID], Email: v[partEmail], Name: v[partName],
		FirstName: v[partFirstName], LastName: v[partLastName],
	}
}

// decodeParts is the rest of readParts where there is something to decode, to refuse, or to add.
func decodeParts(r *Reader, h http.Header, values []string) (*Identity, *outcome.Refusal) {
	for i, part := range r.parts {
		value, ok := decode(r, values[i], i >= partName)
		problem := checkValue(value)
		if !ok {
			problem = "is not encoded as configured"
		}
		if problem != "" {
			return nil, refuse("header " + part.configured + " " + problem)
		}
		values[i] = value
	}
	if problem := trim(values); problem != "" {
		return nil, refuse("header " + r.parts[partID].configured + " " + problem)
	}
	if values[partID] == "" {
		return nil, outcome.Refuse(outcome.NoIdentity, "header "+r.parts[partID].configured+
			" is missing or blank: does the auth middleware come before this one, and does it pass this "+
			"header on (forwardAuth: authResponseHeaders)?")
	}
	who := identityOf(values)
	if r.Grouped {
		who.Groups = readGroups(r, h)
	}
	return accept(r, h, who)
}

// trim takes off the blanks around the parts, or says what is wrong with the id: taking blanks off
// an id could make it somebody else's.
func trim(values []string) (problem string) {
	id := values[partID]
	for i, value := range values {
		values[i] = strings.TrimSpace(value)
	}
	if values[partID] != "" && values[partID] != id {
		return "has a blank before or behind the id"
	}
	return ""
}

// decode undoes the auth layer's encoding of a value. Only names may be in RFC 2047: whoever can
// choose a user name could otherwise choose one that decodes to somebody else's.
func decode(r *Reader, value string, isName bool) (string, bool) {
	if r.percent {
		decoded, err := url.PathUnescape(value)
		return decoded, err == nil && utf8.ValidString(decoded)
	}
	if strings.HasPrefix(value, "=?") && strings.HasSuffix(value, "?=") {
		decoder := new(mime.WordDecoder)
		decoded, err := decoder.DecodeHeader(value)
		return decoded, isName && err == nil && utf8.ValidString(decoded)
	}
	if utf8.ValidString(value) {
		return value, true
	}
	latin1 := make([]rune, len(value))
	for i := 0; i < len(value); i++ {
		latin1[i] = rune(value[i])
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
