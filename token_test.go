package clinicpass

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// issuer signs tokens with a key of each kind.
type issuer struct {
	rsa, other *rsa.PrivateKey
	p256, p384 *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	var err error
	if i.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if i.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if i.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if i.p384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, i.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return i
}

func segment(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// jwks returns the issuer's public keys, each under its algorithm's name as key id.
func (i *issuer) jwks() string {
	rsaKey := func(kid, alg string) map[string]string {
		return map[string]string{
			"kty": "RSA", "kid": kid, "alg": alg, "use": "sig",
			"n": segment(i.rsa.N.Bytes()), "e": segment(big.NewInt(int64(i.rsa.E)).Bytes()),
		}
	}
	ecKey := func(kid, crv string, key *ecdsa.PrivateKey, size int) map[string]string {
		x := make([]byte, size)
		y := make([]byte, size)
		return map[string]string{"kty": "EC", "kid": kid, "crv": crv, "x": segment(key.X.FillBytes(x)), "y": segment(key.Y.FillBytes(y))}
	}
	public, _ := i.ed.Public().(ed25519.PublicKey)
	noAlg := rsaKey("plain", "")
	delete(noAlg, "alg")
	delete(noAlg, "use")
	encryption := rsaKey("enc", "RS256")
	encryption["use"] = "enc"
	offCurve := ecKey("off-curve", "P-256", i.p256, 32)
	offCurve["x"] = segment(make([]byte, 32))
	small := rsaKey("small", "RS256")
	small["n"] = segment(i.rsa.N.Bytes()[:128])
	raw, _ := json.Marshal(map[string]interface{}{"keys": []interface{}{
		rsaKey("RS256", "RS256"), rsaKey("RS384", "RS384"), rsaKey("RS512", "RS512"), rsaKey("PS256", "PS256"), noAlg,
		ecKey("ES256", "P-256", i.p256, 32), ecKey("ES384", "P-384", i.p384, 48),
		map[string]string{"kty": "OKP", "kid": "EdDSA", "crv": "Ed25519", "x": segment(public)},
		encryption, offCurve, small, rsaKey("mismatch", "ES256"),
		map[string]string{"kty": "oct", "kid": "oct", "k": "c2VjcmV0", "alg": "HS256"},
	}})
	return string(raw)
}

// sign signs header and claims, given as JSON, in the way that the algorithm says.
func (i *issuer) sign(t *testing.T, algorithm, header, claims string) string {
	t.Helper()
	content := segment([]byte(header)) + "." + segment([]byte(claims))
	hashes := map[string]crypto.Hash{
		"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512, "PS256": crypto.SHA256,
		"ES256": crypto.SHA256, "ES384": crypto.SHA384, "other": crypto.SHA256,
	}
	var sum []byte
	if hash, known := hashes[algorithm]; known {
		h := hash.New()
		_, _ = h.Write([]byte(content))
		sum = h.Sum(nil)
	}
	var signature []byte
	var err error
	switch algorithm {
	case "RS256", "RS384", "RS512":
		signature, err = rsa.SignPKCS1v15(rand.Reader, i.rsa, hashes[algorithm], sum)
	case "other":
		signature, err = rsa.SignPKCS1v15(rand.Reader, i.other, crypto.SHA256, sum)
	case "PS256":
		signature, err = rsa.SignPSS(rand.Reader, i.rsa, crypto.SHA256, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case "ES256", "ES384":
		key, size := i.p256, 32
		if algorithm == "ES384" {
			key = i.p384
			size = 48
		}
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, key, sum); err == nil {
			a := make([]byte, size)
			b := make([]byte, size)
			signature = append(r.FillBytes(a), s.FillBytes(b)...)
		}
	case "EdDSA":
		signature = ed25519.Sign(i.ed, []byte(content))
	case "HS256":
		mac := hmac.New(sha256.New, i.rsa.N.Bytes())
		_, _ = mac.Write([]byte(content))
		signature = mac.Sum(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return content + "." + segment(signature)
}

func header(algorithm string) string {
	return `{"alg":"` + algorithm + `","kid":"` + algorithm + `","typ":"JWT"}`
}

// goodClaims returns claims that are good, with others in place of some; a replacement of "" takes a claim out.
func goodClaims(replace ...string) string {
	now := time.Now().Unix()
	claims := map[string]interface{}{
		"iss": "https://auth.example.com", "aud": "portal", "exp": now + 300, "iat": now, "nbf": now,
		"sub": "u-17", "email": "jane.doe@example.com", "name": "Jane Doe", "groups": []string{"staff", "clinicians"},
		"realm_access": map[string]interface{}{"roles": []string{"doctor"}}, "https://example.com/groups": "a,b",
	}
	for i := 0; i < len(replace); i += 2 {
		delete(claims, replace[i])
		if replace[i+1] != "" {
			claims[replace[i]] = json.RawMessage(replace[i+1])
		}
	}
	raw, _ := json.Marshal(claims)
	return string(raw)
}

func in(seconds int) string {
	raw, _ := json.Marshal(time.Now().Unix() + int64(seconds))
	return string(raw)
}

func tokenReaderFor(t *testing.T, jwks string, change func(c *JWTConfig)) *identityReader {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, []byte(jwks), 0o600); err != nil {
		t.Fatal(err)
	}
	c := JWTConfig{Header: "X-Token", JWKS: "file:" + file, Issuer: "https://auth.example.com", Audience: "portal", Claims: oidcClaims}
	if change != nil {
		change(&c)
	}
	return testReader(t, IdentityConfig{JWT: c})
}

// readFrom returns an empty identity for one that is refused.
func readFrom(r *identityReader, request *http.Request) (identity, string, string) {
	who, refused, why := readIdentity(r, request)
	if who == nil {
		who = &identity{}
	}
	return *who, refused, why
}

func readTokens(r *identityReader, tokens ...string) (identity, string, string) {
	request := httptest.NewRequest("GET", "/clinic", nil)
	for _, token := range tokens {
		request.Header.Add("X-Token", token)
	}
	return readFrom(r, request)
}

// TestSignedIdentity: a genuine token signs in, whatever its algorithm; everything else about it is refused.
func TestSignedIdentity(t *testing.T) {
	i := newIssuer(t)
	reader := tokenReaderFor(t, i.jwks(), nil)
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"} {
		for _, prefix := range []string{"", "Bearer "} {
			who, refused, why := readTokens(reader, prefix+i.sign(t, algorithm, header(algorithm), goodClaims()))
			if refused != "" || who.id != "u-17" || who.email != "jane.doe@example.com" || who.name != "Jane Doe" || strings.Join(who.groups, ",") != "staff,clinicians" {
				t.Errorf("%s%s: %+v, %s %s", prefix, algorithm, who, refused, why)
			}
		}
	}
	genuine := i.sign(t, "RS256", header("RS256"), goodClaims())
	parts := strings.Split(genuine, ".")
	// An ECDSA signature with a zero before its second number, which is the same number.
	longer := i.sign(t, "ES256", header("ES256"), goodClaims())
	end := strings.LastIndex(longer, ".") + 1
	numbers, _ := base64.RawURLEncoding.DecodeString(longer[end:])
	longer = longer[:end] + segment(append(append(append([]byte{}, numbers[:32]...), 0), numbers[32:]...))
	forged := segment([]byte(goodClaims("sub", `"admin"`)))
	for _, test := range []struct{ desc, token string }{
		{"claims exchanged", parts[0] + "." + forged + "." + parts[2]},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"two parts", parts[0] + "." + parts[1]},
		{"four parts", genuine + ".x"},
		{"no token", "x"},
		{"padding", parts[0] + "." + parts[1] + "." + parts[2] + "="},
		{"signature in another alphabet", parts[0] + "." + parts[1] + ".+/" + parts[2][2:]},
		{"alg none", segment([]byte(`{"alg":"none","kid":"RS256"}`)) + "." + parts[1] + "."},
		{"alg none with the signature", segment([]byte(`{"alg":"none","kid":"RS256"}`)) + "." + parts[1] + "." + parts[2]},
		{"alg none, signed", i.sign(t, "RS256", `{"alg":"none","kid":"RS256"}`, goodClaims())},
		{"no alg, signed", i.sign(t, "RS256", `{"kid":"RS256"}`, goodClaims())},
		{"another alg, signed", i.sign(t, "RS256", `{"alg":"ES256","kid":"RS256"}`, goodClaims())},
		{"a signature written in another way", genuine[:len(genuine)-1] + string(genuine[len(genuine)-1]+1)},
		{"a longer signature", longer},
		{"HS256 with the public key", i.sign(t, "HS256", `{"alg":"HS256","kid":"RS256"}`, goodClaims())},
		{"HS256 with a symmetric key of the set", i.sign(t, "HS256", `{"alg":"HS256","kid":"oct"}`, goodClaims())},
		{"another algorithm than the key's", i.sign(t, "RS512", `{"alg":"RS512","kid":"RS256"}`, goodClaims())},
		{"PS256 by a key for RS256", i.sign(t, "PS256", `{"alg":"PS256","kid":"RS256"}`, goodClaims())},
		{"RS384 by a key without alg", i.sign(t, "RS384", `{"alg":"RS384","kid":"plain"}`, goodClaims())},
		{"an encryption key", i.sign(t, "RS256", `{"alg":"RS256","kid":"enc"}`, goodClaims())},
		{"a key whose alg is another type's", i.sign(t, "RS256", `{"alg":"ES256","kid":"mismatch"}`, goodClaims())},
		{"a key off its curve", i.sign(t, "ES256", `{"alg":"ES256","kid":"off-curve"}`, goodClaims())},
		{"a small key", i.sign(t, "RS256", `{"alg":"RS256","kid":"small"}`, goodClaims())},
		{"an unknown key", i.sign(t, "RS256", `{"alg":"RS256","kid":"unknown"}`, goodClaims())},
		{"no key id", i.sign(t, "RS256", `{"alg":"RS256"}`, goodClaims())},
		{"another issuer's key", i.sign(t, "other", header("RS256"), goodClaims())},
		{"crit", i.sign(t, "RS256", `{"alg":"RS256","kid":"RS256","crit":["exp"]}`, goodClaims())},
		{"doubled alg", i.sign(t, "RS256", `{"alg":"none","alg":"RS256","kid":"RS256"}`, goodClaims())},
		{"doubled sub", i.sign(t, "RS256", header("RS256"), `{"sub":"admin",`+goodClaims()[1:])},
		{"text behind the claims", i.sign(t, "RS256", header("RS256"), goodClaims()+"{}")},
		{"claims that are a list", i.sign(t, "RS256", header("RS256"), "["+goodClaims()+"]")},
		{"empty claims", i.sign(t, "RS256", header("RS256"), "")},
		{"too long", i.sign(t, "RS256", header("RS256"), goodClaims("x", `"`+strings.Repeat("x", maxToken)+`"`))},
		{"another issuer", i.sign(t, "RS256", header("RS256"), goodClaims("iss", `"https://evil.example.com"`))},
		{"an issuer with a slash more", i.sign(t, "RS256", header("RS256"), goodClaims("iss", `"https://auth.example.com/"`))},
		{"no issuer", i.sign(t, "RS256", header("RS256"), goodClaims("iss", ""))},
		{"another audience", i.sign(t, "RS256", header("RS256"), goodClaims("aud", `"other"`))},
		{"other audiences", i.sign(t, "RS256", header("RS256"), goodClaims("aud", `["other","portals"]`))},
		{"no audience", i.sign(t, "RS256", header("RS256"), goodClaims("aud", ""))},
		{"an audience that is an object", i.sign(t, "RS256", header("RS256"), goodClaims("aud", `{"portal":1}`))},
		{"expired", i.sign(t, "RS256", header("RS256"), goodClaims("exp", in(-61)))},
		{"no exp", i.sign(t, "RS256", header("RS256"), goodClaims("exp", ""))},
		{"exp that is a text", i.sign(t, "RS256", header("RS256"), goodClaims("exp", `"`+in(300)+`"`))},
		{"exp beyond all time", i.sign(t, "RS256", header("RS256"), goodClaims("exp", "1e30"))},
		{"not yet", i.sign(t, "RS256", header("RS256"), goodClaims("nbf", in(90)))},
		{"nbf that is a text", i.sign(t, "RS256", header("RS256"), goodClaims("nbf", `"0"`))},
		{"control character", i.sign(t, "RS256", header("RS256"), goodClaims("sub", `"a\u0000b"`))},
		{"a blank behind the id", i.sign(t, "RS256", header("RS256"), goodClaims("sub", `"u-17 "`))},
		{"another blank before the id", i.sign(t, "RS256", header("RS256"), goodClaims("sub", `"\u2003u-17"`))},
		{"over-long name", i.sign(t, "RS256", header("RS256"), goodClaims("name", `"`+strings.Repeat("x", maxIdentityValue+1)+`"`))},
	} {
		if who, refused, why := readTokens(reader, test.token); refused != identityRefused || who.id != "" || why == "" || strings.Contains(why, "admin") {
			t.Errorf("%s: %+v, %q, %s", test.desc, who, refused, why)
		}
	}
	for _, test := range []struct{ desc, token string }{
		{"just not expired", i.sign(t, "RS256", header("RS256"), goodClaims("exp", in(-50)))},
		{"almost valid", i.sign(t, "RS256", header("RS256"), goodClaims("nbf", in(50)))},
		{"no nbf", i.sign(t, "RS256", header("RS256"), goodClaims("nbf", ""))},
		{"audiences", i.sign(t, "RS256", header("RS256"), goodClaims("aud", `["other","portal"]`))},
		{"fractions of seconds", i.sign(t, "RS256", header("RS256"), goodClaims("exp", in(300)+".5"))},
		{"a key without alg is for RS256", i.sign(t, "RS256", `{"alg":"RS256","kid":"plain"}`, goodClaims())},
		{"names that are no texts", i.sign(t, "RS256", header("RS256"), goodClaims("name", "[1]", "email", "null"))},
	} {
		if who, refused, why := readTokens(reader, test.token); refused != "" || who.id != "u-17" {
			t.Errorf("%s: %+v, %q, %s", test.desc, who, refused, why)
		}
	}
	for _, tokens := range [][]string{{}, {""}, {" "}, {i.sign(t, "RS256", header("RS256"), goodClaims("sub", ""))}, {i.sign(t, "RS256", header("RS256"), goodClaims("sub", `""`))}} {
		if _, refused, _ := readTokens(reader, tokens...); refused != noIdentity {
			t.Errorf("no token or no sub: %q", refused)
		}
	}
	if _, refused, _ := readTokens(reader, genuine, genuine); refused != identityRefused {
		t.Errorf("two tokens: %q", refused)
	}
	if who, refused, _ := readFrom(reader, &http.Request{Header: http.Header{"X-Token": {genuine}, "X_token": {"x"}}}); refused != identityRefused {
		t.Errorf("an alias: %q %+v", refused, who)
	}
}

// TestKeysOfASet: keys that are not for signatures, too small, off their curve, or of a type that alg contradicts are not
// taken, and a token without a key id is checked by the only key there is.
func TestKeysOfASet(t *testing.T) {
	i := newIssuer(t)
	keys, ok := parseJWKS([]byte(i.jwks()))
	if !ok || len(keys) != 8 {
		t.Errorf("%d keys are taken", len(keys))
	}
	for _, id := range []string{"RS256", "RS384", "RS512", "PS256", "plain", "ES256", "ES384", "EdDSA"} {
		if keys[id] == nil {
			t.Errorf("the key %s is not taken", id)
		}
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal([]byte(i.jwks()), &set); err != nil {
		t.Fatal(err)
	}
	only := tokenReaderFor(t, `{"keys":[`+string(set.Keys[0])+`]}`, nil)
	if who, refused, why := readTokens(only, i.sign(t, "RS256", `{"alg":"RS256"}`, goodClaims())); refused != "" || who.id != "u-17" {
		t.Errorf("no key id: %q %s", refused, why)
	}
	if _, refused, _ := readTokens(only, i.sign(t, "RS256", `{"alg":"RS256","kid":"other"}`, goodClaims())); refused != identityRefused {
		t.Errorf("another key id: %q", refused)
	}
}

func TestClaimPaths(t *testing.T) {
	i := newIssuer(t)
	token := i.sign(t, "ES256", header("ES256"), goodClaims("tenant", `{"id":42,"id2":{"a":"b"}}`))
	for path, want := range map[string]string{"realm_access.roles": "doctor", "https://example.com/groups": "a,b", "groups": "staff,clinicians", "realm_access": "", "none.at.all": "", "sub.x": ""} {
		reader := tokenReaderFor(t, i.jwks(), func(c *JWTConfig) { c.Claims.Groups = path })
		who, refused, _ := readTokens(reader, token)
		if got := strings.Join(who.groups, ","); refused != "" || got != want {
			t.Errorf("%s: %q, %s; want %q", path, got, refused, want)
		}
	}
	for path, want := range map[string]string{"tenant.id": "42", "tenant.id2.a": "b"} {
		reader := tokenReaderFor(t, i.jwks(), func(c *JWTConfig) { c.Claims.ID = path })
		if who, refused, _ := readTokens(reader, token); who.id != want {
			t.Errorf("%s: %q, %s; want %q", path, who.id, refused, want)
		}
	}
}

// TestKeysAreFetched: on first need, again for an unknown key at most every ten seconds, and the last good set serves
// through an outage.
func TestKeysAreFetched(t *testing.T) {
	i := newIssuer(t)
	fetches := 0
	body := "{}"
	status := 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches++
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	reader := tokenReaderFor(t, i.jwks(), func(c *JWTConfig) {
		c.JWKS = ""
		c.JWKSURL = server.URL + "/jwks.json"
	})
	keys := reader.token.keys
	token := i.sign(t, "ES256", header("ES256"), goodClaims())
	unknown := i.sign(t, "ES256", `{"alg":"ES256","kid":"unknown"}`, goodClaims())
	for _, step := range []struct {
		desc, body string
		status     int
		passed     time.Duration // since the step before
		token      string
		want       string
		fetches    int
	}{
		{"no keys in the answer", "{}", 200, 0, token, keysUnavailable, 1},
		{"not asked again at once", i.jwks(), 200, time.Second, token, keysUnavailable, 1},
		{"asked again later", i.jwks(), 200, 10 * time.Second, token, "", 2},
		{"known", i.jwks(), 200, 30 * time.Minute, token, "", 2},
		{"an unknown key", i.jwks(), 200, time.Second, unknown, identityRefused, 3},
		{"an unknown key at once", i.jwks(), 200, time.Second, unknown, identityRefused, 3},
		{"an unknown key later", i.jwks(), 200, 10 * time.Second, unknown, identityRefused, 4},
		{"the known one meanwhile", i.jwks(), 200, 0, token, "", 4},
		{"old", i.jwks(), 200, 61 * time.Minute, token, "", 5},
		{"old in an outage", i.jwks(), 500, 61 * time.Minute, token, "", 6},
		{"soon after", i.jwks(), 500, time.Minute, token, "", 6},
		{"the outage goes on", i.jwks(), 500, 5 * time.Minute, token, "", 7},
		{"a redirect", i.jwks(), 302, 10 * time.Minute, token, "", 8},
		{"too long", strings.Repeat(" ", maxKeys) + i.jwks(), 200, 10 * time.Minute, token, "", 9},
		{"HTML", "<html>", 200, 10 * time.Minute, token, "", 10},
	} {
		body = step.body
		status = step.status
		keys.fetched = keys.fetched.Add(-step.passed)
		keys.tried = keys.tried.Add(-step.passed)
		_, refused, why := readTokens(reader, step.token)
		if refused != step.want || fetches != step.fetches {
			t.Errorf("%s: %q after %d fetches, want %q after %d (%s)", step.desc, refused, fetches, step.want, step.fetches, why)
		}
	}
}

// TestKeysOutliveReloads: a reload, which builds every handler anew, fetches nothing again.
func TestKeysOutliveReloads(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	i := newIssuer(t)
	fetches := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches++
		_, _ = io.WriteString(w, i.jwks())
	}))
	defer server.Close()
	c := testConfig(clinic)
	c.Identity = CreateConfig().Identity
	c.Identity.JWT = JWTConfig{Header: "X-Token", Issuer: "https://auth.example.com", Audience: "portal", JWKSURL: server.URL}
	for reload := 0; reload < 3; reload++ {
		r := httptest.NewRequest("GET", "/clinic", nil)
		r.Header.Set("X-Token", i.sign(t, "ES256", header("ES256"), goodClaims()))
		w := httptest.NewRecorder()
		mustNew(t, c).ServeHTTP(w, r)
		if outcome := w.Header().Get("Clinicpass-Outcome"); outcome != signedIn || fetches != 1 {
			t.Errorf("reload %d: %s after %d fetches", reload, outcome, fetches)
		}
	}
}

// TestLoadBalancerToken: AWS's tokens are padded, name their signer in the header, and have a key file each.
func TestLoadBalancerToken(t *testing.T) {
	i := newIssuer(t)
	const arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/portal/0123456789abcdef"
	der, err := x509.MarshalPKIXPublicKey(&i.p256.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	asked := []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}))
	defer server.Close()
	config := IdentityConfig{Preset: "aws-alb", JWT: JWTConfig{JWKSURL: server.URL + "/", Issuer: "https://auth.example.com", Audience: arn}}
	pad := func(token string) string {
		padded := []string{}
		for _, part := range strings.Split(token, ".") {
			padded = append(padded, part+strings.Repeat("=", (4-len(part)%4)%4))
		}
		return strings.Join(padded, ".")
	}
	signed := func(header string) string { // over the padded text, as AWS does
		claims := goodClaims("aud", "", "given_name", `"Jane"`, "family_name", `"Doe"`)
		content := pad(segment([]byte(header)) + "." + segment([]byte(claims)))
		sum := sha256.Sum256([]byte(content))
		r, s, err := ecdsa.Sign(rand.Reader, i.p256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		a := make([]byte, 32)
		b := make([]byte, 32)
		return content + "." + pad(segment(append(r.FillBytes(a), s.FillBytes(b)...)))
	}
	read := func(token string) (identity, string, string) {
		return readFrom(testReader(t, config), &http.Request{Header: http.Header{"X-Amzn-Oidc-Data": {token}}})
	}
	who, refused, why := read(signed(`{"alg":"ES256","kid":"a1-b2","signer":"` + arn + `"}`))
	if refused != "" || who.id != "u-17" || who.firstName != "Jane" || strings.Join(asked, " ") != "/a1-b2" {
		t.Errorf("%+v, %q %s, asked %v", who, refused, why, asked)
	}
	// A second key joins the first.
	both := testReader(t, config)
	for _, kid := range []string{"a1-b2", "c3-d4", "a1-b2", "c3-d4"} {
		both.token.keys.tried = time.Time{}
		token := signed(`{"alg":"ES256","kid":"` + kid + `","signer":"` + arn + `"}`)
		if _, refused, why := readFrom(both, &http.Request{Header: http.Header{"X-Amzn-Oidc-Data": {token}}}); refused != "" {
			t.Errorf("the key %s: %q %s", kid, refused, why)
		}
	}
	if got := strings.Join(asked, " "); got != "/a1-b2 /a1-b2 /c3-d4" {
		t.Errorf("asked for %s", got)
	}
	for desc, header := range map[string]string{
		"another signer":      `{"alg":"ES256","kid":"a1-b2","signer":"` + arn + `x"}`,
		"no signer":           `{"alg":"ES256","kid":"a1-b2"}`,
		"a path for a key id": `{"alg":"ES256","kid":"../a1-b2","signer":"` + arn + `"}`,
		"no key id":           `{"alg":"ES256","signer":"` + arn + `"}`,
	} {
		asked = nil
		if _, refused, _ := read(signed(header)); refused == "" || (len(asked) > 0 && asked[0] != "/a1-b2") {
			t.Errorf("%s: %q, asked %v", desc, refused, asked)
		}
	}
	config.JWT.JWKSURL = ""
	if got := testReader(t, config).token.keys.url; got != "https://public-keys.auth.elb.us-east-1.amazonaws.com/" {
		t.Errorf("the region's keys are at %s", got)
	}
}

func TestTokenPresets(t *testing.T) {
	for _, test := range []struct {
		preset      string
		jwt         JWTConfig
		header, url string
		issuer      string
	}{
		{"pomerium", JWTConfig{Issuer: "portal.example.com", Audience: "a"}, "X-Pomerium-Jwt-Assertion", "https://portal.example.com/.well-known/pomerium/jwks.json", "portal.example.com"},
		{"pomerium", JWTConfig{Issuer: "https://portal.example.com/", Audience: "a"}, "X-Pomerium-Jwt-Assertion", "https://portal.example.com/.well-known/pomerium/jwks.json", "https://portal.example.com/"},
		{"cloudflare", JWTConfig{Issuer: "https://team.cloudflareaccess.com", Audience: "a"}, "Cf-Access-Jwt-Assertion", "https://team.cloudflareaccess.com/cdn-cgi/access/certs", "https://team.cloudflareaccess.com"},
		{"google-iap", JWTConfig{Audience: "a"}, "X-Goog-IAP-JWT-Assertion", "https://www.gstatic.com/iap/verify/public_key-jwk", "https://cloud.google.com/iap"},
		{"google-iap", JWTConfig{Audience: "a", Header: "X-Copy", JWKSURL: "https://keys.example.com/"}, "X-Copy", "https://keys.example.com/", "https://cloud.google.com/iap"},
	} {
		r := testReader(t, IdentityConfig{Preset: test.preset, JWT: test.jwt}).token
		if r.header.configured != test.header || r.keys.url != test.url || r.issuer != test.issuer {
			t.Errorf("%s: %s, %s, %s", test.preset, r.header.configured, r.keys.url, r.issuer)
		}
	}
	i := newIssuer(t)
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, []byte(strings.Replace(i.jwks(), `"kid":"ES256"`, `"kid":"ES256","alg":"ES256"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	iap := presets["google-iap"]
	iap.token.JWKSURL = ""
	var found problems
	r := testReader(t, IdentityConfig{Headers: HeadersConfig{ID: "X"}})
	r.token = newTokenReader(JWTConfig{JWKS: "file:" + file, Audience: "portal"}, iap, &found)
	token := i.sign(t, "ES256", header("ES256"), goodClaims("iss", `"https://cloud.google.com/iap"`, "sub", `"accounts.google.com:117"`))
	who, refused, why := readFrom(r, &http.Request{Header: http.Header{"X-Goog-Iap-Jwt-Assertion": {token}}})
	if refused != "" || who.id != "117" || len(found.lines) > 0 {
		t.Errorf("google-iap: %+v, %q %s, %v", who, refused, why, found.lines)
	}
	token = i.sign(t, "ES256", header("ES256"), goodClaims("iss", `"https://cloud.google.com/iap"`, "sub", `"securetoken.google.com/p/t:117"`))
	if who, _, _ := readFrom(r, &http.Request{Header: http.Header{"X-Goog-Iap-Jwt-Assertion": {token}}}); who.id != "securetoken.google.com/p/t:117" {
		t.Errorf("google-iap: another issuer's 117 is %s", who.id)
	}
}

func TestProof(t *testing.T) {
	r := testReader(t, IdentityConfig{Preset: "oauth2-proxy", Proof: ProofConfig{Header: "X-Clinicpass-Proof", Secret: "a-proof"}})
	for _, test := range []struct {
		desc   string
		header http.Header
		want   string
	}{
		{"given", http.Header{"X-Auth-Request-User": {"jane"}, "X-Clinicpass-Proof": {"a-proof"}}, ""},
		{"missing", http.Header{"X-Auth-Request-User": {"jane"}}, identityRefused},
		{"empty", http.Header{"X-Auth-Request-User": {"jane"}, "X-Clinicpass-Proof": {""}}, identityRefused},
		{"wrong", http.Header{"X-Auth-Request-User": {"jane"}, "X-Clinicpass-Proof": {"a-proof2"}}, identityRefused},
		{"twice", http.Header{"X-Auth-Request-User": {"jane"}, "X-Clinicpass-Proof": {"a-proof", "a-proof"}}, identityRefused},
		{"alias", http.Header{"X-Auth-Request-User": {"jane"}, "X_clinicpass_proof": {"a-proof"}}, identityRefused},
		{"alias beside it", http.Header{"X-Auth-Request-User": {"jane"}, "X-Clinicpass-Proof": {"a-proof"}, "X_clinicpass_proof": {"a-proof"}}, identityRefused},
		{"no identity comes first", http.Header{"X-Clinicpass-Proof": {"a-proof"}}, noIdentity},
	} {
		if _, refused, why := readFrom(r, &http.Request{Header: test.header}); refused != test.want || strings.Contains(why, "a-proof") {
			t.Errorf("%s: %q, want %q (%s)", test.desc, refused, test.want, why)
		}
	}
}

func TestPrincipal(t *testing.T) {
	r := testReader(t, IdentityConfig{Preset: "azure", AllowedGroups: []string{"clinicians"}})
	encode := func(claims string) string {
		return base64.StdEncoding.EncodeToString([]byte(`{"auth_typ":"aad","name_typ":"n","role_typ":"http://schemas.microsoft.com/ws/2008/06/identity/claims/role","claims":[` + claims + `]}`))
	}
	const id = `{"typ":"http://schemas.microsoft.com/identity/claims/objectidentifier","val":"0b1c"}`
	full := encode(id + `,{"typ":"name","val":"Jane Doe"},{"typ":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name","val":"jane@example.com"},` +
		`{"typ":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname","val":"Jane"},{"typ":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname","val":"Doe"},` +
		`{"typ":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress","val":"jane.doe@example.com"},{"typ":"http://schemas.microsoft.com/ws/2008/06/identity/claims/role","val":"clinicians"},` +
		`{"typ":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier","val":"pairwise"}`)
	who, refused, why := readFrom(r, &http.Request{Header: http.Header{"X-Ms-Client-Principal": {full}}})
	if refused != "" || who.id != "0b1c" || who.name != "Jane Doe" || who.firstName != "Jane" || who.lastName != "Doe" || who.email != "jane.doe@example.com" || !mayEnter(r, &who) {
		t.Errorf("%+v, %q %s", who, refused, why)
	}
	for _, test := range []struct {
		desc, want string
		lines      []string
	}{
		{"none", noIdentity, nil},
		{"blank", noIdentity, []string{" "}},
		{"no id", noIdentity, []string{encode(`{"typ":"name","val":"Jane"}`)}},
		{"another provider's id", "", []string{encode(`{"typ":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier","val":"7"}`)}},
		{"two", identityRefused, []string{full, full}},
		{"two ids", identityRefused, []string{encode(id + `,{"typ":"oid","val":"other"}`)}},
		{"not base64", identityRefused, []string{"{}"}},
		{"not JSON", identityRefused, []string{"YWJj"}},
		{"a blank behind the id", identityRefused, []string{encode(`{"typ":"oid","val":"a "}`)}},
		{"control character", identityRefused, []string{encode(`{"typ":"oid","val":"a\nb"}`)}},
	} {
		if _, refused, _ := readFrom(r, &http.Request{Header: http.Header{"X-Ms-Client-Principal": test.lines}}); refused != test.want {
			t.Errorf("%s: %q, want %q", test.desc, refused, test.want)
		}
	}
}
