package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// awsAudience is the ARN of an AWS load balancer or Verified Access instance, with its region.
var awsAudience = regexp.MustCompile(`^arn:aws[a-z-]*:(?:elasticloadbalancing|ec2):([a-z0-9-]{1,32}):` +
	`[0-9]+:(?:loadbalancer|verified-access-instance)/[A-Za-z0-9/-]+$`)

// parseToken makes the reader take the identity from a signed token, if one is configured.
func parseToken(r *Reader, known preset, p *config.Problems) {
	c := known.token
	if c.Header+c.JWKSURL+c.JWKS+c.Issuer+c.Audience+c.Claims.Groups+strings.Join(inOrder(c.Claims), "") == "" {
		return
	}
	p.Require(c.Header != "", "identity.jwt.header", "is required: the header with the signed token")
	p.Require(c.Issuer != "", "identity.jwt.issuer", "is required: the token's iss")
	p.Require(c.Audience != "", "identity.jwt.audience",
		"is required: a value of the token's aud; with an AWS preset, the ARN of the signer")
	r.source = parseHeader(r, "identity.jwt.header", c.Header, p)
	r.claims = layOver(c.Claims, oidcClaims)
	r.below = known.below
	r.idPrefix = known.idPrefix
	r.Verifier = &jwt.Verifier{
		Issuer: c.Issuer, Audience: c.Audience, AWS: known.awsKeys != "", Keys: parseKeys(known, p),
	}
}

// parseKeys checks the source of the keys: an address, or a file that it reads now.
func parseKeys(known preset, p *config.Problems) *jwt.Keys {
	c := known.token
	if c.JWKS == "" && c.JWKSURL == "" && known.keysPath != "" && c.Issuer != "" {
		host := strings.TrimSuffix(strings.TrimPrefix(c.Issuer, "https://"), "/")
		c.JWKSURL = "https://" + host + known.keysPath
	}
	arn := awsAudience.FindStringSubmatch(c.Audience)
	isAWS := known.awsKeys != ""
	if c.JWKS == "" && c.JWKSURL == "" && isAWS && arn != nil {
		c.JWKSURL = fmt.Sprintf(known.awsKeys, arn[1])
	}
	p.Require(!isAWS || c.Audience == "" || arn != nil, "identity.jwt.audience",
		"must be the ARN of the load balancer or Verified Access instance")
	if (c.JWKSURL == "") == (c.JWKS == "") {
		p.Add("identity.jwt", "needs either jwksURL, the address of the keys, or jwks: file:/...")
		return nil
	}
	if c.JWKS == "" {
		plain, _, _ := strings.Cut(c.JWKSURL, "?")
		u := config.URL("identity.jwt.jwksURL", plain, p)
		if isAWS && u != nil {
			return jwt.FetchedKeys(u.String(), true)
		}
		return jwt.FetchedKeys(c.JWKSURL, false)
	}
	content, err := config.ReadSecret(c.JWKS)
	if err != nil {
		p.Add("identity.jwt.jwks", "cannot be used: %v", err)
		return nil
	}
	keys := jwt.FixedKeys([]byte(content))
	p.Require(strings.HasPrefix(c.JWKS, "file:") && keys != nil, "identity.jwt.jwks",
		"must be file:PATH of a readable JSON Web Key Set with keys for signatures")
	return keys
}

var unverified = refuse("the email address identifies the person, but email_verified is false: " +
	"verify the address at the identity provider")

func isFalse(claim json.RawMessage) bool {
	return string(claim) == "false" || strings.EqualFold(jwt.Text(claim), "false")
}

// bearer matches the prefix that a header may have before the token.
var bearer = regexp.MustCompile(`^(?i:bearer) +`)

// readToken reads the identity from the signed token.
func readToken(r *Reader, req *http.Request, h http.Header) (*Identity, *outcome.Refusal) {
	name := r.source.configured
	lines := h[r.source.canonical]
	if len(lines) == 0 || strings.TrimSpace(lines[0]) == "" {
		return nil, outcome.Refuse(outcome.NoIdentity,
			"header "+name+" with the signed token is missing or blank")
	}
	if len(lines) > 1 {
		return nil, refuseDoubled(r.source)
	}
	signed := bearer.ReplaceAllLiteralString(strings.TrimSpace(lines[0]), "")
	claims, err := jwt.Verify(req.Context(), r.Verifier, signed)
	if err != nil {
		refusal := refuse("the token in " + name + " " + err.Error())
		if errors.Is(err, jwt.ErrKeys) {
			refusal.Outcome = outcome.KeysUnavailable
		}
		return nil, refusal
	}
	byEmail := r.ByEmail || r.claims.ID == r.claims.Email
	if byEmail && isFalse(claims["email_verified"]) {
		return nil, unverified
	}
	paths := inOrder(r.claims)
	sources, values := []string{}, []string{}
	for i, path := range paths {
		sources = append(sources, "the token's claim "+path)
		values = append(values, claimed(r, claims, path, i))
	}
	claim := belowOr(r, claims, r.claims.Groups)
	groups := jwt.Texts(claim)
	if text := jwt.Text(claim); text != "" {
		groups = groupsIn(r.allowed, text)
	}
	groups = append(groups, jwt.Names(claim)...)
	return accept(r, h, sources, values, groups, "the token has no claim "+r.claims.ID)
}

// claimed returns a claim's text. A claim other than the ID may be a list with one text. Names may
// be below the preset's claim.
func claimed(r *Reader, claims jwt.Claims, path string, part int) string {
	claim := jwt.Claim(claims, path)
	if part >= 2 {
		claim = belowOr(r, claims, path)
	}
	text := jwt.Text(claim)
	if list := jwt.Texts(claim); part > 0 && len(list) == 1 {
		text = list[0]
	}
	return text
}

// belowOr returns the claim at the path, or else at the path below the preset's claim.
func belowOr(r *Reader, claims jwt.Claims, path string) json.RawMessage {
	claim := jwt.Claim(claims, path)
	if claim == nil && r.below != "" {
		claim = jwt.Claim(claims, r.below+"."+path)
	}
	return claim
}
