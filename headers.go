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
	encodingAuto    = "auto"    // raw UTF-8 (Latin-1 where it is not valid); names also RFC 2047 where they look so
	encodingPercent = "percent" // percent-encoded UTF-8
)

// identityHeader is one configured header. Traefik's basicAuth writes the name just as configured, everybody else in
// canonical case, so both are looked up.
type identityHeader struct {
	configured, canonical string
}

var headerPattern = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // a token of RFC 9110

func newIdentityHeader(key, name string, found *problems) identityHeader {
	if name != "" && !headerPattern.MatchString(name) {
		found.add(key, "%q is not a header name", name)
	}
	return identityHeader{configured: name, canonical: textproto.CanonicalMIMEHeaderKey(name)}
}

// watch makes aliasIn look for other spellings of the header.
func (r *identityReader) watch(h identityHeader) {
	if h.configured != "" {
		r.lengths[len(h.configured)] = true
		r.exact[h.configured] = true
		r.exact[h.canonical] = true
		r.spellings[plainSpelling(h.configured)] = h
	}
}

// aliasIn returns the name of a header that another program might take for a configured one: X_Auth_User or X.Auth.User for
// X-Auth-User, or another case than Go's and the configured one. Such a name has the same length, which few others have.
func aliasIn(r *identityReader, h http.Header) string {
	lengths := r.lengths
	exact := r.exact
	for name := range h {
		if lengths[len(name)] && !exact[name] && r.isAlias(name) {
			return name
		}
	}
	return ""
}

// isAlias reports whether a name is another spelling of a configured one.
func (r *identityReader) isAlias(name string) bool {
	header, similar := r.spellings[plainSpelling(name)]
	return similar && name != header.canonical && name != header.configured
}

// plainSpelling is what all aliases of a header name have in common.
func plainSpelling(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, "_", "-"), ".", "-"))
}

// linesOf returns the header's values under both its spellings.
func linesOf(i identityHeader, h http.Header) []string {
	lines := h[i.canonical]
	if i.configured != i.canonical {
		lines = append(append([]string{}, lines...), h[i.configured]...)
	}
	return lines
}

// decode undoes the auth layer's encoding of a value. Only names may be in RFC 2047: whoever can choose a user name
// could otherwise choose one that decodes to somebody else's.
func (r *identityReader) decode(value string, isName bool) (string, bool) {
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

// value returns the one decoded value of a header, "" when it is missing, or why it is refused.
func (r *identityReader) value(h http.Header, header identityHeader, isName bool) (value, problem string) {
	lines := linesOf(header, h)
	if len(lines) == 0 {
		return "", ""
	}
	if len(lines) > 1 {
		return "", "arrived more than once"
	}
	value, ok := r.decode(lines[0], isName)
	if !ok {
		return "", "is not encoded as configured"
	}
	return value, checkValue(value)
}

// checkValue returns why a part of an identity is refused, or "".
func checkValue(value string) (problem string) {
	if len(value) > maxIdentityValue {
		return "is too long"
	}
	if strings.IndexFunc(value, unicode.IsControl) >= 0 {
		return "has control characters"
	}
	return ""
}
