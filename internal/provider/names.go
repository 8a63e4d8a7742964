package provider

import (
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/identity"
)

// namesOf returns first and last name from the best available source.
func namesOf(who *identity.Identity, order string) []string {
	if who.LastName == "" && order == firstLast {
		if two := twoWords.FindStringSubmatch(who.Name); two != nil {
			return two[1:]
		}
	}
	return otherNames(who, order)
}

// twoWords matches the most common form of a name, which has no title to remove.
var twoWords = regexp.MustCompile(`^([^ ,\t]+) ([^ ,\t]+)$`)

// otherNames is namesOf for all other cases.
func otherNames(who *identity.Identity, order string) []string {
	if who.FirstName != "" && who.LastName != "" {
		return []string{who.FirstName, who.LastName}
	}
	isAccount := account.MatchString(who.Name) && strings.ContainsAny(who.Name, `@\#`)
	if who.Name != "" && !isAccount {
		return splitName(who.Name, order)
	}
	if one := who.FirstName + who.LastName; one != "" {
		return []string{one, "-"}
	}
	for _, source := range []string{who.Email, who.Name, who.ID} {
		user := account.FindStringSubmatch(source)
		if user == nil || !strings.ContainsAny(source, `@\#`) {
			continue
		}
		if words := strings.Fields(strings.ReplaceAll(user[1], ".", " ")); len(words) > 0 {
			return arrange(words, firstLast)
		}
	}
	return []string{who.ID, "-"}
}

// account matches an email address or account name. Its group leaves out domain, provider and tag:
// jane.doe+clinic@example.com, CORP\jane.doe, jane.doe_example.com#EXT#@example.onmicrosoft.com.
var account = regexp.MustCompile(
	`^(?:[^\\#@ ]+[\\#])?([^\\#@+ ]+?)(?:_[^_\\#@ ]+#(?i:ext)#|\+[^@ ]*)?(?:@[^ ]*)?$`)

// splitName splits a display name such as "Jane Q. Doe", "Doe, Jane", "Jane Doe, MD", or with
// lastFirst "Doe Jane". It returns first and last name.
func splitName(name, order string) []string {
	parts := nameParts(name)
	switch len(parts) {
	case 0:
		return []string{strings.TrimSpace(name), "-"}
	case 1:
		return arrange(parts[0], order)
	}
	first := []string{}
	for _, part := range parts[1:] {
		first = append(first, part...)
	}
	return []string{strings.Join(first, " "), strings.Join(parts[0], " ")}
}

// arrange returns first and last name from the words of a name.
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

// nameParts returns the words between the commas of a name. It removes titles at the start, after a
// comma, and at the end. It removes an uncertain title only if two words remain.
func nameParts(name string) [][]string {
	parts := [][]string{}
	left := 0 // words
	for _, part := range strings.Split(spacedTitles.Replace(name), ",") {
		if words := strings.Fields(part); len(words) > 0 {
			parts = append(parts, words)
			left += len(words)
		}
	}
	mixed := len(parts) > 0 && hasLower(parts[0])
	for i := len(parts) - 1; i > 0; i-- {
		title := titleOf(parts[i], mixed)
		stay := left - len(parts[i])
		if title == certain || (title > aName && stay >= 2) {
			parts = append(parts[:i], parts[i+1:]...)
			left = stay
		}
	}
	for i, words := range parts {
		for len(words) > 1 && left > 2 && honorific.MatchString(words[0]) {
			words = words[1:]
			left--
		}
		for last := len(words) - 1; last > 0 && left > 2; last-- {
			ofFamily := i == 0 && len(parts) > 1 && generation.MatchString(words[last])
			if ofFamily || titleOf(words[last:], mixed) < capitals {
				break
			}
			words = words[:last]
			left--
		}
		parts[i] = words
	}
	return parts
}

func hasLower(words []string) bool {
	text := strings.Join(words, " ")
	return strings.ToUpper(text) != text
}

// How likely words are titles, in rising order.
const (
	aName    = iota // they are part of a name
	acronyms        // they look like unlisted titles
	capitals        // they are titles in capitals, and names otherwise
	certain
)

var (
	spacedTitles = strings.NewReplacer("Ph. D", "PhD", "M. D", "MD", "D. O", "DO", "M. A", "MA")
	honorific    = regexp.MustCompile(
		`^(?i:dra?|prof|mr|mrs|ms|miss|mx|med|univ|dipl|dipl\.?-ing|ing|m\.d|ph\.d)\.?$`)
	generation = regexp.MustCompile(`^(?i:jr|sr|ii|iii|iv)\.?$`)
	acronym    = regexp.MustCompile(`^(?:[A-Z]{2,}[a-z]|[A-Z]{3,}|[A-Z][A-Za-z]+[A-Z]|` +
		`[A-Z]{2,}[a-z]?(?:[-/][A-Z]+[a-z]?[A-Z]*)+)$`)
)

// Titles after a clinician's name. Those in titlesInCapitals are also names, unless in capitals.
const (
	titles = " md mbbs mbbch mbchb rn np pac phd psyd pharmd dnp dds dmd dpm aprn arnp fnp anp agnp pnp " +
		"pmhnp acnp agacnp crnp cpnp crna cnm cns cnp lpn lvn bsn msn rph dpt ota otr otd cota slp ccc " +
		"lcsw licsw lmsw lsw msw lpc lcpc lpcc lmft lmhc bcba aud rd rdn ldn dc lac edd scd drph msc bsc " +
		"mph mba mha mphil frcs mrcp facp facs faap facc facep faan faafp abpp esq dr prof dvm rrt emt " +
		"pta cna lmt lcswa bsw bcps cdces ibclc crrn ccrn cen nrp aemt emr whnp lmhp lcat rdh cpht "
	titlesInCapitals = " do ma pa ba ed jd ms od ot pt ld cha rai "
)

// titleOf returns how likely all of the words are titles. If the name itself is in capitals, mixed
// is false, because capitals then show nothing.
func titleOf(words []string, mixed bool) int {
	least := certain
	for _, word := range words {
		plain := strings.ReplaceAll(word, ".", "")
		head, _, _ := strings.Cut(strings.ReplaceAll(plain, "/", "-"), "-")
		listed := " " + strings.ToLower(head) + " "
		title := aName
		switch {
		case generation.MatchString(word) || strings.Contains(titles, listed):
			title = certain
		case mixed && plain == strings.ToUpper(plain) && strings.Contains(titlesInCapitals, listed):
			title = capitals
		case mixed && acronym.MatchString(plain):
			title = acronyms
		}
		if title < least {
			least = title
		}
	}
	return least
}
