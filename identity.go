package clinicpass

import (
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxIdentityValue = 1024 // bytes of one header value, groups excepted

// How header values are encoded.
const (
	encodingAuto    = "auto"    // raw UTF-8 (Latin-1 where it is not valid), or RFC 2047 where it looks so
	encodingPercent = "percent" // percent-encoded UTF-8
)

// identity is what the auth layer says about the signed-in person. All but id may be empty.
type identity struct {
	id, email, name, firstName, lastName string
}

// identityReader reads an identity from the headers that the auth layer sets. It trusts them: that no client can set them
// is for the auth middleware in front to ensure.
type identityReader struct {
	parts         []identityHeader // id, email, name, first name, last name
	groups        identityHeader
	percent       bool
	separator     string // between groups
	allowedGroups map[string]bool
	lengths       map[int]bool              // of all header names
	spellings     map[string]identityHeader // by plain spelling
}

// identityHeader is one configured header. Traefik's basicAuth writes the name just as configured, everybody else in
// canonical case, so both are looked up.
type identityHeader struct {
	configured, canonical string
}

var headerPattern = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // a token of RFC 9110

func newIdentityReader(c IdentityConfig, found *problems) *identityReader {
	preset := checkPreset(c, found)
	r := &identityReader{
		percent:       checkChoice("identity.encoding", c.Encoding, []string{encodingAuto, encodingPercent}, found) == encodingPercent,
		separator:     preset.separator,
		allowedGroups: map[string]bool{},
		lengths:       map[int]bool{},
		spellings:     map[string]identityHeader{},
	}
	r.parts = []identityHeader{
		r.header("identity.headers.id", preset.headers.ID, found),
		r.header("identity.headers.email", preset.headers.Email, found),
		r.header("identity.headers.name", preset.headers.Name, found),
		r.header("identity.headers.firstName", preset.headers.FirstName, found),
		r.header("identity.headers.lastName", preset.headers.LastName, found),
	}
	r.groups = r.header("identity.headers.groups", preset.headers.Groups, found)
	if _, known := presets[c.Preset]; known && preset.headers.ID == "" {
		found.add("identity.headers.id", "is required: name the header with the provider's lasting id, or choose identity.preset")
	}
	for _, group := range c.AllowedGroups {
		if group = strings.TrimSpace(group); group != "" {
			r.allowedGroups[group] = true
		}
	}
	if len(c.AllowedGroups) > 0 && preset.headers.Groups == "" {
		found.add("identity.allowedGroups", "needs identity.headers.groups, the header with the provider's groups")
	}
	if len(c.AllowedGroups) > 0 && len(r.allowedGroups) == 0 {
		found.add("identity.allowedGroups", "holds blanks only; name a group, or remove the key")
	}
	return r
}

func (r *identityReader) header(key, name string, found *problems) identityHeader {
	h := identityHeader{configured: name, canonical: textproto.CanonicalMIMEHeaderKey(name)}
	if name == "" {
		return h
	}
	if !headerPattern.MatchString(name) {
		found.add(key, "%q is not a header name", name)
	}
	r.lengths[len(name)] = true
	r.spellings[plainSpelling(name)] = h
	return h
}

// read returns the identity in the headers, or the outcome that refuses it and why. The reason names headers and never
// quotes values.
func (r *identityReader) read(h http.Header) (who identity, refused, why string) {
	if alias := r.alias(h); alias != "" {
		return who, identityRefused, "header " + alias + " arrived beside or instead of the configured spelling"
	}
	values := []string{}
	for _, header := range r.parts {
		value, problem := r.value(h, header)
		if problem != "" {
			return who, identityRefused, "header " + header.configured + " " + problem
		}
		values = append(values, value)
	}
	if values[0] == "" {
		return who, noIdentity, "header " + r.parts[0].configured + " is missing or blank: does the auth middleware come " +
			"before this one, and does it pass this header on (forwardAuth: authResponseHeaders)?"
	}
	return identity{id: values[0], email: values[1], name: values[2], firstName: values[3], lastName: values[4]}, "", ""
}

// value returns the one decoded value of a header, "" when it is missing or blank, or why it is refused.
func (r *identityReader) value(h http.Header, header identityHeader) (value, problem string) {
	lines := header.lines(h)
	if len(lines) == 0 {
		return "", ""
	}
	if len(lines) > 1 {
		return "", "arrived more than once"
	}
	if len(lines[0]) > maxIdentityValue {
		return "", "is too long"
	}
	value, ok := r.decode(lines[0])
	if !ok || strings.IndexFunc(value, unicode.IsControl) >= 0 {
		return "", "has control characters or is not encoded as configured"
	}
	return strings.TrimSpace(value), ""
}

// inAllowedGroup reports whether the person is in a group that may sign in.
func (r *identityReader) inAllowedGroup(h http.Header) bool {
	if len(r.allowedGroups) == 0 {
		return true
	}
	for _, line := range r.groups.lines(h) {
		for _, group := range strings.Split(line, r.separator) {
			group, ok := r.decode(strings.TrimSpace(group))
			if ok && r.allowedGroups[strings.TrimSpace(group)] {
				return true
			}
		}
	}
	return false
}

// alias returns the name of a header that another program might take for a configured one: X_Auth_User or X.Auth.User for
// X-Auth-User, or another case than Go's and the configured one. Such a name has the same length, which few others have.
func (r *identityReader) alias(h http.Header) string {
	for name := range h {
		if !r.lengths[len(name)] {
			continue
		}
		header, similar := r.spellings[plainSpelling(name)]
		if similar && name != header.canonical && name != header.configured {
			return name
		}
	}
	return ""
}

// plainSpelling is what all aliases of a header name have in common.
func plainSpelling(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, "_", "-"), ".", "-"))
}

// lines returns the header's values under both its spellings.
func (i identityHeader) lines(h http.Header) []string {
	lines := h[i.canonical]
	if i.configured != i.canonical {
		lines = append(append([]string{}, lines...), h[i.configured]...)
	}
	return lines
}

// decode undoes the auth layer's encoding of a value.
func (r *identityReader) decode(value string) (string, bool) {
	if r.percent {
		decoded, err := url.PathUnescape(value)
		return decoded, err == nil && utf8.ValidString(decoded)
	}
	if strings.HasPrefix(value, "=?") && strings.HasSuffix(value, "?=") {
		decoder := new(mime.WordDecoder)
		decoded, err := decoder.DecodeHeader(value)
		return decoded, err == nil && utf8.ValidString(decoded)
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
