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

// MaxToken is the maximum size of a token in bytes. A person in 200 groups has 24 KiB.
const MaxToken = 32 << 10

const (
	leeway   = 60 * time.Second // tolerated difference from the issuer's clock
	maxTries = 8                // keys to try for one token
)

// Verifier has the rules that a token must meet.
type Verifier struct {
	Issuer   string // must be the token's iss
	Audience string // must be one of the token's aud
	Keys     *Keys
	AWS      bool // AWS pads segments, and names the audience in the header as signer
}

// Verify returns the token's claims if signature, issuer, audience and time are valid. The error is
// ErrKeys if the keys could not be fetched; any other error refuses the token. Errors quote no
// values. Verify looks up the keys last, so that a made-up token causes no fetch.
func Verify(ctx context.Context, v *Verifier, token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(token) > MaxToken || len(parts) != 3 || strings.ContainsAny(token, "\r\n") {
		return nil, errors.New("is too long or not a JWT")
	}
	header, claims := Object(decode(v, parts[0])), Object(decode(v, parts[1]))
	signature := decode(v, parts[2])
	kid := Text(header["kid"])
	odd := kid == "" && header["kid"] != nil && string(header["kid"]) != `""`
	if header == nil || claims == nil || signature == nil || header["crit"] != nil || odd {
		return nil, errors.New("is not a JWT, has duplicate members, or requires an extension (crit)")
	}
	for _, name := range []string{"iss", "exp"} {
		if v.AWS && claims[name] == nil { // Verified Access has these in the header
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
	return nil, errors.New("is signed by an unknown key, or its signature is wrong")
}

// checkClaims returns what is wrong with the claims, or "".
func checkClaims(v *Verifier, header, claims Claims, now time.Time) string {
	forUs := v.AWS && Text(header["signer"]) == v.Audience
	for _, audience := range audiences(claims["aud"]) {
		forUs = forUs || (!v.AWS && audience == v.Audience)
	}
	kind := strings.TrimPrefix(strings.ToLower(Text(header["typ"])), "application/")
	expires, notBefore := timeOf(claims["exp"]), timeOf(claims["nbf"])
	switch {
	case claims["events"] != nil || (strings.HasSuffix(kind, "+jwt") && kind != "at+jwt"):
		return "is not an identity token (typ, events): it may be a logout token"
	case Text(claims["iss"]) != v.Issuer:
		return "has another issuer (iss) than identity.jwt.issuer"
	case !forUs:
		return "is for another audience (aud) than identity.jwt.audience"
	case expires.IsZero() || !now.Before(expires.Add(leeway)):
		return "has expired, or has no expiration time (exp)"
	case claims["nbf"] != nil && (notBefore.IsZero() || now.Add(leeway).Before(notBefore)):
		return "is not valid yet (nbf)"
	}
	return ""
}

// audiences returns the values of aud, which is one text or a list.
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
