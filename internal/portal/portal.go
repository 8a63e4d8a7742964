// Package portal chooses the page of the clinic's portal that the browser is sent to.
package portal

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/request"
)

// Portal is the clinic's portal.
type Portal struct {
	Host        string         // of the portal; "" if its address was refused
	address     string         // of the auth page, without the token
	authParams  string         // "&name=value...", the end of the address
	shape       *regexp.Regexp // of an address whose token has no escapes
	escaped     *regexp.Regexp // of an address whose token has escapes
	defaultNext string
	allowedNext []string // without final slashes
	dropQuery   bool
	restricted  bool // keepQuery or allowedNext restricts next
}

// Parse checks the section portal.
func Parse(c config.Portal, p *config.Problems) *Portal {
	base := config.URL("portal.url", c.URL, p)
	to := &Portal{
		defaultNext: c.DefaultNext, dropQuery: !c.KeepQuery,
		restricted: !c.KeepQuery || len(c.AllowedNext) > 0,
	}
	p.Require(config.PlainPath(c.DefaultNext) && !strings.ContainsAny(c.DefaultNext, "?#"),
		"portal.defaultNext", "must be a plain path without query, such as /providers/dashboard")
	for _, prefix := range c.AllowedNext {
		prefix = strings.TrimSpace(prefix)
		p.Require(config.PlainPath(prefix),
			"portal.allowedNext", "%q must be a plain path, such as /visits", prefix)
		to.allowedNext = append(to.allowedNext, strings.TrimSuffix(prefix, "/"))
	}
	params := url.Values{}
	for name, value := range c.AuthParams {
		p.Require(name != "" && name != "sso_token" && name != "next", "portal.authParams",
			"%q cannot be set here; Clinicpass sets sso_token and next", name)
		params.Set(name, value)
	}
	to.authParams = strings.TrimSuffix("&"+params.Encode(), "&")
	if base != nil {
		to.Host = base.Hostname()
		to.address = base.String() + "auth?sso_token="
		to.shape = shapeOf(to, `[A-Za-z0-9._~-]+`)
		to.escaped = shapeOf(to, `(?:[A-Za-z0-9._~-]|%[2-7][0-9A-F])+`)
	}
	return to
}

// ordinaryPath matches plain paths without escapes. It is one-pass, which is fast.
var ordinaryPath = regexp.MustCompile(`^(?:/[A-Za-z0-9_-][A-Za-z0-9._~-]*)+$`)

// Land returns the value of next for an address below the prefix. It returns true if it refused the
// path: it is not plain, not allowed, or has over config.MaxPath bytes with its query. Land then
// returns the default page, without the query.
func Land(to *Portal, prefix *request.Prefix, asked *url.URL) (string, bool) {
	path := asked.Path[len(prefix.Path):]
	query := asked.RawQuery
	if to.restricted || len(path)+len(query) > config.MaxPath || !ordinaryPath.MatchString(path) {
		return judge(to, prefix, asked)
	}
	if query == "" {
		return path, false
	}
	return path + "?" + query, false
}

// judge is Land for a path that needs decoding or a comparison.
func judge(to *Portal, prefix *request.Prefix, asked *url.URL) (string, bool) {
	page := &url.URL{Path: to.defaultNext, RawQuery: asked.RawQuery}
	if to.dropQuery {
		page.RawQuery = ""
	}
	if below := request.Below(prefix, asked.EscapedPath()); below != "" && below != "/" {
		path, err := url.PathUnescape(below)
		if err != nil || !config.PlainPath(path) || !allowed(to, path) {
			return escape(to.defaultNext), true
		}
		page.Path = path
	}
	if len(page.Path)+len(page.RawQuery) > config.MaxPath {
		return escape(to.defaultNext), true
	}
	return page.RequestURI(), false
}

func escape(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// allowed compares whole path segments.
func allowed(to *Portal, path string) bool {
	for _, prefix := range to.allowedNext {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return len(to.allowedNext) == 0
}

// shapeOf returns the pattern of a valid address with a token of the given pattern. It is one-pass,
// which is fast.
func shapeOf(to *Portal, token string) *regexp.Regexp {
	return regexp.MustCompile(`^` + regexp.QuoteMeta(to.address) + token +
		`&next=/[A-Za-z0-9%+._~/-]*` + regexp.QuoteMeta(to.authParams) + `$`)
}

// Location returns the auth page's address as VSee documents it (Provider Side Integration):
// sso_token first, then next with unescaped slashes. It returns "" if the result is not an address
// of the portal, or if the token is not visible ASCII.
func Location(to *Portal, token, next string) string {
	rest := "&next=" + strings.ReplaceAll(url.QueryEscape(next), "%2F", "/") + to.authParams
	location := to.address + token + rest
	if !to.shape.MatchString(location) {
		return escaped(to, token, rest)
	}
	return location
}

// escaped is Location for a token that needs escaping.
func escaped(to *Portal, token, rest string) string {
	location := to.address + url.QueryEscape(token) + rest
	if !to.escaped.MatchString(location) {
		return ""
	}
	return location
}
