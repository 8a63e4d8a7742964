// Package request judges what a request is: whether its path is the sign-in's, and whether a person
// opens a page with it.
package request

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// Prefix is the path below which requests are sign-ins.
type Prefix struct {
	Path     string // without a final slash; "" for every path
	segments int
}

var prefixPattern = regexp.MustCompile(`^(/[A-Za-z0-9_~.-]+)+/?$`)

// ParsePrefix checks pathPrefix.
func ParsePrefix(path string, p *config.Problems) Prefix {
	p.Require(path == "/" || (prefixPattern.MatchString(path) && config.PlainPath(path)), "pathPrefix",
		"must start with / and consist of letters, digits, - _ . ~ and /, such as /clinic")
	path = strings.TrimSuffix(path, "/")
	return Prefix{Path: path, segments: strings.Count(path, "/")}
}

// Owns reports whether the escaped path is the prefix or lies below it, segment by segment as
// http.ServeMux matches.
func Owns(p *Prefix, escaped string) bool {
	head := strings.TrimSuffix(escaped, below(p, escaped))
	decoded, err := url.PathUnescape(head)
	return err == nil && decoded == p.Path && strings.Count(head, "/") == p.segments
}

// Below returns what follows the prefix in an escaped path that it owns.
func Below(p *Prefix, escaped string) string {
	if strings.HasPrefix(escaped, p.Path) {
		return escaped[len(p.Path):]
	}
	return below(p, escaped)
}

// below counts segments, because a client may escape the prefix's letters.
func below(p *Prefix, escaped string) string {
	left := escaped
	for i := 0; i < p.segments; i++ {
		next := strings.IndexByte(left[1:], '/')
		if next < 0 {
			return ""
		}
		left = left[1+next:]
	}
	return left
}

// Refuse returns why a request may not sign anybody in, whoever sends it, or nil. Only a person who
// opens the page may get a token: a prefetch would sign in somebody who did not click, an image or
// a script could never follow. Browsers say so in headers that pages cannot set (Fetch Metadata). A
// client without them, such as an old browser, is taken for a person.
func Refuse(r *http.Request, allowFrame bool) *outcome.Refusal {
	if r.Method != http.MethodGet {
		return notGet
	}
	h := r.Header
	for i, name := range telling {
		lines := h[name]
		if len(lines) == 0 && ofAClick[i] == "" {
			continue
		}
		if len(lines) != 1 || lines[0] != ofAClick[i] {
			return judge(h, allowFrame)
		}
	}
	return nil
}

// telling are the headers that tell a click from other requests, and ofAClick what an ordinary
// click in a browser has in them. The first five are of prefetches, prerenders and WebSockets.
var (
	telling = []string{
		"Sec-Purpose", "Purpose", "X-Moz", "Upgrade", "Sec-Websocket-Key",
		"Sec-Fetch-Mode", "Sec-Fetch-Dest",
	}
	ofAClick = []string{"", "", "", "", "", "navigate", "document"}
)

var notGet = outcome.Refuse(outcome.MethodRefused, "the method is not GET")

// judge is Refuse for what is not plainly a navigation.
func judge(h http.Header, allowFrame bool) *outcome.Refusal {
	if why := flaw(h, allowFrame); why != "" {
		return outcome.Refuse(outcome.NotANavigation, why)
	}
	return nil
}

// flaw returns why nobody has clicked, or what is asked for is not a page of its own, or "".
func flaw(h http.Header, allowFrame bool) string {
	for _, name := range telling[:3] {
		purpose := strings.ToLower(h.Get(name))
		if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") {
			return "the browser loads the page ahead of a click"
		}
	}
	if h.Get("Sec-Websocket-Key") != "" ||
		strings.Contains(strings.ToLower(h.Get("Upgrade")), "websocket") {
		return "a script opens a WebSocket" // which browsers send without Fetch Metadata
	}
	mode := h.Get("Sec-Fetch-Mode")
	if mode != "" && mode != "navigate" {
		return "a script, or a part of a page, asks for the page"
	}
	switch h.Get("Sec-Fetch-Dest") {
	case "", "document":
		return ""
	case "empty": // a navigation that a service worker of the portal passes on
		if mode == "navigate" { // scripts cannot ask for it
			return ""
		}
		return "a script asks for the page"
	case "iframe", "frame":
		site := h.Get("Sec-Fetch-Site")
		if allowFrame && (site == "same-origin" || site == "same-site") {
			return ""
		}
		return "the page would open in a frame, which portal.allowFrame permits to pages of the " +
			"same site only"
	}
	return "the page would be a part of another page"
}
