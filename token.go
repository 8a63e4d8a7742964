package clinicpass

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	maxToken = 16 << 10         // bytes of a signed token
	leeway   = 60 * time.Second // between this machine's clock and the issuer's
)

// tokenReader reads an identity from a signed token (JWT, RFC 7519), which no client can make.
type tokenReader struct {
	header   identityHeader
	issuer   string
	audience string
	claims   HeadersConfig // paths of claims
	keys     *keySet
	alb      bool   // as AWS load balancers sign: the audience is the signer in the token's header, segments are padded
	prefix   string // cut off the id
}

// albAudience is the ARN of an AWS load balancer; it names the region.
var albAudience = regexp.MustCompile(`^arn:aws[a-z-]*:elasticloadbalancing:([a-z0-9-]{1,32}):[0-9]+:loadbalancer/[A-Za-z0-9/-]+$`)

// newTokenReader lays the configuration over the preset's. It returns nil where neither asks for a token.
func newTokenReader(c JWTConfig, p preset, found *problems) *tokenReader {
	if c == (JWTConfig{}) && p.token == (JWTConfig{}) {
		return nil
	}
	t := &tokenReader{
		issuer:   orElse(c.Issuer, p.token.Issuer),
		audience: c.Audience,
		claims:   layOver(c.Claims, layOver(p.token.Claims, HeadersConfig{ID: "sub"})),
		alb:      p.alb,
		prefix:   p.idPrefix,
	}
	name := orElse(c.Header, p.token.Header)
	t.header = newIdentityHeader("identity.jwt.header", name, found)
	if name == "" {
		found.add("identity.jwt.header", "is required: the header with the signed token")
	}
	if t.issuer == "" {
		found.add("identity.jwt.issuer", "is required: the token's iss")
	}
	if t.audience == "" {
		found.add("identity.jwt.audience", "is required: one of the token's aud, or the load balancer's ARN with aws-alb")
	}
	keysURL := orElse(c.JWKSURL, p.token.JWKSURL)
	if keysURL == "" && p.keysPath != "" && t.issuer != "" {
		keysURL = "https://" + strings.TrimSuffix(strings.TrimPrefix(t.issuer, "https://"), "/") + p.keysPath
	}
	if arn := albAudience.FindStringSubmatch(t.audience); t.alb && arn != nil && keysURL == "" {
		keysURL = "https://public-keys.auth.elb." + arn[1] + ".amazonaws.com/"
	} else if t.alb && t.audience != "" && arn == nil {
		found.add("identity.jwt.audience", "must be the load balancer's ARN")
	}
	t.keys = newKeySet(keysURL, c.JWKS, t.alb, found)
	return t
}

// readToken returns the identity that the token proves.
func readToken(t *tokenReader, r *http.Request, reader *identityReader) (who *identity, refused, why string) {
	lines := linesOf(t.header, r.Header)
	if len(lines) == 0 || strings.TrimSpace(lines[0]) == "" {
		return nil, noIdentity, "header " + t.header.configured + " with the signed token is missing or blank"
	}
	if len(lines) > 1 {
		return nil, identityRefused, "header " + t.header.configured + " arrived more than once"
	}
	claims, refused, why := verify(r.Context(), t, strings.TrimPrefix(strings.TrimSpace(lines[0]), "Bearer "))
	if refused != "" {
		return nil, refused, "the token in " + t.header.configured + " " + why
	}
	values := []string{}
	for _, path := range []string{t.claims.ID, t.claims.Email, t.claims.Name, t.claims.FirstName, t.claims.LastName} {
		value := textOf(claim(claims, path))
		if problem := checkValue(value); problem != "" {
			return nil, identityRefused, "the token's claim " + path + " " + problem
		}
		values = append(values, value)
	}
	who, problem := newIdentity(values)
	if problem != "" {
		return nil, identityRefused, "the token's claim " + t.claims.ID + " " + problem
	}
	who.id = strings.TrimPrefix(who.id, t.prefix)
	who.groups = textsOf(claim(claims, t.claims.Groups), reader.separator)
	if who.id == "" {
		return nil, noIdentity, "the token has no claim " + t.claims.ID
	}
	return who, "", ""
}

// verify returns the token's claims when it is genuine, for us, and of now.
func verify(ctx context.Context, t *tokenReader, token string) (claims map[string]json.RawMessage, refused, why string) {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return nil, identityRefused, "is too long or no JWT"
	}
	header, headerOK := decodeObject(t, parts[0])
	claims, claimsOK := decodeObject(t, parts[1])
	signature, signatureOK := decodeSegment(t, parts[2])
	if !headerOK || !claimsOK || !signatureOK || header["crit"] != nil {
		return nil, identityRefused, "is no JWT, has doubled members, or demands what is unknown here (crit)"
	}
	key, err := t.keys.find(ctx, textOf(header["kid"]))
	if err != nil {
		return nil, keysUnavailable, "cannot be checked: " + err.Error()
	}
	if key == nil || textOf(header["alg"]) != key.algorithm || !key.verifies([]byte(parts[0]+"."+parts[1]), signature) {
		return nil, identityRefused, "is signed by an unknown key or wrongly"
	}
	if problem := checkClaims(t, header, claims, time.Now()); problem != "" {
		return nil, identityRefused, problem
	}
	return claims, "", ""
}

// checkClaims returns what is wrong with a genuine token.
func checkClaims(t *tokenReader, header, claims map[string]json.RawMessage, now time.Time) string {
	audiences := textsOf(claims["aud"], "")
	if t.alb {
		audiences = []string{textOf(header["signer"])}
	}
	expires, expiresOK := timeOf(claims["exp"])
	notBefore, notBeforeOK := timeOf(claims["nbf"])
	switch {
	case textOf(claims["iss"]) != t.issuer:
		return "has another issuer (iss) than identity.jwt.issuer"
	case !contains(audiences, t.audience):
		return "is for another audience (aud) than identity.jwt.audience"
	case !expiresOK || !now.Before(expires.Add(leeway)):
		return "has expired (exp), or never does"
	case claims["nbf"] != nil && (!notBeforeOK || now.Add(leeway).Before(notBefore)):
		return "is not valid yet (nbf)"
	}
	return ""
}

// decodeSegment decodes a segment of the token; only AWS load balancers pad it.
func decodeSegment(t *tokenReader, segment string) ([]byte, bool) {
	if t.alb {
		segment = strings.TrimRight(segment, "=")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	return raw, err == nil
}

func decodeObject(t *tokenReader, segment string) (map[string]json.RawMessage, bool) {
	raw, ok := decodeSegment(t, segment)
	if !ok {
		return nil, false
	}
	return object(raw)
}

// object decodes a JSON object whose members are all different: of doubled ones, programs disagree which counts.
func object(raw []byte) (map[string]json.RawMessage, bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	members := map[string]json.RawMessage{}
	if open, err := decoder.Token(); err != nil || string(raw[:1]) != "{" || open == nil {
		return nil, false
	}
	for decoder.More() {
		token, err := decoder.Token()
		name, isText := token.(string)
		var value json.RawMessage
		if err != nil || !isText || decoder.Decode(&value) != nil || members[name] != nil {
			return nil, false
		}
		members[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return members, err == io.EOF
}

// claim returns the claim at a path such as realm_access.roles. A claim whose name has the dots itself comes first.
func claim(claims map[string]json.RawMessage, path string) json.RawMessage {
	value, known := claims[path]
	if known || path == "" {
		return value
	}
	first, rest, deeper := strings.Cut(path, ".")
	below, isObject := object(claims[first])
	if !deeper || claims[first] == nil || !isObject {
		return nil
	}
	return claim(below, rest)
}

// textOf returns a JSON text or whole number as text, and "" for anything else.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	number := string(raw)
	if _, err := strconv.ParseInt(number, 10, 64); err == nil {
		return number
	}
	return ""
}

// textsOf returns a JSON array of texts, or a text split at the separator unless that is "".
func textsOf(raw json.RawMessage, separator string) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	text := textOf(raw)
	if separator == "" {
		return []string{text}
	}
	return strings.Split(text, separator)
}

// timeOf reads seconds since 1970 (NumericDate).
func timeOf(raw json.RawMessage) (time.Time, bool) {
	var seconds float64
	if raw == nil || json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
