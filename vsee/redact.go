package vsee

import (
	"regexp"
	"sort"
	"strings"
	"unicode"
)

const maxDetail = 200 // characters of a failure's detail

// likePersonOrToken matches anything like an e-mail address and anything long enough to be a token.
var likePersonOrToken = regexp.MustCompile(`[^\s"'<>]+@[^\s"'<>]+|[0-9A-Za-z+/=_-]{20,}`)

// redact makes what the API or the network said fit for a log: one short line without the credentials, the values that
// were sent, e-mail addresses and tokens.
func (c *Client) redact(detail string, sent []string) string {
	hide := []string{}
	for _, f := range append([]string{field + c.config.Key, field + c.config.Secret, field + c.config.Token}, sent...) {
		name, value, _ := strings.Cut(f, field)
		if len(value) > 1 && !integers[name] { // one character tells nothing
			hide = append(hide, regexp.QuoteMeta(value))
		}
	}
	// Longer values first: one may be a part of another.
	sort.Slice(hide, func(i, j int) bool { return len(hide[i]) > len(hide[j]) })
	values, err := regexp.Compile("(?i)" + strings.Join(hide, "|"))
	if err != nil || len(hide) == 0 { // a value is not UTF-8, or none is known: better no detail than a leak
		return "***"
	}
	detail = values.ReplaceAllString(detail, "***")
	detail = likePersonOrToken.ReplaceAllString(detail, "***")
	detail = strings.Join(strings.FieldsFunc(detail, breaksLine), " ")
	if characters := []rune(detail); len(characters) > maxDetail {
		detail = string(characters[:maxDetail]) + "..."
	}
	return detail
}

func breaksLine(r rune) bool {
	return unicode.IsControl(r) || unicode.IsSpace(r)
}
