package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/traefik/traefik/v3/pkg/rules"
)

// checkRule reads the router's rule as Traefik does.
func (k *checker) checkRule(r *router) {
	if r.rule == "" || isTemplate(r.rule) || strings.EqualFold(r.syntax, "v2") {
		return
	}
	tree, err := parseRule(r.rule)
	if err != nil {
		k.add(r.piece, "rule", r.name, "bad-rule", "Traefik disables the router, because it cannot read the rule: %s.", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	r.tree = tree
}

// fits tells whether a request fits the rules of a router and of its parents.
func (k *checker) fits(r *router, s sample) truth {
	result := maybe
	if r.tree != nil {
		result = match(r.tree, s)
	}
	best := no
	parents := k.parentsOf(r)
	for _, parent := range parents {
		if parent.tree != nil && !slices.Contains(k.parentsOf(parent), r) {
			best = max(best, match(parent.tree, s))
		} else {
			best = maybe
		}
	}
	if len(parents) > 0 {
		result = min(result, best)
	}
	return result
}

// hostsOf returns the hosts to try a router with.
func (k *checker) hostsOf(r *router) []string {
	found := hosts(r.tree)
	for _, parent := range k.parentsOf(r) {
		if found[0] == anyHost {
			found = hosts(parent.tree)
		}
	}
	return found
}

const deep = "/any/page" // a page below the prefix

// within reports whether a path belongs to the prefix.
func within(path, prefix string) bool {
	return prefix == "/" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

// checkReach checks the router's rule, and how other middlewares change the path before Clinicpass reads it.
func (k *checker) checkReach(r *router, c *clinic, before []*middleware) {
	prefix := c.prefix()
	below := strings.TrimSuffix(prefix, "/") + deep
	reached, whole, wide := false, false, false
	var changing *middleware // that takes away what the rule lets through
	for _, host := range k.hostsOf(r) {
		for _, path := range append(candidates(r.tree, prefix), prefix, below) {
			if k.fits(r, sample{host, path}) == no {
				continue
			}
			through, by := pathAfter(path, before)
			switch {
			case within(through, prefix):
				reached = true
				c.pages = append(c.pages, page{r, host, through})
			case within(path, prefix) && (path == prefix || changing == nil):
				changing = by
			}
		}
		whole = whole || k.fits(r, sample{host, "/"}) != no
		wide = wide || k.fits(r, sample{host, prefix + "x"}) != no
	}
	k.checkService(r, whole)
	k.checkInternal(r)
	if r.tree == nil {
		return
	}
	foreign := hosts(r.tree)[0] != anyHost && max(match(r.tree, sample{anyHost, prefix}), match(r.tree, sample{anyHost, below})) != no
	noop := r.service == "noop@internal"
	stripping := slices.IndexFunc(before, strips)
	switch {
	case changing != nil:
		k.changed(r, c, changing)
	case !reached:
		k.add(r.piece, "rule", r.name, "never-reached", "The rule matches no path that begins with %s (pathPrefix of %s). Correct the rule or pathPrefix.", prefix, c.name)
	case foreign:
		k.add(r.piece, "rule", r.name, "any-host", "The rule matches the clinic's path on every host, because && binds before ||. Put parentheses around the paths.")
	case wide && !whole && (noop || strings.HasSuffix(r.name, "@kubernetes")) && prefix != "/":
		k.add(r.piece, "rule", r.name, "wide-rule", "PathPrefix(`%s`) also matches %[1]sx, which belongs to the site. Write (Path(`%[1]s`) || PathPrefix(`%[1]s/`)).", prefix)
	case whole && noop && prefix != "/" && !reachesByChange(before, prefix):
		k.add(r.piece, "service", r.name, "noop-on-site", "The rule matches the whole site, and noop@internal serves none of it. Set the site's service.")
	}
	if stripping >= 0 && whole && changing == nil && !c.config.ExactPassThrough {
		k.add(r.piece, "middlewares", r.name, "path-changed", "%s (%s) runs before %s, which then redirects the site's empty path. Put it after %[3]s, or set exactPassThrough: true.", before[stripping].name, before[stripping].kind, c.name)
	}
}

// checkInternal finds a router that Traefik leaves out of its access log or metrics.
func (k *checker) checkInternal(r *router) {
	if !strings.HasSuffix(r.service, "@internal") {
		return
	}
	for _, section := range []string{"accessLog", "metrics"} {
		setting := k.site.setting(section)
		added := strings.EqualFold(textOf(k.site.setting(section, "addInternals")), "true")
		if setting != nil && !strings.EqualFold(textOf(setting), "false") && !added {
			k.add(r.piece, "service", r.name, "internal-service", "Traefik leaves routers with an internal service out of %s. Set %[1]s.addInternals: true, or use the site's service.", section)
		}
	}
}

// changed reports a middleware that takes the clinic's path away.
func (k *checker) changed(r *router, c *clinic, by *middleware) {
	k.add(r.piece, "middlewares", r.name, "path-changed", "%s (%s) changes the path before %s reads it. Remove it: Clinicpass strips its own prefix.", by.name, by.kind, c.name)
}

// page is a page of the clinic that a router leads to.
type page struct {
	router     *router
	host, path string
}

// checkHalves finds a clinic of which no router takes the pages below the prefix, or the prefix itself.
func (k *checker) checkHalves() {
	for _, name := range sorted(k.ours) {
		c := k.ours[name]
		prefix := c.prefix()
		if len(c.pages) == 0 || prefix == "/" {
			continue
		}
		reaches := func(path string) bool {
			return slices.ContainsFunc(c.pages, func(p page) bool { return p.path == path })
		}
		r := c.pages[0].router
		switch {
		case !reaches(prefix) && slices.ContainsFunc(c.pages, func(p page) bool { return p.path == prefix+deep }):
			k.add(r.piece, "rule", r.name, "half-rule", "No router sends %s itself to the clinic, only the pages below it. Write (Path(`%[1]s`) || PathPrefix(`%[1]s/`)).", prefix)
		case reaches(prefix) && !reaches(prefix+deep):
			k.add(r.piece, "rule", r.name, "half-rule", "No router sends the pages below %s/ to the clinic. Write (Path(`%[1]s`) || PathPrefix(`%[1]s/`)).", prefix)
		}
	}
}

// candidates returns paths that a rule names, and some below them.
func candidates(t *rules.Tree, prefix string) []string {
	found := []string{"/", prefix + "/", "/old" + deep}
	for _, matcher := range []string{"Path", "PathPrefix"} {
		for _, path := range values(t, matcher) {
			if within(path, prefix) {
				found = append(found, path)
			}
		}
	}
	return found
}

// pathAfter returns what middlewares make of a path, and the last one that changed it.
func pathAfter(path string, before []*middleware) (after string, by *middleware) {
	after = path
	for _, m := range before {
		was := after
		switch strings.ToLower(m.kind) {
		case "stripprefix":
			for _, prefix := range texts(at(m.config, "prefixes")) {
				if strings.HasPrefix(after, prefix) {
					after = "/" + strings.TrimLeft(strings.TrimPrefix(after, prefix), "/")
					if prefix == "/" {
						after = "" // Traefik refuses what is left
					}
					break
				}
			}
		case "stripprefixregex":
			for _, source := range texts(at(m.config, "regex")) {
				if pattern, err := regexp.Compile(source); err == nil {
					if at := pattern.FindStringIndex(after); at != nil && at[0] == 0 {
						after = "/" + strings.TrimLeft(after[at[1]:], "/")
						break
					}
				}
			}
		case "addprefix":
			after = text(at(m.config, "prefix")) + after
		case "replacepath":
			after = text(at(m.config, "path"))
		case "replacepathregex":
			if pattern, err := regexp.Compile(text(at(m.config, "regex"))); err == nil {
				after = pattern.ReplaceAllString(after, text(at(m.config, "replacement")))
			}
		}
		if after != was {
			by = m
		}
	}
	return after, by
}

// reachesByChange reports whether middlewares put every path of a host below the prefix.
func reachesByChange(before []*middleware, prefix string) bool {
	after, by := pathAfter("/x", before)
	return by != nil && within(after, prefix)
}

// strips reports whether a middleware can leave an empty path.
func strips(m *middleware) bool {
	return strings.EqualFold(m.kind, "stripPrefix") || strings.EqualFold(m.kind, "stripPrefixRegex")
}

// checkService finds a router to Clinicpass with no service or a wrong one.
func (k *checker) checkService(r *router, whole bool) {
	_, provider, _ := strings.Cut(r.name, "@")
	switch name, of, _ := strings.Cut(r.service, "@"); {
	case k.isParent(r):
	case name == "noop" && of != "internal":
		k.add(r.piece, "service", r.name, "no-service", "Service %q does not exist. Write noop@internal.", shownName(r.service))
	case r.service != "" || slices.Contains([]string{"docker", "swarm", "nomad"}, provider): // Traefik takes the container's own
	case whole:
		k.add(r.piece, "service", r.name, "no-service", "The router has no service. Set the site's service.")
	default:
		k.add(r.piece, "service", r.name, "no-service", "The router has no service. Set noop@internal, which is never reached.")
	}
}
