package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signedToken is what an auth layer signs.
type signedToken struct {
	Header string         `json:"header"` // the header that carries it
	Claims map[string]any `json:"claims"` // besides exp
	Signer string         `json:"signer"` // of AWS load balancers only, which also pad the token
}

// signer signs tokens with ES256 and publishes its key as a JWKS at /jwks.json and as PEM at
// /key-1.
type signer struct {
	key    *ecdsa.PrivateKey
	server *httptest.Server
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	mux.HandleFunc("/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
			"kty": "EC",
			"crv": "P-256",
			"kid": "key-1",
			"alg": "ES256",
			"use": "sig",
			"x":   encode(point[1:33]),
			"y":   encode(point[33:]),
		}}})
	})
	mux.HandleFunc("/key-1", func(w http.ResponseWriter, _ *http.Request) {
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	})
	s := &signer{key: key, server: httptest.NewServer(mux)}
	t.Cleanup(s.server.Close)
	return s
}

// use makes the token one for the given section identity.jwt.
func (token *signedToken) use(jwt map[string]any) {
	for claim, key := range map[string]string{"iss": "issuer", "aud": "audience"} {
		if jwt[key] != nil {
			token.Claims[claim] = jwt[key]
		}
	}
	if audience, ok := jwt["audience"].(string); ok && token.Signer != "" {
		token.Signer = audience
		delete(token.Claims, "aud") // a load balancer sends none
	}
}

// url is what identity.jwt.jwksURL must be.
func (s *signer) url(token *signedToken) string {
	if token.Signer != "" {
		return s.server.URL + "/"
	}
	return s.server.URL + "/jwks.json"
}

func (s *signer) sign(t *testing.T, token *signedToken, fill func(string) string) string {
	t.Helper()
	header := map[string]any{"alg": "ES256", "kid": "key-1", "typ": "JWT"}
	claims := maps.Clone(token.Claims)
	claims["exp"] = time.Now().Add(5 * time.Minute).Unix()
	encoding := base64.RawURLEncoding
	if token.Signer != "" {
		encoding = base64.URLEncoding
		header["signer"] = token.Signer
	}
	part := func(value any) string {
		raw, err := json.Marshal(value)
		require.NoError(t, err)
		return encoding.EncodeToString([]byte(fill(string(raw))))
	}
	content := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(content))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	require.NoError(t, err)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return strings.Join([]string{content, encoding.EncodeToString(signature)}, ".")
}
