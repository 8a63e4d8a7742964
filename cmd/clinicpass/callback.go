package main

import (
	"slices"
	"strings"
)

const oauth2Prefix = "/oauth2/" // oauth2-proxy's default for --proxy-prefix

// checkCallbacks notes that the site's router would send oauth2-proxy's callback through the auth middleware. The browser comes to
// the callback before it has a session, so nobody could sign in. Often another file or another host has the callback.
func (k *checker) checkCallbacks(points []*entryPoint) {
	if k.servesCallback() {
		return
	}
	for _, name := range sorted(k.ours) {
		c := k.ours[name]
		if !strings.EqualFold(c.config.Identity.Preset, "oauth2-proxy") {
			continue
		}
		for _, p := range c.pages {
			for _, e := range of(p.router, points) {
				k.checkCallback(c, p, e, points)
			}
		}
	}
}

func (k *checker) checkCallback(c *clinic, p page, e *entryPoint, points []*entryPoint) {
	q := k.answering(sample{p.host, oauth2Prefix + "callback"}, e, p.router.tls || e.tls, points)
	if q == nil || e.redirects {
		return
	}
	for _, m := range k.chain(q, e) {
		if strings.EqualFold(m.kind, "forwardAuth") && slices.Contains(c.auth, m.name) {
			k.assumed[oauth2Prefix+"callback"] = "of oauth2-proxy is on another host or has a router in another file. Router " + q.name + " sends it through " + m.name + ", so sign-ins would loop."
		}
	}
}

// servesCallback reports whether a given file has a router or a service for oauth2-proxy's own pages.
func (k *checker) servesCallback() bool {
	tells := func(name string) bool { return strings.Contains(strings.ToLower(name), "oauth2") }
	return slices.ContainsFunc(sorted(k.site.services), tells) || slices.ContainsFunc(k.site.routers, func(r *router) bool {
		return tells(r.rule) || tells(r.service)
	})
}

// answering returns the router that takes a request, or nil if the files do not tell.
func (k *checker) answering(s sample, e *entryPoint, secure bool, points []*entryPoint) *router {
	var first *router
	for _, q := range k.site.routers {
		if (q.tls || e.tls) != secure || !slices.Contains(of(q, points), e) {
			continue
		}
		if q.tree == nil || len(q.parents) > 0 || k.isParent(q) || match(q.tree, s) == maybe {
			return nil
		}
		if match(q.tree, s) == yes && (first == nil || rank(q) > rank(first)) {
			first = q
		}
	}
	return first
}
