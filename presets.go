package clinicpass

import "sort"

// preset is what a known auth layer calls its headers, and how it signs them where it does.
type preset struct {
	headers   HeadersConfig
	separator string    // between groups in one header line or claim; "" means a comma
	principal string    // the header with Azure's principal
	token     JWTConfig // what is known of the signed token
	keysPath  string    // of the token's keys at its issuer
	alb       bool      // the token is signed as AWS load balancers do
	idPrefix  string    // what stands before the id
}

// oidcClaims are OpenID Connect's names.
var oidcClaims = HeadersConfig{
	ID: "sub", Email: "email", Name: "name", FirstName: "given_name", LastName: "family_name", Groups: "groups",
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
	// Pomerium with pass_identity_headers. Further claims are there when jwt_claims_headers names them.
	"pomerium": {
		token:    JWTConfig{Header: "X-Pomerium-Jwt-Assertion", Claims: oidcClaims},
		keysPath: "/.well-known/pomerium/jwks.json",
	},
	// Cloudflare Access. The issuer is https://TEAM.cloudflareaccess.com, the audience the application's AUD tag.
	"cloudflare": {token: JWTConfig{Header: "Cf-Access-Jwt-Assertion", Claims: oidcClaims}, keysPath: "/cdn-cgi/access/certs"},
	// Google Cloud's Identity-Aware Proxy: the id is accounts.google.com:NUMBER.
	"google-iap": {
		token: JWTConfig{
			Header: "X-Goog-IAP-JWT-Assertion", Issuer: "https://cloud.google.com/iap",
			JWKSURL: "https://www.gstatic.com/iap/verify/public_key-jwk", Claims: HeadersConfig{ID: "sub", Email: "email"},
		},
		idPrefix: "accounts.google.com:",
	},
	// AWS Application Load Balancer: the claims are the identity provider's userinfo, the audience is the balancer's ARN.
	"aws-alb": {token: JWTConfig{Header: "X-Amzn-Oidc-Data", Claims: oidcClaims}, alb: true},
	// Azure App Service and Container Apps ("Easy Auth").
	"azure": {principal: "X-MS-CLIENT-PRINCIPAL"},
	// Tailscale Serve: the login looks like an e-mail address and usually is one.
	"tailscale": {headers: HeadersConfig{
		ID: "Tailscale-User-Login", Email: "Tailscale-User-Login", Name: "Tailscale-User-Name",
	}},
}

// checkPreset returns the preset with the configured header names laid over its own.
func checkPreset(c IdentityConfig, found *problems) preset {
	p, known := presets[c.Preset]
	if !known {
		names := []string{}
		for name := range presets {
			if name != "" {
				names = append(names, name)
			}
		}
		sort.Strings(names)
		checkChoice("identity.preset", c.Preset, names, found)
	}
	p.separator = orElse(orElse(c.GroupsSeparator, p.separator), ",")
	p.headers = layOver(c.Headers, p.headers)
	return p
}

// IdentityHeaders returns the headers that the configuration takes the identity from, and the token's header where a signed
// token is the identity, which needs no other.
func IdentityHeaders(c IdentityConfig) (names HeadersConfig, token string) {
	var ignored problems
	p := checkPreset(c, &ignored)
	return p.headers, orElse(c.JWT.Header, p.token.Header)
}

// layOver returns the names in over, and below's where over has none.
func layOver(over, below HeadersConfig) HeadersConfig {
	return HeadersConfig{
		ID:        orElse(over.ID, below.ID),
		Email:     orElse(over.Email, below.Email),
		Name:      orElse(over.Name, below.Name),
		FirstName: orElse(over.FirstName, below.FirstName),
		LastName:  orElse(over.LastName, below.LastName),
		Groups:    orElse(over.Groups, below.Groups),
	}
}

func orElse(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
