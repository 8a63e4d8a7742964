package clinicpass

import (
	"context"
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
	"errors"
	"io"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	maxKeys      = 256 << 10        // bytes of a key set
	maxPEMs      = 16               // keys that are kept where each has a file; a load balancer rotates among few
	keysLife     = time.Hour        // after which a key set is fetched again
	keysPatience = 10 * time.Second // between two fetches
	keysRespite  = 5 * time.Minute  // that a good set gets when it cannot be fetched again
	keysTimeout  = 5 * time.Second  // of a fetch
)

// verifyKey is a public key and the one algorithm it is for, whatever a token claims.
type verifyKey struct {
	algorithm string
	hash      crypto.Hash
	rsa       *rsa.PublicKey
	ecdsa     *ecdsa.PublicKey
	ed25519   ed25519.PublicKey
}

// verifies reports whether the signature is this key's over the content.
func (k *verifyKey) verifies(content, signature []byte) bool {
	if k.algorithm == "EdDSA" {
		return ed25519.Verify(k.ed25519, content, signature)
	}
	h := k.hash.New()
	_, _ = h.Write(content)
	sum := h.Sum(nil)
	if k.algorithm == "PS256" {
		return rsa.VerifyPSS(k.rsa, k.hash, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	}
	if k.rsa != nil {
		return rsa.VerifyPKCS1v15(k.rsa, k.hash, sum, signature) == nil
	}
	half := (k.ecdsa.Params().BitSize + 7) / 8
	if len(signature) != 2*half {
		return false
	}
	r := new(big.Int).SetBytes(signature[:half])
	s := new(big.Int).SetBytes(signature[half:])
	return ecdsa.Verify(k.ecdsa, sum, r, s)
}

// keySet holds the keys by which tokens are checked. They are fetched when first needed and again, by a request that needs
// them, when they are old or a token names an unknown one; the last good set stays through an outage.
type keySet struct {
	url    string // of a JWKS (RFC 7517), or with perKey of a folder with a PEM file for each key's id
	perKey bool

	mu      sync.Mutex
	keys    map[string]*verifyKey // by key id
	fetched time.Time
	tried   time.Time
}

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// newKeySet checks where the keys come from: an address, or a file that is read now.
func newKeySet(address, file string, perKey bool, found *problems) *keySet {
	k := &keySet{perKey: perKey, keys: map[string]*verifyKey{}}
	switch {
	case (address == "") == (file == ""):
		found.add("identity.jwt", "needs either jwksURL, the address of the keys, or jwks: file:/...")
	case file != "":
		content, err := readSecret(file)
		keys, ok := parseJWKS([]byte(content))
		if err != nil || !strings.HasPrefix(file, "file:") || !ok {
			found.add("identity.jwt.jwks", "must be file:PATH of a readable JSON Web Key Set with keys for signatures")
		}
		k.keys = keys
	default:
		if u := checkURL("identity.jwt.jwksURL", address, found); u != nil {
			k.url = address
		}
	}
	return k
}

var errKeys = errors.New("the keys cannot be fetched")

// find returns the key with the id, or nil when there is none. It returns errKeys when there are no keys at all.
func (k *keySet) find(ctx context.Context, id string) (*verifyKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.lookUp(id)
	now := time.Now()
	old := now.Sub(k.fetched) >= keysLife
	if k.url == "" || (key != nil && !old) || now.Sub(k.tried) < keysPatience {
		if key == nil && k.url != "" && len(k.keys) == 0 {
			return nil, errKeys
		}
		return key, nil
	}
	if k.perKey && !keyIDPattern.MatchString(id) {
		return nil, nil
	}
	k.tried = now
	waiting := len(k.keys) == 0 // the others; with keys at hand they go on meanwhile
	if !waiting {
		k.mu.Unlock()
	}
	keys, err := k.fetch(ctx, id)
	if !waiting {
		k.mu.Lock()
	}
	if err != nil {
		logError("identity.jwt: " + err.Error())
		if len(k.keys) == 0 {
			return nil, errKeys
		}
		if key != nil { // the last good set serves on
			k.fetched = now.Add(keysRespite - keysLife)
		}
		return key, nil
	}
	for other, known := range k.keys {
		if k.perKey && keys[other] == nil && len(keys) < maxPEMs {
			keys[other] = known
		}
	}
	k.fetched = now
	k.keys = keys
	return k.lookUp(id), nil
}

// lookUp finds a key by its id, or the only key for a token that names none.
func (k *keySet) lookUp(id string) *verifyKey {
	if id == "" && len(k.keys) == 1 {
		for _, key := range k.keys {
			return key
		}
	}
	return k.keys[id]
}

// fetch gets the set, or with perKey the one key.
func (k *keySet) fetch(ctx context.Context, id string) (map[string]*verifyKey, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	address := k.url
	if k.perKey {
		address += id
	}
	content, err := get(ctx, address)
	if err != nil {
		return nil, err
	}
	if !k.perKey {
		keys, ok := parseJWKS(content)
		if !ok {
			return nil, errors.New("identity.jwt.jwksURL answers without keys for signatures")
		}
		return keys, nil
	}
	key := parsePEM(content)
	if key == nil {
		return nil, errors.New("the key's address answers without an ECDSA key")
	}
	return map[string]*verifyKey{id: key}, nil
}

// get fetches a small document. Redirects are not followed.
func get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New("the address of the keys answers " + resp.Status)
	}
	return content, err
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

// parseJWKS returns the keys that can check signatures, and whether there are any. Others are passed over.
func parseJWKS(content []byte) (map[string]*verifyKey, bool) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	keys := map[string]*verifyKey{}
	if json.Unmarshal(content, &set) != nil {
		return keys, false
	}
	for i := range set.Keys {
		if key := parseJWK(&set.Keys[i]); key != nil {
			keys[set.Keys[i].Kid] = key
		}
	}
	return keys, len(keys) > 0
}

// parseJWK returns nil for a key that is not for signatures, unknown or broken. An RSA key without alg is for RS256.
func parseJWK(j *jwk) *verifyKey {
	if j.Use != "" && j.Use != "sig" {
		return nil
	}
	var key *verifyKey
	switch j.Kty {
	case "RSA":
		modulus := number(j.N)
		exponent := number(j.E)
		if modulus.BitLen() < 2048 || modulus.BitLen() > 8192 || exponent.BitLen() < 2 || exponent.BitLen() > 31 {
			return nil
		}
		key = &verifyKey{rsa: &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, algorithm: orElse(j.Alg, "RS256")}
	case "EC":
		curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}
		curve := curves[j.Crv]
		if curve == nil {
			return nil
		}
		key = ecdsaKey(&ecdsa.PublicKey{Curve: curve, X: number(j.X), Y: number(j.Y)})
	case "OKP":
		raw, err := base64.RawURLEncoding.DecodeString(j.X)
		if err != nil || j.Crv != "Ed25519" || len(raw) != ed25519.PublicKeySize {
			return nil
		}
		key = &verifyKey{ed25519: raw, algorithm: "EdDSA"}
	}
	return withHash(key, j.Alg)
}

// withHash completes a key, and drops it when its alg is none that its type can have.
func withHash(key *verifyKey, alg string) *verifyKey {
	if key == nil || (alg != "" && alg != key.algorithm) {
		return nil
	}
	hashes := map[string]crypto.Hash{
		"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512, "PS256": crypto.SHA256,
		"ES256": crypto.SHA256, "ES384": crypto.SHA384, "EdDSA": 0,
	}
	hash, known := hashes[key.algorithm]
	forRSA := strings.HasPrefix(key.algorithm, "RS") || strings.HasPrefix(key.algorithm, "PS")
	if !known || forRSA != (key.rsa != nil) {
		return nil
	}
	key.hash = hash
	return key
}

// ecdsaKey returns nil for a point that is not on the curve.
func ecdsaKey(public *ecdsa.PublicKey) *verifyKey {
	if _, err := public.ECDH(); err != nil {
		return nil
	}
	algorithm := "ES256"
	if public.Curve == elliptic.P384() {
		algorithm = "ES384"
	}
	return &verifyKey{ecdsa: public, algorithm: algorithm}
}

// parsePEM returns an ECDSA key from its PEM form.
func parsePEM(content []byte) *verifyKey {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, isECDSA := public.(*ecdsa.PublicKey)
	if err != nil || !isECDSA {
		return nil
	}
	return withHash(ecdsaKey(key), "")
}

func number(encoded string) *big.Int {
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return new(big.Int)
	}
	return new(big.Int).SetBytes(raw)
}
