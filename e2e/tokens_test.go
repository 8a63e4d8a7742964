package e2e

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	gojosejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/internal/jwt"
)

const (
	tokensCommand  = "UPDATE=1 go -C e2e test -count=1 -run TestTokens ."
	tokensIssuer   = "https://auth.example.com"
	tokensAudience = "portal"
	tokensLeeway   = 60 * time.Second

	year2001 = 978307200  // in seconds since 1970
	year2020 = 1577836800 // in seconds since 1970
	year2090 = 3786912000 // in seconds since 1970
)

// tokenTable is testdata/tokens.json: tokens, good and bad, whose verdict time does not change.
type tokenTable struct {
	JWKS     json.RawMessage `json:"jwks"`
	Issuer   string          `json:"issuer"`
	Audience string          `json:"audience"`
	Rows     []tokenRow      `json:"rows"`
}

type tokenRow struct {
	Desc    string `json:"desc"`
	Token   string `json:"token"`
	Refused bool   `json:"refused"`
	Why     string `json:"why"`
}

// tokenDifference says why libraries come to another verdict on some rows than the plugin.
type tokenDifference struct {
	why               string
	goJose, golangJWT bool // differ
	rows              []string
}

// tokenDifferences are all of them. On every other row, plugin and libraries agree.
var tokenDifferences = []tokenDifference{
	{
		why: "golang-jwt takes the last of doubled members. RFC 7515, 4 and RFC 7519, 4 allow " +
			"that, or to refuse them. Another program may take the first.",
		golangJWT: true,
		rows: []string{
			"doubled alg",
			"doubled key id",
			"doubled key id in another spelling",
			"doubled sub",
			"doubled sub, the same",
			"doubled sub in another spelling",
			"doubled exp",
			"doubled aud",
			"doubled claim that is null",
		},
	},
	{
		why:       "golang-jwt ignores crit, against RFC 7515, 4.1.11.",
		golangJWT: true,
		rows:      []string{`crit ["exp"]`, `crit ["x"]`, `crit "exp"`, "crit {}", "b64 false"},
	},
	{
		why: "go-jose implements b64, and takes an empty or null crit. RFC 7515, 4.1.11 forbids " +
			"these, and the plugin implements no extension. golang-jwt ignores crit.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{`crit ["b64"]`, "crit []", "crit null"},
	},
	{
		why: "go-jose obeys b64, even without crit. RFC 7797, 7 forbids it in a JWT, and 6 " +
			"demands crit. To everybody else the member is unknown and ignored.",
		goJose: true,
		rows: []string{
			"b64 false, signed so", "b64 false without crit, signed so", "b64 false without crit",
		},
	},
	{
		why: "go-jose does not read base64 strictly, so that a token has several spellings. " +
			"RFC 4648, 3.5 lets a decoder refuse them.",
		goJose: true,
		rows: []string{
			"signature written in another way", "RSA signature written in another way",
		},
	},
	{
		why:       "Go's base64 skips line breaks. RFC 7515, 2 allows none.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"line break behind", "line break in the signature"},
	},
	{
		why: "Go's base64 skips line breaks. golang-jwt then verifies the text as it came, " +
			"go-jose what it encodes anew.",
		golangJWT: true,
		rows:      []string{"line break in the claims, signed"},
	},
	{
		why:       "The libraries take a salt of any length. RFC 7518, 3.5 wants the hash's.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"PS256 with an empty salt", "PS256 with the longest salt"},
	},
	{
		why: "The libraries take any algorithm that suits the type of a key without alg. Here a " +
			"key has one algorithm (RFC 8725, 3.1).",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"RS384 by a key without alg"},
	},
	{
		why:       "The libraries take short RSA keys. RFC 7518, 3.3 wants at least 2048 bits.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"weak key"},
	},
	{
		why:       "The libraries have no limit. Go's server accepts 1 MiB of headers.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"too long"},
	},
	{
		why: "The test gives the libraries the key with the token's id. Where a token names none, " +
			"the plugin tries all keys for its algorithm, as go-oidc does.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"no key id", `key id ""`, "key id in another case"},
	},
	{
		why: "The libraries leave typ and events to the caller. A logout token (OpenID Connect " +
			"Back-Channel Logout, 2.4) signs nobody in.",
		goJose:    true,
		golangJWT: true,
		rows: []string{
			"typ logout+jwt", "typ dpop+jwt", "typ application/secevent+jwt", "typ LOGOUT+JWT",
			"a claim events",
		},
	},
	{
		why:       "Go's JSON takes what is not UTF-8. RFC 7515, 5.2 and RFC 7519, 7.2 do not.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"header that is not UTF-8", "claims that are not UTF-8"},
	},
	{
		why: "RFC 8259, 2 allows white space before the claims. The plugin is stricter. No " +
			"issuer writes it.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"white space before the claims"},
	},
	{
		why: "The libraries refuse a list that has not only texts (RFC 7519, 4.1.3). A null " +
			"names no audience, and the token names us beside it.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{`aud ["portal",null]`},
	},
	{
		why: "An issuer that counts milliseconds by mistake makes tokens that never expire. The " +
			"plugin refuses a time after the year 5138.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"exp 3786912000000"},
	},
	{
		why:       "golang-jwt wants a number. To the plugin and go-jose, null is as good as none.",
		golangJWT: true,
		rows:      []string{"nbf null"},
	},
	{
		why:       "golang-jwt's time overflows and becomes one long past.",
		golangJWT: true,
		rows:      []string{"nbf 1e30"},
	},
	{
		why:       "The libraries know times before 1970. No token is that old.",
		goJose:    true,
		golangJWT: true,
		rows:      []string{"nbf -1"},
	},
	{
		why:    "go-jose checks iat. RFC 7519, 4.1.6 has it for information; nbf forbids a use.",
		goJose: true,
		rows:   []string{"iat in the future"},
	},
	{
		why: "go-jose wants the types of all registered claims to be right. The plugin looks at " +
			"those that it uses. internal/identity takes a text or a whole number for an id.",
		goJose: true,
		rows: []string{
			"iat that is a text",
			"sub that is a number",
			"sub that is a list",
			"jti that is a number",
		},
	},
}

// TestTokens gives each token of the table to the plugin and to two libraries that others use, and
// compares their verdicts. With UPDATE set it writes the table anew, with fresh keys.
func TestTokens(t *testing.T) {
	file := filepath.Join(traefik.Root(), "testdata", "tokens.json")
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, newTokenTable(t), 0o600))
	}
	content, err := os.ReadFile(file)
	require.NoError(t, err, "to write it: %s", tokensCommand)
	var table tokenTable
	require.NoError(t, json.Unmarshal(content, &table))
	require.Greater(t, len(table.Rows), 60)

	keys := joseKeys(t, table.JWKS)
	verifier := &jwt.Verifier{
		Issuer:   table.Issuer,
		Audience: table.Audience,
		Keys:     jwt.FixedKeys(table.JWKS),
	}
	differences := map[string]tokenDifference{} // by row
	for _, difference := range tokenDifferences {
		for _, row := range difference.rows {
			assert.NotContains(t, differences, row, "is listed twice")
			differences[row] = difference
		}
	}
	seen := map[string]bool{}
	for _, row := range table.Rows {
		assert.NotContains(t, seen, row.Desc, "two rows have this description")
		seen[row.Desc] = true
		t.Run(row.Desc, func(t *testing.T) {
			_, err := jwt.Verify(context.Background(), verifier, row.Token)
			assert.Equal(t, row.Refused, err != nil, "the plugin: %v", err)
			goJose := verifyByGoJose(&table, keys, row.Token)
			golangJWT := verifyByGolangJWT(&table, keys, row.Token)
			listed := differences[row.Desc]
			assert.Equal(t, listed.goJose, row.Refused != (goJose != nil),
				"tokenDifferences is not right about go-jose: %v", goJose)
			assert.Equal(t, listed.golangJWT, row.Refused != (golangJWT != nil),
				"tokenDifferences is not right about golang-jwt: %v", golangJWT)
		})
	}
	for row := range differences {
		assert.Contains(t, seen, row, "tokenDifferences has a row that is gone")
	}
}

// tokenAlgorithms are those that the plugin knows.
var tokenAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"}

// joseKeys returns the keys for signatures by their id. Each is read by itself, as go-jose reads no
// set that has a broken key.
func joseKeys(t *testing.T, set []byte) map[string]gojose.JSONWebKey {
	t.Helper()
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	require.NoError(t, json.Unmarshal(set, &raw))
	keys := map[string]gojose.JSONWebKey{}
	for _, one := range raw.Keys {
		var key gojose.JSONWebKey
		if key.UnmarshalJSON(one) == nil && key.Valid() && key.IsPublic() && key.Use != "enc" {
			keys[key.KeyID] = key
		}
	}
	return keys
}

// joseKey returns the key with the id, unless it is for another algorithm. Neither library looks.
func joseKey(keys map[string]gojose.JSONWebKey, id, algorithm string) (any, error) {
	key, known := keys[id]
	if !known || (key.Algorithm != "" && key.Algorithm != algorithm) {
		return nil, errors.New("no such key")
	}
	return key.Key, nil
}

// verifyByGoJose is as strict as go-jose lets its caller be.
func verifyByGoJose(table *tokenTable, keys map[string]gojose.JSONWebKey, token string) error {
	algorithms := []gojose.SignatureAlgorithm{}
	for _, algorithm := range tokenAlgorithms {
		algorithms = append(algorithms, gojose.SignatureAlgorithm(algorithm))
	}
	parsed, err := gojosejwt.ParseSigned(token, algorithms)
	if err != nil {
		return err
	}
	key, err := joseKey(keys, parsed.Headers[0].KeyID, parsed.Headers[0].Algorithm)
	if err != nil {
		return err
	}
	var claims gojosejwt.Claims
	if err := parsed.Claims(key, &claims); err != nil {
		return err
	}
	if claims.Expiry == nil {
		return errors.New("never expires")
	}
	expected := gojosejwt.Expected{
		Issuer:      table.Issuer,
		AnyAudience: gojosejwt.Audience{table.Audience},
		Time:        time.Now(),
	}
	return claims.ValidateWithLeeway(expected, tokensLeeway)
}

// verifyByGolangJWT is as strict as golang-jwt lets its caller be. Claims in a map are, as those in
// a struct take names in any case and times that are texts.
func verifyByGolangJWT(table *tokenTable, keys map[string]gojose.JSONWebKey, token string) error {
	find := func(token *golangjwt.Token) (any, error) {
		id, _ := token.Header["kid"].(string)
		return joseKey(keys, id, token.Method.Alg())
	}
	_, err := golangjwt.Parse(token, find,
		golangjwt.WithValidMethods(tokenAlgorithms),
		golangjwt.WithIssuer(table.Issuer),
		golangjwt.WithAudience(table.Audience),
		golangjwt.WithLeeway(tokensLeeway),
		golangjwt.WithExpirationRequired(),
		golangjwt.WithStrictDecoding())
	return err
}

// newTokenTable returns the table with fresh keys. The private ones are forgotten.
func newTokenTable(t *testing.T) []byte {
	t.Helper()
	m := newTokenMaker(t)
	m.addGenuine()
	m.addForms()
	m.addSignatures()
	m.addAlgorithms()
	m.addKeys()
	m.addHeaders()
	m.addObjects()
	m.addIssuers()
	m.addAudiences()
	m.addTimes()
	m.addOtherClaims()
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(tokenTable{
		JWKS:     m.jwks(),
		Issuer:   tokensIssuer,
		Audience: tokensAudience,
		Rows:     m.rows,
	}))
	return content.Bytes()
}

// tokenMaker signs tokens with a key of each kind and collects them as rows.
type tokenMaker struct {
	t                          *testing.T
	rsa, strangersRSA, weakRSA *rsa.PrivateKey
	p256, strangersP256        *ecdsa.PrivateKey
	p384, p521                 *ecdsa.PrivateKey
	ed25519, strangersEd25519  ed25519.PrivateKey

	rows []tokenRow
}

func newTokenMaker(t *testing.T) *tokenMaker {
	t.Helper()
	newRSA := func(bits int) *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(t, err)
		return key
	}
	newECDSA := func(curve elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		require.NoError(t, err)
		return key
	}
	newEd25519 := func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		return key
	}
	return &tokenMaker{
		t:                t,
		rsa:              newRSA(2048),
		strangersRSA:     newRSA(2048),
		weakRSA:          newRSA(1024),
		p256:             newECDSA(elliptic.P256()),
		strangersP256:    newECDSA(elliptic.P256()),
		p384:             newECDSA(elliptic.P384()),
		p521:             newECDSA(elliptic.P521()),
		ed25519:          newEd25519(),
		strangersEd25519: newEd25519(),
	}
}

func (m *tokenMaker) accept(desc, why, token string) {
	m.rows = append(m.rows, tokenRow{Desc: desc, Token: token, Why: why})
}

func (m *tokenMaker) refuse(desc, why, token string) {
	m.rows = append(m.rows, tokenRow{Desc: desc, Token: token, Refused: true, Why: why})
}

// jwks returns the public keys: one for each algorithm, with its name as id, and some that must not
// verify anything.
func (m *tokenMaker) jwks() json.RawMessage {
	rsaKey := func(id, algorithm string, key *rsa.PrivateKey) map[string]string {
		return map[string]string{
			"kty": "RSA",
			"kid": id,
			"alg": algorithm,
			"use": "sig",
			"n":   base64URL(key.N.Bytes()),
			"e":   base64URL(big.NewInt(int64(key.E)).Bytes()),
		}
	}
	ecKey := func(id string, key *ecdsa.PrivateKey) map[string]string {
		size := (key.Params().BitSize + 7) / 8
		point, err := key.PublicKey.Bytes()
		require.NoError(m.t, err)
		return map[string]string{
			"kty": "EC",
			"kid": id,
			"crv": key.Params().Name,
			"x":   base64URL(point[1 : 1+size]),
			"y":   base64URL(point[1+size:]),
		}
	}
	okpKey := func(id, curve string) map[string]string {
		public, _ := m.ed25519.Public().(ed25519.PublicKey)
		return map[string]string{"kty": "OKP", "kid": id, "crv": curve, "x": base64URL(public)}
	}
	changed := func(key map[string]string, change ...string) map[string]string {
		for i := 0; i < len(change); i += 2 {
			key[change[i]] = change[i+1]
			if change[i+1] == "" {
				delete(key, change[i])
			}
		}
		return key
	}
	set, err := json.Marshal(map[string]any{"keys": []map[string]string{
		rsaKey("RS256", "RS256", m.rsa),
		rsaKey("RS384", "RS384", m.rsa),
		rsaKey("RS512", "RS512", m.rsa),
		rsaKey("PS256", "PS256", m.rsa),
		changed(rsaKey("plain", "", m.rsa), "alg", "", "use", ""),
		ecKey("ES256", m.p256),
		ecKey("ES384", m.p384),
		okpKey("EdDSA", "Ed25519"),
		// These are not taken.
		changed(rsaKey("enc", "RS256", m.rsa), "use", "enc"),
		rsaKey("mismatch", "ES256", m.rsa),
		rsaKey("weak", "RS256", m.weakRSA),
		changed(rsaKey("exponent-1", "RS256", m.rsa), "e", "AQ"),
		changed(ecKey("ES256-as-RS256", m.p256), "alg", "RS256"),
		changed(ecKey("off-curve", m.p256), "x", base64URL(make([]byte, 32))),
		ecKey("ES512", m.p521),
		changed(ecKey("other-curve", m.p256), "crv", "P-384"),
		changed(ecKey("no-curve", m.p256), "crv", "secp256k1"),
		okpKey("X25519", "X25519"),
		changed(okpKey("short", "Ed25519"), "x", base64URL(make([]byte, 31))),
		{"kty": "oct", "kid": "oct", "k": base64URL([]byte("secret")), "alg": "HS256"},
	}})
	require.NoError(m.t, err)
	return set
}

func base64URL(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// signature signs a token's content.
type signature func(content string) []byte

func digest(hash crypto.Hash, content string) []byte {
	h := hash.New()
	h.Write([]byte(content))
	return h.Sum(nil)
}

// pkcs1 is RSASSA-PKCS1-v1_5.
func (m *tokenMaker) pkcs1(key *rsa.PrivateKey, hash crypto.Hash) signature {
	return func(content string) []byte {
		signed, err := rsa.SignPKCS1v15(rand.Reader, key, hash, digest(hash, content))
		require.NoError(m.t, err)
		return signed
	}
}

// pss is RSASSA-PSS with a salt of the length.
func (m *tokenMaker) pss(hash crypto.Hash, salt int) signature {
	return func(content string) []byte {
		options := &rsa.PSSOptions{SaltLength: salt}
		signed, err := rsa.SignPSS(rand.Reader, m.rsa, hash, digest(hash, content), options)
		require.NoError(m.t, err)
		return signed
	}
}

// ecdsa is ECDSA with both numbers in the curve's length.
func (m *tokenMaker) ecdsa(key *ecdsa.PrivateKey, hash crypto.Hash) signature {
	return func(content string) []byte {
		r, s := m.ecdsaNumbers(key, hash, content)
		return bothNumbers(r, s, (key.Params().BitSize+7)/8)
	}
}

func (m *tokenMaker) ecdsaNumbers(
	key *ecdsa.PrivateKey, hash crypto.Hash, content string,
) (r, s *big.Int) {
	r, s, err := ecdsa.Sign(rand.Reader, key, digest(hash, content))
	require.NoError(m.t, err)
	return r, s
}

func bothNumbers(r, s *big.Int, size int) []byte {
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

func edDSA(key ed25519.PrivateKey) signature {
	return func(content string) []byte { return ed25519.Sign(key, []byte(content)) }
}

func hmac256(secret []byte) signature {
	return func(content string) []byte {
		mac := hmac.New(crypto.SHA256.New, secret)
		mac.Write([]byte(content))
		return mac.Sum(nil)
	}
}

func noSignature(string) []byte { return nil }

// by returns the way in which the algorithm signs.
func (m *tokenMaker) by(algorithm string) signature {
	return map[string]signature{
		"RS256": m.pkcs1(m.rsa, crypto.SHA256),
		"RS384": m.pkcs1(m.rsa, crypto.SHA384),
		"RS512": m.pkcs1(m.rsa, crypto.SHA512),
		"PS256": m.pss(crypto.SHA256, rsa.PSSSaltLengthEqualsHash),
		"ES256": m.ecdsa(m.p256, crypto.SHA256),
		"ES384": m.ecdsa(m.p384, crypto.SHA384),
		"EdDSA": edDSA(m.ed25519),
	}[algorithm]
}

func signedContent(sign signature, content string) string {
	return content + "." + base64URL(sign(content))
}

// signed returns a token with header and claims, given as JSON.
func signed(sign signature, header, claims string) string {
	return signedContent(sign, base64URL([]byte(header))+"."+base64URL([]byte(claims)))
}

// genuine returns a token by the algorithm's key.
func (m *tokenMaker) genuine(algorithm string) string {
	return signed(m.by(algorithm), tokenHeader(algorithm), tokenClaims(
		"email", `"jane.doe@example.com"`,
		"name", `"Jane Doe"`,
		"groups", `["staff","clinicians"]`))
}

// headed returns a token with another header, signed by RS256.
func (m *tokenMaker) headed(header string) string {
	return signed(m.by("RS256"), header, tokenClaims())
}

// claiming returns a token with other claims, signed by ES256.
func (m *tokenMaker) claiming(claims string) string {
	return signed(m.by("ES256"), tokenHeader("ES256"), claims)
}

func tokenHeader(algorithm string) string {
	return `{"alg":"` + algorithm + `","kid":"` + algorithm + `","typ":"JWT"}`
}

// tokenClaims returns good claims with others in place of some; "" takes a claim out.
func tokenClaims(replace ...string) string {
	claims := map[string]any{
		"iss": tokensIssuer,
		"aud": tokensAudience,
		"exp": year2090,
		"iat": year2020,
		"nbf": year2020,
		"sub": "u-17",
	}
	for i := 0; i < len(replace); i += 2 {
		delete(claims, replace[i])
		if replace[i+1] != "" {
			claims[replace[i]] = json.RawMessage(replace[i+1])
		}
	}
	names := slices.Sorted(maps.Keys(claims))
	members := []string{}
	for _, name := range names {
		value, isRaw := claims[name].(json.RawMessage)
		if !isRaw {
			value, _ = json.Marshal(claims[name])
		}
		members = append(members, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (m *tokenMaker) addGenuine() {
	for _, algorithm := range tokenAlgorithms {
		m.accept(algorithm, "genuine, for us, and of now", m.genuine(algorithm))
	}
	m.accept("key without alg is for RS256", "RFC 7517, 4.4: alg is optional",
		m.headed(`{"alg":"RS256","kid":"plain"}`))
}

// addForms adds what is no JWT in the first place.
func (m *tokenMaker) addForms() {
	genuine := m.genuine("ES256")
	parts := strings.Split(genuine, ".")
	content := parts[0] + "." + parts[1]
	m.refuse("nothing", "is no token", "")
	m.refuse("no token", "is no token", "x")
	m.refuse("dots only", "has three empty parts", "..")
	m.refuse("no signature", "has an empty signature", content+".")
	m.refuse("two parts", "has no signature", content)
	m.refuse("four parts", "has a part too many", genuine+".x")
	m.refuse("dot at the end", "has a part too many", genuine+".")
	m.refuse("five parts", "is for encryption (JWE)", genuine+".x.x")
	m.refuse("no header", "has an empty header", signedContent(m.by("ES256"), "."+parts[1]))
	m.refuse("JWS as JSON", "is no compact form, which alone is a JWT (RFC 7519, 3)",
		`{"protected":"`+parts[0]+`","payload":"`+parts[1]+`","signature":"`+parts[2]+`"}`)
	m.refuse("detached payload", "has no claims (RFC 7515, appendix F)", parts[0]+".."+parts[2])
	m.refuse("padded signature", "RFC 7515, 2: base64url has no padding", genuine+"==")
	m.refuse("half padded signature", "RFC 7515, 2: base64url has no padding", genuine+"=")
	paddedHeader := parts[0] + strings.Repeat("=", (4-len(parts[0])%4)%4)
	if paddedHeader == parts[0] {
		paddedHeader += "===="
	}
	m.refuse("padded header, signed", "only AWS load balancers pad",
		signedContent(m.by("ES256"), paddedHeader+"."+parts[1]))
	m.refuse("padded claims, signed", "only AWS load balancers pad",
		signedContent(m.by("ES256"), parts[0]+"."+
			base64.URLEncoding.EncodeToString([]byte(withLooseEnd()))))
	m.refuse("signature in another alphabet", "RFC 7515, 2: base64url has - and _",
		content+".+/"+parts[2][2:])
	odd := base64URL([]byte(tokenClaims("x", `"~~~???"`)))
	otherAlphabet := strings.NewReplacer("-", "+", "_", "/").Replace(odd)
	require.NotEqual(m.t, odd, otherAlphabet)
	m.refuse("claims in another alphabet, signed", "RFC 7515, 2: base64url has - and _",
		signedContent(m.by("ES256"), parts[0]+"."+otherAlphabet))
	m.refuse("signature written in another way", "its last character has bits that say nothing",
		withNextLastCharacter(genuine))
	m.refuse("RSA signature written in another way",
		"its last character has bits that say nothing", withNextLastCharacter(m.genuine("RS256")))
	m.refuse("claims written in another way, signed",
		"their last character has bits that say nothing",
		signedContent(m.by("ES256"), parts[0]+"."+
			withNextLastCharacter(base64URL([]byte(withLooseEnd())))))
	m.refuse("blank before", "is not base64url", " "+genuine)
	m.refuse("blank behind", "is not base64url", genuine+" ")
	m.refuse("blank inside", "is not base64url", parts[0]+". "+parts[1]+"."+parts[2])
	m.refuse("line break behind", "RFC 7515, 2: base64url has no line breaks", genuine+"\n")
	m.refuse("line break in the signature", "RFC 7515, 2: base64url has no line breaks",
		content+"."+parts[2][:10]+"\r\n"+parts[2][10:])
	m.refuse("line break in the claims, signed", "RFC 7515, 2: base64url has no line breaks",
		signedContent(m.by("ES256"), parts[0]+"."+parts[1][:10]+"\n"+parts[1][10:]))
	m.refuse("null byte behind", "is not base64url", genuine+"\x00")
	m.refuse("Bearer before it", "only identity.Read takes Bearer off", "Bearer "+genuine)
	m.refuse("dots escaped", "has one part", strings.ReplaceAll(genuine, ".", "%2E"))
	m.refuse("dots of another script", "has one part", strings.ReplaceAll(genuine, ".", "。"))
	m.refuse("two tokens", "has too many parts", genuine+","+genuine)
	m.refuse("too long", "has more than 32 KiB",
		m.claiming(padded(tokenClaims(), jwt.MaxToken*3/4)))
}

// padded returns JSON with blanks behind it, which mean nothing, until it has the length.
func padded(text string, length int) string {
	return text + strings.Repeat(" ", length-len(text))
}

// withLooseEnd returns claims whose base64 ends in a character with bits that say nothing.
func withLooseEnd() string {
	claims := tokenClaims()
	return padded(claims, len(claims)/3*3+4)
}

// withNextLastCharacter sets the lowest of the bits that say nothing.
func withNextLastCharacter(encoded string) string {
	last := len(encoded) - 1
	return encoded[:last] + string(encoded[last]+1)
}

func (m *tokenMaker) addSignatures() {
	genuine := m.genuine("RS256")
	parts := strings.Split(genuine, ".")
	admin := base64URL([]byte(tokenClaims("sub", `"admin"`)))
	m.refuse("claims exchanged", "the signature is over other claims",
		parts[0]+"."+admin+"."+parts[2])
	m.refuse("header exchanged", "the signature is over another header",
		base64URL([]byte(`{"alg":"RS256","kid":"RS256"}`))+"."+parts[1]+"."+parts[2])
	m.refuse("signature of another token", "the signature is over other claims",
		genuine[:len(parts[0])+len(parts[1])+2]+
			strings.Split(m.headed(`{"alg":"RS256","kid":"plain"}`), ".")[2])
	for _, algorithm := range tokenAlgorithms {
		m.refuse(algorithm+" with a wrong bit", "the signature is another",
			changedSignature(m.genuine(algorithm), func(signature []byte) []byte {
				signature[len(signature)/2] ^= 1
				return signature
			}))
		m.refuse(algorithm+" cut short", "the signature lacks a byte",
			changedSignature(m.genuine(algorithm), func(signature []byte) []byte {
				return signature[:len(signature)-1]
			}))
	}
	m.refuse("RSA signature with a zero before it", "RFC 8017, 8.2.2: the length is the key's",
		changedSignature(genuine, func(signature []byte) []byte {
			return append([]byte{0}, signature...)
		}))
	m.refuse("RSA signature of zeros", "is a number whose powers are zero",
		changedSignature(genuine, func(signature []byte) []byte {
			return make([]byte, len(signature))
		}))
	m.refuse("PS256 with an empty salt", "RFC 7518, 3.5: the salt is as long as the hash",
		signed(m.pss(crypto.SHA256, 0), tokenHeader("PS256"), tokenClaims()))
	m.refuse("PS256 with the longest salt", "RFC 7518, 3.5: the salt is as long as the hash",
		signed(m.pss(crypto.SHA256, rsa.PSSSaltLengthAuto), tokenHeader("PS256"), tokenClaims()))
	m.addECDSASignatures()
	m.refuse("EdDSA with a number plus the group's order", "RFC 8032, 5.1.7: S is below the order",
		changedSignature(m.genuine("EdDSA"), plusOrder))
	m.refuse("EdDSA over a hash", "RFC 8037, 3.1: is Ed25519, not Ed25519ph",
		signed(func(content string) []byte {
			sum := digest(crypto.SHA512, content)
			options := &ed25519.Options{Hash: crypto.SHA512}
			signature, err := m.ed25519.Sign(rand.Reader, sum, options)
			require.NoError(m.t, err)
			return signature
		}, tokenHeader("EdDSA"), tokenClaims()))
	m.refuse("another issuer's RSA key", "the key is another",
		signed(m.pkcs1(m.strangersRSA, crypto.SHA256), tokenHeader("RS256"), tokenClaims()))
	m.refuse("another issuer's ECDSA key", "the key is another",
		signed(m.ecdsa(m.strangersP256, crypto.SHA256), tokenHeader("ES256"), tokenClaims()))
	m.refuse("another issuer's Ed25519 key", "the key is another",
		signed(edDSA(m.strangersEd25519), tokenHeader("EdDSA"), tokenClaims()))
}

// addECDSASignatures adds other ways to write the two numbers, and numbers out of range.
func (m *tokenMaker) addECDSASignatures() {
	order := m.p256.Params().N
	numbers := func(change func(r, s *big.Int) []byte) string {
		return signed(func(content string) []byte {
			return change(m.ecdsaNumbers(m.p256, crypto.SHA256, content))
		}, tokenHeader("ES256"), tokenClaims())
	}
	m.accept("ES256 with the other s", "both s and n-s are valid; no signature is an id here",
		numbers(func(r, s *big.Int) []byte {
			return bothNumbers(r, new(big.Int).Sub(order, s), 32)
		}))
	m.refuse("ES256 with a zero before the second number", "RFC 7518, 3.4: has 64 bytes",
		numbers(func(r, s *big.Int) []byte {
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 33))...)
		}))
	m.refuse("ES256 with a zero before each number", "RFC 7518, 3.4: has 64 bytes",
		numbers(func(r, s *big.Int) []byte { return bothNumbers(r, s, 33) }))
	m.refuse("ES256 as ASN.1", "RFC 7518, 3.4: has 64 bytes",
		numbers(func(r, s *big.Int) []byte {
			raw, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
			require.NoError(m.t, err)
			return raw
		}))
	m.refuse("ES256 with numbers exchanged", "r is not s",
		numbers(func(r, s *big.Int) []byte { return bothNumbers(s, r, 32) }))
	zero := new(big.Int)
	m.refuse("ES256 of zeros", "both numbers are from 1 to n-1 (CVE-2022-21449)",
		numbers(func(r, s *big.Int) []byte { return bothNumbers(zero, zero, 32) }))
	m.refuse("ES256 with r of zero", "both numbers are from 1 to n-1",
		numbers(func(r, s *big.Int) []byte { return bothNumbers(zero, s, 32) }))
	m.refuse("ES256 with s of zero", "both numbers are from 1 to n-1",
		numbers(func(r, s *big.Int) []byte { return bothNumbers(r, zero, 32) }))
	m.refuse("ES256 of the group's order", "both numbers are from 1 to n-1",
		numbers(func(r, s *big.Int) []byte { return bothNumbers(order, order, 32) }))
	m.refuse("ES256 over another hash", "RFC 7518, 3.4: the hash is SHA-256",
		signed(m.ecdsa(m.p256, crypto.SHA384), tokenHeader("ES256"), tokenClaims()))
}

// changedSignature returns the token with another signature.
func changedSignature(token string, change func(signature []byte) []byte) string {
	end := strings.LastIndex(token, ".") + 1
	signature, err := base64.RawURLEncoding.DecodeString(token[end:])
	if err != nil {
		panic(err) // impossible: the token was just made
	}
	return token[:end] + base64URL(change(signature))
}

// plusOrder adds the order of Ed25519's group to a signature's number, which is little-endian.
func plusOrder(signature []byte) []byte {
	order, _ := new(big.Int).SetString(
		"7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	number := slices.Clone(signature[32:])
	slices.Reverse(number)
	sum := new(big.Int).Add(new(big.Int).SetBytes(number), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(signature[:32:32], sum...)
}

func (m *tokenMaker) addAlgorithms() {
	genuine := m.genuine("RS256")
	parts := strings.Split(genuine, ".")
	none := base64URL([]byte(`{"alg":"none","kid":"RS256"}`))
	m.refuse("alg none", "RFC 8725, 3.1: the key says the algorithm", none+"."+parts[1]+".")
	m.refuse("alg none with a signature", "RFC 8725, 3.1: the key says the algorithm",
		none+"."+parts[1]+"."+parts[2])
	m.refuse("alg none, signed", "RFC 8725, 3.1: the key says the algorithm",
		m.headed(`{"alg":"none","kid":"RS256"}`))
	m.refuse("alg none without a key id", "RFC 8725, 3.1: the key says the algorithm",
		signed(noSignature, `{"alg":"none"}`, tokenClaims()))
	for _, word := range []string{"None", "NONE", "nOnE", ""} {
		m.refuse(fmt.Sprintf("alg %q", word), "is no algorithm",
			signed(noSignature, `{"alg":"`+word+`","kid":"RS256"}`, tokenClaims()))
	}
	m.refuse("no alg, signed", "RFC 7515, 4.1.1: alg is required", m.headed(`{"kid":"RS256"}`))
	for _, value := range []string{
		`null`, `256`, `["RS256"]`, `{"RS256":1}`, `"rs256"`, `"RS256 "`,
	} {
		m.refuse("alg "+value+", signed", "RFC 7515, 4.1.1: alg is a text, in this case",
			m.headed(`{"alg":`+value+`,"kid":"RS256"}`))
	}
	m.refuse("alg of another type, signed", "the key is for RS256",
		m.headed(`{"alg":"ES256","kid":"RS256"}`))
	m.refuse("RS512 by a key for RS256", "the key is for RS256",
		signed(m.by("RS512"), `{"alg":"RS512","kid":"RS256"}`, tokenClaims()))
	m.refuse("PS256 by a key for RS256", "the key is for RS256",
		signed(m.by("PS256"), `{"alg":"PS256","kid":"RS256"}`, tokenClaims()))
	m.refuse("RS256 by a key for PS256", "the key is for PS256",
		m.headed(`{"alg":"RS256","kid":"PS256"}`))
	m.refuse("RS384 by a key without alg", "a key without alg is for RS256",
		signed(m.by("RS384"), `{"alg":"RS384","kid":"plain"}`, tokenClaims()))
	m.refuse("RS256 that is PS256", "the signature is another algorithm's",
		signed(m.by("PS256"), tokenHeader("RS256"), tokenClaims()))
	m.refuse("RS256 that is RS512", "the signature is another algorithm's",
		signed(m.by("RS512"), tokenHeader("RS256"), tokenClaims()))
	m.refuse("PS384", "is unknown here",
		signed(m.pss(crypto.SHA384, rsa.PSSSaltLengthEqualsHash),
			`{"alg":"PS384","kid":"RS256"}`, tokenClaims()))
	m.refuse("ES256 by a key for ES384", "the curve is another",
		signed(m.ecdsa(m.p384, crypto.SHA256), `{"alg":"ES256","kid":"ES384"}`, tokenClaims()))
	m.refuse("ES384 by a key for ES256", "the curve is another",
		signed(m.ecdsa(m.p256, crypto.SHA384), `{"alg":"ES384","kid":"ES256"}`, tokenClaims()))
	m.refuse("ES512", "is unknown here",
		signed(m.ecdsa(m.p521, crypto.SHA512), tokenHeader("ES512"), tokenClaims()))
	m.refuse("ES256K", "is unknown here",
		signed(m.by("ES256"), `{"alg":"ES256K","kid":"no-curve"}`, tokenClaims()))
	m.refuse("EdDSA by a key for ES256", "the key is another type's",
		signed(m.by("EdDSA"), `{"alg":"EdDSA","kid":"ES256"}`, tokenClaims()))
	m.addSymmetric()
}

// addSymmetric adds tokens that are signed with what everybody knows.
func (m *tokenMaker) addSymmetric() {
	der, err := x509.MarshalPKIXPublicKey(&m.rsa.PublicKey)
	require.NoError(m.t, err)
	file := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, row := range []struct {
		desc, id string
		secret   []byte
	}{
		{desc: "the public key's modulus", id: "RS256", secret: m.rsa.N.Bytes()},
		{desc: "the public key as DER", id: "RS256", secret: der},
		{desc: "the public key as PEM", id: "RS256", secret: file},
		{desc: "the public key as PEM, one byte less", id: "RS256", secret: file[:len(file)-1]},
		{desc: "an empty secret", id: "RS256"},
		{desc: "a symmetric key of the set", id: "oct", secret: []byte("secret")},
	} {
		m.refuse("HS256 with "+row.desc, "a shared secret proves nothing here",
			signed(hmac256(row.secret), `{"alg":"HS256","kid":"`+row.id+`"}`, tokenClaims()))
	}
	public, _ := m.ed25519.Public().(ed25519.PublicKey)
	m.refuse("RS256 that is HS256", "the signature is another algorithm's",
		signed(hmac256(file), tokenHeader("RS256"), tokenClaims()))
	m.refuse("EdDSA that is HS256", "the signature is another algorithm's",
		signed(hmac256(public), tokenHeader("EdDSA"), tokenClaims()))
}

func (m *tokenMaker) addKeys() {
	m.refuse("encryption key", "its use is enc", m.headed(`{"alg":"RS256","kid":"enc"}`))
	m.refuse("RSA key for ES256", "the key contradicts itself",
		m.headed(`{"alg":"ES256","kid":"mismatch"}`))
	m.refuse("RSA key for ES256 that signs RS256", "the key contradicts itself",
		m.headed(`{"alg":"RS256","kid":"mismatch"}`))
	m.refuse("ECDSA key for RS256", "the key contradicts itself",
		signed(m.by("ES256"), `{"alg":"ES256","kid":"ES256-as-RS256"}`, tokenClaims()))
	m.refuse("weak key", "RFC 7518, 3.3: has at least 2048 bits",
		signed(m.pkcs1(m.weakRSA, crypto.SHA256), `{"alg":"RS256","kid":"weak"}`, tokenClaims()))
	m.refuse("key with the exponent 1", "anybody can sign for it",
		signed(m.forgeForExponent1, `{"alg":"RS256","kid":"exponent-1"}`, tokenClaims()))
	for _, id := range []string{"off-curve", "no-curve", "other-curve"} {
		m.refuse("key "+id, "is no point of a known curve",
			signed(m.by("ES256"), `{"alg":"ES256","kid":"`+id+`"}`, tokenClaims()))
	}
	m.refuse("key other-curve for ES384", "is no point of the curve that it names",
		signed(m.by("ES384"), `{"alg":"ES384","kid":"other-curve"}`, tokenClaims()))
	m.refuse("key X25519", "is for encryption",
		signed(m.by("EdDSA"), `{"alg":"EdDSA","kid":"X25519"}`, tokenClaims()))
	m.refuse("key too short", "has 32 bytes",
		signed(m.by("EdDSA"), `{"alg":"EdDSA","kid":"short"}`, tokenClaims()))
	m.accept("no key id", "RFC 7515, 4.1.4: kid is optional", m.headed(`{"alg":"RS256"}`))
	m.accept(`key id ""`, "is as good as none", m.headed(`{"alg":"RS256","kid":""}`))
	m.refuse("no key id, signed by another algorithm's key", "no key for RS256 signed it",
		signed(m.by("ES256"), `{"alg":"RS256"}`, tokenClaims()))
	m.refuse("no key id and no signature", "is not signed", m.headed(`{"alg":"none"}`))
	for _, id := range []string{
		`"unknown"`, `" RS256"`, `"rs256"`, `"RS256\u0000"`, `"RS256,ES256"`, `"RS256 "`,
		`"../../../../dev/null"`, `"/dev/null"`, `"' UNION SELECT 'secret"`, `"|id"`, `"__proto__"`,
		`"https://evil.example.com/key"`, `null`, `0`, `true`, `["RS256"]`, `{"RS256":1}`,
	} {
		m.refuse("key id "+id, "is no key's id", m.headed(`{"alg":"RS256","kid":`+id+`}`))
	}
	m.refuse("HS256 with the key at /dev/null", "is no key's id",
		signed(hmac256(nil), `{"alg":"HS256","kid":"/dev/null"}`, tokenClaims()))
}

// forgeForExponent1 writes what a signature with this exponent must be: the padded hash itself.
func (m *tokenMaker) forgeForExponent1(content string) []byte {
	sha256Info, err := base64.StdEncoding.DecodeString("MDEwDQYJYIZIAWUDBAIBBQAEIA==")
	require.NoError(m.t, err)
	end := append(append([]byte{0}, sha256Info...), digest(crypto.SHA256, content)...)
	fill := bytes.Repeat([]byte{0xff}, m.rsa.Size()-2-len(end))
	return append(append([]byte{0, 1}, fill...), end...)
}

func (m *tokenMaker) addHeaders() {
	m.accept("no typ", "RFC 7519, 5.1: typ is optional", m.headed(`{"alg":"RS256","kid":"RS256"}`))
	m.accept("another typ", "RFC 9068: access tokens are at+jwt",
		m.headed(`{"alg":"RS256","kid":"RS256","typ":"at+jwt"}`))
	for _, typ := range []string{"logout+jwt", "dpop+jwt", "application/secevent+jwt", "LOGOUT+JWT"} {
		m.refuse("typ "+typ, "RFC 8725, 3.11: is a token of another kind",
			m.headed(`{"alg":"RS256","kid":"RS256","typ":"`+typ+`"}`))
	}
	m.refuse("a claim events", "OpenID Connect Back-Channel Logout, 2.4: is a logout token",
		m.claiming(tokenClaims("events", `{"http://schemas.openid.net/event/backchannel-logout":{}}`)))
	m.accept("members that nobody knows", "RFC 7515, 4: they are ignored",
		m.headed(`{"alg":"RS256","kid":"RS256","x":{"y":[1,null]},"signer":"s"}`))
	m.accept("white space in the header", "RFC 8259, 2: means nothing",
		m.headed("{ \"alg\" :\t\"RS256\",\r\n \"kid\":\"RS256\" } \n"))
	m.accept("escapes in the header", "RFC 8259, 7: they mean the letter",
		m.headed(`{"\u0061lg":"RS\u0032\u0035\u0036","kid":"RS256"}`))
	m.accept("cty", "RFC 7519, 5.2: says nothing of claims",
		m.headed(`{"alg":"RS256","kid":"RS256","cty":"JWT"}`))
	for _, crit := range []string{`["exp"]`, `["b64"]`, `["x"]`, `[]`, `null`, `"exp"`, `{}`} {
		m.refuse("crit "+crit, "RFC 7515, 4.1.11: what is demanded is unknown here",
			m.headed(`{"alg":"RS256","kid":"RS256","x":1,"crit":`+crit+`}`))
	}
	m.refuse("b64 false", "RFC 7797, 6: crit demands what is unknown here",
		m.headed(`{"alg":"RS256","kid":"RS256","b64":false,"crit":["b64"]}`))
	unencoded := base64URL([]byte(`{"alg":"RS256","kid":"RS256","b64":false,"crit":["b64"]}`)) + "."
	m.refuse("b64 false, signed so", "RFC 7797, 6: crit demands what is unknown here",
		unencoded+base64URL([]byte(tokenClaims()))+"."+
			base64URL(m.by("RS256")(unencoded+tokenClaims())))
	unencoded = base64URL([]byte(`{"alg":"RS256","kid":"RS256","b64":false}`)) + "."
	m.refuse("b64 false without crit, signed so", "the signature is over something else",
		unencoded+base64URL([]byte(tokenClaims()))+"."+
			base64URL(m.by("RS256")(unencoded+tokenClaims())))
	m.refuse("b64 false with the claims as they are", "is not base64url",
		signedContent(m.by("RS256"), unencoded+`{"sub":"admin"}`))
	m.accept("b64 false without crit", "RFC 7515, 4: a member that nobody knows is ignored",
		m.headed(`{"alg":"RS256","kid":"RS256","b64":false}`))
	m.addKeysInHeaders()
	m.refuse("doubled alg", "RFC 8725, 2.3: programs disagree which counts",
		m.headed(`{"alg":"none","alg":"RS256","kid":"RS256"}`))
	m.refuse("doubled key id", "programs disagree which counts",
		m.headed(`{"alg":"RS256","kid":"unknown","kid":"RS256"}`))
	m.refuse("doubled key id in another spelling", "programs disagree which counts",
		m.headed(`{"alg":"RS256","kid":"RS256","k\u0069d":"RS256"}`))
	m.refuse("alg in another case", "names are exact", m.headed(`{"ALG":"RS256","kid":"RS256"}`))
	m.accept("key id in another case", "names are exact, so that it has none",
		m.headed(`{"alg":"RS256","KID":"RS256"}`))
	m.refuse("text behind the header", "is no JSON", m.headed(tokenHeader("RS256")+"x"))
	m.refuse("header twice", "is no JSON", m.headed(tokenHeader("RS256")+tokenHeader("RS256")))
	m.refuse("header that is a list", "is no object", m.headed("["+tokenHeader("RS256")+"]"))
	m.refuse("header that is null", "is no object", m.headed("null"))
	m.refuse("header cut short", "is no JSON", m.headed(`{"alg":"RS256","kid":"RS256"`))
	m.refuse("header that is not UTF-8", "RFC 7515, 5.2: is UTF-8",
		m.headed("{\"alg\":\"RS256\",\"kid\":\"RS256\",\"x\":\"\xff\"}"))
}

// addKeysInHeaders adds tokens that bring the key along, or say where it is.
func (m *tokenMaker) addKeysInHeaders() {
	embedded := fmt.Sprintf(`"jwk":{"kty":"RSA","n":%q,"e":"AQAB"}`,
		base64URL(m.strangersRSA.N.Bytes()))
	stranger := m.pkcs1(m.strangersRSA, crypto.SHA256)
	for _, row := range []struct{ desc, header string }{
		{desc: "own key in jwk", header: `{"alg":"RS256",` + embedded + `}`},
		{
			desc:   "own key in jwk and our key id",
			header: `{"alg":"RS256","kid":"RS256",` + embedded + `}`,
		},
		{
			desc:   "own keys at jku",
			header: `{"alg":"RS256","kid":"RS256","jku":"https://evil.example.com/jwks.json"}`,
		},
		{
			desc:   "own certificate at x5u",
			header: `{"alg":"RS256","kid":"RS256","x5u":"https://evil.example.com/cert.pem"}`,
		},
	} {
		m.refuse(row.desc, "only the issuer's keys count",
			signed(stranger, row.header, tokenClaims()))
	}
	m.accept("somebody's key in jwk, signed by ours", "what the header says of keys is ignored",
		m.headed(`{"alg":"RS256","kid":"RS256",`+embedded+`}`))
	m.accept("jku, signed by our key", "what the header says of keys is ignored",
		m.headed(`{"alg":"RS256","kid":"RS256","jku":"https://evil.example.com/jwks.json"}`))
}

// addObjects adds claims that are no JSON object with one value for each name.
func (m *tokenMaker) addObjects() {
	good := tokenClaims()
	for _, row := range []struct{ desc, why, claims string }{
		{
			desc:   "doubled sub",
			why:    "programs disagree which counts",
			claims: `{"sub":"admin",` + good[1:],
		},
		{
			desc:   "doubled sub, the same",
			why:    "programs disagree which counts",
			claims: `{"sub":"u-17",` + good[1:],
		},
		{
			desc:   "doubled sub in another spelling",
			why:    "programs disagree which counts",
			claims: `{"s\u0075b":"admin",` + good[1:],
		},
		{
			desc:   "doubled exp",
			why:    "programs disagree which counts",
			claims: `{"exp":1,` + good[1:],
		},
		{
			desc:   "doubled aud",
			why:    "programs disagree which counts",
			claims: `{"aud":"x",` + good[1:],
		},
		{
			desc:   "doubled claim that is null",
			why:    "programs disagree which counts",
			claims: `{"sub":null,` + good[1:],
		},
		{desc: "object behind the claims", why: "is no JSON", claims: good + "{}"},
		{desc: "text behind the claims", why: "is no JSON", claims: good + "x"},
		{desc: "null byte behind the claims", why: "is no JSON", claims: good + "\x00"},
		{desc: "byte order mark", why: "RFC 8259, 8.1: is not added", claims: "\ufeff" + good},
		{desc: "claims that are a list", why: "are no object", claims: "[" + good + "]"},
		{desc: "claims that are a text", why: "are no object", claims: `"u-17"`},
		{desc: "claims that are a number", why: "are no object", claims: "17"},
		{desc: "claims that are null", why: "are no object", claims: "null"},
		{
			desc:   "claims that are a token",
			why:    "RFC 7519, 5.2: nested tokens",
			claims: m.genuine("ES256"),
		},
		{desc: "empty claims", why: "are no object", claims: ""},
		{desc: "no claims", why: "has no issuer", claims: "{}"},
		{desc: "claims cut short", why: "are no JSON", claims: good[:len(good)-1]},
		{desc: "comma too many", why: "is no JSON", claims: good[:len(good)-1] + ",}"},
		{desc: "comment", why: "is no JSON", claims: "{/**/" + good[1:]},
		{desc: "single quotes", why: "is no JSON", claims: strings.ReplaceAll(good, `"`, `'`)},
		{desc: "name without quotes", why: "is no JSON", claims: `{x:1,` + good[1:]},
		{desc: "NaN", why: "is no JSON", claims: `{"x":NaN,` + good[1:]},
		{desc: "raw line break in a text", why: "is no JSON", claims: "{\"x\":\"\n\"," + good[1:]},
		{desc: "number with a zero before", why: "is no JSON", claims: `{"x":017,` + good[1:]},
		{
			desc:   "white space before the claims",
			why:    "starts with a brace here",
			claims: " " + good,
		},
		{
			desc:   "claims that are not UTF-8",
			why:    "RFC 7519, 7.2: are UTF-8",
			claims: "{\"x\":\"\xff\"," + good[1:],
		},
		{
			desc:   "claims in UTF-16",
			why:    "RFC 7519, 7.2: are UTF-8",
			claims: strings.Join(strings.Split(good, ""), "\x00"),
		},
	} {
		m.refuse(row.desc, row.why, m.claiming(row.claims))
	}
	for _, row := range []struct{ desc, why, claims string }{
		{
			desc:   "white space among the claims",
			why:    "RFC 8259, 2: means nothing",
			claims: strings.ReplaceAll(good, ",", " ,\r\n\t") + "\n",
		},
		{
			desc:   "nested claims",
			why:    "nobody reads them",
			claims: tokenClaims("x", `{"iss":"x","aud":["x"],"exp":1,"y":[[[{"sub":"admin"}]]]}`),
		},
		{
			desc:   "deeply nested claims",
			why:    "nobody reads them",
			claims: tokenClaims("x", strings.Repeat("[", 1000)+strings.Repeat("]", 1000)),
		},
		{
			desc:   "claims in a text",
			why:    "nobody reads them",
			claims: tokenClaims("x", `"{\"sub\":\"admin\",\"exp\":1}"`),
		},
		{
			desc:   "doubled member of a nested object",
			why:    "jwt.Claim finds nothing below it",
			claims: tokenClaims("x", `{"y":1,"y":2}`),
		},
		{
			desc:   "sub in two cases",
			why:    "names are exact: they are two claims",
			claims: tokenClaims("SUB", `"admin"`),
		},
	} {
		m.accept(row.desc, row.why, m.claiming(row.claims))
	}
}

func (m *tokenMaker) addIssuers() {
	for _, value := range []string{
		`"https://evil.example.com"`, `"https://auth.example.com/"`, `"https://auth.example.com "`,
		`"https://auth.example.com\u0000"`, `"https://AUTH.example.com"`,
		`"http://auth.example.com"`, `"auth.example.com"`, `""`, `null`, `0`, `true`,
		`["https://auth.example.com"]`, `{"https://auth.example.com":1}`,
	} {
		m.refuse("iss "+value, "is another issuer", m.claiming(tokenClaims("iss", value)))
	}
	m.refuse("no iss", "has no issuer", m.claiming(tokenClaims("iss", "")))
	m.refuse("iss in another case", "names are exact",
		m.claiming(tokenClaims("iss", "", "ISS", `"`+tokensIssuer+`"`)))
	m.refuse("another iss and ours in another case", "names are exact",
		m.claiming(`{"iss":"x","ISS":"`+tokensIssuer+`",`+tokenClaims("iss", "")[1:]))
}

func (m *tokenMaker) addAudiences() {
	for _, value := range []string{
		`["portal"]`, `["other","portal"]`, `["portal","portal"]`, `"\u0070ortal"`,
		`["portal",null]`,
	} {
		m.accept("aud "+value, "is for us too", m.claiming(tokenClaims("aud", value)))
	}
	for _, value := range []string{
		`"other"`, `["other","portals"]`, `"Portal"`, `"portal "`, `"portal other"`,
		`"portal,other"`, `""`, `[]`, `[""]`, `null`, `[null]`, `0`, `true`, `{"portal":1}`,
		`[["portal"]]`, `["portal",1]`, `["portal",["other"]]`, `"[\"portal\"]"`,
		`"https://portal"`,
	} {
		m.refuse("aud "+value, "is another audience", m.claiming(tokenClaims("aud", value)))
	}
	m.refuse("no aud", "has no audience", m.claiming(tokenClaims("aud", "")))
	m.refuse("azp", "names the client, not the audience",
		m.claiming(tokenClaims("aud", `"other"`, "azp", `"portal"`)))
}

// addTimes adds all that does not depend on the second in which it is read.
func (m *tokenMaker) addTimes() {
	for _, value := range []string{"3786912000.5", "3.786912e9", "37869120e2", "100000000000"} {
		m.accept("exp "+value, "is far away", m.claiming(tokenClaims("exp", value)))
	}
	for _, value := range []string{
		fmt.Sprint(year2001), "1", "0", "-1", "-3786912000", "0.5",
	} {
		m.refuse("exp "+value, "has expired", m.claiming(tokenClaims("exp", value)))
	}
	for _, value := range []string{
		`"3786912000"`, `"2090-01-01T00:00:00Z"`, `true`, `null`, `[3786912000]`,
		`{"$date":3786912000}`, `""`,
	} {
		m.refuse("exp "+value, "is no number", m.claiming(tokenClaims("exp", value)))
	}
	for _, value := range []string{
		"3786912000000", "9223372036854775807", "9223372036854775808", "1e30", "1e400",
	} {
		m.refuse("exp "+value, "is beyond all time", m.claiming(tokenClaims("exp", value)))
	}
	m.refuse("no exp", "never expires", m.claiming(tokenClaims("exp", "")))
	m.refuse("exp in another case", "names are exact",
		m.claiming(tokenClaims("exp", "", "EXP", fmt.Sprint(year2090))))
	for _, value := range []string{"0", "1577836800.9", "1.5e9", "null"} {
		m.accept("nbf "+value, "is long past", m.claiming(tokenClaims("nbf", value)))
	}
	m.accept("no nbf", "RFC 7519, 4.1.5: nbf is optional", m.claiming(tokenClaims("nbf", "")))
	for _, value := range []string{"3786911999", "3.7e9", "100000000001", "1e30"} {
		m.refuse("nbf "+value, "is not valid yet", m.claiming(tokenClaims("nbf", value)))
	}
	for _, value := range []string{`"0"`, `"1577836800"`, `true`, `[0]`, `{}`, "-1"} {
		m.refuse("nbf "+value, "is no time", m.claiming(tokenClaims("nbf", value)))
	}
	m.accept("no iat", "RFC 7519, 4.1.6: iat is optional", m.claiming(tokenClaims("iat", "")))
	m.accept("iat in the future", "nobody reads iat", m.claiming(tokenClaims("iat", "3786911999")))
	m.accept("jti that is a number", "nobody reads jti", m.claiming(tokenClaims("jti", "17")))
	m.accept("iat that is a text", "nobody reads iat", m.claiming(tokenClaims("iat", `"today"`)))
}

// addOtherClaims adds what a token may say of the person: internal/identity reads it, not jwt.
func (m *tokenMaker) addOtherClaims() {
	for _, row := range []struct{ desc, name, value string }{
		{desc: "no sub", name: "sub"},
		{desc: "empty sub", name: "sub", value: `""`},
		{desc: "sub with a control character", name: "sub", value: `"a\u0000b"`},
		{desc: "sub with a blank behind", name: "sub", value: `"u-17 "`},
		{desc: "sub with another blank before", name: "sub", value: `"\u2003u-17"`},
		{desc: "sub that is a number", name: "sub", value: "17"},
		{desc: "sub that is a list", name: "sub", value: `["u-17"]`},
		{desc: "over-long name", name: "name", value: `"` + strings.Repeat("x", 1025) + `"`},
		{desc: "name that is a list", name: "name", value: "[1]"},
		{desc: "e-mail address that is null", name: "email", value: "null"},
	} {
		m.accept(row.desc, "internal/identity judges it",
			m.claiming(tokenClaims(row.name, row.value)))
	}
}
