// Package identity reads the provider's identity from what the auth layer sets: plain headers,
// Azure's principal, or a signed token. It trusts plain headers: the auth middleware must ensure
// that no client can set them.
package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// Identity is what the auth layer says about the signed-in person. All fields but ID may be empty.
type Identity struct {
	ID, Email, Name, FirstName, LastName string
	Groups                               []string
}

// inOrder lists the names of an identity's parts. Lists of their values have the same order.
func inOrder(h config.Headers) []string {
	return []string{h.ID, h.Email, h.Name, h.FirstName, h.LastName}
}

// Reader reads identities by the rules of one configuration.
type Reader struct {
	Headers  config.Headers // the names of plain headers, including the preset's
	Verifier *jwt.Verifier  // of signed tokens; nil without one
	Grouped  bool           // only members of identity.allowedGroups may sign in
	Proven   bool           // no client can forge an identity: it is signed, or has a proof
	Trusted  bool           // the operator confirms that no client can set plain headers
	ByEmail  bool           // the email address identifies people, so it must be verified

	parts     []header       // of plain headers; nil without them
	names     []string       // the canonical names of parts, up to the last that is configured
	elsewhere bool           // the identity is not in plain headers of canonical case
	groups    header         // with plain headers
	source    header         // with the token or principal
	claims    config.Headers // the paths of the token's claims
	below     string         // the claim that may contain the names and groups
	idPrefix  string         // removed from the start of the ID
	proof     header         // only the auth layer can add it, because clients do not know the secret
	secret    [32]byte       // its SHA-256, so that every comparison takes the same time
	encoding  string
	allowed   *allowedGroups
	extras    bool // ordinary values need decoding, a proof or groups

	// Read refuses other spellings of these header names.
	lengths   []bool          // of all names, modulo 64: a fast test that few other headers pass
	exact     map[string]bool // the names, as configured and in canonical case
	spellings map[string]bool // the names' plainSpelling
	otherCase []header        // those not configured in canonical case
}

// Parse checks the section identity.
func Parse(c config.Identity, p *config.Problems) *Reader {
	known := parsePreset(c, p)
	encodings := []string{auto, percent, latin1}
	r := &Reader{
		Headers:   known.headers,
		encoding:  config.Choice("identity.encoding", c.Encoding, encodings, p),
		allowed:   parseGroups(c.AllowedGroups, known.separator, p),
		lengths:   make([]bool, 64),
		exact:     map[string]bool{},
		spellings: map[string]bool{},
	}
	r.Grouped = len(c.AllowedGroups) > 0
	parseToken(r, known, p)
	parseProof(r, c.Proof, p)
	r.Proven = r.Verifier != nil || r.proof.configured != ""
	r.Trusted = c.Trust != "" && config.Choice("identity.trust", c.Trust, []string{"network"}, p) != ""
	if r.Verifier == nil && known.principal != "" {
		r.source = parseHeader(r, "identity.preset", known.principal, p)
	} else if r.Verifier == nil {
		parseParts(r, c, p)
	}
	p.Require(!r.Grouped || r.parts == nil || r.Headers.Groups != "", "identity.allowedGroups",
		"needs identity.headers.groups, the header with the provider's groups")
	r.elsewhere = len(r.parts) == 0 || len(r.otherCase) > 0
	r.extras = r.encoding != auto || r.proof.configured != "" || r.Grouped
	return r
}

// parseProof makes the reader refuse requests that do not come from the auth layer.
func parseProof(r *Reader, c config.Proof, p *config.Problems) {
	if c.Header == "" && c.Secret == "" {
		return
	}
	p.Require(c.Header != "", "identity.proof.header",
		"is required: the header in which the auth layer sends the secret")
	secret := config.CheckSecret("identity.proof.secret", c.Secret, true, p)
	r.secret = sha256.Sum256([]byte(secret))
	r.proof = parseHeader(r, "identity.proof.header", c.Header, p)
}

// Read returns the identity of a request, or why Clinicpass refuses it.
func Read(r *Reader, req *http.Request) (*Identity, *outcome.Refusal) {
	h := req.Header
	lengths := r.lengths
	exact := r.exact
	for name := range h {
		if lengths[len(name)%64] && !exact[name] && r.spellings[plainSpelling(name)] {
			return nil, refuseAlias(name)
		}
	}
	if r.elsewhere {
		return readElsewhere(r, req)
	}
	return readParts(r, h)
}

// readElsewhere reads the identity from a copy of the headers. The copy has all lines of a name in
// its canonical case, because Traefik's basicAuth writes the name as configured.
func readElsewhere(r *Reader, req *http.Request) (*Identity, *outcome.Refusal) {
	h := req.Header.Clone()
	for _, n := range r.otherCase {
		h[n.canonical] = append(h[n.canonical], h[n.configured]...)
	}
	switch {
	case r.Verifier != nil:
		return readToken(r, req, h)
	case r.source.configured != "":
		return readPrincipal(r, h)
	}
	return readParts(r, h)
}

// accept is the last step for every source but ordinary headers. It checks the values and the
// proof. values and sources, which name their origins, are in the order of inOrder. missing is the
// message for an empty ID.
func accept(r *Reader, h http.Header, sources, values, groups []string, missing string) (
	*Identity, *outcome.Refusal,
) {
	for i, value := range values {
		plain := cleanName(value)
		if i < 2 {
			checked, problem := checkValue(value, i == 0)
			if problem != "" {
				return nil, refuse(sources[i] + " " + problem)
			}
			plain = checked
		}
		if placeholder.MatchString(plain) {
			plain = ""
			if i == 0 {
				missing = sources[0] + " holds a placeholder that the auth layer writes for a missing value"
			}
		}
		values[i] = plain
	}
	who := &Identity{
		ID: strings.TrimPrefix(values[0], r.idPrefix), Email: values[1],
		Name: values[2], FirstName: values[3], LastName: values[4], Groups: groups,
	}
	if who.ID == "" {
		return nil, outcome.Refuse(outcome.NoIdentity, missing)
	}
	if !addressPattern.MatchString(who.Email) {
		if strings.Count(who.Email, "@") > 1 {
			return nil, refuse(sources[1] + " has a second @ in the email address")
		}
		who.Email = "" // such as a login, jane@github
	}
	if r.proof.configured != "" && !given(r, h) {
		return nil, refuse("header " + r.proof.configured +
			", the proof that the auth layer set the others, is missing or wrong")
	}
	return who, nil
}

// given reports whether the request has the secret exactly once.
func given(r *Reader, h http.Header) bool {
	lines := h[r.proof.canonical]
	if len(lines) != 1 {
		return false
	}
	sum := sha256.Sum256([]byte(lines[0]))
	return subtle.ConstantTimeCompare(sum[:], r.secret[:]) == 1
}

func refuseAlias(name string) *outcome.Refusal {
	return refuse("header " + name + " is another spelling of a configured header")
}

func refuse(why string) *outcome.Refusal { return outcome.Refuse(outcome.IdentityRefused, why) }

// addressPattern matches an email address: one @, no empty words between dots, a dot after the @.
var addressPattern = regexp.MustCompile(`^` + word + `(?:\.` + word + `)*@` + word + `(?:\.` + word + `)+$`)

const word = `[^ ,;:<>()\[\]"\\@.]+`
