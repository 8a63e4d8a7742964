package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// albAudience is the ARN of an AWS load balancer; it names the region.
var albAudience = regexp.MustCompile(
	`^arn:aws[a-z-]*:elasticloadbalancing:([a-z0-9-]{1,32}):[0-9]+:loadbalancer/[A-Za-z0-9/-]+$`)

// parseToken makes the reader take the identity from a signed token, where one is asked for.
func parseToken(r *Reader, known preset, p *config.Problems) {
	c := known.token
	if c == (config.JWT{}) {
		return
	}
	p.Require(c.Header != "", "identity.jwt.header", "is required: the header with the signed token")
	p.Require(c.Issuer != "", "identity.jwt.issuer", "is required: the token's iss")
	p.Require(c.Audience != "", "identity.jwt.audience",
		"is required: one of the token's aud, or the load balancer's ARN with aws-alb")
	r.source = parseHeader(r, "identity.jwt.header", c.Header, p)
	r.claims = layOver(c.Claims, config.Headers{ID: "sub"})
	r.idPrefix = known.idPrefix
	keys := parseKeys(known, p)
	r.Verifier = &jwt.Verifier{Issuer: c.Issuer, Audience: c.Audience, ALB: known.alb, Keys: keys}
}

// parseKeys checks where the keys come from: an address, or a file that is read now.
func parseKeys(known preset, p *config.Problems) *jwt.Keys {
	c := known.token
	if c.JWKSURL == "" && known.keysPath != "" && c.Issuer != "" {
		host := strings.TrimSuffix(strings.TrimPrefix(c.Issuer, "https://"), "/")
		c.JWKSURL = "https://" + host + known.keysPath
	}
	arn := albAudience.FindStringSubmatch(c.Audience)
	if known.alb && arn != nil && c.JWKSURL == "" {
		c.JWKSURL = "https://public-keys.auth.elb." + arn[1] + ".amazonaws.com/"
	}
	p.Require(!known.alb || c.Audience == "" || arn != nil,
		"identity.jwt.audience", "must be the load balancer's ARN")
	if (c.JWKSURL == "") == (c.JWKS == "") {
		p.Add("identity.jwt", "needs either jwksURL, the address of the keys, or jwks: file:/...")
		return nil
	}
	if c.JWKS == "" {
		config.URL("identity.jwt.jwksURL", c.JWKSURL, p)
		return jwt.FetchedKeys(c.JWKSURL, known.alb)
	}
	content, err := config.ReadSecret(c.JWKS)
	keys := jwt.FixedKeys([]byte(content))
	p.Require(err == nil && strings.HasPrefix(c.JWKS, "file:") && keys != nil, "identity.jwt.jwks",
		"must be file:PATH of a readable JSON Web Key Set with keys for signatures")
	return keys
}

// readToken returns the identity that the token proves.
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
	signed := strings.TrimPrefix(strings.TrimSpace(lines[0]), "Bearer ")
	claims, err := jwt.Verify(req.Context(), r.Verifier, signed)
	if err != nil {
		refusal := refuse("the token in " + name + " " + err.Error())
		if errors.Is(err, jwt.ErrKeys) {
			refusal.Outcome = outcome.KeysUnavailable
		}
		return nil, refusal
	}
	values := inOrder(r.claims)
	for i, path := range values {
		values[i] = jwt.Text(jwt.Claim(claims, path))
		if problem := checkValue(values[i]); problem != "" {
			return nil, refuse("the token's claim " + path + " " + problem)
		}
	}
	groups := jwt.Texts(jwt.Claim(claims, r.claims.Groups), r.separator)
	return accept(r, h, values, groups,
		"the token's claim "+r.claims.ID, "the token has no claim "+r.claims.ID)
}

// principalNames are the names that a claim of Azure's principal is known by here; its types are
// these words or addresses that end in them.
var principalNames = map[string]string{
	"objectidentifier": "id", "oid": "id", "nameidentifier": "sub", "sub": "sub",
	"emailaddress": "email", "email": "email", "name": "name", "groups": "groups",
	"givenname": "first", "given_name": "first", "surname": "last", "family_name": "last",
}

// readPrincipal reads the identity from X-MS-CLIENT-PRINCIPAL, which Azure's "Easy Auth" sets:
// base64 of a JSON object with a list of claims. The platform refuses copies that clients send;
// nothing signs it.
func readPrincipal(r *Reader, h http.Header) (*Identity, *outcome.Refusal) {
	lines := h[r.source.canonical]
	name := "header " + r.source.configured
	if len(lines) == 0 || strings.TrimSpace(lines[0]) == "" {
		return nil, outcome.Refuse(outcome.NoIdentity,
			name+" is missing or blank: is authentication required by the platform in front?")
	}
	var principal struct {
		Claims   []struct{ Typ, Val string }
		RoleType string `json:"role_typ"`
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[0]))
	if len(lines) > 1 || len(lines[0]) > jwt.MaxToken || err != nil ||
		json.Unmarshal(raw, &principal) != nil {
		return nil, refuse(name + " arrived more than once, is too long, or is not base64 of JSON")
	}
	found := map[string]string{}
	groups := []string{}
	for _, c := range principal.Claims {
		part := principalNames[c.Typ[strings.LastIndex(c.Typ, "/")+1:]]
		isID := part == "id" || part == "sub"
		switch {
		case part == "groups" || c.Typ == principal.RoleType:
			groups = append(groups, c.Val)
		case part == "" || (part == "name" && c.Typ != "name"): // an address has the account's name
		case checkValue(c.Val) != "" || (isID && found[part] != "" && found[part] != c.Val):
			return nil, refuse(name + " has two ids, or a claim that is too long or has control characters")
		default:
			found[part] = c.Val
		}
	}
	id := config.OrElse(found["id"], found["sub"])
	values := []string{id, found["email"], found["name"], found["first"], found["last"]}
	return accept(r, h, values, groups, name, name+" has no claim with the person's lasting id")
}
