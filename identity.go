package clinicpass

import (
	"net/http"
	"regexp"
	"strings"
)

// identity is what the auth layer says about the signed-in person. All but id may be empty.
type identity struct {
	id, email, name, firstName, lastName string

	groups []string
}

// identityReader reads an identity from what the auth layer sets: plain headers, which it trusts (that no client can set
// them is for the auth middleware in front to ensure), a principal, or a signed token.
type identityReader struct {
	parts         []identityHeader // id, email, name, first name, last name
	partNames     []string         // their canonical names
	otherNames    []string         // as configured, where that is another case
	careful       bool             // there is more to look at than plainIdentity does
	groups        identityHeader
	principal     identityHeader
	token         *tokenReader // nil without one
	proof         *proof       // nil without one
	percent       bool
	separator     string // between groups
	allowedGroups map[string]bool
	lengths       map[int]bool              // of all header names
	exact         map[string]bool           // the names themselves
	spellings     map[string]identityHeader // by plain spelling
}

func newIdentityReader(c IdentityConfig, found *problems) *identityReader {
	p := checkPreset(c, found)
	r := &identityReader{
		token:         newTokenReader(c.JWT, p, found),
		proof:         newProof(c.Proof, found),
		percent:       checkChoice("identity.encoding", c.Encoding, []string{encodingAuto, encodingPercent}, found) == encodingPercent,
		separator:     p.separator,
		allowedGroups: map[string]bool{},
		lengths:       map[int]bool{},
		exact:         map[string]bool{},
		spellings:     map[string]identityHeader{},
	}
	for _, group := range c.AllowedGroups {
		if group = strings.TrimSpace(group); group != "" {
			r.allowedGroups[group] = true
		}
	}
	if len(c.AllowedGroups) > 0 && len(r.allowedGroups) == 0 {
		found.add("identity.allowedGroups", "holds blanks only; name a group, or remove the key")
	}
	if r.proof != nil {
		r.watch(r.proof.header)
	}
	switch {
	case r.token != nil:
		r.watch(r.token.header)
		if len(c.AllowedGroups) > 0 && r.token.claims.Groups == "" {
			found.add("identity.allowedGroups", "needs identity.jwt.claims.groups, the claim with the provider's groups")
		}
	case p.principal != "":
		r.principal = newIdentityHeader("identity.preset", p.principal, found)
		r.watch(r.principal)
	default:
		r.readHeaders(p.headers, c, found)
	}
	r.careful = len(r.parts) == 0 || r.percent || r.proof != nil || len(r.allowedGroups) > 0
	return r
}

// readHeaders makes the reader take the identity from plain headers.
func (r *identityReader) readHeaders(names HeadersConfig, c IdentityConfig, found *problems) {
	r.parts = []identityHeader{
		newIdentityHeader("identity.headers.id", names.ID, found),
		newIdentityHeader("identity.headers.email", names.Email, found),
		newIdentityHeader("identity.headers.name", names.Name, found),
		newIdentityHeader("identity.headers.firstName", names.FirstName, found),
		newIdentityHeader("identity.headers.lastName", names.LastName, found),
	}
	r.groups = newIdentityHeader("identity.headers.groups", names.Groups, found)
	r.watch(r.groups)
	for _, header := range r.parts {
		r.watch(header)
		r.partNames = append(r.partNames, header.canonical)
		if header.configured != header.canonical {
			r.otherNames = append(r.otherNames, header.configured)
		}
	}
	if _, known := presets[c.Preset]; known && names.ID == "" {
		found.add("identity.headers.id", "is required: name the header with the provider's lasting id, or choose identity.preset")
	}
	if len(c.AllowedGroups) > 0 && names.Groups == "" {
		found.add("identity.allowedGroups", "needs identity.headers.groups, the header with the provider's groups")
	}
}

// readIdentity returns the proven or asserted identity, or the outcome that refuses it and why. The reason names headers
// and claims and never quotes values.
func readIdentity(r *identityReader, req *http.Request) (who *identity, refused, why string) {
	if alias := aliasIn(r, req.Header); alias != "" {
		return nil, identityRefused, "header " + alias + " arrived beside or instead of the configured spelling"
	}
	if who = plainIdentity(r, req.Header); who != nil {
		return who, "", ""
	}
	return anyIdentity(r, req)
}

// plainPattern matches the lines id, e-mail, name, first and last name when nothing in them is to be decoded, trimmed or
// refused: words of visible ASCII and letters, with single blanks between them, and an address that can be one.
var plainPattern = regexp.MustCompile(`^` + plainWords + `\n(?:` + mailbox + `@` + label + `(?:\.` + label + `)+)?(?:\n(?:` + plainWords + `)?){3}$`)

const (
	plainWords = `[!-<>-~\pL][!-~\pL\pM]*(?: [!-~\pL\pM]+)*`
	mailbox    = `[^\x00- ,;:<>()\[\]"\\@\x7f-\x{10ffff}]+`
	label      = `[^\x00- ,;:<>()\[\]"\\@.\x7f-\x{10ffff}]*`
)

// plainIdentity returns the identity from plain headers when all of them are as usual, which one look can tell, else nil.
func plainIdentity(r *identityReader, h http.Header) *identity {
	if r.careful {
		return nil
	}
	for _, name := range r.otherNames {
		if h[name] != nil {
			return nil
		}
	}
	values := []string{"", "", "", "", ""}
	for i, name := range r.partNames {
		lines := h[name]
		if len(lines) > 1 {
			return nil
		}
		if len(lines) == 1 {
			values[i] = lines[0]
		}
	}
	all := strings.Join(values, "\n")
	if len(all) > maxIdentityValue || !plainPattern.MatchString(all) {
		return nil
	}
	return &identity{id: values[0], email: values[1], name: values[2], firstName: values[3], lastName: values[4]}
}

// anyIdentity is readIdentity for whatever may come.
func anyIdentity(r *identityReader, req *http.Request) (who *identity, refused, why string) {
	switch {
	case r.token != nil:
		who, refused, why = readToken(r.token, req, r)
	case r.principal.configured != "":
		who, refused, why = r.readPrincipal(req.Header)
	default:
		who, refused, why = r.readParts(req.Header)
	}
	if refused != "" {
		return nil, refused, why
	}
	if strings.Count(who.email, "@") > 1 {
		return nil, identityRefused, "the e-mail address has a second @"
	}
	if r.proof != nil && !r.proof.given(req.Header) {
		return nil, identityRefused, "header " + r.proof.header.configured + ", the proof that the auth layer was asked, is missing or wrong"
	}
	if !addressPattern.MatchString(who.email) { // such as a login, jane@github
		who.email = ""
	}
	return who, "", ""
}

// addressPattern tells what can be an e-mail address.
var addressPattern = regexp.MustCompile(`^[^ ,;:<>()\[\]"\\@]+@[^ ,;:<>()\[\]"\\@]*\.[^ ,;:<>()\[\]"\\@]*$`)

// readParts reads the identity from plain headers.
func (r *identityReader) readParts(h http.Header) (who *identity, refused, why string) {
	values, problem := r.decodeValues(h)
	if problem != "" {
		return nil, identityRefused, problem
	}
	who, problem = newIdentity(values)
	if problem != "" {
		return nil, identityRefused, "header " + r.parts[0].configured + " " + problem
	}
	if who.id == "" {
		return nil, noIdentity, "header " + r.parts[0].configured + " is missing or blank: does the auth middleware come " +
			"before this one, and does it pass this header on (forwardAuth: authResponseHeaders)?"
	}
	if len(r.allowedGroups) > 0 {
		who.groups = r.readGroups(h)
	}
	return who, "", ""
}

// decodeValues returns the values of all parts, or why one of them is refused.
func (r *identityReader) decodeValues(h http.Header) ([]string, string) {
	values := []string{}
	for i, header := range r.parts {
		value, problem := r.value(h, header, i > 1)
		if problem != "" {
			return nil, "header " + header.configured + " " + problem
		}
		values = append(values, value)
	}
	return values, ""
}

func (r *identityReader) readGroups(h http.Header) []string {
	groups := []string{}
	for _, line := range linesOf(r.groups, h) {
		for _, group := range strings.Split(line, r.separator) {
			if group, ok := r.decode(strings.TrimSpace(group), false); ok {
				groups = append(groups, group)
			}
		}
	}
	return groups
}

// newIdentity puts an identity together from id, email, name, first and last name, or says what is wrong with the id. Blanks
// do not count around the others, but taking them off an id could make it somebody else's.
func newIdentity(values []string) (who *identity, problem string) {
	id := values[0]
	for i, value := range values {
		values[i] = strings.TrimSpace(value)
	}
	if values[0] != "" && values[0] != id {
		return nil, "has a blank before or behind the id"
	}
	return &identity{id: values[0], email: values[1], name: values[2], firstName: values[3], lastName: values[4]}, ""
}

// mayEnter reports whether the person is in a group that may sign in.
func mayEnter(r *identityReader, who *identity) bool {
	if len(r.allowedGroups) == 0 {
		return true
	}
	for _, group := range who.groups {
		if r.allowedGroups[strings.TrimSpace(group)] {
			return true
		}
	}
	return false
}
