package main

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// checkBefore checks the middlewares that run before and after Clinicpass.
func (k *checker) checkBefore(r *router, e *entryPoint, c *clinic, before, behind []*middleware) {
	added := slices.ContainsFunc(before, func(m *middleware) bool { return addsProof(m, c) })
	authenticated := c.proven() && !added
	auths := []*middleware{}
	for i, m := range before {
		authenticated = authenticated || k.authenticates(m, c)
		if identifies(m) {
			c.auth = append(c.auth, m.name)
			auths = append(auths, m)
		}
		if strings.EqualFold(m.kind, "errors") {
			k.checkErrors(r, c, m)
		}
		if strings.EqualFold(m.kind, "headers") && slices.ContainsFunc(before[:i], identifies) {
			k.checkRemoved(m, c)
		}
	}
	if len(auths) > 0 {
		k.checkAuth(c, auths, added)
	}
	if authenticated {
		return
	}
	at := ""
	if e.name != "" && k.site.setting("entryPoints") != nil {
		at = " at entry point " + shownName(e.name)
	}
	for _, m := range behind {
		if m.kind != "" && k.authenticates(m, nil) {
			k.add(r.piece, "middlewares", r.name, "auth-behind", "The auth middleware %s runs after %s%s, so anyone can sign in as any provider. Put it before %[2]s.", m.name, c.name, at)
			return
		}
	}
	k.add(r.piece, "middlewares", r.name, "no-auth", "No auth middleware runs before %s%s, so whoever sends the identity header signs in as that provider. Add your auth middleware before it.", c.name, at)
}

// Words in the names of plugins that are auth middlewares, and of those that are not, whatever else their names contain.
var (
	authWords = []string{
		"auth", "authn", "authentication", "oauth", "oauth2", "oidc", "openid", "jwt", "sso", "saml", "ldap", "login",
		"keycloak", "pocket-id", "authentik", "authelia", "zitadel", "okta", "auth0", "cognito", "entra", "azuread", "kerberos",
	}
	otherWords = regexp.MustCompile(`(?i)bouncer|geoblock|geoip|ratelimit|rate-limit|bucket|fail2ban|waf|crowdsec|cors|cache|rewrite|denyip|header`)
)

// authenticates reports whether a middleware is one that sets the identity. A middleware that no file defines is assumed to be one.
func (k *checker) authenticates(m *middleware, c *clinic) bool {
	if m.kind == "" {
		if c != nil && !k.names("unknown-middleware") {
			k.assumed[m.name] = "is the auth middleware before " + c.name + ". No given file defines it."
		}
		return true
	}
	plugin, _ := m.plugin()
	if strings.EqualFold(m.kind, "plugin") && k.ours[m.name] == nil && soundsLikeAuth(plugin) {
		if c != nil {
			k.assumed[m.name] = "is the auth middleware before " + c.name + ", judging by its plugin's name."
		}
		return true
	}
	return identifies(m)
}

// soundsLikeAuth reports whether a plugin's name has a word of auth layers, or ends or begins with one.
func soundsLikeAuth(plugin string) bool {
	plugin = strings.ToLower(plugin)
	if otherWords.MatchString(plugin) {
		return false
	}
	parts := strings.FieldsFunc(plugin, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	return slices.ContainsFunc(authWords, func(word string) bool {
		return plugin == word || slices.ContainsFunc(parts, func(part string) bool {
			return strings.HasPrefix(part, word) && !strings.HasPrefix(part, "author") || strings.HasSuffix(part, word)
		})
	})
}

// identifies reports whether the files show a middleware to be one that tells who somebody is.
func identifies(m *middleware) bool {
	switch strings.ToLower(m.kind) {
	case "forwardauth", "basicauth", "digestauth":
		return true
	}
	return false
}

// checkErrors finds an errors middleware that replaces the plugin's failure pages.
func (k *checker) checkErrors(r *router, c *clinic, m *middleware) {
	for _, status := range []int{http.StatusForbidden, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable} {
		for _, span := range texts(at(m.config, "status")) {
			from, to, isSpan := strings.Cut(span, "-")
			if !isSpan {
				to = from
			}
			first, err1 := strconv.Atoi(from)
			last, err2 := strconv.Atoi(to)
			if err1 == nil && err2 == nil && first <= status && status <= last {
				k.add(r.piece, "middlewares", r.name, "errors-before", "%s replaces the failure page of %s with status %d, which tells the provider what to do. Remove it from this router, or set its status list to 401 only.", m.name, c.name, status)
				return
			}
		}
	}
}

const proofKey = "identity.proof.header"

// checkRemoved finds a headers middleware that undoes what the auth middleware before it has set.
func (k *checker) checkRemoved(m *middleware, c *clinic) {
	set, _ := at(m.config, "customRequestHeaders").(object)
	headers := c.identityHeaders()
	for _, key := range sorted(headers) {
		if key == proofKey && addsProof(m, c) {
			continue
		}
		for name := range set {
			if strings.EqualFold(name, headers[key]) {
				k.add(m.piece, "customRequestHeaders", m.name, "header-removed", "customRequestHeaders replaces or removes %s, which %s reads (%s). Put this middleware before the auth middleware, or remove the header from its list.", headers[key], c.name, key)
			}
		}
	}
}

// addsProof reports whether a headers middleware adds the proof, in the place of an auth layer that cannot.
func addsProof(m *middleware, c *clinic) bool {
	proof := c.config.Identity.Proof.Header
	if proof == "" || !strings.EqualFold(m.kind, "headers") {
		return false
	}
	set, _ := at(m.config, "customRequestHeaders").(object)
	for name := range set {
		if strings.EqualFold(name, proof) && text(set[name]) != "" { // an empty value removes the header
			return true
		}
	}
	return false
}

// checkAuth checks that an auth middleware sets each header that Clinicpass reads. If none does, the finding names the last one.
// A proof that Traefik itself added says nothing about the other headers.
func (k *checker) checkAuth(c *clinic, auths []*middleware, added bool) {
	proven := c.proven() && !added
	headers := c.identityHeaders()
	last := auths[len(auths)-1]
	basic := !strings.EqualFold(last.kind, "forwardAuth")
	for _, key := range sorted(headers) {
		name := headers[key]
		if key == proofKey && added || slices.ContainsFunc(auths, func(m *middleware) bool { return passesOn(m, name) }) {
			continue
		}
		switch {
		case basic && key == "identity.headers.id" && !proven:
			k.add(last.piece, "headerField", last.name, "header-not-listed", "headerField of middleware %q is not %s, from which %s reads the user ID. Set headerField: %[2]s.", last.name, name, c.name)
		case basic && !proven:
			k.add(last.piece, "headerField", last.name, "header-not-listed", "%s sets one header only, so a browser can set %s, which %s reads (%s). Use the preset basic-auth, or remove this header from the configuration.", last.kind, name, c.name, key)
		case !basic:
			k.add(last.piece, "authResponseHeaders", last.name, "header-not-listed", "authResponseHeaders of middleware %q does not list %s, which %s reads (%s), so it is missing or comes from the browser. Add it, spelled exactly.", last.name, name, c.name, key)
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
