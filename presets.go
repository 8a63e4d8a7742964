package clinicpass

import "sort"

// preset is what a known auth layer calls its headers.
type preset struct {
	headers   HeadersConfig
	separator string // between groups in one header line; "" means a comma
}

// presets by the name in identity.preset. Each entry's facts are from the auth layer's own documentation or source.
var presets = map[string]preset{
	"": {},
	// Only what identity.headers names.
	"custom": {},
	// Authelia, "Trusted Header SSO": the user name serves as id, Authelia has no other.
	"authelia": {headers: HeadersConfig{
		ID: "Remote-User", Email: "Remote-Email", Name: "Remote-Name", Groups: "Remote-Groups",
	}},
	// authentik, "Proxy provider": uid is the lasting id; the user name can change.
	"authentik": {separator: "|", headers: HeadersConfig{
		ID: "X-authentik-uid", Email: "X-authentik-email", Name: "X-authentik-name", Groups: "X-authentik-groups",
	}},
	// oauth2-proxy with --set-xauthrequest, asked through forwardAuth. User is the claim sub unless configured otherwise.
	"oauth2-proxy": {headers: HeadersConfig{
		ID: "X-Auth-Request-User", Email: "X-Auth-Request-Email",
		Name: "X-Auth-Request-Preferred-Username", Groups: "X-Auth-Request-Groups",
	}},
	// oauth2-proxy as the reverse proxy in front (--pass-user-headers).
	"oauth2-proxy-upstream": {headers: HeadersConfig{
		ID: "X-Forwarded-User", Email: "X-Forwarded-Email",
		Name: "X-Forwarded-Preferred-Username", Groups: "X-Forwarded-Groups",
	}},
	// thomseddon/traefik-forward-auth sets the e-mail address only.
	"traefik-forward-auth": {headers: HeadersConfig{ID: "X-Forwarded-User", Email: "X-Forwarded-User"}},
	// Traefik's basicAuth and digestAuth with headerField: X-WebAuth-User. They write the name in just this case.
	"basic-auth": {headers: HeadersConfig{ID: "X-WebAuth-User"}},
	// Tailscale Serve: the login looks like an e-mail address and usually is one.
	"tailscale": {headers: HeadersConfig{
		ID: "Tailscale-User-Login", Email: "Tailscale-User-Login", Name: "Tailscale-User-Name",
	}},
}

// laterPresets are part of the contract and not available yet, because they need the signed token or principal.
var laterPresets = map[string]bool{
	"pomerium": true, "cloudflare": true, "google-iap": true, "aws-alb": true, "azure": true,
}

// checkPreset returns the preset with the configured header names laid over its own.
func checkPreset(c IdentityConfig, found *problems) preset {
	p, known := presets[c.Preset]
	if laterPresets[c.Preset] {
		found.add("identity.preset", "%s is not available in this version of Clinicpass", c.Preset)
	} else if !known {
		names := []string{}
		for name := range presets {
			if name != "" {
				names = append(names, name)
			}
		}
		sort.Strings(names)
		checkChoice("identity.preset", c.Preset, names, found)
	}
	if c.GroupsSeparator != "" {
		p.separator = c.GroupsSeparator
	}
	if p.separator == "" {
		p.separator = ","
	}
	p.headers = HeadersConfig{
		ID:        orElse(c.Headers.ID, p.headers.ID),
		Email:     orElse(c.Headers.Email, p.headers.Email),
		Name:      orElse(c.Headers.Name, p.headers.Name),
		FirstName: orElse(c.Headers.FirstName, p.headers.FirstName),
		LastName:  orElse(c.Headers.LastName, p.headers.LastName),
		Groups:    orElse(c.Headers.Groups, p.headers.Groups),
	}
	return p
}

func orElse(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
