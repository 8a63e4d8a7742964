package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const es256 = `{"alg":"ES256","kid":"ES256"}`

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func segment(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// jwksOf returns a set with the public key and its ID.
func jwksOf(key *ecdsa.PrivateKey, id string) string {
	x := make([]byte, 32)
	y := make([]byte, 32)
	return `{"keys":[{"kty":"EC","crv":"P-256","kid":"` + id + `","x":"` +
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
		"iss": "https://auth.example.com",
		"aud": "portal",
		"exp": now + 300,
		"iat": now,
		"nbf": now,
		"sub": "u-17",
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

// in returns a time in the form of a claim.
func in(seconds int64) string {
	raw, _ := json.Marshal(time.Now().Unix() + seconds)
	return string(raw)
}

// verifierFor returns a verifier for tokens by the key, whose ID is ES256.
func verifierFor(key *ecdsa.PrivateKey) *Verifier {
	return &Verifier{
		Issuer:   "https://auth.example.com",
		Audience: "portal",
		Keys:     FixedKeys([]byte(jwksOf(key, "ES256"))),
	}
}

// TestVerifyNow has tokens that depend on the time, which testdata/tokens.json cannot contain.
func TestVerifyNow(t *testing.T) {
	key := newKey(t)
	v := verifierFor(key)
	const expired = "has expired, or has no expiration time (exp)"
	for _, row := range []struct{ desc, claim, value, problem string }{
		{desc: "good", claim: "x", value: "1"},
		{desc: "expired", claim: "exp", value: in(-61), problem: expired},
		{desc: "just not expired", claim: "exp", value: in(-50)},
		{desc: "fractions of seconds", claim: "exp", value: in(300) + ".5"},
		{
			desc:    "expired by fractions of seconds",
			claim:   "exp",
			value:   in(-62) + ".9",
			problem: expired,
		},
		{
			desc:    "exp that is a text",
			claim:   "exp",
			value:   `"` + in(300) + `"`,
			problem: expired,
		},
		{desc: "not yet", claim: "nbf", value: in(90), problem: "is not valid yet (nbf)"},
		{desc: "almost valid", claim: "nbf", value: in(50)},
		{desc: "no nbf", claim: "nbf"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			token := sign(t, key, es256, goodClaims(t, row.claim, row.value))
			claims, err := Verify(context.Background(), v, token)
			if row.problem != "" {
				require.EqualError(t, err, row.problem)
				assert.Zero(t, len(claims))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, `"u-17"`, string(claims["sub"]))
			assert.Equal(t, row.value, string(claims[row.claim]))
		})
	}
}

// TestCheckClaims: the exact second at which a token becomes valid and expires.
func TestCheckClaims(t *testing.T) {
	v := &Verifier{Issuer: "i", Audience: "a"}
	now := time.Unix(1_700_000_000, 999_999_999)
	for _, row := range []struct{ desc, exp, nbf, want string }{
		{desc: "last moment", exp: "1699999941"},
		{desc: "a moment later", exp: "1699999940", want: "has expired, or has no expiration time (exp)"},
		{desc: "first moment", exp: "1700000001", nbf: "1700000060"},
		{
			desc: "a moment before",
			exp:  "1700000001",
			nbf:  "1700000061",
			want: "is not valid yet (nbf)",
		},
		{
			desc: "no beginning",
			exp:  "1700000001",
			nbf:  `"1700000000"`,
			want: "is not valid yet (nbf)",
		},
		{desc: "the last time there is", exp: "100000000000"},
		{
			desc: "milliseconds by mistake",
			exp:  "100000000001",
			want: "has expired, or has no expiration time (exp)",
		},
		{desc: "before all time", exp: "-1", want: "has expired, or has no expiration time (exp)"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			claims := Claims{
				"iss": json.RawMessage(`"i"`),
				"aud": json.RawMessage(`"a"`),
				"exp": json.RawMessage(row.exp),
			}
			if row.nbf != "" {
				claims["nbf"] = json.RawMessage(row.nbf)
			}
			assert.Equal(t, row.want, checkClaims(v, Claims{}, claims, now))
		})
	}
}

// TestMaxToken: a token may have exactly MaxToken bytes.
func TestMaxToken(t *testing.T) {
	key := newKey(t)
	v := verifierFor(key)
	header := `{"alg":"ES256","kid":"ES256" }` // 40 bytes in base64; a signature has 86
	claims := goodClaims(t)
	claims += strings.Repeat(" ", (MaxToken-40-86-2)/4*3-len(claims))
	longest := sign(t, key, header, claims)
	require.Len(t, longest, MaxToken)
	_, err := Verify(context.Background(), v, longest)
	require.NoError(t, err)
	_, err = Verify(context.Background(), v, sign(t, key, header, claims+" "))
	require.EqualError(t, err, "is too long or not a JWT")
}

// TestKind: a token of another kind signs nobody in, even if it is otherwise valid.
func TestKind(t *testing.T) {
	key := newKey(t)
	v := verifierFor(key)
	for _, row := range []struct {
		desc, typ, events string
		refused           bool
	}{
		{desc: "no typ"},
		{desc: "JWT", typ: `"JWT"`},
		{desc: "jwt", typ: `"jwt"`},
		{desc: "access token", typ: `"at+jwt"`},
		{desc: "access token in capitals", typ: `"AT+JWT"`},
		{desc: "access token's media type", typ: `"application/at+jwt"`},
		{desc: "typ that is null", typ: "null"},
		{desc: "typ that ends otherwise", typ: `"logout+jwtx"`},
		{desc: "logout token", typ: `"logout+jwt"`, refused: true},
		{desc: "logout token in capitals", typ: `"LOGOUT+JWT"`, refused: true},
		{desc: "logout token's media type", typ: `"application/logout+jwt"`, refused: true},
		{desc: "media type in capitals", typ: `"Application/Logout+JWT"`, refused: true},
		{desc: "security event", typ: `"secevent+jwt"`, refused: true},
		{desc: "proof of possession", typ: `"dpop+jwt"`, refused: true},
		{desc: "another access token", typ: `"xat+jwt"`, refused: true},
		{desc: "nothing before the plus", typ: `"+jwt"`, refused: true},
		{
			desc:    "events",
			events:  `{"http://schemas.openid.net/event/backchannel-logout":{}}`,
			refused: true,
		},
		{desc: "no events in it", events: "{}", refused: true},
		{desc: "events that are null", events: "null", refused: true},
		{desc: "events of an access token", typ: `"at+jwt"`, events: "{}", refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			header := es256
			if row.typ != "" {
				header = `{"alg":"ES256","kid":"ES256","typ":` + row.typ + `}`
			}
			token := sign(t, key, header, goodClaims(t, "events", row.events))
			_, err := Verify(context.Background(), v, token)
			if row.refused {
				require.EqualError(t, err,
					"is not an identity token (typ, events): it may be a logout token")
				return
			}
			require.NoError(t, err)
		})
	}
	_, err := Verify(context.Background(), v,
		sign(t, key, es256, goodClaims(t, "x", `{"events":{}}`)))
	require.NoError(t, err, "events below another claim")
}

// TestClaimsComeFirst: a token for another audience causes no fetch of keys.
func TestClaimsComeFirst(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	v := verifierFor(key)
	for _, row := range []struct {
		desc, header string
		claims       []string
		fetches      int
	}{
		{desc: "for us", header: es256, fetches: 1},
		{desc: "another issuer", header: es256, claims: []string{"iss", `"x"`}},
		{desc: "another audience", header: es256, claims: []string{"aud", `"x"`}},
		{desc: "expired", header: es256, claims: []string{"exp", "1"}},
		{desc: "not valid yet", header: es256, claims: []string{"nbf", in(90)}},
		{desc: "events", header: es256, claims: []string{"events", "{}"}},
		{desc: "typ", header: `{"alg":"ES256","kid":"ES256","typ":"logout+jwt"}`},
		{desc: "crit", header: `{"alg":"ES256","kid":"ES256","crit":["x"]}`},
		{desc: "key id that is a list", header: `{"alg":"ES256","kid":["ES256"]}`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server.asked = nil
			v.Keys = FetchedKeys(server.url, false)
			token := sign(t, key, row.header, goodClaims(t, row.claims...))
			_, err := Verify(context.Background(), v, token)
			require.Error(t, err)
			assert.Len(t, server.asked, row.fetches)
			assert.Equal(t, row.fetches == 1, errors.Is(err, ErrKeys))
		})
	}
}

// TestAudiences: aud is a text or a list of texts.
func TestAudiences(t *testing.T) {
	key := newKey(t)
	v := verifierFor(key)
	const another = "is for another audience (aud) than identity.jwt.audience"
	for _, row := range []struct {
		desc, aud string
		refused   bool
	}{
		{desc: "text", aud: `"portal"`},
		{desc: "list", aud: `["other","portal"]`},
		{desc: "another", aud: `"other"`, refused: true},
		{desc: "list in a text", aud: `"[\"portal\"]"`, refused: true},
		{desc: "list with a list", aud: `["other",["portal"]]`, refused: true},
		{desc: "list with a number", aud: `["portal",1]`, refused: true},
		{desc: "texts with a comma", aud: `"portal,other"`, refused: true},
		{desc: "empty list", aud: `[]`, refused: true},
		{desc: "null", aud: `null`, refused: true},
		{desc: "none", refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			token := sign(t, key, es256, goodClaims(t, "aud", row.aud))
			_, err := Verify(context.Background(), v, token)
			if row.refused {
				require.EqualError(t, err, another)
				return
			}
			require.NoError(t, err)
		})
	}
}

// TestVerifyAWS: AWS pads tokens before signing, and names the audience in the header.
func TestVerifyAWS(t *testing.T) {
	key := newKey(t)
	v := verifierFor(key)
	v.AWS = true
	v.Audience = "arn"
	for _, row := range []struct {
		desc, header, aud string
		plain, refused    bool // plain: not padded
	}{
		{desc: "genuine", header: `{"alg":"ES256","kid":"ES256","signer":"arn"}`},
		{desc: "not padded", header: `{"alg":"ES256","kid":"ES256","signer":"arn"}`, plain: true},
		{
			desc:    "another signer",
			header:  `{"alg":"ES256","kid":"ES256","signer":"arn2"}`,
			refused: true,
		},
		{
			desc:    "another signer, and the audience in the claims",
			header:  `{"alg":"ES256","kid":"ES256","signer":"arn2"}`,
			aud:     `"arn"`,
			refused: true,
		},
		{desc: "no signer", header: es256, refused: true},
		{desc: "audience in the claims", header: es256, aud: `"arn"`, refused: true},
		{
			desc:    "signers in a list",
			header:  `{"alg":"ES256","kid":"ES256","signer":["arn"]}`,
			refused: true,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			content := pad(segment([]byte(row.header))) + "." +
				pad(segment([]byte(goodClaims(t, "aud", row.aud, "x", `"xxxx"`))))
			if row.plain {
				content = strings.ReplaceAll(content, "=", "")
			} else {
				require.Contains(t, content, "=")
			}
			token := pad(signContent(t, key, content))
			_, err := Verify(context.Background(), v, token)
			if row.refused {
				require.EqualError(t, err,
					"is for another audience (aud) than identity.jwt.audience")
				return
			}
			require.NoError(t, err)
			padded := *v
			padded.AWS = false
			_, err = Verify(context.Background(), &padded, token)
			require.Error(t, err, "only AWS pads")
		})
	}
}

// TestSignerIsForAWS: the audience in the header counts only for AWS.
func TestSignerIsForAWS(t *testing.T) {
	key := newKey(t)
	token := sign(t, key, `{"alg":"ES256","kid":"ES256","signer":"portal"}`,
		goodClaims(t, "aud", `"other"`))
	_, err := Verify(context.Background(), verifierFor(key), token)
	require.EqualError(t, err, "is for another audience (aud) than identity.jwt.audience")
}

// TestClaimsInTheHeader: only AWS may have iss and exp in the header. If both have them, the claims
// count.
func TestClaimsInTheHeader(t *testing.T) {
	key := newKey(t)
	const (
		issuer      = `"https://auth.example.com"`
		otherIssuer = "has another issuer (iss) than identity.jwt.issuer"
		expired     = "has expired, or has no expiration time (exp)"
	)
	for _, row := range []struct {
		desc, iss, exp     string // of the header
		claimIss, claimExp string
		other              bool // not AWS
		want               string
	}{
		{desc: "in the claims", claimIss: issuer, claimExp: in(300)},
		{desc: "in the header", iss: issuer, exp: in(300)},
		{desc: "in both", iss: issuer, exp: in(300), claimIss: issuer, claimExp: in(300)},
		{desc: "one in each", iss: issuer, claimExp: in(300)},
		{desc: "in neither", want: otherIssuer},
		{desc: "another issuer", iss: `"x"`, exp: in(300), want: otherIssuer},
		{
			desc:     "another issuer in the claims",
			iss:      issuer,
			exp:      in(300),
			claimIss: `"x"`,
			want:     otherIssuer,
		},
		{
			desc:     "another issuer in the header, ours in the claims",
			iss:      `"x"`,
			claimIss: issuer,
			claimExp: in(300),
		},
		{
			desc:     "null in the claims",
			iss:      issuer,
			exp:      in(300),
			claimIss: "null",
			want:     otherIssuer,
		},
		{desc: "expired", iss: issuer, exp: in(-61), want: expired},
		{desc: "no end", iss: issuer, want: expired},
		{
			desc:     "expired by the claims",
			iss:      issuer,
			exp:      in(300),
			claimExp: in(-61),
			want:     expired,
		},
		{desc: "not AWS", iss: issuer, exp: in(300), other: true, want: otherIssuer},
		{
			desc:     "not AWS, the end",
			exp:      in(300),
			claimIss: issuer,
			other:    true,
			want:     expired,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			v := verifierFor(key)
			v.AWS = !row.other
			header := `{"alg":"ES256","kid":"ES256","signer":"portal"`
			if row.iss != "" {
				header += `,"iss":` + row.iss
			}
			if row.exp != "" {
				header += `,"exp":` + row.exp
			}
			claims := goodClaims(t, "iss", row.claimIss, "exp", row.claimExp)
			_, err := Verify(context.Background(), v, sign(t, key, header+"}", claims))
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, row.want)
		})
	}
}

func pad(segment string) string {
	end := segment[strings.LastIndex(segment, ".")+1:]
	return segment + strings.Repeat("=", (4-len(end)%4)%4)
}
