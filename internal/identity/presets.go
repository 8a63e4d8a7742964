package identity

import (
	"sort"

	"github.com/clinicpass/clinicpass/internal/config"
)

// preset is what a known auth layer calls its headers, and how it signs them where it does.
type preset struct {
	headers   config.Headers
	separator string     // between groups in one header line or claim; "" means a comma
	principal string     // the header with Azure's principal
	token     config.JWT // what is known of the signed token
	keysPath  string     // of the token's keys at its issuer
	alb       bool       // the token is signed as AWS load balancers do
	idPrefix  string     // what stands before the id
}

// oidcClaims are OpenID Connect's names.
var oidcClaims = config.Headers{
	ID: "sub", Email: "email", Groups: "groups",
	Name: "name", FirstName: "given_name", LastName: "family_name",
}

// presets by the name in identity.preset. Each entry's facts are from the auth layer's own
// documentation or source.
var presets = map[string]preset{
	"": {},
	// Only what identity.headers names.
	"custom": {},
	// Authelia, "Trusted Header SSO": the user name serves as id, Authelia has no other.
	"authelia": {headers: config.Headers{
		ID: "Remote-User", Email: "Remote-Email", Name: "Remote-Name", Groups: "Remote-Groups",
	}},
	// authentik, "Proxy provider": uid is the lasting id; the user name can change.
	"authentik": {separator: "|", headers: config.Headers{
		ID: "X-authentik-uid", Email: "X-authentik-email",
		Name: "X-authentik-name", Groups: "X-authentik-groups",
	}},
	// oauth2-proxy with --set-xauthrequest, asked through forwardAuth. User is the claim sub unless
	// configured otherwise.
	"oauth2-proxy": {headers: config.Headers{
		ID: "X-Auth-Request-User", Email: "X-Auth-Request-Email",
		Name: "X-Auth-Request-Preferred-Username", Groups: "X-Auth-Request-Groups",
	}},
	// oauth2-proxy as the reverse proxy in front (--pass-user-headers).
	"oauth2-proxy-upstream": {headers: config.Headers{
		ID: "X-Forwarded-User", Email: "X-Forwarded-Email",
		Name: "X-Forwarded-Preferred-Username", Groups: "X-Forwarded-Groups",
	}},
	// thomseddon/traefik-forward-auth sets the e-mail address only.
	"traefik-forward-auth": {headers: config.Headers{
		ID: "X-Forwarded-User", Email: "X-Forwarded-User",
	}},
	// Traefik's basicAuth and digestAuth with headerField: X-WebAuth-User. They write the name in
	// just this case.
	"basic-auth": {headers: config.Headers{ID: "X-WebAuth-User"}},
	// Pomerium with pass_identity_headers. Further claims are there when jwt_claims_headers names
	// them.
	"pomerium": {
		token:    config.JWT{Header: "X-Pomerium-Jwt-Assertion", Claims: oidcClaims},
		keysPath: "/.well-known/pomerium/jwks.json",
	},
	// Cloudflare Access. The issuer is https://TEAM.cloudflareaccess.com, the audience the
	// application's AUD tag.
	"cloudflare": {
		token:    config.JWT{Header: "Cf-Access-Jwt-Assertion", Claims: oidcClaims},
		keysPath: "/cdn-cgi/access/certs",
	},
	// Google Cloud's Identity-Aware Proxy: the id is accounts.google.com:NUMBER.
	"google-iap": {
		token: config.JWT{
			Header:  "X-Goog-IAP-JWT-Assertion",
			Issuer:  "https://cloud.google.com/iap",
			JWKSURL: "https://www.gstatic.com/iap/verify/public_key-jwk",
			Claims:  config.Headers{ID: "sub", Email: "email"},
		},
		idPrefix: "accounts.google.com:",
	},
	// AWS Application Load Balancer: the claims are the identity provider's userinfo, the audience
	// is the balancer's ARN.
	"aws-alb": {token: config.JWT{Header: "X-Amzn-Oidc-Data", Claims: oidcClaims}, alb: true},
	// Azure App Service and Container Apps ("Easy Auth").
	"azure": {principal: "X-MS-CLIENT-PRINCIPAL"},
	// Tailscale Serve: the login looks like an e-mail address and usually is one.
	"tailscale": {headers: config.Headers{
		ID: "Tailscale-User-Login", Email: "Tailscale-User-Login", Name: "Tailscale-User-Name",
	}},
}

// parsePreset returns the preset with the configured header names laid over its own.
func parsePreset(c config.Identity, p *config.Problems) preset {
	known, ok := presets[c.Preset]
	if !ok {
		names := []string{}
		for name := range presets {
			if name != "" {
				names = append(names, name)
			}
		}
		sort.Strings(names)
		config.Choice("identity.preset", c.Preset, names, p)
	}
	known.separator = config.OrElse(config.OrElse(c.GroupsSeparator, known.separator), ",")
	known.headers = layOver(c.Headers, known.headers)
	return known
}

// Names returns the headers that the configuration takes the identity from, and the token's header
// where a signed token is the identity, which needs no other.
func Names(c config.Identity) (headers config.Headers, token string) {
	known := parsePreset(c, &config.Problems{})
	return known.headers, config.OrElse(c.JWT.Header, known.token.Header)
}

// layOver returns the names in over, and below's where over has none.
func layOver(over, below config.Headers) config.Headers {
	return config.Headers{
		ID:        config.OrElse(over.ID, below.ID),
		Email:     config.OrElse(over.Email, below.Email),
		Name:      config.OrElse(over.Name, below.Name),
		FirstName: config.OrElse(over.FirstName, below.FirstName),
		LastName:  config.OrElse(over.LastName, below.LastName),
		Groups:    config.OrElse(over.Groups, below.Groups),
	}
}
