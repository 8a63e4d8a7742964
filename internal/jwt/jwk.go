package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
)

// key is a public key and the one algorithm it is for, whatever a token claims. It has one of the
// three kinds of key.
type key struct {
	algorithm string
	rsa       *rsa.PublicKey
	ecdsa     *ecdsa.PublicKey
	ed25519   ed25519.PublicKey
}

// hashes of the algorithms for each kind of key (RFC 7518, 3.1; RFC 8037).
var (
	rsaHashes = map[string]crypto.Hash{
		"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512, "PS256": crypto.SHA256,
	}
	ecdsaHashes = map[string]crypto.Hash{"ES256": crypto.SHA256, "ES384": crypto.SHA384}
)

// verifies reports whether the signature is the key's over the content.
func verifies(k *key, content, signature []byte) bool {
	if k.ed25519 != nil {
		return ed25519.Verify(k.ed25519, content, signature)
	}
	hash := rsaHashes[k.algorithm]
	if k.ecdsa != nil {
		hash = ecdsaHashes[k.algorithm]
	}
	h := hash.New()
	_, _ = h.Write(content)
	sum := h.Sum(nil)
	if k.algorithm == "PS256" {
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(k.rsa, hash, sum, signature, options) == nil
	}
	if k.rsa != nil {
		return rsa.VerifyPKCS1v15(k.rsa, hash, sum, signature) == nil
	}
	half := (k.ecdsa.Params().BitSize + 7) / 8
	if len(signature) != 2*half {
		return false
	}
	r := new(big.Int).SetBytes(signature[:half])
	s := new(big.Int).SetBytes(signature[half:])
	return ecdsa.Verify(k.ecdsa, sum, r, s)
}

// jwk is a JSON Web Key (RFC 7517, 7518, 8037).
type jwk struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Crv string `json:"crv"`
	N   string `json:"n"`
	E   string `json:"e"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

// parseJWKS returns the keys that can check signatures, by key id. Others are passed over.
func parseJWKS(content []byte) map[string]*key {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	keys := map[string]*key{}
	if json.Unmarshal(content, &set) != nil {
		return keys
	}
	for i := range set.Keys {
		j := &set.Keys[i]
		k := parseJWK(j)
		if k != nil && (j.Use == "" || j.Use == "sig") && (j.Alg == "" || j.Alg == k.algorithm) {
			keys[j.Kid] = k
		}
	}
	return keys
}

// parseJWK returns nil for a key that is unknown or broken. An RSA key without alg is for RS256.
func parseJWK(j *jwk) *key {
	switch j.Kty {
	case "RSA":
		n, e := number(j.N), number(j.E)
		k := &key{algorithm: j.Alg, rsa: &rsa.PublicKey{N: n, E: int(e.Int64())}}
		if k.algorithm == "" {
			k.algorithm = "RS256"
		}
		if n.BitLen() >= 2048 && n.BitLen() <= 8192 && e.BitLen() >= 2 && e.BitLen() <= 31 &&
			rsaHashes[k.algorithm] != 0 {
			return k
		}
	case "EC":
		curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}
		if curve := curves[j.Crv]; curve != nil {
			return ecdsaKey(&ecdsa.PublicKey{Curve: curve, X: number(j.X), Y: number(j.Y)})
		}
	case "OKP":
		raw, err := base64.RawURLEncoding.DecodeString(j.X)
		if err == nil && j.Crv == "Ed25519" && len(raw) == ed25519.PublicKeySize {
			return &key{algorithm: "EdDSA", ed25519: raw}
		}
	}
	return nil
}

// ecdsaKey returns nil for a point that is not on its curve, and for other curves.
func ecdsaKey(public *ecdsa.PublicKey) *key {
	algorithms := map[int]string{256: "ES256", 384: "ES384"}
	algorithm := algorithms[public.Params().BitSize]
	if _, err := public.ECDH(); err != nil || algorithm == "" {
		return nil
	}
	return &key{algorithm: algorithm, ecdsa: public}
}

// parsePEM returns an ECDSA key from its PEM form, or nil.
func parsePEM(content []byte) *key {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	point, isECDSA := public.(*ecdsa.PublicKey)
	if err != nil || !isECDSA {
		return nil
	}
	return ecdsaKey(point)
}

// number returns 0 for a number that is broken, which is no part of a key.
func number(encoded string) *big.Int {
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return new(big.Int)
	}
	return new(big.Int).SetBytes(raw)
}
