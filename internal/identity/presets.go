package identity

import (
	"sort"

	"github.com/clinicpass/clinicpass/internal/config"
)

// preset has the header names of a known auth layer, and how it signs its token if it has one.
type preset struct {
	headers   config.Headers
	inFront   bool       // a proxy before Traefik sets the headers, not a middleware
	separator string     // between groups in one header line or claim; "" means a comma
	principal string     // the header with Azure's principal
	token     config.JWT // the known values for the signed token
	keysPath  string     // path of the token's keys at its issuer
	awsKeys   string     // for AWS: the address of PEM files by key ID in a region
	below     string     // the claim that may contain the names and groups
	idPrefix  string     // removed from the start of the ID
}

// oidcClaims are OpenID Connect's claim names, the default for every token.
var oidcClaims = config.Headers{
	ID: "sub", Email: "email", Groups: "groups",
	Name: "name", FirstName: "given_name", LastName: "family_name",
}

func plain(id, email, name, groups string) config.Headers {
	return config.Headers{ID: id, Email: email, Name: name, Groups: groups}
}

// presets by name. The facts come from each auth layer's own documentation or source.
var presets = map[string]preset{
	"":       {},
	"custom": {}, // only what identity.headers names
	// Authelia, "Trusted Header SSO": the user name is the ID, because Authelia has no other.
	"authelia": {headers: plain("Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups")},
	// authentik, "Proxy provider": uid is the stable user ID; the user name can change.
	"authentik": {separator: "|", headers: plain(
		"X-authentik-uid", "X-authentik-email", "X-authentik-name", "X-authentik-groups")},
	// oauth2-proxy with --set-xauthrequest, called by forwardAuth. User is sub by default.
	"oauth2-proxy": {headers: plain("X-Auth-Request-User", "X-Auth-Request-Email",
		"X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups")},
	// oauth2-proxy as a reverse proxy before Traefik (--pass-user-headers).
	"oauth2-proxy-upstream": {inFront: true, headers: plain("X-Forwarded-User", "X-Forwarded-Email",
		"X-Forwarded-Preferred-Username", "X-Forwarded-Groups")},
	// thomseddon's sets only the email address, italypaleale's an ID and the display name.
	"traefik-forward-auth": {headers: plain(
		"X-Forwarded-User", "X-Forwarded-User", "X-Forwarded-Displayname", "")},
	// Traefik's basicAuth and digestAuth with headerField: X-WebAuth-User, in exactly this case.
	"basic-auth": {headers: plain("X-WebAuth-User", "", "", "")},
	// gogatekeeper with no-proxy, called by forwardAuth; names need add-claims.
	"gogatekeeper": {headers: config.Headers{
		ID: "X-Auth-Subject", Email: "X-Auth-Email", Groups: "X-Auth-Groups",
		FirstName: "X-Auth-Given-Name", LastName: "X-Auth-Family-Name",
	}},
	// Vouch Proxy with headers.claims: sub, given_name, family_name, groups.
	"vouch": {headers: config.Headers{
		ID: "X-Vouch-IdP-Claims-Sub", Email: "X-Vouch-User", Groups: "X-Vouch-IdP-Claims-Groups",
		FirstName: "X-Vouch-IdP-Claims-Given-Name", LastName: "X-Vouch-IdP-Claims-Family-Name",
	}},
	// Pangolin with its middleware Badger. The user name is the ID.
	"pangolin": {headers: plain("Remote-User", "Remote-Email", "Remote-Name", "Remote-Role")},
	// Pomerium with pass_identity_headers, and jwt_claims_headers for further claims.
	"pomerium": {
		keysPath: "/.well-known/pomerium/jwks.json",
		token:    config.JWT{Header: "X-Pomerium-Jwt-Assertion"},
	},
	// Cloudflare Access: issuer https://TEAM.cloudflareaccess.com, audience the application's AUD tag.
	"cloudflare": {
		keysPath: "/cdn-cgi/access/certs", below: "custom",
		token: config.JWT{Header: "Cf-Access-Jwt-Assertion"},
	},
	// Teleport's application access: issuer is the cluster's name, the keys are at its proxy.
	"teleport": {token: config.JWT{
		Header: "Teleport-Jwt-Assertion", Claims: config.Headers{Groups: "roles"},
	}},
	// Google Cloud's Identity-Aware Proxy: the ID is accounts.google.com:NUMBER.
	"google-iap": {idPrefix: "accounts.google.com:", token: config.JWT{
		Header: "X-Goog-IAP-JWT-Assertion", Issuer: "https://cloud.google.com/iap",
		JWKSURL: "https://www.gstatic.com/iap/verify/public_key-jwk",
	}},
	// AWS ALB: the claims are the identity provider's userinfo, the audience is the balancer's ARN.
	"aws-alb": {
		awsKeys: "https://public-keys.auth.elb.%s.amazonaws.com/",
		token:   config.JWT{Header: "X-Amzn-Oidc-Data"},
	},
	// AWS Verified Access: the same, with the ARN of its instance as the audience.
	"aws-verified-access": {
		awsKeys: "https://public-keys.prod.verified-access.%s.amazonaws.com/",
		token:   config.JWT{Header: "X-Amzn-Ava-User-Context"},
	},
	// Azure App Service and Container Apps ("Easy Auth").
	"azure": {inFront: true, principal: "X-MS-CLIENT-PRINCIPAL"},
	// Tailscale Serve: the login looks like an email address and usually is one.
	"tailscale": {inFront: true, headers: plain(
		"Tailscale-User-Login", "Tailscale-User-Login", "Tailscale-User-Name", "")},
}

// parsePreset returns the preset with the configured values in place of its own.
func parsePreset(c config.Identity, p *config.Problems) preset {
	known, ok := presets[c.Preset]
	if !ok {
		names := []string{}
		for name := range presets {
			names = append(names, name)
		}
		sort.Strings(names)
		config.Choice("identity.preset", c.Preset, names[1:], p) // without ""
	}
	known.separator = config.OrElse(config.OrElse(c.GroupsSeparator, known.separator), ",")
	known.headers = layOver(c.Headers, known.headers)
	token := c.JWT
	token.Header = config.OrElse(token.Header, known.token.Header)
	token.Issuer = config.OrElse(token.Issuer, known.token.Issuer)
	if token.JWKS == "" {
		token.JWKSURL = config.OrElse(token.JWKSURL, known.token.JWKSURL)
	}
	token.Claims = layOver(token.Claims, known.token.Claims)
	known.token = token
	return known
}

// layOver returns each name from over, or from below if over has none.
func layOver(over, below config.Headers) config.Headers {
	or := config.OrElse
	return config.Headers{
		ID: or(over.ID, below.ID), Email: or(over.Email, below.Email), Name: or(over.Name, below.Name),
		FirstName: or(over.FirstName, below.FirstName), LastName: or(over.LastName, below.LastName),
		Groups: or(over.Groups, below.Groups),
	}
}

// Names returns the headers that have the identity, and the header of the signed token. With a
// token, Clinicpass reads no other header.
func Names(c config.Identity) (headers config.Headers, token string) {
	known := parsePreset(c, &config.Problems{})
	return known.headers, known.token.Header
}

// SetInFront reports whether a proxy before Traefik sets the preset's headers, not a middleware.
func SetInFront(name string) bool { return presets[name].inFront }
