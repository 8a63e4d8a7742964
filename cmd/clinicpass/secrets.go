package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
)

// checkSecrets looks at where each secret comes from.
func (k *checker) checkSecrets(where piece, name string, c *config.Config) {
	for _, secret := range config.Secrets(c) {
		key, source := secret.Key, *secret.Value
		kind, rest, _ := strings.Cut(source, ":")
		switch {
		case elsewhere(source) && (rest == "" || strings.HasPrefix(rest, " ")):
			k.add(where, key, name, "invalid", "%s is %s: without a path or name. Write it right after the colon, without a space.", key, kind)
		case kind == "urn" && elsewhere(source) && !strings.HasSuffix(name, "@"+crd):
			k.add(where, key, name, "invalid", "%s is a reference that Traefik resolves only in Kubernetes objects. Use file:PATH or env:NAME.", key)
		case k.site.raw && !elsewhere(source): // Traefik shows what it has put in
		case strings.HasPrefix(source, "/run/secrets/") || strings.HasPrefix(source, "/var/run/secrets/"):
			k.add(where, key, name, "literal-secret", "%s is a path without file:, so Clinicpass would send the path as the secret. Write file: before it.", key)
		case kind == "env" && strings.HasPrefix(rest, "$"):
			k.add(where, key, name, "invalid", "%s has a dollar sign after env:, so the secret replaces the variable's name. Write only the name.", key)
		case source != "" && !elsewhere(source):
			k.add(where, key, name, "literal-secret", "%s is visible to everyone who reads this file, Traefik's dashboard or its DEBUG log. Use file:PATH or env:NAME.", key)
		default:
			k.checkPermitted(where, key, name, source)
			k.checkMounted(where, key, name, source)
			k.checkReference(where, key, name, source)
		}
	}
	k.checkPermitted(where, "identity.jwt.jwks", name, c.Identity.JWT.JWKS)
	k.checkPermitted(where, "pages.texts", name, c.Pages.Texts)
}

// checkPermitted finds a file or variable that the plugin refuses to read, by what the files at hand set for Traefik.
func (k *checker) checkPermitted(where piece, key, name, source string) {
	if k.site.raw { // whose operator has allowed it, or Traefik would have refused it
		return
	}
	err := config.Permitted(source)
	if err != nil && strings.HasSuffix(name, "@nomad") && k.site.env["CLINICPASS_FILES"] == "" && k.site.traefik == nil {
		k.assumed["CLINICPASS_FILES"] = "is set for Traefik and allows what " + key + " names. The default does not allow it."
		return
	}
	if err != nil && !k.command.ReadSecrets { // which says so itself
		k.add(where, key, name, "invalid", "Clinicpass cannot use %s: %s", key, err)
	}
}

// checkNames finds an identity without a name or an email address to make one of. Tokens and principals have claims for both.
func (k *checker) checkNames(where piece, c *clinic) {
	names, token := identity.Names(c.config.Identity)
	if token != "" || names.ID == "" || identity.SetInFront(c.config.Identity.Preset) {
		return
	}
	if names.Email == "" && names.Name == "" && (names.FirstName == "" || names.LastName == "") {
		k.add(where, "identity", c.name, "no-name", "No header has a name or email address, so VSee gets and may keep the user name as first name and - as last name. Set identity.headers.firstName and .lastName, .name or .email.")
	}
}

// checkMounted finds a secret that Traefik's container does not get.
func (k *checker) checkMounted(where piece, key, name, source string) {
	c := k.site.traefik
	if c == nil {
		return
	}
	if file, ok := strings.CutPrefix(source, "file:/run/secrets/"); ok {
		mounted := slices.Contains(c.secrets, file) || slices.ContainsFunc(c.secrets, func(target string) bool { return target == "/run/secrets/"+file })
		byVolume := slices.ContainsFunc(c.volumes, func(volume string) bool { return strings.Contains(volume, "/run/secrets") })
		if !mounted && !byVolume {
			k.add(where, key, name, "missing-secret", "Container %s does not get the secret that %s names. Add it to the container's secrets.", c.name, key)
		}
	}
	if variable, ok := strings.CutPrefix(source, "env:"); ok && !c.moreEnv {
		if _, given := c.env[variable]; !given && !isTemplate(variable) {
			k.add(where, key, name, "missing-secret", "Container %s does not get the variable that %s names. Add it to the container's environment.", c.name, key)
		}
	}
}

var referencePattern = regexp.MustCompile(`^urn:k8s:secret:([^:]+):([^:]+)$`)

// checkReference looks at a reference to a Secret of Kubernetes.
func (k *checker) checkReference(where piece, key, name, source string) {
	if !strings.HasPrefix(source, "urn:k8s:secret:") {
		return
	}
	parts := referencePattern.FindStringSubmatch(source)
	if parts == nil {
		k.add(where, key, name, "invalid", "%s is not of the form urn:k8s:secret:NAME:KEY. Write the Secret's name and a key of its data.", key)
		return
	}
	m := k.site.middlewares[name]
	for _, o := range k.site.objects {
		if o.kind == "Secret" && m != nil && o.namespace == m.namespace && o.name == parts[1] && len(o.keys) > 0 && !slices.Contains(o.keys, parts[2]) {
			k.add(where, key, name, "missing-secret", "Secret %s has no key %s. Correct the key, or add it to the Secret.", shownName(o.name), shownName(parts[2]))
		}
	}
}

// elsewhere reports whether a secret's source only says where the secret is. Traefik itself replaces the last form.
func elsewhere(source string) bool {
	for _, prefix := range []string{"file:", "env:", "urn:k8s:secret:"} {
		if strings.HasPrefix(source, prefix) {
			return true
		}
	}
	return false
}

// checkable returns the configuration with placeholders for what can only be read where Traefik runs.
func (c *clinic) checkable(readSecrets bool) *config.Config {
	checkable := *c.config
	for _, secret := range config.Secrets(&checkable) {
		source := *secret.Value
		if strings.HasPrefix(source, "urn:k8s:secret:") || (!readSecrets && elsewhere(source)) {
			*secret.Value = "placeholder"
		}
	}
	if jwt := &checkable.Identity.JWT; !readSecrets && strings.HasPrefix(jwt.JWKS, "file:") {
		jwt.JWKS, jwt.JWKSURL = "", "https://keys.example.com/"
	}
	if !readSecrets && strings.HasPrefix(checkable.Pages.Texts, "file:") {
		checkable.Pages.Texts = ""
	}
	return &checkable
}
