package clinicpass

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/clinicpass/clinicpass/vsee"
)

// Orders of the words in a display name.
const (
	firstLast = "first-last"
	lastFirst = "last-first"
)

const maxCode = 128 // bytes; VSee's limit

// providerRules make a user of VSee out of an identity.
type providerRules struct {
	code          string // template
	userType      int
	disableEmails bool
	nameOrder     string
}

func newProviderRules(c *Config, found *problems) *providerRules {
	r := &providerRules{
		code:          c.Provider.Code,
		disableEmails: c.Provider.DisableEmails,
		nameOrder:     checkChoice("identity.nameOrder", c.Identity.NameOrder, []string{firstLast, lastFirst}, found),
		userType:      vsee.Provider,
	}
	checkCode(r.code, found)
	if checkChoice("provider.type", c.Provider.Type, []string{"provider", "patient"}, found) == "patient" {
		r.userType = vsee.Patient
		if c.Room.Enabled {
			found.add("room.enabled", "must be false when provider.type is patient: a patient has no waiting room")
		}
		if c.Portal.DefaultNext == CreateConfig().Portal.DefaultNext {
			found.add("portal.defaultNext", "must be set when provider.type is patient: a patient cannot open "+c.Portal.DefaultNext)
		}
	}
	return r
}

// checkCode refuses a template that could give two people the same code, which is the same account.
func checkCode(template string, found *problems) {
	if strings.Contains(template, "{hash}") {
		found.add("provider.code", "cannot contain {hash}, which is taken over the code")
	} else if checkPlaceholders("provider.code", template, found) && !strings.Contains(template, "{id}") && !strings.Contains(template, "{email}") {
		found.add("provider.code", "must contain {id} or {email}, or two people could end in one account")
	}
}

// checkPlaceholders reports whether a template has known placeholders only.
func checkPlaceholders(key, template string, found *problems) bool {
	known := !strings.ContainsAny(fill(template, &identity{}, ""), "{}")
	if !known {
		found.add(key, "has an unknown placeholder; known are {id} {email} {name} {firstName} {lastName} {hash}")
	}
	return known
}

// provider is the person to sign in.
type provider struct {
	who  *identity // with names, whatever the auth layer told of them
	code string    // by which VSee knows the person
	key  string    // the first 32 hexadecimal digits of the code's SHA-256
	hash string    // the first 16, which {hash} and the audit show
}

// newProvider returns the person to sign in, or nil when the code came out empty. It completes who.
func newProvider(r *providerRules, who *identity) *provider {
	if who.firstName == "" || who.lastName == "" || who.name == "" {
		completeNames(who, r.nameOrder)
	}
	code := who.id
	if r.code != "{id}" || len(code) > maxCode {
		if code = codeFor(r.code, who); code == "" {
			return nil
		}
	}
	key := digest(code)[:32]
	return &provider{who: who, code: code, key: key, hash: key[:16]}
}

// codeFor returns the code by a template, or "" for none.
func codeFor(template string, who *identity) string {
	code := fill(template, who, "")
	if len(code) > maxCode {
		return digest(code)
	}
	if strings.TrimSpace(code) == "" {
		return ""
	}
	return code
}

// user is the provider as VSee gets to know the person.
func user(r *providerRules, p *provider) *vsee.User {
	return &vsee.User{
		Type: r.userType, Code: p.code, DisableEmails: r.disableEmails,
		FirstName: p.who.firstName, LastName: p.who.lastName, Email: p.who.email,
	}
}

// fill puts the identity and the hash into a template.
func fill(template string, who *identity, hash string) string {
	return strings.NewReplacer("{id}", who.id, "{email}", who.email, "{name}", who.name,
		"{firstName}", who.firstName, "{lastName}", who.lastName, "{hash}", hash).Replace(template)
}

// completeNames sets the two names that VSee requires from the best source there is, and the display name from them.
func completeNames(who *identity, order string) {
	if who.firstName == "" || who.lastName == "" {
		if who.name == "" {
			who.firstName, who.lastName = otherNames(who)
		} else {
			who.firstName, who.lastName = splitName(who.name, order)
		}
	}
	if who.name == "" {
		who.name = strings.TrimSuffix(who.firstName+" "+who.lastName, " -")
	}
}

// otherNames are for somebody without a display name.
func otherNames(who *identity) (firstName, lastName string) {
	if one := who.firstName + who.lastName; one != "" {
		return one, "-"
	}
	local, _, _ := strings.Cut(who.email, "@")
	if local = strings.TrimSpace(strings.ReplaceAll(local, ".", " ")); local != "" {
		return splitName(local, firstLast)
	}
	return who.id, "-"
}

// splitName splits a display name: "Jane Q. Doe", "Doe, Jane", "Jane Doe, MD", and with lastFirst "Doe Jane".
func splitName(name, order string) (firstName, lastName string) {
	first, last, two := strings.Cut(name, " ")
	if !two || order == lastFirst || strings.ContainsAny(name, ",\t") || strings.IndexByte(last, ' ') >= 0 {
		return splitAnyName(name, order)
	}
	return first, last
}

func splitAnyName(name, order string) (firstName, lastName string) {
	if strings.IndexByte(name, ',') >= 0 {
		parts := nameParts(name)
		if len(parts) == 0 {
			return strings.TrimSpace(name), "-"
		}
		if len(parts) > 1 {
			return strings.Join(parts[1:], " "), parts[0]
		}
		name = parts[0]
	}
	words := strings.Fields(name)
	last := len(words) - 1
	if last < 1 {
		return strings.TrimSpace(name), "-"
	}
	if order == lastFirst {
		return strings.Join(words[1:], " "), words[0]
	}
	return strings.Join(words[:last], " "), words[last]
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
const postNominals = " md do mbbs rn np pa pac ma phd psyd pharmd dnp dds dmd dpm od aprn fnp fnpbc arnp cnm crna " +
	"lcsw lpc lmft lmhc lpn bsn msn mph jr sr ii iii iv facp facs faap esq "

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

// digest returns the SHA-256 of a text in hexadecimal digits.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
