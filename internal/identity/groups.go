package identity

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
)

// allowedGroups are the groups whose members may sign in. A group counts as a whole: the name of one
// may have the separator in it, as distinguished names (DN, RFC 4514) have commas.
type allowedGroups struct {
	names     map[string]bool
	separator string
	item      *regexp.Regexp // one group or a piece of one, with the separator or end behind it
	most      int            // pieces that a name in names has
}

const (
	quoted = `"(?:[^"\\]|\\.|"")*(?:"|$)`
	// A backslash takes the meaning from a separator.
	itemPattern = `(?s)\s*(` + quoted + `|(?:\\.|.)*?)\s*(?:%s|$)`
	blank       = `\s`
	equals      = `[\s\p{Z}]*(?:=|%3[Dd])`
)

var (
	// What a DN consists of: an attribute's name and value. Other texts are built so as well.
	piece    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._-]*|[0-9]+(?:\.[0-9]+)+)` + equals)
	dnPiece  = regexp.MustCompile(`^(?i:cn|ou|dc|o|c|l|st|street|uid|userid)` + equals)
	dnRoot   = regexp.MustCompile(`^(?i:dc|o|c)` + equals) // the last pieces of most
	onePart  = regexp.MustCompile(`^(?:[^,\\]|\\.)*$`)
	likeJSON = regexp.MustCompile(`^(?:\[\s*["{]|\{)`)
	words    = regexp.MustCompile(strings.Replace(itemPattern, "%s", blank, 1)) // of a Go slice
)

// parseGroups checks identity.allowedGroups. Traefik cuts a text at its commas before a plugin sees
// it, so that a DN in a label comes as pieces, which others' DNs have as well.
func parseGroups(allowed []string, separator string, p *config.Problems) *allowedGroups {
	const key, how = "identity.allowedGroups",
		"%q %s. Traefik cuts a text at each comma: write one list item for each group, or a text " +
			"without blanks; %%2C is a comma in a group's name, as in cn=clinicians%%2Cou=groups"
	g := &allowedGroups{names: map[string]bool{}, separator: separator, most: 1}
	g.item = regexp.MustCompile(strings.Replace(itemPattern, "%s", regexp.QuoteMeta(separator), 1))
	for _, name := range allowed {
		name = strings.NewReplacer("%2C", ",", "%2c", ",").Replace(name)
		plain := strings.TrimSpace(name)
		p.Require(plain == name || plain == "", key, how, name, "has a blank before or behind it")
		torn := dnPiece.MatchString(plain) && onePart.MatchString(plain)
		p.Require(!torn, key, how, name, "is only a piece of a distinguished name")
		p.Require(plain != "", key, "has an empty group: name a group, or remove it")
		g.names[plain] = true
		g.most += len(g.item.FindAllString(plain, -1)) + len(strings.Fields(plain))
	}
	return g
}

// Allowed reports whether somebody is in one of identity.allowedGroups.
func Allowed(r *Reader, who *Identity) bool {
	for _, group := range who.Groups {
		if r.allowed.names[strings.TrimSpace(group)] {
			return true
		}
	}
	return false
}

// groupsIn returns all that may be the name of a group in a text that lists some: JSON, a list in
// brackets, or what stands between separators; for names with separators, also what several pieces
// come to. It is never a part of a DN.
func groupsIn(g *allowedGroups, text string) []string {
	text = strings.TrimSpace(text)
	isList := strings.HasPrefix(text, "[") && json.Valid([]byte(text))
	if isList || likeJSON.MatchString(text) { // a list that was cut off is none
		return append(jwt.Texts([]byte(text)), text)
	}
	item := g.item
	inner, isOpen := strings.CutPrefix(text, "[")
	inner, isClosed := strings.CutSuffix(inner, "]")
	groups := []string{text}
	if isOpen && isClosed {
		text = inner
		if !strings.Contains(text, g.separator) { // as Go prints a slice
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

// piecesOf returns where the pieces of a text start and end, of which a whole DN is one.
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

// isOneDN reports whether a piece goes on with the DN that another began. The next DN begins behind a
// root with the attribute that the first began with; in doubt it is one DN, which lets nobody in.
func isOneDN(first, before, next string) bool {
	a, b, c := piece.FindStringSubmatch(first), piece.FindStringSubmatch(before), piece.FindStringSubmatch(next)
	named := dnPiece.MatchString(before) || dnPiece.MatchString(next)
	if b == nil || c == nil || !named {
		return false
	}
	begins := dnRoot.MatchString(before) && strings.EqualFold(a[1], c[1])
	return !begins
}

// namesIn returns the name as it is, and without the quotes and backslashes that guard separators in
// it. In a DN these have their own meaning.
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
