package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
)

const es256 = `{"alg":"ES256","kid":"ES256"}`

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func segment(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// jwksOf returns a set with the public key under the id ES256.
func jwksOf(key *ecdsa.PrivateKey) string {
	x := make([]byte, 32)
	y := make([]byte, 32)
	return `{"keys":[{"kty":"EC","crv":"P-256","kid":"ES256","alg":"ES256","x":"` +
		segment(key.X.FillBytes(x)) + `","y":"` + segment(key.Y.FillBytes(y)) + `"}]}`
}

// sign signs header and claims, given as JSON, with ES256.
func sign(t *testing.T, key *ecdsa.PrivateKey, header, claims string) string {
	t.Helper()
	return signContent(t, key, segment([]byte(header))+"."+segment([]byte(claims)))
}

func signContent(t *testing.T, key *ecdsa.PrivateKey, content string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(content))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	require.NoError(t, err)
	a := make([]byte, 32)
	b := make([]byte, 32)
	return content + "." + segment(append(r.FillBytes(a), s.FillBytes(b)...))
}

// goodClaims returns good claims with others in place of some; "" takes a claim out.
func goodClaims(t *testing.T, replace ...string) string {
	t.Helper()
	now := time.Now().Unix()
	claims := map[string]interface{}{
		"iss":                        "https://auth.example.com",
		"aud":                        "portal",
		"exp":                        now + 300,
		"iat":                        now,
		"nbf":                        now,
		"sub":                        "u-17",
		"email":                      "jane.doe@example.com",
		"name":                       "Jane Doe",
		"groups":                     []string{"staff", "clinicians"},
		"realm_access":               json.RawMessage(`{"roles":["doctor"]}`),
		"https://example.com/groups": "a,b",
	}
	for i := 0; i < len(replace); i += 2 {
		delete(claims, replace[i])
		if replace[i+1] != "" {
			claims[replace[i]] = json.RawMessage(replace[i+1])
		}
	}
	raw, err := json.Marshal(claims)
	require.NoError(t, err)
	return string(raw)
}

// jwksFile writes a key set to a file and returns its source, file:PATH.
func jwksFile(t *testing.T, jwks string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jwks.json")
	require.NoError(t, os.WriteFile(file, []byte(jwks), 0o600))
	return "file:" + file
}

// tokenConfig is for tokens in X-Token, signed by the key.
func tokenConfig(t *testing.T, key *ecdsa.PrivateKey) config.Identity {
	t.Helper()
	return config.Identity{JWT: config.JWT{
		Header:   "X-Token",
		JWKS:     jwksFile(t, jwksOf(key)),
		Issuer:   "https://auth.example.com",
		Audience: "portal",
		Claims:   oidcClaims,
	}}
}

// TestTokens: a genuine token signs in, whatever its algorithm, and everything else is refused.
func TestTokens(t *testing.T) {
	content, err := os.ReadFile("../../testdata/tokens.json")
	require.NoError(t, err)
	var table struct {
		JWKS     json.RawMessage `json:"jwks"`
		Issuer   string          `json:"issuer"`
		Audience string          `json:"audience"`
		Rows     []struct {
			Desc    string `json:"desc"`
			Token   string `json:"token"`
			Refused bool   `json:"refused"`
		} `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(content, &table))
	require.Greater(t, len(table.Rows), 60)
	r := testReader(t, config.Identity{JWT: config.JWT{
		Header:   "X-Token",
		JWKS:     jwksFile(t, string(table.JWKS)),
		Issuer:   table.Issuer,
		Audience: table.Audience,
		Claims:   oidcClaims,
	}})
	const (
		jane  = "u-17|||||"
		whole = "u-17|jane.doe@example.com|Jane Doe|||staff,clinicians"
	)
	// What becomes of tokens of which jwt.Verify does not say the last word.
	others := map[string]string{
		"RS256": whole,
		"RS384": whole,
		"RS512": whole,
		"PS256": whole,
		"ES256": whole,
		"ES384": whole,
		"EdDSA": whole,

		"nothing":           noIdentity,
		"blank before":      whole, // blanks around a header's value mean nothing
		"blank behind":      whole,
		"line break behind": whole,
		"Bearer before it":  whole,

		"no sub":                        noIdentity,
		"empty sub":                     noIdentity,
		"sub that is a list":            noIdentity,
		"sub that is a number":          "17|||||",
		"sub with a control character":  refused,
		"sub with a blank behind":       refused,
		"sub with another blank before": refused,
		"over-long name":                refused,
		"name that is a list":           jane,
		"e-mail address that is null":   jane,
	}
	for _, row := range table.Rows {
		t.Run(row.Desc, func(t *testing.T) {
			want, other := others[row.Desc]
			switch {
			case other:
				delete(others, row.Desc)
			case row.Refused:
				want = refused
			default:
				want = jane
			}
			who, refusedAs, why := readFrom(r, http.Header{"X-Token": {row.Token}})
			if want == refused || want == noIdentity {
				assert.Equal(t, want, refusedAs)
				assert.Equal(t, "|||||", partsOf(who))
				assert.NotEmpty(t, why)
				assert.NotContains(t, why, "admin")
				return
			}
			require.Empty(t, refusedAs, why)
			assert.Equal(t, want, partsOf(who))
			if row.Refused { // as it is
				return
			}
			who, refusedAs, why = readFrom(r, http.Header{"X-Token": {"Bearer " + row.Token}})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, want, partsOf(who))
		})
	}
	assert.Empty(t, others, "rows that are gone")
}

// TestSignedIdentity: what internal/identity makes of the claims of a genuine token.
func TestSignedIdentity(t *testing.T) {
	key := newKey(t)
	r := testReader(t, tokenConfig(t, key))
	genuine := sign(t, key, es256, goodClaims(t))
	parts := strings.Split(genuine, ".")
	forged := parts[0] + "." + segment([]byte(goodClaims(t, "sub", `"admin"`))) + "." + parts[2]
	claiming := func(replace ...string) []string {
		return []string{sign(t, key, es256, goodClaims(t, replace...))}
	}
	long := strings.Repeat("x", maxValue)
	const jane = "u-17|jane.doe@example.com|Jane Doe|||staff,clinicians"
	for _, row := range []struct {
		desc, want string // an identity, or what it is refused with
		lines      []string
	}{
		{desc: "genuine", lines: []string{genuine}, want: jane},
		{desc: "Bearer", lines: []string{"Bearer " + genuine}, want: jane},
		{desc: "blanks around", lines: []string{" " + genuine + " "}, want: jane},
		{desc: "another scheme", lines: []string{"Basic " + genuine}, want: refused},
		{desc: "no header", want: noIdentity},
		{desc: "empty header", lines: []string{""}, want: noIdentity},
		{desc: "blank header", lines: []string{" "}, want: noIdentity},
		{desc: "two tokens", lines: []string{genuine, genuine}, want: refused},
		{desc: "claims exchanged", lines: []string{forged}, want: refused},
		{desc: "expired", lines: claiming("exp", "1"), want: refused},
		{desc: "no sub", lines: claiming("sub", ""), want: noIdentity},
		{desc: "empty sub", lines: claiming("sub", `""`), want: noIdentity},
		{desc: "blank sub", lines: claiming("sub", `" "`), want: noIdentity},
		{desc: "sub that is null", lines: claiming("sub", "null"), want: noIdentity},
		{desc: "sub that is a list", lines: claiming("sub", `["a"]`), want: noIdentity},
		{
			desc:  "sub that is a number",
			lines: claiming("sub", "17"),
			want:  "17|jane.doe@example.com|Jane Doe|||staff,clinicians",
		},
		{desc: "control character", lines: claiming("sub", `"a\u0000b"`), want: refused},
		{desc: "a blank behind the id", lines: claiming("sub", `"u-17 "`), want: refused},
		{
			desc:  "another blank before the id",
			lines: claiming("sub", `"\u2003u-17"`),
			want:  refused,
		},
		{
			desc:  "over-long name",
			lines: claiming("name", `"`+long+`x"`),
			want:  refused,
		},
		{
			desc:  "just not over-long name",
			lines: claiming("name", `"`+long+`"`),
			want:  "u-17|jane.doe@example.com|" + long + "|||staff,clinicians",
		},
		{
			desc:  "names that are no texts",
			lines: claiming("name", "[1]", "email", "null"),
			want:  "u-17|||||staff,clinicians",
		},
		{
			desc:  "blanks around a name",
			lines: claiming("name", `" Jane Doe\u00a0"`),
			want:  jane,
		},
		{
			desc:  "RFC 2047 means nothing in a claim",
			lines: claiming("name", `"=?utf-8?q?Jos=C3=A9?="`),
			want:  "u-17|jane.doe@example.com|=?utf-8?q?Jos=C3=A9?=|||staff,clinicians",
		},
		{
			desc:  "address that is none",
			lines: claiming("email", `"jane@github"`),
			want:  "u-17||Jane Doe|||staff,clinicians",
		},
		{
			desc:  "two addresses",
			lines: claiming("email", `"jane@example.com@example.org"`),
			want:  refused,
		},
		{
			desc:  "first and last name",
			lines: claiming("given_name", `"Jane"`, "family_name", `"Doe"`),
			want:  "u-17|jane.doe@example.com|Jane Doe|Jane|Doe|staff,clinicians",
		},
		{
			desc:  "groups in a text",
			lines: claiming("groups", `"staff,clinicians"`),
			want:  jane,
		},
		{
			desc:  "no groups",
			lines: claiming("groups", ""),
			want:  "u-17|jane.doe@example.com|Jane Doe|||",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			who, refusedAs, why := readFrom(r, http.Header{"X-Token": row.lines})
			if refusedAs == "" {
				assert.Equal(t, row.want, partsOf(who))
				return
			}
			assert.Equal(t, row.want, refusedAs, why)
			assert.NotRegexp(t, "admin|u-17|jane", why, "quotes a value")
			assert.NotEmpty(t, why)
		})
	}
	_, refusedAs, _ := readFrom(r, http.Header{"X-Token": {genuine}, "X_token": {"x"}})
	assert.Equal(t, refused, refusedAs, "an alias")
}

// TestOnlyKey: a token without a key id is checked by the only key there is.
func TestOnlyKey(t *testing.T) {
	key := newKey(t)
	r := testReader(t, tokenConfig(t, key))
	for _, row := range []struct{ desc, header, want string }{
		{desc: "no key id", header: `{"alg":"ES256"}`},
		{desc: "another key id", header: `{"alg":"ES256","kid":"other"}`, want: refused},
	} {
		t.Run(row.desc, func(t *testing.T) {
			token := sign(t, key, row.header, goodClaims(t))
			_, refusedAs, why := readFrom(r, http.Header{"X-Token": {token}})
			assert.Equal(t, row.want, refusedAs, why)
		})
	}
}

func TestClaimPaths(t *testing.T) {
	key := newKey(t)
	claims := goodClaims(t, "tenant", `{"id":42,"id2":{"a":"b"}}`)
	token := sign(t, key, es256, claims)
	for _, row := range []struct{ desc, path, want string }{
		{desc: "path", path: "realm_access.roles", want: "doctor"},
		{desc: "name with dots", path: "https://example.com/groups", want: "a,b"},
		{desc: "list", path: "groups", want: "staff,clinicians"},
		{desc: "object", path: "realm_access"},
		{desc: "none", path: "none.at.all"},
		{desc: "below a text", path: "sub.x"},
	} {
		t.Run("groups/"+row.desc, func(t *testing.T) {
			c := tokenConfig(t, key)
			c.JWT.Claims.Groups = row.path
			who, refusedAs, why := readFrom(testReader(t, c), http.Header{"X-Token": {token}})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.want, strings.Join(who.Groups, ","))
		})
	}
	for _, row := range []struct{ desc, path, want string }{
		{desc: "number", path: "tenant.id", want: "42"},
		{desc: "longer path", path: "tenant.id2.a", want: "b"},
		{desc: "object", path: "tenant"},
		{desc: "none", path: "tenant.id3"},
	} {
		t.Run("id/"+row.desc, func(t *testing.T) {
			c := tokenConfig(t, key)
			c.JWT.Claims.ID = row.path
			who, refusedAs, why := readFrom(testReader(t, c), http.Header{"X-Token": {token}})
			assert.Equal(t, row.want, who.ID)
			if row.want == "" {
				assert.Equal(t, noIdentity, refusedAs)
				assert.Equal(t, "the token has no claim "+row.path, why)
			}
		})
	}
}

// TestGroupsOfAToken: a token without the claim is in no group.
func TestGroupsOfAToken(t *testing.T) {
	key := newKey(t)
	c := tokenConfig(t, key)
	c.AllowedGroups = []string{"clinicians"}
	r := testReader(t, c)
	for _, row := range []struct {
		desc, groups string
		allowed      bool
	}{
		{desc: "list", groups: `["staff","clinicians"]`, allowed: true},
		{desc: "text", groups: `"staff, clinicians"`, allowed: true},
		{desc: "another", groups: `["staff"]`},
		{desc: "none"},
		{desc: "object", groups: `{"clinicians":true}`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			token := sign(t, key, es256, goodClaims(t, "groups", row.groups))
			who, refusedAs, why := readFrom(r, http.Header{"X-Token": {token}})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.allowed, Allowed(r, who))
		})
	}
}

// TestKeysUnavailable: it is not the caller's fault when there are no keys, and it passes.
func TestKeysUnavailable(t *testing.T) {
	key := newKey(t)
	fetches := 0
	body := "{}"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches++
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c := tokenConfig(t, key)
	c.JWT.JWKS = ""
	c.JWT.JWKSURL = server.URL + "/jwks.json"
	h := http.Header{"X-Token": {sign(t, key, es256, goodClaims(t))}}
	_, refusedAs, why := readFrom(testReader(t, c), h)
	assert.Equal(t, "keys_unavailable", refusedAs)
	assert.Equal(t, "the token in X-Token cannot be checked: the keys cannot be fetched", why)
	body = jwksOf(key)
	first := testReader(t, c)
	who, refusedAs, why := readFrom(first, h)
	require.Empty(t, refusedAs, why)
	assert.Equal(t, "u-17", who.ID)
	assert.Equal(t, 2, fetches)

	// A reload builds the reader anew and keeps the keys.
	for reload := 0; reload < 3; reload++ {
		again := testReader(t, c)
		again.Verifier.Keys = first.Verifier.Keys
		_, refusedAs, why = readFrom(again, h)
		assert.Empty(t, refusedAs, why)
	}
	assert.Equal(t, 2, fetches)
}

const arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/portal/" +
	"0123456789abcdef"

// albToken returns a token as AWS signs it: over the padded text.
func albToken(t *testing.T, key *ecdsa.PrivateKey, header string) string {
	t.Helper()
	claims := goodClaims(t, "aud", "", "given_name", `"Jane"`, "family_name", `"Doe"`)
	content := pad(segment([]byte(header))) + "." + pad(segment([]byte(claims)))
	token := signContent(t, key, content)
	return content + "." + pad(token[len(content)+1:])
}

func pad(segment string) string { return segment + strings.Repeat("=", (4-len(segment)%4)%4) }

// TestLoadBalancerToken: AWS's tokens are padded, name their signer in the header, and have a key
// file each.
func TestLoadBalancerToken(t *testing.T) {
	key := newKey(t)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	asked := []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}))
	t.Cleanup(server.Close)
	c := config.Identity{
		Preset: "aws-alb",
		JWT: config.JWT{
			JWKSURL:  server.URL + "/",
			Issuer:   "https://auth.example.com",
			Audience: arn,
		},
	}
	for _, row := range []struct{ desc, header, want, asked string }{
		{
			desc:   "genuine",
			header: `{"alg":"ES256","kid":"a1-b2","signer":"` + arn + `"}`,
			asked:  "/a1-b2",
		},
		{
			desc:   "another signer",
			header: `{"alg":"ES256","kid":"a1-b2","signer":"` + arn + `x"}`,
			want:   refused,
			asked:  "/a1-b2",
		},
		{
			desc:   "no signer",
			header: `{"alg":"ES256","kid":"a1-b2"}`,
			want:   refused,
			asked:  "/a1-b2",
		},
		{
			desc:   "a path for a key id",
			header: `{"alg":"ES256","kid":"../a1-b2","signer":"` + arn + `"}`,
			want:   refused,
		},
		{
			desc:   "no key id",
			header: `{"alg":"ES256","signer":"` + arn + `"}`,
			want:   refused,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			asked = nil
			h := http.Header{"X-Amzn-Oidc-Data": {albToken(t, key, row.header)}}
			who, refusedAs, why := readFrom(testReader(t, c), h)
			assert.Equal(t, row.want, refusedAs, why)
			assert.Equal(t, row.asked, strings.Join(asked, " "))
			if row.want == "" {
				const want = "u-17|jane.doe@example.com|Jane Doe|Jane|Doe|staff,clinicians"
				assert.Equal(t, want, partsOf(who))
			}
		})
	}
}

// TestTokenPresets: where the presets find token and keys.
func TestTokenPresets(t *testing.T) {
	key := newKey(t)
	for _, row := range []struct {
		desc, preset    string
		jwt             config.JWT
		header, address string
		issuer          string
	}{
		{
			desc:    "pomerium",
			preset:  "pomerium",
			jwt:     config.JWT{Issuer: "portal.example.com", Audience: "a"},
			header:  "X-Pomerium-Jwt-Assertion",
			address: "https://portal.example.com/.well-known/pomerium/jwks.json",
			issuer:  "portal.example.com",
		},
		{
			desc:    "pomerium with an address as issuer",
			preset:  "pomerium",
			jwt:     config.JWT{Issuer: "https://portal.example.com/", Audience: "a"},
			header:  "X-Pomerium-Jwt-Assertion",
			address: "https://portal.example.com/.well-known/pomerium/jwks.json",
			issuer:  "https://portal.example.com/",
		},
		{
			desc:    "cloudflare",
			preset:  "cloudflare",
			jwt:     config.JWT{Issuer: "https://team.cloudflareaccess.com", Audience: "a"},
			header:  "Cf-Access-Jwt-Assertion",
			address: "https://team.cloudflareaccess.com/cdn-cgi/access/certs",
			issuer:  "https://team.cloudflareaccess.com",
		},
		{
			desc:    "google-iap",
			preset:  "google-iap",
			jwt:     config.JWT{Audience: "a"},
			header:  "X-Goog-IAP-JWT-Assertion",
			address: "https://www.gstatic.com/iap/verify/public_key-jwk",
			issuer:  "https://cloud.google.com/iap",
		},
		{
			desc:   "google-iap with another header and address",
			preset: "google-iap",
			jwt: config.JWT{
				Audience: "a",
				Header:   "X-Copy",
				JWKSURL:  "https://keys.example.com/",
			},
			header:  "X-Copy",
			address: "https://keys.example.com/",
			issuer:  "https://cloud.google.com/iap",
		},
		{
			desc:    "aws-alb",
			preset:  "aws-alb",
			jwt:     config.JWT{Issuer: "https://auth.example.com", Audience: arn},
			header:  "X-Amzn-Oidc-Data",
			address: "https://public-keys.auth.elb.us-east-1.amazonaws.com/ES256",
			issuer:  "https://auth.example.com",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			r := testReader(t, config.Identity{Preset: row.preset, JWT: row.jwt})
			assert.Equal(t, row.header, r.source.configured)
			assert.Equal(t, row.issuer, r.Verifier.Issuer)
			assert.Equal(t, row.jwt.Audience, r.Verifier.Audience)
			asked := withoutNetwork(t)
			token := sign(t, key, es256, goodClaims(t))
			_, refusedAs, _ := readFrom(r, http.Header{r.source.canonical: {token}})
			assert.Equal(t, "keys_unavailable", refusedAs)
			assert.Equal(t, row.address, strings.Join(*asked, " "))
		})
	}
}

// withoutNetwork makes every request fail until the test ends. It returns the addresses that are
// asked for.
func withoutNetwork(t *testing.T) *[]string {
	t.Helper()
	asked := &[]string{}
	before := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = before })
	http.DefaultTransport = &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			*asked = append(*asked, r.URL.String())
			return nil, errors.New("no network")
		},
	}
	return asked
}

// TestGoogleID: Google writes the kind of account before the id, which another kind keeps.
func TestGoogleID(t *testing.T) {
	key := newKey(t)
	r := testReader(t, config.Identity{
		Preset: "google-iap",
		JWT:    config.JWT{Audience: "portal"},
	})
	r.Verifier.Keys = jwt.FixedKeys([]byte(jwksOf(key)))
	for _, row := range []struct{ desc, sub, want string }{
		{desc: "account", sub: "accounts.google.com:117", want: "117"},
		{
			desc: "another issuer's account",
			sub:  "securetoken.google.com/p/t:117",
			want: "securetoken.google.com/p/t:117",
		},
		{desc: "prefix alone", sub: "accounts.google.com:"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			claims := goodClaims(t,
				"iss", `"https://cloud.google.com/iap"`,
				"sub", `"`+row.sub+`"`)
			who, refusedAs, why := readFrom(r, http.Header{
				"X-Goog-Iap-Jwt-Assertion": {sign(t, key, es256, claims)},
			})
			assert.Equal(t, row.want, who.ID)
			if row.want == "" {
				assert.Equal(t, noIdentity, refusedAs)
				return
			}
			require.Empty(t, refusedAs, why)
		})
	}
}
