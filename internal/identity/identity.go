// Package identity reads who is signed in from what the auth layer sets: plain headers, which it
// trusts (that no client can set them is for the auth middleware in front to ensure), a principal,
// or a signed token.
package identity

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// Identity is what the auth layer says about the signed-in person. All but ID may be empty.
type Identity struct {
	ID, Email, Name, FirstName, LastName string

	Groups []string
}

// Reader reads identities as one configuration says.
type Reader struct {
	// Headers are the names that plain headers have, those of the preset included.
	Headers config.Headers
	// Verifier is for signed tokens; nil without one.
	Verifier *jwt.Verifier
	// Grouped says that only members of identity.allowedGroups may sign in.
	Grouped bool
	// Proven says that a client cannot make up an identity: it is signed, or comes with a proof.
	Proven bool

	parts         []header // id, email, name, first name, last name
	names         []string // the canonical names of parts, up to the last that is configured
	elsewhere     bool     // the identity is not in plain headers of canonical case
	groups        header
	principal     header
	token         *token // nil without one
	proof         *proof // nil without one
	percent       bool
	separator     string // between groups
	allowedGroups map[string]bool
	watched       watched
	extras        bool // there is more to do than to read ordinary values
}

// How header values are written.
const (
	encodingAuto    = "auto"    // raw UTF-8 (Latin-1 where it is not valid); names also RFC 2047
	encodingPercent = "percent" // percent-encoded UTF-8
)

// Parse checks the section identity.
func Parse(c config.Identity, p *config.Problems) *Reader {
	known := parsePreset(c, p)
	encoding := config.Choice("identity.encoding", c.Encoding,
		[]string{encodingAuto, encodingPercent}, p)
	r := &Reader{
		Headers:       known.headers,
		token:         parseToken(c.JWT, known, p),
		proof:         parseProof(c.Proof, p),
		percent:       encoding == encodingPercent,
		separator:     known.separator,
		allowedGroups: map[string]bool{},
		watched:       newWatched(),
	}
	r.Proven = r.token != nil || r.proof != nil
	if r.proof != nil {
		watch(&r.watched, r.proof.header)
	}
	switch {
	case r.token != nil:
		r.Verifier = r.token.verifier
		watch(&r.watched, r.token.header)
	case known.principal != "":
		r.principal = parseHeader("identity.preset", known.principal, p)
		watch(&r.watched, r.principal)
	default:
		parseParts(r, c, p)
	}
	parseGroups(r, c, p)
	r.elsewhere = len(r.parts) == 0 || len(r.watched.otherCase) > 0
	r.Grouped = len(r.allowedGroups) > 0
	r.extras = r.percent || r.proof != nil || r.Grouped
	return r
}

// parseParts makes the reader take the identity from plain headers.
func parseParts(r *Reader, c config.Identity, p *config.Problems) {
	r.parts = []header{
		parseHeader("identity.headers.id", r.Headers.ID, p),
		parseHeader("identity.headers.email", r.Headers.Email, p),
		parseHeader("identity.headers.name", r.Headers.Name, p),
		parseHeader("identity.headers.firstName", r.Headers.FirstName, p),
		parseHeader("identity.headers.lastName", r.Headers.LastName, p),
	}
	used := 0
	r.groups = parseHeader("identity.headers.groups", r.Headers.Groups, p)
	watch(&r.watched, r.groups)
	for i, part := range r.parts {
		watch(&r.watched, part)
		r.names = append(r.names, part.canonical)
		if part.configured != "" {
			used = i + 1
		}
	}
	r.names = r.names[:used]
	if _, known := presets[c.Preset]; known && r.Headers.ID == "" {
		p.Add("identity.headers.id",
			"is required: name the header with the provider's lasting id, or choose identity.preset")
	}
}

// Read returns the proven or asserted identity, or why it is refused.
func Read(r *Reader, req *http.Request) (*Identity, *outcome.Refusal) {
	h := req.Header
	lengths := r.watched.lengths
	exact := r.watched.exact
	for name := range h {
		if lengths[len(name)%64] && !exact[name] && isAlias(&r.watched, name) {
			return nil, refuseAlias(name)
		}
	}
	if r.elsewhere {
		return readElsewhere(r, req)
	}
	return readParts(r, h)
}

// readElsewhere reads the identity where more is to be done than to look at plain headers in
// canonical case.
func readElsewhere(r *Reader, req *http.Request) (*Identity, *outcome.Refusal) {
	h := gather(&r.watched, req.Header)
	switch {
	case r.token != nil:
		return readToken(req.Context(), r, h)
	case r.principal.configured != "":
		return readPrincipal(r, h)
	}
	return readParts(r, h)
}

// accept is the last step for every source: an address that cannot be one is not taken over, and
// the proof must be there.
func accept(r *Reader, h http.Header, who *Identity) (*Identity, *outcome.Refusal) {
	if !addressPattern.MatchString(who.Email) {
		if strings.Count(who.Email, "@") > 1 {
			return nil, refuse("the e-mail address has a second @")
		}
		who.Email = "" // such as a login, jane@github
	}
	if r.proof != nil && !given(r.proof, h) {
		return nil, refuse("header " + r.proof.header.configured +
			", the proof that the auth layer was asked, is missing or wrong")
	}
	return who, nil
}

func refuseAlias(name string) *outcome.Refusal {
	return refuse("header " + name + " arrived beside or instead of the configured spelling")
}

func refuse(why string) *outcome.Refusal { return outcome.Refuse(outcome.IdentityRefused, why) }

// addressPattern matches what can be an e-mail address, with one @ and a dot behind it.
var addressPattern = regexp.MustCompile(
	`^[^ ,;:<>()\[\]"\\@]+@[^ ,;:<>()\[\]"\\@.]*\.[^ ,;:<>()\[\]"\\@]*$`)
