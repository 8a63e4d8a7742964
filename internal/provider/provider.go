// Package provider turns an identity into the user that Clinicpass sends to VSee.
package provider

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
)

// Patient is the provider.type for patients.
const Patient = "patient"

const (
	maxCode   = 128    // bytes; VSee's limit
	hashed    = "h-"   // prefix of the digest that replaces a longer code
	onlyID    = "{id}" // the default template
	onlyEmail = "{email}"
	firstLast = "first-last" // orders of the words in a display name
	lastFirst = "last-first"
)

// Provider is the person to sign in.
type Provider struct {
	Who       *identity.Identity
	FirstName string // VSee requires both names
	LastName  string // "-" if only one name is known
	Code      string // identifies the person at VSee
	Hash      string // first 16 hexadecimal digits of the code's SHA-256
}

// Rules define how an identity becomes a user of VSee.
type Rules struct {
	code      string // template
	nameOrder string
}

// Parse checks the section provider, identity.nameOrder, and keys that depend on the type of user.
func Parse(c *config.Config, p *config.Problems) *Rules {
	orders := []string{firstLast, lastFirst}
	order := config.Choice("identity.nameOrder", c.Identity.NameOrder, orders, p)
	checkCode(c.Provider.Code, p)
	rules := &Rules{code: c.Provider.Code, nameOrder: order}
	names, token := identity.Names(c.Identity)
	given := token != "" || names.ID == "" || names.Email != ""
	p.Require(given || !ByEmail(rules), "provider.code",
		"has {email}, which no header gives: set identity.headers.email")
	patient := c.Provider.Type == Patient
	config.Choice("provider.type", c.Provider.Type, []string{"provider", Patient}, p)
	p.Require(!patient || !c.Room.Enabled, "room.enabled",
		"must be false when provider.type is patient: a patient has no waiting room")
	next := c.Portal.DefaultNext
	p.Require(!patient || next != config.Default().Portal.DefaultNext, "portal.defaultNext",
		"must be set when provider.type is patient: a patient cannot open %s", next)
	return rules
}

// ByEmail reports whether the email address identifies people at VSee.
func ByEmail(r *Rules) bool { return strings.Contains(r.code, onlyEmail) }

// Of returns the person to sign in, or nil if the code is empty.
func Of(r *Rules, who *identity.Identity) *Provider {
	names := namesOf(who, r.nameOrder)
	code := who.ID
	if r.code != onlyID || len(code) > maxCode || len(code) == len(hashed)+2*sha256.Size {
		code = codeFor(r, who)
	}
	if code == "" {
		return nil
	}
	hash := fmt.Sprintf("%.8x", sha256.Sum256([]byte(code)))
	return &Provider{Who: who, FirstName: names[0], LastName: names[1], Code: code, Hash: hash}
}

// codeFor returns the code from the template, or "" if the ID or email address is missing. It
// replaces a code over maxCode, or one in the form of a digest, by its digest. So no two people
// share a code.
func codeFor(r *Rules, who *identity.Identity) string {
	value := who.ID
	if ByEmail(r) {
		value = who.Email
	}
	if value == "" {
		return ""
	}
	code := strings.NewReplacer(onlyID, value, onlyEmail, value).Replace(r.code)
	if len(code) > maxCode || hashedCode.MatchString(code) {
		return hashed + fmt.Sprintf("%x", sha256.Sum256([]byte(code)))
	}
	return code
}

var hashedCode = regexp.MustCompile(`^` + hashed + `[0-9a-f]{64}$`)

// Fill replaces the placeholders in a template with the provider's values.
func Fill(template string, p *Provider) string {
	name := config.OrElse(p.Who.Name, strings.TrimSuffix(p.FirstName+" "+p.LastName, " -"))
	return strings.NewReplacer("{id}", p.Who.ID, "{email}", p.Who.Email, "{name}", name,
		"{firstName}", p.FirstName, "{lastName}", p.LastName, "{hash}", p.Hash).Replace(template)
}

// CheckTemplate reports whether a template has only known placeholders.
func CheckTemplate(key, template string, p *config.Problems) bool {
	known := !strings.ContainsAny(Fill(template, &Provider{Who: &identity.Identity{}}), "{}")
	p.Require(known, key, "has an unknown placeholder; known are "+
		"{id} {email} {name} {firstName} {lastName} {hash}")
	return known
}

var codeTemplate = regexp.MustCompile(`^[^{}]*\{(?:id|email)\}[^{}]*$`)

// checkCode refuses a template that could give two people one code, and so one account. People can
// change their names. Of two values, one could contain a part of the other.
func checkCode(template string, p *config.Problems) {
	p.Require(codeTemplate.MatchString(template), "provider.code",
		"must have {id} or {email} once, and no other placeholder: names or several values could "+
			"give two people the same account")
}
