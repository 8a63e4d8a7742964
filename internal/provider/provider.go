// Package provider makes of an identity the user that VSee gets to know.
package provider

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
)

// Patient is the provider.type of people who are no providers.
const Patient = "patient"

const (
	maxCode   = 128          // bytes; VSee's limit
	onlyID    = "{id}"       // the template that most have
	firstLast = "first-last" // orders of the words in a display name
	lastFirst = "last-first"
)

// Provider is the person to sign in.
type Provider struct {
	Who       *identity.Identity
	FirstName string // VSee requires both names
	LastName  string // "-" where only one word is known
	Code      string // by which VSee knows the person
	Hash      string // of the code: the first 16 hexadecimal digits of its SHA-256
}

// Rules say how an identity becomes a user of VSee.
type Rules struct {
	code      string // template
	nameOrder string
}

// Parse checks the section provider, and what depends on the type of user.
func Parse(c *config.Config, p *config.Problems) *Rules {
	orders := []string{firstLast, lastFirst}
	order := config.Choice("identity.nameOrder", c.Identity.NameOrder, orders, p)
	checkCode(c.Provider.Code, p)
	patient := c.Provider.Type == Patient
	config.Choice("provider.type", c.Provider.Type, []string{"provider", Patient}, p)
	p.Require(!patient || !c.Room.Enabled, "room.enabled",
		"must be false when provider.type is patient: a patient has no waiting room")
	next := c.Portal.DefaultNext
	p.Require(!patient || next != config.Default().Portal.DefaultNext, "portal.defaultNext",
		"must be set when provider.type is patient: a patient cannot open %s", next)
	return &Rules{code: c.Provider.Code, nameOrder: order}
}

// Of returns the person to sign in, or nil when the code came out empty.
func Of(r *Rules, who *identity.Identity) *Provider {
	names := namesOf(who, r.nameOrder)
	code := who.ID
	if r.code != onlyID || len(code) > maxCode {
		code = codeFor(r.code, who, names)
	}
	if code == "" {
		return nil
	}
	hash := fmt.Sprintf("%.8x", sha256.Sum256([]byte(code)))
	return &Provider{Who: who, FirstName: names[0], LastName: names[1], Code: code, Hash: hash}
}

// codeFor returns the code by a template, or "" for none.
func codeFor(template string, who *identity.Identity, names []string) string {
	code := Fill(template, &Provider{Who: who, FirstName: names[0], LastName: names[1]})
	if len(code) > maxCode {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(code)))
	}
	if strings.TrimSpace(code) == "" {
		return ""
	}
	return code
}

// Fill puts the provider into a template.
func Fill(template string, p *Provider) string {
	name := config.OrElse(p.Who.Name, strings.TrimSuffix(p.FirstName+" "+p.LastName, " -"))
	return strings.NewReplacer("{id}", p.Who.ID, "{email}", p.Who.Email, "{name}", name,
		"{firstName}", p.FirstName, "{lastName}", p.LastName, "{hash}", p.Hash).Replace(template)
}

// CheckTemplate reports whether a template has known placeholders only.
func CheckTemplate(key, template string, p *config.Problems) bool {
	known := !strings.ContainsAny(Fill(template, &Provider{Who: &identity.Identity{}}), "{}")
	p.Require(known, key, "has an unknown placeholder; known are "+
		"{id} {email} {name} {firstName} {lastName} {hash}")
	return known
}

// checkCode refuses a template that could give two people the same code, which is the same account.
func checkCode(template string, p *config.Problems) {
	switch {
	case strings.Contains(template, "{hash}"):
		p.Add("provider.code", "cannot contain {hash}, which is taken over the code")
	case !CheckTemplate("provider.code", template, p): // which says why
	case !strings.Contains(template, "{id}") && !strings.Contains(template, "{email}"):
		p.Add("provider.code", "must contain {id} or {email}, or two people could end in one account")
	}
}

// namesOf returns first and last name, from the best source there is.
func namesOf(who *identity.Identity, order string) []string {
	if who.Name == "" || who.LastName != "" {
		return otherNames(who, order)
	}
	return splitName(who.Name, order)
}

// otherNames are for somebody whose display name is missing, or beaten by first and last name.
func otherNames(who *identity.Identity, order string) []string {
	if who.FirstName != "" && who.LastName != "" {
		return []string{who.FirstName, who.LastName}
	}
	if who.Name != "" {
		return splitName(who.Name, order)
	}
	if one := who.FirstName + who.LastName; one != "" {
		return []string{one, "-"}
	}
	local, _, _ := strings.Cut(who.Email, "@")
	words := strings.Fields(strings.ReplaceAll(local, ".", " "))
	if len(words) == 0 {
		return []string{who.ID, "-"}
	}
	return arrange(words, firstLast)
}

// splitName splits a display name into first and last name: "Jane Q. Doe", "Doe, Jane",
// "Jane Doe, MD", and with lastFirst "Doe Jane".
func splitName(name, order string) []string {
	two := twoWords.FindStringSubmatch(name)
	if two != nil && order == firstLast {
		return two[1:]
	}
	return splitWords(name, order)
}

// twoWords matches the most common name, of which nothing is to be taken off.
var twoWords = regexp.MustCompile(`^([^ ,\t]+) ([^ ,\t]+)$`)

// splitWords is splitName for every name.
func splitWords(name, order string) []string {
	parts := nameParts(name)
	switch len(parts) {
	case 0:
		return []string{strings.TrimSpace(name), "-"}
	case 1:
		return arrange(strings.Fields(parts[0]), order)
	}
	return []string{strings.Join(parts[1:], " "), parts[0]}
}

// arrange returns first and last name of a name's words.
func arrange(words []string, order string) []string {
	last := len(words) - 1
	if last < 1 {
		return []string{strings.Join(words, ""), "-"}
	}
	if order == lastFirst {
		return []string{strings.Join(words[1:], " "), words[0]}
	}
	return []string{strings.Join(words[:last], " "), words[last]}
}

// nameParts returns what stands between the commas of a name, without titles behind it.
func nameParts(name string) []string {
	parts := []string{}
	for _, part := range strings.Split(name, ",") {
		part = strings.Join(strings.Fields(part), " ")
		named := len(parts) > 1 || (len(parts) == 1 && strings.Contains(parts[0], " "))
		if part == "" || (named && postNominal(part)) {
			continue
		}
		parts = append(parts, part)
	}
	return parts
}

// postNominals are what stands behind a comma in a clinician's name without being a name.
const postNominals = " md do mbbs rn np pa pac ma phd psyd pharmd dnp dds dmd dpm od aprn fnp " +
	"fnpbc arnp cnm crna lcsw lpc lmft lmhc lpn bsn msn mph jr sr ii iii iv facp facs faap esq "

// postNominal reports whether every word of the part is a title, such as "MD" or "Ph.D. FACP".
func postNominal(part string) bool {
	plain := strings.NewReplacer(".", "", "-", "").Replace(strings.ToLower(part))
	for _, word := range strings.Fields(plain) {
		if !strings.Contains(postNominals, " "+word+" ") {
			return false
		}
	}
	return true
}
