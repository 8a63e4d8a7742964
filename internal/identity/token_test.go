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

// jwksOf returns a set with the public key. Its ID is ES256.
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

// goodClaims returns good claims with the changes; "" removes a claim.
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

// tokenConfig returns the configuration for tokens in X-Token, signed by the key.
func tokenConfig(t *testing.T, key *ecdsa.PrivateKey) config.Identity {
	t.Helper()
	return config.Identity{JWT: config.JWT{
		Header:   "X-Token",
		JWKS:     jwksFile(t, jwksOf(key)),
		Issuer:   "https://auth.example.com",
		Audience: "portal",
	}}
}

// TestTokens: a genuine token of any algorithm signs in. All other tokens are refused.
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
	}})
	const (
		jane  = "u-17|||||"
		whole = "u-17|jane.doe@example.com|Jane Doe|||staff,clinicians"
	)
	// Results for tokens that jwt.Verify accepts, but this package checks further.
	others := map[string]string{
		"RS256": whole,
		"RS384": whole,
		"RS512": whole,
		"PS256": whole,
		"ES256": whole,
		"ES384": whole,
		"EdDSA": whole,

		"nothing":           noIdentity,
		"blank before":      whole, // spaces around a header's value are ignored
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
		"over-long name":                jane,
		"name that is a list":           "u-17||1|||", // with one text
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
			if row.Refused { // unchanged
				return
			}
			who, refusedAs, why = readFrom(r, http.Header{"X-Token": {"Bearer " + row.Token}})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, want, partsOf(who))
		})
	}
	assert.Empty(t, others, "rows that are gone")
}

// TestSignedIdentity: the identity from the claims of a genuine token.
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
		desc, want string // an identity, or the refusal
		lines      []string
	}{
		{desc: "genuine", lines: []string{genuine}, want: jane},
		{desc: "Bearer", lines: []string{"Bearer " + genuine}, want: jane},
		{desc: "bearer", lines: []string{"bearer " + genuine}, want: jane},
		{desc: "BEARER", lines: []string{"BEARER " + genuine}, want: jane},
		{desc: "Bearer and two spaces", lines: []string{" Bearer  " + genuine}, want: jane},
		{desc: "Bearer without a space", lines: []string{"Bearer" + genuine}, want: refused},
		{desc: "Bearer twice", lines: []string{"Bearer Bearer " + genuine}, want: refused},
		{desc: "Bearer behind", lines: []string{genuine + " Bearer "}, want: refused},
		{desc: "Bearer alone", lines: []string{"Bearer"}, want: refused},
		{desc: "spaces around", lines: []string{" " + genuine + " "}, want: jane},
		{desc: "another scheme", lines: []string{"Basic " + genuine}, want: refused},
		{desc: "no header", want: noIdentity},
		{desc: "empty header", lines: []string{""}, want: noIdentity},
		{desc: "header of spaces", lines: []string{" "}, want: noIdentity},
		{desc: "two tokens", lines: []string{genuine, genuine}, want: refused},
		{desc: "claims exchanged", lines: []string{forged}, want: refused},
		{desc: "expired", lines: claiming("exp", "1"), want: refused},
		{desc: "no sub", lines: claiming("sub", ""), want: noIdentity},
		{desc: "empty sub", lines: claiming("sub", `""`), want: noIdentity},
		{desc: "sub of spaces", lines: claiming("sub", `" "`), want: noIdentity},
		{desc: "sub that is null", lines: claiming("sub", "null"), want: noIdentity},
		{desc: "sub that is a list", lines: claiming("sub", `["a"]`), want: noIdentity},
		{
			desc:  "sub that is a number",
			lines: claiming("sub", "17"),
			want:  "17|jane.doe@example.com|Jane Doe|||staff,clinicians",
		},
		{desc: "control character", lines: claiming("sub", `"a\u0000b"`), want: refused},
		{desc: "a space after the id", lines: claiming("sub", `"u-17 "`), want: refused},
		{
			desc:  "another space before the id",
			lines: claiming("sub", `"\u2003u-17"`),
			want:  refused,
		},
		{
			desc:  "over-long name",
			lines: claiming("name", `"`+long+`x"`),
			want:  "u-17|jane.doe@example.com||||staff,clinicians",
		},
		{
			desc:  "line break in a name",
			lines: claiming("name", `"Jane\r\nDoe\u0000"`),
			want:  jane,
		},
		{
			desc:  "only line breaks in a name",
			lines: claiming("name", `"\n"`),
			want:  "u-17|jane.doe@example.com||||staff,clinicians",
		},
		{
			desc:  "placeholder for a name",
			lines: claiming("name", `"undefined undefined"`, "given_name", `"null"`),
			want:  "u-17|jane.doe@example.com||||staff,clinicians",
		},
		{
			desc:  "a name like a placeholder",
			lines: claiming("family_name", `"Null"`),
			want:  "u-17|jane.doe@example.com|Jane Doe||Null|staff,clinicians",
		},
		{desc: "placeholder for the id", lines: claiming("sub", `"null"`), want: noIdentity},
		{desc: "zero-width space in the id", lines: claiming("sub", `"u\u200b-17"`), want: refused},
		{desc: "replacement character", lines: claiming("sub", `"u\ufffd17"`), want: refused},
		{desc: "half a pair of UTF-16", lines: claiming("sub", `"u\ud83017"`), want: refused},
		{desc: "over-long id", lines: claiming("sub", `"`+long+`x"`), want: refused},
		{
			desc:  "over-long address",
			lines: claiming("email", `"`+long+`@example.com"`),
			want:  refused,
		},
		{
			desc:  "line break in the address",
			lines: claiming("email", `"jane@example.com\n"`),
			want:  refused,
		},
		{
			desc:  "lists of one",
			lines: claiming("name", `["Jane Doe"]`, "email", `["jane.doe@example.com"]`),
			want:  jane,
		},
		{
			desc:  "lists of two",
			lines: claiming("name", `["Jane","Doe"]`, "email", `["a@example.com","b@example.com"]`),
			want:  "u-17|||||staff,clinicians",
		},
		{
			desc:  "lists of one for all names",
			lines: claiming("given_name", `["Jane"]`, "family_name", `["Doe"]`),
			want:  "u-17|jane.doe@example.com|Jane Doe|Jane|Doe|staff,clinicians",
		},
		{
			desc:  "list in a list",
			lines: claiming("name", `[["Jane"]]`, "email", `[["jane@example.com"]]`),
			want:  "u-17|||||staff,clinicians",
		},
		{
			desc:  "object for a name",
			lines: claiming("name", `{"Jane":{"a":"b"}}`),
			want:  "u-17|jane.doe@example.com||||staff,clinicians",
		},
		{
			desc:  "two addresses in a list of one",
			lines: claiming("email", `["jane@example.com,admin@example.com"]`),
			want:  refused,
		},
		{
			desc:  "address that nobody verified, and another id",
			lines: claiming("email_verified", "false"),
			want:  jane,
		},
		{
			desc:  "just not over-long name",
			lines: claiming("name", `"`+long+`"`),
			want:  "u-17|jane.doe@example.com|" + long + "|||staff,clinicians",
		},
		{
			desc:  "names that are no texts",
			lines: claiming("name", "true", "email", "null"),
			want:  "u-17|||||staff,clinicians",
		},
		{
			desc:  "spaces around a name",
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

// TestKeyID: a token without a key ID is verified with the keys for its algorithm.
func TestKeyID(t *testing.T) {
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
	claims := goodClaims(t,
		"tenant", `{"id":42,"id2":{"a":"b"},"x.y":"dotted"}`,
		"https://example.com/app", `{"roles":["nurse"],"id":"e-1"}`,
		"hr", `{"id":"split"}`,
		"hr.id", `"whole"`,
		"hr.gone", "null")
	token := sign(t, key, es256, claims)
	for _, row := range []struct{ desc, path, want string }{
		{desc: "path", path: "realm_access.roles", want: "doctor"},
		{desc: "name with dots", path: "https://example.com/groups", want: "a"},
		{desc: "path below an address", path: "https://example.com/app.roles", want: "nurse"},
		{desc: "list", path: "groups", want: "clinicians"},
		{desc: "object", path: "realm_access"},
		{desc: "none", path: "none.at.all"},
		{desc: "below a text", path: "sub.x"},
		{desc: "below a list", path: "groups.1"},
	} {
		t.Run("groups/"+row.desc, func(t *testing.T) {
			c := tokenConfig(t, key)
			c.JWT.Claims.Groups = row.path
			c.AllowedGroups = []string{config.OrElse(row.want, "doctor")}
			r := testReader(t, c)
			who, refusedAs, why := readFrom(r, http.Header{"X-Token": {token}})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.want != "", Allowed(r, who))
		})
	}
	for _, row := range []struct{ desc, path, want string }{
		{desc: "number", path: "tenant.id", want: "42"},
		{desc: "longer path", path: "tenant.id2.a", want: "b"},
		{desc: "name with dots below", path: "tenant.x.y", want: "dotted"},
		{desc: "path below an address", path: "https://example.com/app.id", want: "e-1"},
		{desc: "the whole path is a name", path: "hr.id", want: "whole"},
		{desc: "the whole path is a name with null", path: "hr.gone"},
		{desc: "object", path: "tenant"},
		{desc: "list of one", path: "realm_access.roles"},
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

// TestDefaultClaims: an unset claim has OpenID Connect's name.
func TestDefaultClaims(t *testing.T) {
	key := newKey(t)
	token := sign(t, key, es256, goodClaims(t,
		"given_name", `"Jane"`,
		"family_name", `"Doe"`,
		"preferred_username", `"jdoe"`,
		"roles", `["lead"]`))
	for _, row := range []struct {
		desc, preset string
		claims       config.Headers
		want         string
	}{
		{desc: "none", want: "u-17|jane.doe@example.com|Jane Doe|Jane|Doe|staff,clinicians"},
		{
			desc:   "one",
			claims: config.Headers{ID: "preferred_username"},
			want:   "jdoe|jane.doe@example.com|Jane Doe|Jane|Doe|staff,clinicians",
		},
		{
			desc:   "one that is not there",
			claims: config.Headers{Email: "mail", FirstName: "first"},
			want:   "u-17||Jane Doe||Doe|staff,clinicians",
		},
		{
			desc:   "preset's",
			preset: "teleport",
			want:   "u-17|jane.doe@example.com|Jane Doe|Jane|Doe|lead",
		},
		{
			desc:   "beside the preset's",
			preset: "teleport",
			claims: config.Headers{Groups: "groups"},
			want:   "u-17|jane.doe@example.com|Jane Doe|Jane|Doe|staff,clinicians",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := tokenConfig(t, key)
			c.Preset = row.preset
			c.JWT.Claims = row.claims
			who, refusedAs, why := readFrom(testReader(t, c), http.Header{"X-Token": {token}})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.want, partsOf(who))
		})
	}
}

// TestClaimsBelow: Cloudflare Access puts the identity provider's claims below "custom". People can
// often choose these, so ID and email address must not come from there.
func TestClaimsBelow(t *testing.T) {
	key := newKey(t)
	const custom = `{"sub":"admin","email":"admin@example.com","name":"Jane Roe",` +
		`"given_name":"Jane","family_name":["Roe"],"groups":["custom-staff"],` +
		`"realm_access":{"roles":["nurse"]}}`
	for _, row := range []struct {
		desc, preset string
		claims       config.Headers
		replace      []string
		want         string // an identity, or the refusal
	}{
		{
			desc:   "what the token itself has comes first",
			preset: "cloudflare",
			want:   "u-17|jane.doe@example.com|Jane Doe|Jane|Roe|staff,clinicians",
		},
		{
			desc:    "names and groups",
			preset:  "cloudflare",
			replace: []string{"name", "", "groups", ""},
			want:    "u-17|jane.doe@example.com|Jane Roe|Jane|Roe|custom-staff",
		},
		{
			desc:    "null hides them",
			preset:  "cloudflare",
			replace: []string{"name", "null", "groups", "null"},
			want:    "u-17|jane.doe@example.com||Jane|Roe|",
		},
		{
			desc:    "path",
			preset:  "cloudflare",
			claims:  config.Headers{Groups: "realm_access.roles"},
			replace: []string{"realm_access", ""},
			want:    "u-17|jane.doe@example.com|Jane Doe|Jane|Roe|nurse",
		},
		{
			desc:    "no address",
			preset:  "cloudflare",
			replace: []string{"email", ""},
			want:    "u-17||Jane Doe|Jane|Roe|staff,clinicians",
		},
		{
			desc:    "no id",
			preset:  "cloudflare",
			replace: []string{"sub", ""},
			want:    noIdentity,
		},
		{
			desc:    "no id and another claim for it",
			preset:  "cloudflare",
			claims:  config.Headers{ID: "email"},
			replace: []string{"email", ""},
			want:    noIdentity,
		},
		{
			desc:    "another preset",
			preset:  "pomerium",
			replace: []string{"name", "", "groups", ""},
			want:    "u-17|jane.doe@example.com||||",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := tokenConfig(t, key)
			c.Preset = row.preset
			c.JWT.Claims = row.claims
			claims := goodClaims(t, append([]string{"custom", custom}, row.replace...)...)
			token := sign(t, key, es256, claims)
			who, refusedAs, why := readFrom(testReader(t, c), http.Header{"X-Token": {token}})
			if row.want == noIdentity {
				assert.Equal(t, noIdentity, refusedAs, why)
				return
			}
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.want, partsOf(who))
		})
	}
}

// TestUnverifiedAddress: if email addresses identify people, an unverified one could be another
// person's.
func TestUnverifiedAddress(t *testing.T) {
	key := newKey(t)
	for _, row := range []struct {
		desc, id, verified string
		byEmail            bool
		refused            bool
	}{
		{desc: "the id is another claim", id: "sub", verified: "false"},
		{desc: "no word of it", id: "email"},
		{desc: "true", id: "email", verified: "true"},
		{desc: "true as a text", id: "email", verified: `"true"`},
		{desc: "false", id: "email", verified: "false", refused: true},
		{desc: "false as a text", id: "email", verified: `"false"`, refused: true},
		{
			desc:     "VSee knows people by the address",
			id:       "sub",
			verified: "false",
			byEmail:  true,
			refused:  true,
		},
		{
			desc:     "VSee knows people by the address, and it is verified",
			id:       "sub",
			verified: "true",
			byEmail:  true,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := tokenConfig(t, key)
			c.JWT.Claims.ID = row.id
			r := testReader(t, c)
			r.ByEmail = row.byEmail
			token := sign(t, key, es256, goodClaims(t, "email_verified", row.verified))
			who, refusedAs, why := readFrom(r, http.Header{"X-Token": {token}})
			if row.refused {
				assert.Equal(t, refused, refusedAs)
				assert.Contains(t, why, "email_verified")
				return
			}
			require.Empty(t, refusedAs, why)
			assert.Equal(t, "jane.doe@example.com", who.Email)
		})
	}
}

// TestKeysUnavailable: missing keys are a temporary failure, not a refusal.
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

	// A reload builds a new reader and keeps the keys.
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

// albToken returns a token that is signed like AWS's: over the padded text.
func albToken(t *testing.T, key *ecdsa.PrivateKey, header string) string {
	t.Helper()
	claims := goodClaims(t, "aud", "", "given_name", `"Jane"`, "family_name", `"Doe"`)
	content := pad(segment([]byte(header))) + "." + pad(segment([]byte(claims)))
	token := signContent(t, key, content)
	return content + "." + pad(token[len(content)+1:])
}

func pad(segment string) string { return segment + strings.Repeat("=", (4-len(segment)%4)%4) }

// TestLoadBalancerToken: AWS pads tokens, names the signer in the header, and has one file per key.
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
		},
		{
			desc:   "no signer",
			header: `{"alg":"ES256","kid":"a1-b2"}`,
			want:   refused,
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

// TestTokenPresets: the presets' token headers and key addresses.
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
			desc:   "address with a query",
			preset: "custom",
			jwt: config.JWT{
				Header:   "X-Token",
				Issuer:   "https://auth.example.com",
				Audience: "portal",
				JWKSURL:  "https://keys.example.com/keys?appid=7&v=2",
			},
			header:  "X-Token",
			address: "https://keys.example.com/keys?appid=7&v=2",
			issuer:  "https://auth.example.com",
		},
		{
			desc:   "query that looks like another host",
			preset: "custom",
			jwt: config.JWT{
				Header:   "X-Token",
				Issuer:   "https://auth.example.com",
				Audience: "portal",
				JWKSURL:  "https://keys.example.com?@evil.example.com/",
			},
			header:  "X-Token",
			address: "https://keys.example.com?@evil.example.com/",
			issuer:  "https://auth.example.com",
		},
		{
			desc:   "aws-verified-access",
			preset: "aws-verified-access",
			jwt: config.JWT{
				Issuer:   "https://auth.example.com",
				Audience: "arn:aws:ec2:eu-west-1:1:verified-access-instance/vai-1",
			},
			header:  "X-Amzn-Ava-User-Context",
			address: "https://public-keys.prod.verified-access.eu-west-1.amazonaws.com/ES256",
			issuer:  "https://auth.example.com",
		},
		{
			desc:   "aws-alb in China",
			preset: "aws-alb",
			jwt: config.JWT{
				Issuer:   "https://auth.example.com",
				Audience: "arn:aws-cn:elasticloadbalancing:cn-north-1:1:loadbalancer/app/p/1",
				JWKSURL:  "https://keys.example.com/folder",
			},
			header:  "X-Amzn-Oidc-Data",
			address: "https://keys.example.com/folder/ES256",
			issuer:  "https://auth.example.com",
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
			header := `{"alg":"ES256","kid":"ES256","signer":"` + row.jwt.Audience + `"}`
			token := sign(t, key, header, goodClaims(t,
				"iss", `"`+row.issuer+`"`,
				"aud", `"`+row.jwt.Audience+`"`))
			_, refusedAs, why := readFrom(r, http.Header{r.source.canonical: {token}})
			assert.Equal(t, "keys_unavailable", refusedAs, why)
			assert.Equal(t, row.address, strings.Join(*asked, " "))
		})
	}
}

// TestFileOverTheAddress: jwks takes precedence over the preset's address.
func TestFileOverTheAddress(t *testing.T) {
	key := newKey(t)
	for _, row := range []struct{ preset, issuer string }{
		{preset: "google-iap", issuer: "https://cloud.google.com/iap"},
		{preset: "cloudflare", issuer: "https://team.cloudflareaccess.com"},
		{preset: "pomerium", issuer: "portal.example.com"},
		{preset: "aws-alb", issuer: "https://auth.example.com"},
	} {
		t.Run(row.preset, func(t *testing.T) {
			c := config.Identity{Preset: row.preset, JWT: config.JWT{
				JWKS:     jwksFile(t, jwksOf(key)),
				Issuer:   row.issuer,
				Audience: arn,
			}}
			r := testReader(t, c)
			asked := withoutNetwork(t)
			header := `{"alg":"ES256","kid":"ES256","signer":"` + arn + `"}`
			token := sign(t, key, header,
				goodClaims(t, "iss", `"`+row.issuer+`"`, "aud", `"`+arn+`"`))
			_, refusedAs, why := readFrom(r, http.Header{r.source.canonical: {token}})
			require.Empty(t, refusedAs, why)
			stranger := sign(t, newKey(t), header,
				goodClaims(t, "iss", `"`+row.issuer+`"`, "aud", `"`+arn+`"`))
			_, refusedAs, _ = readFrom(r, http.Header{r.source.canonical: {stranger}})
			assert.Equal(t, refused, refusedAs)
			assert.Empty(t, *asked)
		})
	}
}

// TestVerifiedAccess: AWS Verified Access has iss and exp in the token's header.
func TestVerifiedAccess(t *testing.T) {
	key := newKey(t)
	const instance = "arn:aws:ec2:eu-west-1:1:verified-access-instance/vai-1"
	c := config.Identity{Preset: "aws-verified-access", JWT: config.JWT{
		JWKS:     jwksFile(t, jwksOf(key)),
		Issuer:   "https://auth.example.com",
		Audience: instance,
	}}
	in5Minutes, err := json.Marshal(time.Now().Unix() + 300)
	require.NoError(t, err)
	for _, row := range []struct{ desc, header, want string }{
		{desc: "genuine", header: `"iss":"https://auth.example.com","exp":` + string(in5Minutes)},
		{
			desc:   "another issuer",
			header: `"iss":"https://evil.example.com","exp":` + string(in5Minutes),
			want:   refused,
		},
		{desc: "expired", header: `"iss":"https://auth.example.com","exp":1`, want: refused},
		{desc: "no end", header: `"iss":"https://auth.example.com"`, want: refused},
	} {
		t.Run(row.desc, func(t *testing.T) {
			header := `{"alg":"ES256","kid":"ES256","signer":"` + instance + `",` + row.header + `}`
			claims := goodClaims(t, "iss", "", "exp", "", "aud", "")
			content := pad(segment([]byte(header))) + "." + pad(segment([]byte(claims)))
			token := signContent(t, key, content)
			h := http.Header{"X-Amzn-Ava-User-Context": {token}}
			_, refusedAs, why := readFrom(testReader(t, c), h)
			assert.Equal(t, row.want, refusedAs, why)
		})
	}
}

// withoutNetwork makes every request fail until the test ends. It returns the requested addresses.
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

// TestGoogleID: Clinicpass removes Google's prefix from the ID, but keeps any other prefix.
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
		{
			desc: "prefix twice",
			sub:  "accounts.google.com:accounts.google.com:117",
			want: "accounts.google.com:117",
		},
		{desc: "prefix in capitals", sub: "Accounts.google.com:1", want: "Accounts.google.com:1"},
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
