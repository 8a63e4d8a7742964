package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// identityKeys are the issuers' private keys by the names that rows have for them.
var identityKeys = sync.OnceValues(func() (map[string]crypto.Signer, error) {
	keys := map[string]crypto.Signer{}
	for _, name := range []string{"rsa", "rsa2"} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		keys[name] = key
	}
	for name, curve := range map[string]elliptic.Curve{
		"p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521(),
	} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			return nil, err
		}
		keys[name] = key
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	keys["ed25519"] = key
	return keys, err
})

func identityKey(t *testing.T, name string) crypto.Signer {
	t.Helper()
	keys, err := identityKeys()
	require.NoError(t, err)
	require.Contains(t, keys, name)
	return keys[name]
}

// keyAlgorithms are those that the keys sign with when a row names no other.
var keyAlgorithms = map[string]string{
	"rsa": "RS256", "rsa2": "RS256",
	"p256": "ES256", "p384": "ES384", "p521": "ES512",
	"ed25519": "EdDSA",
}

// baseToken is a token for tokenIdentity. alg is the key's when absent.
func baseToken() map[string]any {
	return map[string]any{
		"header": "X-Token",
		"key":    "p256",
		"head":   map[string]any{"kid": "a"},
		"claims": map[string]any{
			"iss":   "https://auth.example.com",
			"aud":   "portal",
			"exp":   "$now+300",
			"iat":   "$now+0",
			"nbf":   "$now+0",
			"sub":   "$ID",
			"email": "jane.doe@example.com",
			"name":  "Jane Doe",
		},
	}
}

func tokenIdentity() map[string]any {
	return map[string]any{"jwt": map[string]any{
		"header":   "X-Token",
		"issuer":   "https://auth.example.com",
		"audience": "portal",
		"jwksURL":  "$JWKS",
	}}
}

func tokenAlgorithm(token map[string]any) string {
	if alg, ok := token["alg"].(string); ok {
		return alg
	}
	return keyAlgorithms[fmt.Sprint(token["key"])]
}

// tokenKey is the only key of an issuer whose row lists none.
func tokenKey(token map[string]any) map[string]any {
	return map[string]any{
		"key": token["key"], "kid": "a", "alg": tokenAlgorithm(token), "use": "sig",
	}
}

// keySetPath is the end of all addresses of a JWKS that serveKeys serves.
const keySetPath = "/jwks.json"

// serveKeys serves the keys of all rows below their ids: their sets, and at any other path their
// first key as PEM, as AWS load balancers do. It returns the address.
func serveKeys(t *testing.T, files []identityFile) string {
	t.Helper()
	sets, pems := map[string][]byte{}, map[string][]byte{}
	for _, file := range files {
		for _, row := range file.rows {
			if len(row.Keys) > 0 {
				sets[row.id], pems[row.id] = row.keySet(t), row.firstPEM(t)
			}
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if strings.HasSuffix(r.URL.Path, keySetPath) {
			_, _ = w.Write(sets[id])
			return
		}
		_, _ = w.Write(pems[id])
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (row identityRow) keySet(t *testing.T) []byte {
	t.Helper()
	keys := []any{}
	for _, key := range row.Keys {
		keys = append(keys, publicJWK(t, key))
	}
	content, err := json.Marshal(overlay(map[string]any{"keys": keys}, row.Set))
	require.NoError(t, err)
	return content
}

// firstPEM returns nothing when the first key is none of ours.
func (row identityRow) firstPEM(t *testing.T) []byte {
	t.Helper()
	members, _ := row.Keys[0].(map[string]any)
	name, ours := members["key"].(string)
	if !ours {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(identityKey(t, name).Public())
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// publicJWK replaces the member key, the name of a key, by its public members, and lays the others
// over them. What has no such member stays as it is.
func publicJWK(t *testing.T, entry any) any {
	t.Helper()
	members, _ := entry.(map[string]any)
	name, ours := members["key"].(string)
	if !ours {
		return entry
	}
	public := identityKey(t, name).Public()
	raw, err := gojose.JSONWebKey{Key: public}.MarshalJSON()
	require.NoError(t, err)
	jwk := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &jwk))
	jwk = overlay(jwk, members)
	delete(jwk, "key")
	if rsaKey, ok := public.(*rsa.PublicKey); ok {
		modulus := rsaKey.N.Bytes()
		switch jwk["n"] {
		case "$n.padded":
			jwk["n"] = base64.URLEncoding.EncodeToString(modulus)
		case "$n.standard":
			jwk["n"] = base64.StdEncoding.EncodeToString(modulus)
		case "$n.zero":
			jwk["n"] = base64.RawURLEncoding.EncodeToString(append([]byte{0}, modulus...))
		}
	}
	return jwk
}

// signedHeader signs the row's token and returns the header that carries it.
func (row identityRow) signedHeader(t *testing.T) (name, value string) {
	t.Helper()
	for member := range row.Token {
		require.Contains(t,
			[]string{"header", "key", "alg", "head", "claims", "padded", "prefix"}, member)
	}
	alg := tokenAlgorithm(row.Token)
	method := golangjwt.GetSigningMethod(strings.Replace(alg, "Ed25519", "EdDSA", 1))
	require.NotNil(t, method, alg)
	head, _ := row.Token["head"].(map[string]any)
	encoding := base64.RawURLEncoding
	if row.Token["padded"] == true {
		encoding = base64.URLEncoding
	}
	part := func(value any) string {
		raw, err := json.Marshal(expand(value, row.fill))
		require.NoError(t, err)
		return encoding.EncodeToString(raw)
	}
	content := part(overlay(map[string]any{"alg": alg}, head)) + "." + part(row.Token["claims"])
	signature, err := method.Sign(content, identityKey(t, fmt.Sprint(row.Token["key"])))
	require.NoError(t, err)
	prefix, _ := row.Token["prefix"].(string)
	name, _ = row.Token["header"].(string)
	return name, prefix + content + "." + encoding.EncodeToString(signature)
}

const (
	microsoftClaims = "http://schemas.microsoft.com/identity/claims/"
	xmlsoapClaims   = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
)

// basePrincipal is what Azure says of somebody signed in with Entra, version 2.0.
func basePrincipal() (document map[string]any, claims []any) {
	for _, claim := range [][2]string{
		{"aud", "820645d3"},
		{"iss", "https://login.microsoftonline.com/t/v2.0"},
		{"exp", "1591024489"},
		{"name", "Jane Doe"},
		{microsoftClaims + "objectidentifier", "$ID"},
		{"preferred_username", "j.doe@example.com"},
		{xmlsoapClaims + "nameidentifier", "pairwise"},
		{microsoftClaims + "tenantid", "t"},
		{"ver", "2.0"},
	} {
		claims = append(claims, map[string]any{"typ": claim[0], "val": claim[1]})
	}
	return map[string]any{
		"auth_typ": "aad",
		"name_typ": xmlsoapClaims + "emailaddress",
		"role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
	}, claims
}

// principalHeader lays the row's principal over basePrincipal, the claims behind its claims; with
// the member bare it stands alone. The member as names an odd base64.
func (row identityRow) principalHeader(t *testing.T) string {
	t.Helper()
	document, claims := basePrincipal()
	if row.Principal["bare"] == true {
		document, claims = nil, nil
	}
	document = layers(document, row.Principal)
	more, _ := row.Principal["claims"].([]any)
	if claims = append(claims, more...); claims != nil {
		document["claims"] = claims
	}
	delete(document, "bare")
	delete(document, "as")
	encode := func() string {
		raw, err := json.Marshal(expand(document, row.fill))
		require.NoError(t, err)
		return base64.StdEncoding.EncodeToString(raw)
	}
	switch row.Principal["as"] {
	case "unpadded":
		for filler := "x"; !strings.HasSuffix(encode(), "="); filler += "x" {
			document["x"] = filler
		}
		return strings.TrimRight(encode(), "=")
	case "url":
		encoded := strings.NewReplacer("+", "-", "/", "_").Replace(encode())
		require.NotEqual(t, encode(), encoded, "the alphabets do not differ")
		return encoded
	}
	return encode()
}

// expand fills all texts in a value. A text such as "$now+300" becomes that time, "$null" becomes
// null, and {"$repeat": 3, "value": …} becomes three entries of the list around it, in which $N
// stands for their number.
func expand(value any, fill func(string) string) any {
	switch v := value.(type) {
	case string:
		return expandText(v, fill)
	case map[string]any:
		filled := map[string]any{}
		for name, member := range v {
			filled[name] = expand(member, fill)
		}
		return filled
	case []any:
		filled := []any{}
		for _, entry := range v {
			filled = append(filled, expandEntry(entry, fill)...)
		}
		return filled
	}
	return value
}

func expandEntry(entry any, fill func(string) string) []any {
	members, _ := entry.(map[string]any)
	number, repeated := members["$repeat"].(json.Number)
	if !repeated {
		return []any{expand(entry, fill)}
	}
	count, _ := number.Int64()
	entries := []any{}
	for n := range count {
		entries = append(entries, expand(members["value"], func(text string) string {
			return fill(strings.ReplaceAll(text, "$N", fmt.Sprintf("%08d", n)))
		}))
	}
	return entries
}

var timeText = regexp.MustCompile(`^\$now([+-][0-9]+)( fraction| scientific| text|)$`)

func expandText(text string, fill func(string) string) any {
	if text == "$null" {
		return nil
	}
	found := timeText.FindStringSubmatch(text)
	if found == nil {
		return fill(text)
	}
	seconds, _ := strconv.ParseInt(found[1], 10, 64)
	at := time.Now().Unix() + seconds
	switch found[2] {
	case " fraction":
		return json.Number(fmt.Sprintf("%d.710636", at))
	case " scientific":
		return json.Number(fmt.Sprintf("%.9e", float64(at)))
	case " text":
		return strconv.FormatInt(at, 10)
	}
	return at
}
