package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// checkRouters looks at where our middlewares stand.
func (k *checker) checkRouters() {
	for _, r := range k.site.routers {
		chain := k.chain(r)
		for i, m := range chain {
			if c := k.ours[m.name]; c != nil {
				c.used = true
				k.checkBefore(r, c, chain[:i], chain[i+1:])
				k.checkRoute(r, c)
			}
		}
	}
	for _, name := range sorted(k.ours) {
		if c := k.ours[name]; !c.used && len(k.site.routers) > 0 {
			k.add(c.piece, "", name, "unused", "no router uses this middleware")
		}
	}
}

// chain returns the router's middlewares in order, those that the files do not define with no kind. Middlewares of kind chain
// are replaced by their own.
func (k *checker) chain(r *router) []*middleware {
	refs := slices.Concat(k.before(r), r.middlewares)
	ours := slices.ContainsFunc(refs, func(ref string) bool { return k.ours[ref] != nil })
	all := []*middleware{}
	for _, ref := range refs {
		all = append(all, k.resolve(r.piece, r.name, ref, ours, nil)...)
	}
	return all
}

// before returns the middlewares of the router's entry points, which Traefik puts before its own.
func (k *checker) before(r *router) []string {
	refs := []string{}
	for _, p := range k.site.static {
		points, _ := at(p.tree.root, "entryPoints").(object)
		for _, name := range sorted(points) {
			if len(r.entryPoints) == 0 || slices.Contains(r.entryPoints, name) {
				refs = append(refs, texts(at(points[name], "http", "middlewares"))...)
			}
		}
	}
	return refs
}

// resolve returns the middleware that ref names, or those of its chain. The names of chains around it are in within.
func (k *checker) resolve(where piece, object, ref string, ours bool, within []string) []*middleware {
	m := k.site.middlewares[ref]
	name, provider, _ := strings.Cut(ref, "@")
	if m == nil {
		if near := k.nearest(ref); near != "" && !k.foreign(provider) && (ours || k.ours[near] != nil) {
			k.add(where, "middlewares", object, "unknown-middleware", "middleware %q does not exist; did you mean %q? Traefik switches the router off", name, near)
		}
		return []*middleware{{piece: where, name: ref}}
	}
	if !strings.EqualFold(m.kind, "chain") {
		return []*middleware{m}
	}
	if slices.Contains(within, ref) {
		return nil // a circle, which Traefik refuses
	}
	refs := []string{}
	for _, inner := range texts(at(m.config, "middlewares")) {
		refs = append(refs, qualified(inner, provider))
	}
	if provider == crd { // they are objects there
		refs = nil
		for _, inner := range list(at(m.config, "middlewares")) {
			refs = append(refs, reference(inner, m.namespace))
		}
	}
	ours = ours || slices.ContainsFunc(refs, func(ref string) bool { return k.ours[ref] != nil })
	all := []*middleware{}
	for _, inner := range refs {
		all = append(all, k.resolve(m.piece, m.name, inner, ours, append(within, ref))...)
	}
	return all
}

// nearest returns the defined middleware whose name is most like ref, if that may be a slip.
func (k *checker) nearest(ref string) string {
	name, _, _ := strings.Cut(ref, "@")
	least, near := 2+len(name)/3, ""
	for _, name := range sorted(k.site.middlewares) {
		if d := levenshtein.ComputeDistance(name, ref); d < least {
			least, near = d, name
		}
	}
	return near
}

// foreign reports whether no given file is of the provider.
func (k *checker) foreign(provider string) bool {
	for name := range k.site.middlewares {
		if strings.HasSuffix(name, "@"+provider) {
			return false
		}
	}
	return true
}

// checkBefore looks at what a request meets before and behind ours.
func (k *checker) checkBefore(r *router, c *clinic, before, behind []*middleware) {
	authenticated := c.proven()
	auths := []*middleware{}
	for _, m := range before {
		authenticated = authenticated || k.authenticates(m)
		if identifies(m) {
			c.auth = append(c.auth, m.name)
			auths = append(auths, m)
		}
		switch {
		case changesPath(m, c.prefix()):
			k.add(r.piece, "middlewares", r.name, "path-changed", "%s (%s) changes the path before %s sees it; remove it, the plugin cuts its prefix itself", m.name, m.kind, c.name)
		case strips(m) && !r.own() && !c.config.ExactPassThrough:
			k.add(r.piece, "middlewares", r.name, "path-changed", "%s (%s) stands before %s, which would redirect the site's empty path; put it behind, or set exactPassThrough: true", m.name, m.kind, c.name)
		}
	}
	if len(auths) > 0 {
		k.checkAuth(c, auths)
	}
	if authenticated {
		return
	}
	for _, m := range behind {
		if m.kind != "" && k.authenticates(m) {
			k.add(r.piece, "middlewares", r.name, "auth-behind", "%s comes before %s: everybody could sign in as anybody; the auth middleware must be first", c.name, m.name)
			return
		}
	}
	k.add(r.piece, "middlewares", r.name, "no-auth", "no auth middleware comes before %s: whoever sends the identity header is that provider", c.name)
}

// authPlugins matches the names of plugins that may be auth layers. Others, such as those that ban addresses, are none.
var authPlugins = regexp.MustCompile(`(?i)auth|oidc|openid|jwt|sso|saml|ldap|keycloak|token|login`)

// authenticates reports whether a middleware may be one that sets the identity. What is not in the files may be one.
func (k *checker) authenticates(m *middleware) bool {
	plugin, _ := m.plugin()
	isPlugin := strings.EqualFold(m.kind, "plugin") && k.ours[m.name] == nil && authPlugins.MatchString(plugin+" "+m.name)
	return m.kind == "" || isPlugin || identifies(m)
}

// identifies reports whether the files show a middleware to be one that tells who somebody is.
func identifies(m *middleware) bool {
	switch strings.ToLower(m.kind) {
	case "forwardauth", "basicauth", "digestauth":
		return true
	}
	return false
}

// checkAuth looks whether one of the auth middlewares passes on each header that ours reads; if none does, the last should.
func (k *checker) checkAuth(c *clinic, auths []*middleware) {
	headers := c.identityHeaders()
	last := auths[len(auths)-1]
	basic := !strings.EqualFold(last.kind, "forwardAuth")
	for _, key := range sorted(headers) {
		name := headers[key]
		if slices.ContainsFunc(auths, func(m *middleware) bool { return passesOn(m, name) }) {
			continue
		}
		switch {
		case basic && key == "identity.headers.id" && !c.proven():
			k.add(last.piece, "headerField", last.name, "header-not-listed", "headerField must be %s, from which %s reads the id", name, c.name)
		case !basic:
			k.add(last.piece, "authResponseHeaders", last.name, "header-not-listed", "authResponseHeaders lacks %s, which %s reads (%s): it would be missing, or come from the browser", name, c.name, key)
		}
	}
}

// passesOn reports whether an auth middleware sets the header, whatever the browser sent.
func passesOn(m *middleware, name string) bool {
	if !strings.EqualFold(m.kind, "forwardAuth") {
		return strings.EqualFold(text(at(m.config, "headerField")), name)
	}
	if slices.ContainsFunc(texts(at(m.config, "authResponseHeaders")), func(listed string) bool { return strings.EqualFold(listed, name) }) {
		return true
	}
	source := text(at(m.config, "authResponseHeadersRegex"))
	pattern, err := regexp.Compile(source)
	return source != "" && err == nil && pattern.MatchString(http.CanonicalHeaderKey(name)) // the form that Traefik compares
}

// changesPath reports whether a middleware takes the prefix, or anything, from the path.
func changesPath(m *middleware, prefix string) bool {
	switch strings.ToLower(m.kind) {
	case "stripprefix":
		return slices.ContainsFunc(texts(at(m.config, "prefixes")), func(p string) bool {
			return strings.HasPrefix(prefix, p) || strings.HasPrefix(p, prefix)
		})
	case "stripprefixregex", "replacepath", "replacepathregex", "addprefix":
		return true
	}
	return false
}

// strips reports whether a middleware can leave an empty path.
func strips(m *middleware) bool {
	return strings.EqualFold(m.kind, "stripPrefix") || strings.EqualFold(m.kind, "stripPrefixRegex")
}

var (
	pathPattern   = regexp.MustCompile("(?i)(?:^|[^!\\w])(Path|PathPrefix|PathRegexp)\\(\\s*((?:`[^`]*`|\"[^\"]*\"|[\\s,])*)\\)")
	quotedPattern = regexp.MustCompile("[`\"]([^`\"]*)[`\"]")
)

// own reports whether the router's rule takes some paths only, and not the whole site.
func (r *router) own() bool {
	paths := pathPattern.FindAllStringSubmatch(r.rule, -1)
	return len(paths) > 0 && !slices.ContainsFunc(paths, func(match []string) bool { return strings.Contains(match[2], "`/`") })
}

// checkRoute looks at the router's rule and service.
func (k *checker) checkRoute(r *router, c *clinic) {
	paths, wide, reaches := pathPattern.FindAllStringSubmatch(r.rule, -1), false, false
	prefix := c.prefix()
	for _, match := range paths {
		for _, path := range quotedPattern.FindAllStringSubmatch(match[2], -1) {
			wide = wide || (strings.EqualFold(match[1], "PathPrefix") && path[1] == prefix && prefix != "/")
			under := strings.HasPrefix(path[1], prefix+"/") || path[1] == prefix
			reaches = reaches || under || strings.EqualFold(match[1], "PathRegexp") || (strings.EqualFold(match[1], "PathPrefix") && strings.HasPrefix(prefix, path[1]))
		}
	}
	own := r.own()
	noop := r.service == "noop@internal"
	switch {
	case own && !reaches:
		k.add(r.piece, "rule", r.name, "never-reached", "the rule lets no path through that begins with %s (pathPrefix of %s)", prefix, c.name)
	case wide && noop:
		k.add(r.piece, "rule", r.name, "wide-rule", "PathPrefix(`%s`) also takes %[1]sx from the site; write (Path(`%[1]s`) || PathPrefix(`%[1]s/`))", prefix)
	case !own && noop && prefix != "/":
		k.add(r.piece, "service", r.name, "noop-on-site", "the rule takes the whole site, and noop@internal answers none of it; name the site's service")
	}
	switch name, provider, _ := strings.Cut(r.service, "@"); {
	case name == "noop" && provider != "internal":
		k.add(r.piece, "service", r.name, "no-service", "the service must be written noop@internal; %q does not exist", r.service)
	case r.service == "" && (strings.HasSuffix(r.name, "@docker") || strings.HasSuffix(r.name, "@nomad")): // Traefik takes the container's own
	case r.service == "" && own:
		k.add(r.piece, "service", r.name, "no-service", "the router has no service; write noop@internal, which is never reached")
	case r.service == "":
		k.add(r.piece, "service", r.name, "no-service", "the router has no service; name the site's")
	}
}
