// Package request decides whether a request's path is below the prefix, and whether a person opens
// a page with the request.
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
	Path     string // without a trailing slash; "" for every path
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

// Owns reports whether the escaped path is the prefix or is below it. Like http.ServeMux, it
// compares whole segments.
func Owns(p *Prefix, escaped string) bool {
	head := strings.TrimSuffix(escaped, below(p, escaped))
	decoded, err := url.PathUnescape(head)
	return err == nil && decoded == p.Path && strings.Count(head, "/") == p.segments
}

// Below returns the rest of an escaped path after the prefix. The prefix must own the path.
func Below(p *Prefix, escaped string) string {
	if strings.HasPrefix(escaped, p.Path) {
		return escaped[len(p.Path):]
	}
	return below(p, escaped)
}

// below counts segments, because a client may escape letters of the prefix.
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

// Refuse returns why a request may not sign anyone in, whatever its identity, or nil. Only a person
// who opens the page may get a token. A prefetch would sign in a person who did not click. Images
// and scripts cannot follow the redirect. Browsers tell these apart in headers that pages cannot
// set (Fetch Metadata). Refuse accepts a client without these headers, such as an old browser.
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

// telling lists the headers that distinguish a click from other requests. ofAClick has their values
// for an ordinary click. Prefetches, prerenders and WebSockets set the first five.
var (
	telling = []string{
		"Sec-Purpose", "Purpose", "X-Moz", "Upgrade", "Sec-Websocket-Key",
		"Sec-Fetch-Mode", "Sec-Fetch-Dest",
	}
	ofAClick = []string{"", "", "", "", "", "navigate", "document"}
)

var notGet = outcome.Refuse(outcome.MethodRefused, "the method is not GET")

// judge is Refuse for a request that is not an ordinary click.
func judge(h http.Header, allowFrame bool) *outcome.Refusal {
	if why := flaw(h, allowFrame); why != "" {
		return outcome.Refuse(outcome.NotANavigation, why)
	}
	return nil
}

// flaw returns "" for a click that opens a page, else why the request is not one.
func flaw(h http.Header, allowFrame bool) string {
	for _, name := range telling[:3] {
		purpose := strings.ToLower(h.Get(name))
		if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") {
			return "the browser loads the page ahead of a click"
		}
	}
	if h.Get("Sec-Websocket-Key") != "" ||
		strings.Contains(strings.ToLower(h.Get("Upgrade")), "websocket") {
		return "a script opens a WebSocket" // browsers send no Fetch Metadata with it
	}
	mode := h.Get("Sec-Fetch-Mode")
	if mode != "" && mode != "navigate" {
		return "a script, or a part of a page, asks for the page"
	}
	switch h.Get("Sec-Fetch-Dest") {
	case "", "document":
		return ""
	case "empty": // a navigation that the portal's service worker forwards
		if mode == "navigate" { // scripts cannot set this mode
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
