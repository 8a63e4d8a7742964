// Package jwt verifies signed tokens (JSON Web Token, RFC 7519) and reads their claims.
package jwt

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// MaxToken is the most bytes that a token may have.
const MaxToken = 16 << 10

const leeway = 60 * time.Second // between this machine's clock and the issuer's

// Claims are the members of a token's payload.
type Claims map[string]json.RawMessage

// Verifier says which tokens are genuine and for us.
type Verifier struct {
	Issuer   string // must be the token's iss
	Audience string // must be one of the token's aud
	Keys     *Keys
	// ALB is for tokens of AWS load balancers: the audience is the signer in the token's header, and
	// segments are padded.
	ALB bool
}

// Verify returns the token's claims when it is genuine, for us, and of now. The error is ErrKeys
// when the keys could not be fetched; any other error refuses the token. Errors quote no value.
func Verify(ctx context.Context, v *Verifier, token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(token) > MaxToken || len(parts) != 3 || strings.ContainsAny(token, "\r\n") {
		return nil, errors.New("is too long or no JWT")
	}
	header, headerOK := decodeObject(v, parts[0])
	claims, claimsOK := decodeObject(v, parts[1])
	signature, signatureOK := decodeSegment(v, parts[2])
	if !headerOK || !claimsOK || !signatureOK || header["crit"] != nil {
		return nil, errors.New(
			"is no JWT, has doubled members, or demands what is unknown here (crit)")
	}
	key, err := find(ctx, v.Keys, Text(header["kid"]))
	if err != nil {
		return nil, err
	}
	if key == nil || Text(header["alg"]) != key.algorithm ||
		!verifies(key, []byte(parts[0]+"."+parts[1]), signature) {
		return nil, errors.New("is signed by an unknown key or wrongly")
	}
	if problem := checkClaims(v, header, claims, time.Now()); problem != "" {
		return nil, errors.New(problem)
	}
	return claims, nil
}

// checkClaims returns what is wrong with a genuine token.
func checkClaims(v *Verifier, header, claims Claims, now time.Time) string {
	audiences := Texts(claims["aud"], "")
	if v.ALB {
		audiences = []string{Text(header["signer"])}
	}
	expires, expiresOK := timeOf(claims["exp"])
	notBefore, notBeforeOK := timeOf(claims["nbf"])
	switch {
	case Text(claims["iss"]) != v.Issuer:
		return "has another issuer (iss) than identity.jwt.issuer"
	case !contains(audiences, v.Audience):
		return "is for another audience (aud) than identity.jwt.audience"
	case !expiresOK || !now.Before(expires.Add(leeway)):
		return "has expired (exp), or never does"
	case claims["nbf"] != nil && (!notBeforeOK || now.Add(leeway).Before(notBefore)):
		return "is not valid yet (nbf)"
	}
	return ""
}

// decodeSegment decodes a segment of the token; only AWS load balancers pad it.
func decodeSegment(v *Verifier, segment string) ([]byte, bool) {
	if v.ALB {
		segment = strings.TrimRight(segment, "=")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	return raw, err == nil
}

func decodeObject(v *Verifier, segment string) (Claims, bool) {
	raw, ok := decodeSegment(v, segment)
	if !ok {
		return nil, false
	}
	return object(raw)
}

func contains(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}
