package identity

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// token is the signed token that holds the identity, which no client can make.
type token struct {
	header   header
	verifier *jwt.Verifier
	claims   config.Headers // paths of claims
	prefix   string         // cut off the id
}

// albAudience is the ARN of an AWS load balancer; it names the region.
var albAudience = regexp.MustCompile(
	`^arn:aws[a-z-]*:elasticloadbalancing:([a-z0-9-]{1,32}):[0-9]+:loadbalancer/[A-Za-z0-9/-]+$`)

// parseToken lays the configuration over the preset's. It returns nil where neither asks for a
// token.
func parseToken(c config.JWT, known preset, p *config.Problems) *token {
	if c == (config.JWT{}) && known.token == (config.JWT{}) {
		return nil
	}
	name := config.OrElse(c.Header, known.token.Header)
	issuer := config.OrElse(c.Issuer, known.token.Issuer)
	if name == "" {
		p.Add("identity.jwt.header", "is required: the header with the signed token")
	}
	if issuer == "" {
		p.Add("identity.jwt.issuer", "is required: the token's iss")
	}
	if c.Audience == "" {
		p.Add("identity.jwt.audience",
			"is required: one of the token's aud, or the load balancer's ARN with aws-alb")
	}
	return &token{
		header: parseHeader("identity.jwt.header", name, p),
		claims: layOver(c.Claims, layOver(known.token.Claims, config.Headers{ID: "sub"})),
		prefix: known.idPrefix,
		verifier: &jwt.Verifier{
			Issuer:   issuer,
			Audience: c.Audience,
			ALB:      known.alb,
			Keys:     parseKeys(c, known, issuer, p),
		},
	}
}

// parseKeys checks where the keys come from: an address, or a file that is read now.
func parseKeys(c config.JWT, known preset, issuer string, p *config.Problems) *jwt.Keys {
	address := config.OrElse(c.JWKSURL, known.token.JWKSURL)
	if address == "" && known.keysPath != "" && issuer != "" {
		host := strings.TrimSuffix(strings.TrimPrefix(issuer, "https://"), "/")
		address = "https://" + host + known.keysPath
	}
	arn := albAudience.FindStringSubmatch(c.Audience)
	if known.alb && arn != nil && address == "" {
		address = "https://public-keys.auth.elb." + arn[1] + ".amazonaws.com/"
	} else if known.alb && c.Audience != "" && arn == nil {
		p.Add("identity.jwt.audience", "must be the load balancer's ARN")
	}
	if (address == "") == (c.JWKS == "") {
		p.Add("identity.jwt", "needs either jwksURL, the address of the keys, or jwks: file:/...")
		return nil
	}
	if c.JWKS == "" {
		config.URL("identity.jwt.jwksURL", address, p)
		return jwt.FetchedKeys(address, known.alb)
	}
	content, err := config.ReadSecret(c.JWKS)
	keys := jwt.FixedKeys([]byte(content))
	if err != nil || !strings.HasPrefix(c.JWKS, "file:") || keys == nil {
		p.Add("identity.jwt.jwks",
			"must be file:PATH of a readable JSON Web Key Set with keys for signatures")
	}
	return keys
}

// readToken returns the identity that the token proves.
func readToken(ctx context.Context, r *Reader, h http.Header) (*Identity, *outcome.Refusal) {
	t := r.token
	lines := h[t.header.canonical]
	if len(lines) == 0 || strings.TrimSpace(lines[0]) == "" {
		return nil, outcome.Refuse(outcome.NoIdentity,
			"header "+t.header.configured+" with the signed token is missing or blank")
	}
	if len(lines) > 1 {
		return nil, refuseDoubled(t.header)
	}
	signed := strings.TrimPrefix(strings.TrimSpace(lines[0]), "Bearer ")
	claims, err := jwt.Verify(ctx, t.verifier, signed)
	if err != nil {
		refusal := refuse("the token in " + t.header.configured + " " + err.Error())
		if errors.Is(err, jwt.ErrKeys) {
			refusal.Outcome = outcome.KeysUnavailable
		}
		return nil, refusal
	}
	return fromClaims(r, h, claims)
}

// fromClaims returns the identity in a genuine token's claims.
func fromClaims(r *Reader, h http.Header, claims jwt.Claims) (*Identity, *outcome.Refusal) {
	paths := r.token.claims
	values := []string{}
	for _, path := range []string{paths.ID, paths.Email, paths.Name, paths.FirstName, paths.LastName} {
		value := jwt.Text(jwt.Claim(claims, path))
		if problem := checkValue(value); problem != "" {
			return nil, refuse("the token's claim " + path + " " + problem)
		}
		values = append(values, value)
	}
	if problem := trim(values); problem != "" {
		return nil, refuse("the token's claim " + paths.ID + " " + problem)
	}
	who := identityOf(values)
	who.ID = strings.TrimPrefix(who.ID, r.token.prefix)
	if who.ID == "" {
		return nil, outcome.Refuse(outcome.NoIdentity, "the token has no claim "+paths.ID)
	}
	who.Groups = jwt.Texts(jwt.Claim(claims, paths.Groups), r.separator)
	return accept(r, h, who)
}
