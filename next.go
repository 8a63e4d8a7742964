package clinicpass

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxNext = 2048 // bytes of a path and query that may be asked for

// portal is where the browser is sent.
type portal struct {
	base        *url.URL // {portal_base_url}, with a final slash
	address     string   // the auth URL without its query
	path        string   // its path
	defaultNext string
	allowedNext []string // without final slashes
	keepQuery   bool
	authParams  string // "&name=value..." as it stands at the end of the auth URL
}

func newPortal(c PortalConfig, found *problems) *portal {
	p := &portal{
		base:        checkURL("portal.url", c.URL, found),
		defaultNext: c.DefaultNext,
		keepQuery:   c.KeepQuery,
	}
	if !plainPath(c.DefaultNext) || strings.ContainsAny(c.DefaultNext, "?#") {
		found.add("portal.defaultNext", "must be a plain path without query, such as /providers/dashboard")
	}
	for _, prefix := range c.AllowedNext {
		prefix = strings.TrimSpace(prefix)
		if !plainPath(prefix) {
			found.add("portal.allowedNext", "%q must be a plain path, such as /visits", prefix)
		}
		p.allowedNext = append(p.allowedNext, strings.TrimSuffix(prefix, "/"))
	}
	if p.base != nil {
		p.address = p.base.String() + "auth"
		p.path = p.base.Path + "auth"
	}
	params := url.Values{}
	for name, value := range c.AuthParams {
		if name == "" || name == "sso_token" || name == "next" {
			found.add("portal.authParams", "%q cannot be set here; the plugin sets sso_token and next itself", name)
		}
		params.Set(name, value)
	}
	if len(params) > 0 {
		p.authParams = "&" + params.Encode()
	}
	return p
}

// ordinaryPath matches paths that are plain, and the same escaped and unescaped.
var ordinaryPath = regexp.MustCompile(`^(/[A-Za-z0-9_-][A-Za-z0-9._~-]*)+/?$`)

// landing returns the page to land on, from the address that was asked for. A path that is not plain or not allowed is
// refused: the default page takes its place, without the query.
func landing(s *signIn, asked *url.URL) (next string, refused bool) {
	below := strings.TrimPrefix(asked.Path, s.prefix)
	if below == "" {
		below = s.portal.defaultNext
	}
	if len(s.portal.allowedNext) > 0 || len(below)+len(asked.RawQuery) > maxNext || !ordinaryPath.MatchString(below) {
		return s.portal.next(rest(s, asked.EscapedPath()), asked.RawQuery)
	}
	if asked.RawQuery != "" && s.portal.keepQuery {
		return below + "?" + asked.RawQuery, false
	}
	return below, false
}

// next is landing for any path, given as what follows the prefix in its escaped form.
func (p *portal) next(rest, query string) (next string, refused bool) {
	if !p.keepQuery {
		query = ""
	}
	refusal := (&url.URL{Path: p.defaultNext}).EscapedPath()
	path := p.defaultNext
	if rest != "" && rest != "/" {
		decoded, err := url.PathUnescape(rest)
		if err != nil || !plainPath(decoded) || !p.allowed(decoded) {
			return refusal, true
		}
		path = decoded
	}
	if len(path)+len(query) > maxNext {
		return refusal, true
	}
	next = (&url.URL{Path: path}).EscapedPath()
	if query != "" {
		next += "?" + query
	}
	return next, false
}

func (p *portal) allowed(path string) bool {
	for _, prefix := range p.allowedNext {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return len(p.allowedNext) == 0
}

// plainPath reports whether a decoded path is absolute and means the same to everybody who reads it.
func plainPath(path string) bool {
	return strings.HasPrefix(path, "/") &&
		len(path) <= maxNext &&
		utf8.ValidString(path) &&
		!strings.Contains(path, "//") &&
		!strings.ContainsAny(path, `\%`) &&
		!strings.Contains(path+"/", "/./") &&
		!strings.Contains(path+"/", "/../") &&
		strings.IndexFunc(path, unicode.IsControl) < 0
}

// location builds the auth URL as VSee documents it (Provider Side Integration): sso_token first, then next with its
// slashes as they are. It returns "" should the result lead anywhere but to the portal.
func location(p *portal, token, next string) string {
	location := p.address + "?sso_token=" + url.QueryEscape(token) +
		"&next=" + strings.ReplaceAll(url.QueryEscape(next), "%2F", "/") + p.authParams
	u, err := url.Parse(location)
	if err != nil || u.User != nil || u.Host != p.base.Host || u.Path != p.path || u.Scheme != p.base.Scheme {
		return ""
	}
	return location
}
