package main

import (
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
	ours := slices.ContainsFunc(r.middlewares, func(ref string) bool { return k.ours[ref] != nil })
	all := []*middleware{}
	for _, ref := range r.middlewares {
		m := k.site.middlewares[ref]
		name, provider, _ := strings.Cut(ref, "@")
		if m == nil {
			m = &middleware{piece: r.piece, name: ref}
			if near := k.nearest(ref); near != "" && !k.foreign(provider) && (ours || k.ours[near] != nil) {
				k.add(r.piece, "middlewares", r.name, "unknown-middleware", "middleware %q does not exist; did you mean %q? Traefik switches the router off", name, near)
			}
		}
		if !strings.EqualFold(m.kind, "chain") {
			all = append(all, m)
			continue
		}
		for _, ref := range texts(at(m.config, "middlewares")) {
			inner := k.site.middlewares[qualified(ref, provider)]
			if inner == nil {
				inner = &middleware{piece: m.piece, name: qualified(ref, provider)}
			}
			all = append(all, inner)
		}
	}
	return all
}

// nearest returns the defined middleware whose name is most like ref.
func (k *checker) nearest(ref string) string {
	least, near := 1000, ""
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
	for _, m := range before {
		authenticated = authenticated || authenticates(m)
		if identifies(m) {
			c.auth = append(c.auth, m.name)
		}
		k.checkAuth(c, m)
		switch {
		case changesPath(m, c.config.PathPrefix):
			k.add(r.piece, "middlewares", r.name, "path-changed", "%s (%s) changes the path before %s sees it; remove it, the plugin cuts its prefix itself", m.name, m.kind, c.name)
		case strips(m) && !r.own() && !c.config.ExactPassThrough:
			k.add(r.piece, "middlewares", r.name, "path-changed", "%s (%s) stands before %s, which would redirect the site's empty path; put it behind, or set exactPassThrough: true", m.name, m.kind, c.name)
		}
	}
	if authenticated {
		return
	}
	for _, m := range behind {
		if m.kind != "" && authenticates(m) {
			k.add(r.piece, "middlewares", r.name, "auth-behind", "%s comes before %s: everybody could sign in as anybody; the auth middleware must be first", c.name, m.name)
			return
		}
	}
	k.add(r.piece, "middlewares", r.name, "no-auth", "no auth middleware comes before %s: whoever sends the identity header is that provider", c.name)
}

// authenticates reports whether a middleware may be one that sets the identity. What is not in the files may be one.
func authenticates(m *middleware) bool {
	return m.kind == "" || strings.EqualFold(m.kind, "plugin") || identifies(m)
}

// identifies reports whether the files show a middleware to be one that tells who somebody is.
func identifies(m *middleware) bool {
	switch strings.ToLower(m.kind) {
	case "forwardauth", "basicauth", "digestauth":
		return true
	}
	return false
}

// checkAuth looks whether an auth middleware passes the identity on.
func (k *checker) checkAuth(c *clinic, m *middleware) {
	headers := c.identityHeaders()
	switch strings.ToLower(m.kind) {
	case "forwardauth":
		listed := texts(at(m.config, "authResponseHeaders"))
		pattern, err := regexp.Compile(text(at(m.config, "authResponseHeadersRegex")))
		byPattern := text(at(m.config, "authResponseHeadersRegex")) != "" && err == nil
		for _, key := range sorted(headers) {
			same := func(name string) bool { return strings.EqualFold(name, headers[key]) }
			passed := slices.ContainsFunc(listed, same) || (byPattern && pattern.MatchString(headers[key]))
			if !passed {
				k.add(m.piece, "authResponseHeaders", m.name, "header-not-listed", "authResponseHeaders lacks %s, which %s reads (%s): it would be missing, or come from the browser", headers[key], c.name, key)
			}
		}
	case "basicauth", "digestauth":
		if field := text(at(m.config, "headerField")); !c.proven() && !strings.EqualFold(field, headers["identity.headers.id"]) {
			k.add(m.piece, "headerField", m.name, "header-not-listed", "headerField must be %s, from which %s reads the id", headers["identity.headers.id"], c.name)
		}
	}
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
	pathPattern   = regexp.MustCompile(`\b(Path|PathPrefix|PathRegexp)\(([^)]*)\)`)
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
	prefix := c.config.PathPrefix
	for _, match := range paths {
		for _, path := range quotedPattern.FindAllStringSubmatch(match[2], -1) {
			wide = wide || (match[1] == "PathPrefix" && path[1] == prefix && prefix != "/")
			under := strings.HasPrefix(path[1], prefix+"/") || path[1] == prefix
			reaches = reaches || under || match[1] == "PathRegexp" || (match[1] == "PathPrefix" && strings.HasPrefix(prefix, path[1]))
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
	case r.service == "" && own:
		k.add(r.piece, "service", r.name, "no-service", "the router has no service; write noop@internal, which is never reached")
	case r.service == "":
		k.add(r.piece, "service", r.name, "no-service", "the router has no service; name the site's")
	}
}
