// Package jwt verifies signed tokens (JSON Web Token, RFC 7519) and reads their claims.
package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
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
	ALB      bool // by AWS load balancers, which pad and name the audience in the header: signer
}

// Verify returns the token's claims when it is genuine, for us, and of now. The error is ErrKeys
// when the keys could not be fetched; any other error refuses the token. Errors quote no value.
func Verify(ctx context.Context, v *Verifier, token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(token) > MaxToken || len(parts) != 3 || strings.ContainsAny(token, "\r\n") {
		return nil, errors.New("is too long or no JWT")
	}
	header, claims := object(decode(v, parts[0])), object(decode(v, parts[1]))
	signature := decode(v, parts[2])
	if header == nil || claims == nil || signature == nil || header["crit"] != nil {
		return nil, errors.New("is no JWT, has doubled members, or demands what is unknown here (crit)")
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
	forUs := v.ALB && Text(header["signer"]) == v.Audience
	for _, audience := range Texts(claims["aud"], "") {
		forUs = forUs || (!v.ALB && audience == v.Audience)
	}
	expires, notBefore := timeOf(claims["exp"]), timeOf(claims["nbf"])
	switch {
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

// algorithms of RFC 7518, 3.1, and RFC 8037, as x509 knows them.
var algorithms = map[string]x509.SignatureAlgorithm{
	"RS256": x509.SHA256WithRSA, "RS384": x509.SHA384WithRSA, "RS512": x509.SHA512WithRSA,
	"PS256": x509.SHA256WithRSAPSS, "EdDSA": x509.PureEd25519,
	"ES256": x509.ECDSAWithSHA256, "ES384": x509.ECDSAWithSHA384,
}

// verifies reports whether the signature is the key's over the content.
func verifies(k *key, content, signature []byte) bool {
	if public, isECDSA := k.public.(*ecdsa.PublicKey); isECDSA { // x509 wants the two numbers in ASN.1
		half := public.Params().BitSize / 8
		if len(signature) != 2*half {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		signature, _ = asn1.Marshal([]*big.Int{r, s})
	}
	certificate := &x509.Certificate{PublicKey: k.public}
	return certificate.CheckSignature(algorithms[k.algorithm], content, signature) == nil
}

// decode decodes a segment of the token, or returns nil; only AWS load balancers pad it.
func decode(v *Verifier, segment string) []byte {
	if v.ALB {
		segment = strings.TrimRight(segment, "=")
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(segment); err == nil {
		return raw
	}
	return nil
}

// object decodes a JSON object whose members are all different, or returns nil: of doubled ones,
// programs disagree which counts.
func object(raw []byte) Claims {
	if !json.Valid(raw) || raw[0] != '{' || !utf8.Valid(raw) {
		return nil
	}
	members := Claims{}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	_, _ = decoder.Token() // the brace
	for decoder.More() {
		token, _ := decoder.Token()
		name, isText := token.(string)
		var value json.RawMessage
		if !isText || decoder.Decode(&value) != nil || members[name] != nil {
			return nil
		}
		members[name] = value
	}
	return members
}

// Claim returns the claim at a path such as realm_access.roles. A claim whose name has the dots
// itself comes first.
func Claim(claims Claims, path string) json.RawMessage {
	value, known := claims[path]
	first, rest, deeper := strings.Cut(path, ".")
	if known || !deeper {
		return value
	}
	return Claim(object(claims[first]), rest)
}

// Text returns a JSON text or whole number as text, and "" for anything else.
func Text(raw json.RawMessage) string {
	if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return string(raw)
	}
	var text string
	_ = json.Unmarshal(raw, &text) // leaves "" for what is no text
	return text
}

// Texts returns a JSON array of texts, or a text split at the separator unless that is "".
func Texts(raw json.RawMessage, separator string) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	if separator == "" {
		return []string{Text(raw)}
	}
	return strings.Split(Text(raw), separator)
}

// timeOf reads seconds since 1970 (NumericDate). It returns the zero time for what is none.
func timeOf(raw json.RawMessage) time.Time {
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// jwk is a JSON Web Key (RFC 7517, 7518, 8037). To encoding/json, kty is Kty.
type jwk struct{ Kty, Kid, Use, Alg, Crv, N, E, X, Y string }

// parseJWKS returns the keys that can check signatures, by key id. Others are passed over.
func parseJWKS(content []byte) map[string]*key {
	var set struct{ Keys []jwk }
	keys := map[string]*key{}
	if json.Unmarshal(content, &set) != nil {
		return keys
	}
	for _, j := range set.Keys {
		k := parseJWK(j)
		if k != nil && (j.Use == "" || j.Use == "sig") && (j.Alg == "" || j.Alg == k.algorithm) {
			keys[j.Kid] = k
		}
	}
	return keys
}

// parseJWK returns nil for a key that is unknown or broken. An RSA key without alg is for RS256.
func parseJWK(j jwk) *key {
	switch j.Kty {
	case "RSA":
		if j.Alg == "" {
			j.Alg = "RS256"
		}
		n, e := number(j.N), number(j.E)
		if n.BitLen() >= 2048 && n.BitLen() <= 8192 && e.BitLen() >= 2 && e.BitLen() <= 31 &&
			algorithms[j.Alg] != 0 && j.Alg[0] != 'E' { // ES256, EdDSA
			return &key{algorithm: j.Alg, public: &rsa.PublicKey{N: n, E: int(e.Int64())}}
		}
	case "EC":
		curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}
		return ecdsaKey(&ecdsa.PublicKey{Curve: curves[j.Crv], X: number(j.X), Y: number(j.Y)})
	case "OKP":
		raw, err := base64.RawURLEncoding.DecodeString(j.X)
		if err == nil && j.Crv == "Ed25519" && len(raw) == ed25519.PublicKeySize {
			return &key{algorithm: "EdDSA", public: ed25519.PublicKey(raw)}
		}
	}
	return nil
}

// ecdsaKey returns nil for a point that is not on its curve, and for other curves.
func ecdsaKey(public *ecdsa.PublicKey) *key {
	name := map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384"}[public.Curve]
	if _, err := public.ECDH(); err != nil || name == "" {
		return nil
	}
	return &key{algorithm: name, public: public}
}

// parsePEM returns an ECDSA key from its PEM form, or nil.
func parsePEM(content []byte) *key {
	if block, _ := pem.Decode(content); block != nil {
		public, _ := x509.ParsePKIXPublicKey(block.Bytes)
		if point, isECDSA := public.(*ecdsa.PublicKey); isECDSA {
			return ecdsaKey(point)
		}
	}
	return nil
}

// number returns 0 for a number that is broken, which is no part of a key.
func number(encoded string) *big.Int {
	if raw, err := base64.RawURLEncoding.DecodeString(encoded); err == nil {
		return new(big.Int).SetBytes(raw)
	}
	return new(big.Int)
}
