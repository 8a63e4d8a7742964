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
			k.add(where, key, name, "invalid", "%s says %s: and not where; write the path or name behind it, without a blank", key, kind)
		case kind == "urn" && elsewhere(source) && !strings.HasSuffix(name, "@"+crd):
			k.add(where, key, name, "invalid", "%s is a reference that Traefik replaces in objects of Kubernetes only; write file:PATH or env:NAME", key)
		case k.site.raw && !elsewhere(source): // Traefik shows what it has put in
		case strings.HasPrefix(source, "/run/secrets/") || strings.HasPrefix(source, "/var/run/secrets/"):
			k.add(where, key, name, "literal-secret", "%s is a path, which would be sent as the secret itself: write file: before it", key)
		case kind == "env" && strings.HasPrefix(rest, "$"):
			k.add(where, key, name, "invalid", "%s has a dollar sign behind env:, which is replaced by the secret itself: write the variable's name alone", key)
		case source != "" && !elsewhere(source):
			k.add(where, key, name, "literal-secret", "%s stands here itself, for everybody who reads this file, Traefik's dashboard or its DEBUG log; write file:PATH or env:NAME", key)
		default:
			k.checkPermitted(where, key, name, source)
			k.checkMounted(where, key, name, source)
			k.checkReference(where, key, name, source)
		}
	}
	k.checkPermitted(where, "identity.jwt.jwks", name, c.Identity.JWT.JWKS)
}

// checkPermitted finds a file or variable that the plugin refuses to read, by what the files at hand set for Traefik.
func (k *checker) checkPermitted(where piece, key, name, source string) {
	if k.site.raw { // whose operator has allowed it, or Traefik would have refused it
		return
	}
	err := config.Permitted(source)
	if err != nil && strings.HasSuffix(name, "@nomad") && k.site.env["CLINICPASS_FILES"] == "" && k.site.traefik == nil {
		k.assumed["CLINICPASS_FILES"] = "is set for Traefik and allows what " + key + " names: by default it does not"
		return
	}
	if err != nil && !k.command.ReadSecrets { // which says so itself
		k.add(where, key, name, "invalid", "%s cannot be used: %s", key, err)
	}
}

// checkNames finds an identity without a name or an e-mail address to make one of. Tokens and principals have claims for both.
func (k *checker) checkNames(where piece, c *clinic) {
	names, token := identity.Names(c.config.Identity)
	if token != "" || names.ID == "" || identity.SetInFront(c.config.Identity.Preset) {
		return
	}
	if names.Email == "" && names.Name == "" && (names.FirstName == "" || names.LastName == "") {
		k.add(where, "identity", c.name, "no-name", "no header has names or the e-mail address: VSee gets the user name as the first name and - as the last, and may keep them; set identity.headers.firstName and .lastName, or .name, or .email")
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
			k.add(where, key, name, "missing-secret", "the container %s does not get this secret: add it to its secrets:", c.name)
		}
	}
	if variable, ok := strings.CutPrefix(source, "env:"); ok && !c.moreEnv {
		if _, given := c.env[variable]; !given && !isTemplate(variable) {
			k.add(where, key, name, "missing-secret", "the container %s does not get this variable: add it to its environment:", c.name)
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
		k.add(where, key, name, "invalid", "%s must be urn:k8s:secret:NAME:KEY, with the Secret's name and a key of its data", key)
		return
	}
	m := k.site.middlewares[name]
	for _, o := range k.site.objects {
		if o.kind == "Secret" && m != nil && o.namespace == m.namespace && o.name == parts[1] && len(o.keys) > 0 && !slices.Contains(o.keys, parts[2]) {
			k.add(where, key, name, "missing-secret", "the Secret %s has no key %s", shownName(o.name), shownName(parts[2]))
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
	return &checkable
}
