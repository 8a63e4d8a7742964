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

// MaxToken is the most bytes that a token may have: people in 200 groups have 24 KiB.
const MaxToken = 32 << 10

const (
	leeway   = 60 * time.Second // between this machine's clock and the issuer's
	maxTries = 8                // keys of one id, or that could have signed a token without one
)

// Verifier says which tokens are genuine and for us.
type Verifier struct {
	Issuer   string // must be the token's iss
	Audience string // must be one of the token's aud
	Keys     *Keys
	AWS      bool // by AWS, which pads segments and names the audience in the header: signer
}

// Verify returns the token's claims when it is genuine, for us, and of now. The error is ErrKeys
// when the keys could not be fetched; any other error refuses the token. Errors quote no value.
// Keys are asked for last, so that a made-up token costs no fetch.
func Verify(ctx context.Context, v *Verifier, token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(token) > MaxToken || len(parts) != 3 || strings.ContainsAny(token, "\r\n") {
		return nil, errors.New("is too long or no JWT")
	}
	header, claims := Object(decode(v, parts[0])), Object(decode(v, parts[1]))
	signature := decode(v, parts[2])
	kid := Text(header["kid"])
	odd := kid == "" && header["kid"] != nil && string(header["kid"]) != `""`
	if header == nil || claims == nil || signature == nil || header["crit"] != nil || odd {
		return nil, errors.New("is no JWT, has doubled members, or demands what is unknown here (crit)")
	}
	for _, name := range []string{"iss", "exp"} {
		if v.AWS && claims[name] == nil { // Verified Access says these in the header
			claims[name] = header[name]
		}
	}
	if problem := checkClaims(v, header, claims, time.Now()); problem != "" {
		return nil, errors.New(problem)
	}
	keys, err := find(ctx, v.Keys, kid, Text(header["alg"]))
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if verifies(key, []byte(parts[0]+"."+parts[1]), signature) {
			return claims, nil
		}
	}
	return nil, errors.New("is signed by an unknown key or wrongly")
}

// checkClaims returns what is wrong with a token that is genuine.
func checkClaims(v *Verifier, header, claims Claims, now time.Time) string {
	forUs := v.AWS && Text(header["signer"]) == v.Audience
	for _, audience := range audiences(claims["aud"]) {
		forUs = forUs || (!v.AWS && audience == v.Audience)
	}
	kind := strings.TrimPrefix(strings.ToLower(Text(header["typ"])), "application/")
	expires, notBefore := timeOf(claims["exp"]), timeOf(claims["nbf"])
	switch {
	case claims["events"] != nil || (strings.HasSuffix(kind, "+jwt") && kind != "at+jwt"):
		return "is of another kind (typ, events), such as a logout token"
	case Text(claims["iss"]) != v.Issuer:
		return "has another issuer (iss) than identity.jwt.issuer"
	case !forUs:
		return "is for another audience (aud) than identity.jwt.audience"
	case expires.IsZero() || !now.Before(expires.Add(leeway)):
		return "has expired (exp), or never does"
	case claims["nbf"] != nil && (notBefore.IsZero() || now.Add(leeway).Before(notBefore)):
		return "is not valid yet (nbf)"
	}
	return ""
}

// audiences returns the text, or the texts in a list, that says whom a token is for.
func audiences(raw json.RawMessage) []string {
	list := []string{}
	if json.Unmarshal(raw, &list) != nil {
		list = []string{Text(raw)}
	}
	return list
}

// decode decodes a segment of the token, or returns nil; only AWS pads it.
func decode(v *Verifier, segment string) []byte {
	if v.AWS {
		segment = strings.TrimRight(segment, "=")
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(segment); err == nil {
		return raw
	}
	return nil
}
