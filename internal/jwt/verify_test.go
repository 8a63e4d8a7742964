package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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

// jwksOf returns a set with the public key under the id.
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

// goodClaims returns good claims with others in place of some; "" takes a claim out.
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

// in returns a time as a claim has it.
func in(seconds int64) string {
	raw, _ := json.Marshal(time.Now().Unix() + seconds)
	return string(raw)
}

// verifierFor takes tokens by the key, whose id is ES256.
func verifierFor(key *ecdsa.PrivateKey) *Verifier {
	return &Verifier{
		Issuer:   "https://auth.example.com",
		Audience: "portal",
		Keys:     FixedKeys([]byte(jwksOf(key, "ES256"))),
	}
}

// TestVerifyNow: what testdata/tokens.json cannot have, as it depends on the second.
func TestVerifyNow(t *testing.T) {
	key := newKey(t)
	v := verifierFor(key)
	const expired = "has expired (exp), or never does"
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

// TestCheckClaims: the second in which a token begins and ends.
func TestCheckClaims(t *testing.T) {
	v := &Verifier{Issuer: "i", Audience: "a"}
	now := time.Unix(1_700_000_000, 999_999_999)
	for _, row := range []struct{ desc, exp, nbf, want string }{
		{desc: "last moment", exp: "1699999941"},
		{desc: "a moment later", exp: "1699999940", want: "has expired (exp), or never does"},
		{desc: "first moment", exp: "1700000001", nbf: "1700000060"},
		{
			desc: "a moment before",
			exp:  "1700000001",
			nbf:  "1700000061",
			want: "is not valid yet (nbf)",
		},
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
	require.EqualError(t, err, "is too long or no JWT")
}

// TestVerifyALB: tokens of AWS load balancers are signed as padded, and name their audience in the
// header.
func TestVerifyALB(t *testing.T) {
	key := newKey(t)
	v := verifierFor(key)
	v.ALB = true
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
			padded.ALB = false
			_, err = Verify(context.Background(), &padded, token)
			require.Error(t, err, "only load balancers pad")
		})
	}
}

func pad(segment string) string {
	end := segment[strings.LastIndex(segment, ".")+1:]
	return segment + strings.Repeat("=", (4-len(end)%4)%4)
}
