package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
)

// key is a public key and its only algorithm, whatever a token's header says.
type key struct {
	id        string // "" for a key without one
	algorithm string
	public    interface{} // a key type of crypto/x509
}

// algorithms of RFC 7518, 3.1, and RFC 8037, and their names in crypto/x509.
var algorithms = map[string]x509.SignatureAlgorithm{
	"RS256": x509.SHA256WithRSA, "RS384": x509.SHA384WithRSA, "RS512": x509.SHA512WithRSA,
	"PS256": x509.SHA256WithRSAPSS, "EdDSA": x509.PureEd25519,
	"ES256": x509.ECDSAWithSHA256, "ES384": x509.ECDSAWithSHA384,
}

// verifies reports whether the key made the signature over the content.
func verifies(k *key, content, signature []byte) bool {
	if public, isECDSA := k.public.(*ecdsa.PublicKey); isECDSA { // x509 expects both numbers in ASN.1
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

// jwk is a JSON Web Key (RFC 7517, 7518, 8037). encoding/json matches kty with Kty.
type jwk struct {
	Kty, Kid, Use, Alg, Crv, N, E, X, Y string
	Operations                          []string `json:"key_ops"`
}

// signs reports whether the key is for signatures.
func signs(j *jwk) bool {
	return (j.Use == "" || j.Use == "sig") &&
		(j.Operations == nil || strings.Contains(strings.Join(j.Operations, " "), "verify"))
}

// parseJWKS returns the keys that can verify signatures. It skips all others.
func parseJWKS(content []byte) []*key {
	var set struct{ Keys []json.RawMessage }
	_ = json.Unmarshal(content, &set) // no keys if it is not a set
	keys := []*key{}
	for _, raw := range set.Keys {
		j := &jwk{}
		if json.Unmarshal(raw, j) != nil || !signs(j) {
			continue
		}
		if k := parseJWK(j); k != nil && (j.Alg == "" || j.Alg == k.algorithm) {
			k.id = j.Kid
			keys = append(keys, k)
		}
	}
	return keys
}

// parseJWK returns nil for an unknown or invalid key. An RSA key without alg is for RS256.
func parseJWK(j *jwk) *key {
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
		if raw := decodeNumber(j.X); j.Crv == "Ed25519" && len(raw) == ed25519.PublicKeySize {
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

// decodeNumber decodes base64url as in RFC 7518. It accepts padding and the standard alphabet too,
// because some issuers use them. It returns nil for anything else.
func decodeNumber(encoded string) []byte {
	plain := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(encoded)
	raw, _ := base64.RawURLEncoding.DecodeString(plain)
	return raw
}

// number returns 0 for an invalid number. No valid key contains 0.
func number(encoded string) *big.Int { return new(big.Int).SetBytes(decodeNumber(encoded)) }
