package identity

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
)

// allowedGroups are the groups whose members may sign in. Only whole names match. A name may
// contain the separator: distinguished names (DN, RFC 4514) contain commas.
type allowedGroups struct {
	names     map[string]bool
	separator string
	item      *regexp.Regexp // a group or a piece of one, with the separator or end after it
	most      int            // pieces that a name in names can have
}

const (
	quoted = `"(?:[^"\\]|\\.|"")*(?:"|$)`
	// A backslash escapes a separator.
	itemPattern = `(?s)\s*(` + quoted + `|(?:\\.|.)*?)\s*(?:%s|$)`
	blank       = `\s`
	equals      = `[\s\p{Z}]*(?:=|%3[Dd])`
)

var (
	// A piece of a DN: attribute=value. Other texts have this form too.
	piece    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._-]*|[0-9]+(?:\.[0-9]+)+)` + equals)
	dnPiece  = regexp.MustCompile(`^(?i:cn|ou|dc|o|c|l|st|street|uid|userid)` + equals)
	dnRoot   = regexp.MustCompile(`^(?i:dc|o|c)` + equals) // the last pieces of most DNs
	onePart  = regexp.MustCompile(`^(?:[^,\\]|\\.)*$`)
	likeJSON = regexp.MustCompile(`^(?:\[\s*["{]|\{)`)
	words    = regexp.MustCompile(strings.Replace(itemPattern, "%s", blank, 1)) // of a printed Go slice
)

// parseGroups checks identity.allowedGroups. Traefik splits a text at its commas before the plugin
// sees it. parseGroups refuses pieces of a DN, because DNs of other groups have the same pieces.
func parseGroups(allowed []string, separator string, p *config.Problems) *allowedGroups {
	const key, how = "identity.allowedGroups",
		"%q %s. Traefik splits a text at its commas: write a list with one group per item, or a " +
			"text without spaces; for a comma in a name write %%2C, as in cn=clinicians%%2Cou=groups"
	g := &allowedGroups{names: map[string]bool{}, separator: separator, most: 1}
	g.item = regexp.MustCompile(strings.Replace(itemPattern, "%s", regexp.QuoteMeta(separator), 1))
	for _, name := range allowed {
		name = strings.NewReplacer("%2C", ",", "%2c", ",").Replace(name)
		plain := strings.TrimSpace(name)
		p.Require(plain == name || plain == "", key, how, name, "has a space before or after it")
		torn := dnPiece.MatchString(plain) && onePart.MatchString(plain)
		p.Require(!torn, key, how, name, "is only a piece of a distinguished name")
		p.Require(plain != "", key, "has an empty group: write a name, or remove it")
		g.names[plain] = true
		g.most += len(g.item.FindAllString(plain, -1)) + len(strings.Fields(plain))
	}
	return g
}

// Allowed reports whether the person is in one of identity.allowedGroups.
func Allowed(r *Reader, who *Identity) bool {
	for _, group := range who.Groups {
		if r.allowed.names[strings.TrimSpace(group)] {
			return true
		}
	}
	return false
}

// groupsIn returns every possible group name in a text: from JSON, a list in brackets, or names
// between separators. A name may contain separators, so it also returns consecutive pieces joined.
// It never returns a part of a DN.
func groupsIn(g *allowedGroups, text string) []string {
	text = strings.TrimSpace(text)
	isList := strings.HasPrefix(text, "[") && json.Valid([]byte(text))
	if isList || likeJSON.MatchString(text) { // a truncated list has no names
		return append(jwt.Texts([]byte(text)), text)
	}
	item := g.item
	inner, isOpen := strings.CutPrefix(text, "[")
	inner, isClosed := strings.CutSuffix(inner, "]")
	groups := []string{text}
	if isOpen && isClosed {
		text = inner
		if !strings.Contains(text, g.separator) { // a printed Go slice
			item = words
		}
	}
	starts, ends := piecesOf(g, item, text)
	for i, start := range starts {
		for n := 0; n < g.most && i+n < len(ends); n++ {
			groups = append(groups, namesIn(g, text[start:ends[i+n]])...)
		}
	}
	return groups
}

// piecesOf returns where the pieces of a text start and end. A whole DN is one piece.
func piecesOf(g *allowedGroups, item *regexp.Regexp, text string) (starts, ends []int) {
	starts = []int{}
	ends = []int{}
	first, before := "", ""
	for _, at := range item.FindAllStringSubmatchIndex(text, -1) {
		next := text[at[2]:at[3]]
		if g.separator == "," && isOneDN(first, before, next) {
			ends[len(ends)-1] = at[3]
		} else {
			starts = append(starts, at[2])
			ends = append(ends, at[3])
			first = next
		}
		before = next
	}
	return starts, ends
}

// isOneDN reports whether a piece continues the DN that first began. A new DN begins after a root,
// with the same attribute as the first. In doubt it is one DN, which lets nobody in.
func isOneDN(first, before, next string) bool {
	a, b, c := piece.FindStringSubmatch(first), piece.FindStringSubmatch(before), piece.FindStringSubmatch(next)
	named := dnPiece.MatchString(before) || dnPiece.MatchString(next)
	if b == nil || c == nil || !named {
		return false
	}
	begins := dnRoot.MatchString(before) && strings.EqualFold(a[1], c[1])
	return !begins
}

// namesIn returns the name unchanged, and without the quotes or backslashes that escape separators.
// It keeps the backslashes of a DN, where they have their own meaning.
func namesIn(g *allowedGroups, name string) []string {
	names := []string{name}
	if inner, isOpen := strings.CutPrefix(name, `"`); isOpen {
		inner = strings.TrimSuffix(inner, `"`)
		names = append(names, strings.NewReplacer(`\"`, `"`, `""`, `"`, `\\`, `\`).Replace(inner))
	} else if strings.Contains(name, `\`) && !dnPiece.MatchString(name) {
		names = append(names, strings.ReplaceAll(name, `\`+g.separator, g.separator))
	}
	return names
}
