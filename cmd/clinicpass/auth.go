package main

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// checkBefore looks at what a request meets before and behind ours.
func (k *checker) checkBefore(r *router, e *entryPoint, c *clinic, before, behind []*middleware) {
	authenticated := c.proven()
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
		k.checkAuth(c, auths)
	}
	if authenticated {
		return
	}
	at := ""
	if e.name != "" && k.site.setting("entryPoints") != nil {
		at = " at the entry point " + shownName(e.name)
	}
	for _, m := range behind {
		if m.kind != "" && k.authenticates(m, nil) {
			k.add(r.piece, "middlewares", r.name, "auth-behind", "%s comes before %s%s: everybody could sign in as anybody; the auth middleware must be first", c.name, m.name, at)
			return
		}
	}
	k.add(r.piece, "middlewares", r.name, "no-auth", "no auth middleware comes before %s%s: whoever sends the identity header is that provider", c.name, at)
}

// Words in the names of plugins that are auth layers, and of those that are none whatever else they are called.
var (
	authWords = []string{
		"auth", "authn", "authentication", "oauth", "oauth2", "oidc", "openid", "jwt", "sso", "saml", "ldap", "login",
		"keycloak", "pocket-id", "authentik", "authelia", "zitadel", "okta", "auth0", "cognito", "entra", "azuread", "kerberos",
	}
	otherWords = regexp.MustCompile(`(?i)bouncer|geoblock|geoip|ratelimit|rate-limit|bucket|fail2ban|waf|crowdsec|cors|cache|rewrite|denyip|header`)
)

// authenticates reports whether a middleware is one that sets the identity. What is not in the files is assumed to be one.
func (k *checker) authenticates(m *middleware, c *clinic) bool {
	if m.kind == "" {
		if c != nil && !k.names("unknown-middleware") {
			k.assumed[m.name] = "is the auth layer before " + c.name + "; it is in none of the files"
		}
		return true
	}
	plugin, _ := m.plugin()
	if strings.EqualFold(m.kind, "plugin") && k.ours[m.name] == nil && soundsLikeAuth(plugin) {
		if c != nil {
			k.assumed[m.name] = "is the auth layer before " + c.name + ", by the name of its plugin"
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

// checkErrors finds an errors middleware that puts its page in the place of the plugin's.
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
				k.add(r.piece, "middlewares", r.name, "errors-before", "%s replaces answers with status %d, which %s gives with a page that tells what to do: leave it out here, or list 401 alone", m.name, status, c.name)
				return
			}
		}
	}
}

// checkRemoved finds a headers middleware that undoes what the auth middleware before it has set.
func (k *checker) checkRemoved(m *middleware, c *clinic) {
	set, _ := at(m.config, "customRequestHeaders").(object)
	headers := c.identityHeaders()
	for _, key := range sorted(headers) {
		for name := range set {
			if strings.EqualFold(name, headers[key]) {
				k.add(m.piece, "customRequestHeaders", m.name, "header-removed", "it replaces or removes %s, which %s reads (%s): put it before the auth middleware, or leave the header out", headers[key], c.name, key)
			}
		}
	}
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
		case basic && !c.proven():
			k.add(last.piece, "headerField", last.name, "header-not-listed", "%s sets one header only, so that %s, which %s reads (%s), comes from the browser: use the preset basic-auth, or name no such header", last.kind, name, c.name, key)
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
