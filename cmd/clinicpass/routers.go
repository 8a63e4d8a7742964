package main

import (
	"slices"
	"strings"
)

// checkRouters checks the middlewares before and after Clinicpass, separately for each entry point.
func (k *checker) checkRouters() {
	points := k.site.entryPoints()
	for _, r := range k.site.routers {
		k.checkRule(r)
		k.checkEntryPoints(r, points)
		k.checkNamed(r)
		for _, e := range of(r, points) {
			if e.redirects {
				continue
			}
			chain := k.chain(r, e)
			r.open = r.open || slices.ContainsFunc(chain, func(m *middleware) bool { return m.kind == "" })
			for i, m := range chain {
				if c := k.ours[m.name]; c != nil {
					c.used = true
					r.clinics = append(r.clinics, c)
					k.checkBefore(r, e, c, chain[:i], chain[i+1:])
					k.checkReach(r, c, chain[:i])
				}
			}
		}
	}
	for _, name := range sorted(k.ours) {
		if c := k.ours[name]; !c.used && len(k.site.routers) > 0 {
			k.add(c.piece, "", name, "unused", "No router uses this middleware. Add it to a router's middlewares.")
		}
	}
	for _, r := range k.site.routers {
		k.checkOthers(r, points)
	}
	k.checkHalves()
	k.checkCallbacks(points)
}

// checkEntryPoints finds names that the static configuration does not have.
func (k *checker) checkEntryPoints(r *router, points []*entryPoint) {
	known := []string{}
	for _, e := range points {
		known = append(known, e.name)
	}
	if k.site.setting("entryPoints") == nil {
		return
	}
	for _, name := range r.entryPoints {
		exists := slices.ContainsFunc(known, func(other string) bool { return strings.EqualFold(name, other) })
		if !exists && !k.site.raw && !isTemplate(name) {
			k.add(r.piece, "entryPoints", r.name, "unknown-entry-point", "The static configuration has no entry point %s, so Traefik adds the router to none. Did you mean %s?", shownName(name), closest(name, known))
		}
	}
}

// checkNamed finds a service or middlewares that other files contradict.
func (k *checker) checkNamed(r *router) {
	if strings.HasSuffix(r.name, "@file") && r.service != "" && r.service != "noop" && !strings.Contains(r.service, "@") && !isTemplate(r.service) && !k.site.services[r.service+"@file"] && len(k.site.services) > 0 {
		k.add(r.piece, "service", r.name, "unknown-service", "No given file defines the service %s, without which Traefik disables the router. Correct the name, or define it.", shownName(r.service))
	}
	allowed := k.site.setting("providers", "kubernetesCRD", "allowCrossNamespace")
	if r.elsewhere && len(k.site.static) > 0 && !strings.EqualFold(textOf(allowed), "true") {
		k.add(r.piece, "middlewares", r.name, "other-namespace", "Traefik disables the router, because it uses a middleware of another namespace. Set providers.kubernetesCRD.allowCrossNamespace: true.")
	}
}

// chain returns the middlewares of an entry point and the router in order, those that the files do not define with no kind.
// Middlewares of kind chain are replaced by their own.
func (k *checker) chain(r *router, e *entryPoint) []*middleware {
	_, provider, _ := strings.Cut(r.name, "@")
	refs := []string{}
	for _, ref := range e.middlewares {
		refs = append(refs, qualified(ref, provider))
	}
	refs = append(refs, k.inherited(r, nil)...)
	refs = append(refs, r.middlewares...)
	ours := slices.ContainsFunc(refs, func(ref string) bool { return k.ours[ref] != nil })
	all := []*middleware{}
	for _, ref := range refs {
		all = append(all, k.resolve(r.piece, r.name, ref, ours, nil)...)
	}
	return all
}

// parentsOf returns the routers that a router names as its parents.
func (k *checker) parentsOf(r *router) []*router {
	_, provider, _ := strings.Cut(r.name, "@")
	found := []*router{}
	for _, ref := range r.parents {
		for _, other := range k.site.routers {
			if other.name == qualified(ref, provider) && other != r {
				found = append(found, other)
			}
		}
	}
	return found
}

// isParent reports whether other routers name this one as theirs.
func (k *checker) isParent(r *router) bool {
	return slices.ContainsFunc(k.site.routers, func(other *router) bool {
		return slices.Contains(k.parentsOf(other), r)
	})
}

// inherited returns the middlewares of a router's parents.
func (k *checker) inherited(r *router, within []*router) []string {
	refs := []string{}
	for _, parent := range k.parentsOf(r) {
		if !slices.Contains(within, parent) {
			refs = append(refs, k.inherited(parent, append(within, r))...)
			refs = append(refs, parent.middlewares...)
		}
	}
	return refs
}

// resolve returns the middleware that ref names, or those of its chain. The names of chains around it are in within.
func (k *checker) resolve(where piece, object, ref string, ours bool, within []string) []*middleware {
	m := k.site.middlewares[ref]
	_, provider, _ := strings.Cut(ref, "@")
	if m == nil {
		if ours || k.ours[k.nearest(ref)] != nil {
			k.checkUnknown(where, object, ref)
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
	if provider == crd && !k.site.raw { // they are objects there
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

// checkUnknown looks at a name that no file defines.
func (k *checker) checkUnknown(where piece, object, ref string) {
	name, provider, _ := strings.Cut(ref, "@")
	if isTemplate(ref) {
		return
	}
	elsewhere := ""
	for _, other := range sorted(k.site.middlewares) {
		if base, _, _ := strings.Cut(other, "@"); base == name {
			elsewhere = other
		}
	}
	near := k.nearest(ref)
	switch {
	case elsewhere != "" && k.foreign(provider):
		k.add(where, "middlewares", object, "unknown-middleware", "No given file defines middleware %s, so Traefik disables the router. Did you mean %s?", shownName(ref), shownName(elsewhere))
	case near != "" && !k.foreign(provider):
		k.add(where, "middlewares", object, "unknown-middleware", "Middleware %q does not exist, so Traefik disables the router. Did you mean %q?", shownName(name), shownName(near))
	case !k.foreign(provider) && provider == "file" || k.site.raw:
		k.add(where, "middlewares", object, "unknown-middleware", "No given file defines middleware %q, without which Traefik disables the router. Correct the name, or also name the file that defines it.", shownName(name))
	}
}

// nearest returns the defined middleware whose name is most like ref, if that may be a slip.
func (k *checker) nearest(ref string) string {
	name, _, _ := strings.Cut(ref, "@")
	near := closest(ref, sorted(k.site.middlewares))
	if near == "" || distance(near, ref) >= 2+len(name)/3 {
		return ""
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
