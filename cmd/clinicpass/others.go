package main

import (
	"slices"
	"strings"
)

// checkOthers looks at what other routers do to the clinic's path.
func (k *checker) checkOthers(r *router, points []*entryPoint) {
	if len(r.clinics) == 0 {
		k.checkStray(r)
		return
	}
	labeled := strings.HasSuffix(r.name, "@docker") || strings.HasSuffix(r.name, "@swarm") || strings.HasSuffix(r.name, "@nomad")
	if r.rule == "" && !strings.HasSuffix(r.name, "@kubernetesgateway") {
		if !labeled && !k.site.raw || labeled && k.site.setting("providers", strings.TrimPrefix(r.name[strings.LastIndexByte(r.name, '@'):], "@"), "defaultRule") == nil {
			k.add(r.piece, "rule", r.name, "no-rule", "The router has no rule. Add one, or correct the router's name if it is misspelled.")
		}
		return
	}
	if r.tree == nil || len(r.parents) > 0 {
		return
	}
	for _, q := range k.site.routers {
		if q == r || q.tree == nil || len(q.parents) > 0 || slices.ContainsFunc(q.clinics, func(c *clinic) bool { return slices.Contains(r.clinics, c) }) {
			continue
		}
		for _, e := range of(r, points) {
			if slices.Contains(of(q, points), e) && !e.redirects {
				k.checkShadow(r, q, e)
			}
		}
	}
}

// checkShadow finds another router that answers at the clinic's path. No log tells of it.
func (k *checker) checkShadow(r, q *router, e *entryPoint) {
	secure, otherSecure := r.tls || e.tls, q.tls || e.tls
	if secure && !otherSecure { // it has the plain requests alone
		return
	}
	for _, c := range r.clinics {
		for _, p := range c.pages {
			if p.router != r || match(r.tree, sample{p.host, p.path}) == no || match(q.tree, sample{p.host, p.path}) != yes {
				continue
			}
			where, own := rank(q), rank(r)
			switch {
			case !secure && otherSecure:
				k.add(r.piece, "tls", r.name, "no-tls", "Router %s has tls and this router does not, so %[1]s answers HTTPS requests at %s. Add tls to this router.", q.name, c.prefix())
				return
			case where > own:
				k.add(r.piece, "priority", r.name, "shadowed", "Router %s also matches %s and has a higher priority (%d; this router has %d), so the portal itself answers. Set a higher priority on this router.", q.name, c.prefix(), where, own)
				return
			}
		}
	}
}

// rank returns a router's priority as Traefik computes it.
func rank(r *router) int {
	if r.priority != 0 {
		return r.priority
	}
	return len(r.rule)
}

// checkStray finds a router for the clinic's path whose service answers nothing, and which has no Clinicpass middleware.
func (k *checker) checkStray(r *router) {
	if r.service != "noop@internal" || r.tree == nil || r.open || k.isParent(r) {
		return
	}
	for _, name := range sorted(k.ours) {
		prefix := k.ours[name].prefix()
		for _, host := range hosts(r.tree) {
			if match(r.tree, sample{host, prefix}) != no && match(r.tree, sample{host, "/"}) == no {
				k.add(r.piece, "middlewares", r.name, "noop-without-clinic", "The router does not use %s, so noop@internal answers %s with status 418. Add the middleware.", name, prefix)
				return
			}
		}
	}
}
