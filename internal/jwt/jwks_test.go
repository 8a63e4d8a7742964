package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKeysOfASet: parseJWKS skips keys that are not for signatures, too small, off their curve, or
// of another type than alg.
func TestKeysOfASet(t *testing.T) {
	taken := []string{}
	for _, key := range parseJWKS(readTokens(t).JWKS) {
		taken = append(taken, key.id+"/"+key.algorithm)
	}
	sort.Strings(taken)
	assert.Equal(t, "ES256/ES256 ES384/ES384 EdDSA/EdDSA PS256/PS256 RS256/RS256 RS384/RS384 "+
		"RS512/RS512 plain/RS256", strings.Join(taken, " "))
}

// entryOf returns the public key as an entry of a set, after the given members.
func entryOf(key *ecdsa.PrivateKey, members string) string {
	x := make([]byte, 32)
	y := make([]byte, 32)
	return `{` + members + `"kty":"EC","crv":"P-256","x":"` + segment(key.X.FillBytes(x)) +
		`","y":"` + segment(key.Y.FillBytes(y)) + `"}`
}

func setOf(entries ...string) []byte {
	return []byte(`{"keys":[` + strings.Join(entries, ",") + `]}`)
}

// TestSeveralKeys: Clinicpass tries all keys with the token's ID and algorithm. Without an ID it
// tries all for the algorithm. It never tries more than eight.
func TestSeveralKeys(t *testing.T) {
	key := newKey(t)
	strangers := make([]string, 8)
	nameless := make([]string, 8)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	edwards := make([]string, 8)
	for i := range strangers {
		stranger := newKey(t)
		strangers[i] = entryOf(stranger, `"kid":"a",`)
		nameless[i] = entryOf(stranger, "")
		edwards[i] = `{"kid":"a","kty":"OKP","crv":"Ed25519","x":"` + segment(public) + `"}`
	}
	const (
		a     = `{"alg":"ES256","kid":"a"}`
		none  = `{"alg":"ES256"}`
		empty = `{"alg":"ES256","kid":""}`
	)
	ours := entryOf(key, `"kid":"a",`)
	oursAsB := entryOf(key, `"kid":"b",`)
	oursNameless := entryOf(key, "")
	with := func(entries []string, last string) []string {
		return append(append([]string{}, entries...), last)
	}
	for _, row := range []struct {
		desc, header string
		set          []string
		refused      bool
	}{
		{desc: "the first of its id", header: a, set: []string{ours, strangers[0]}},
		{desc: "the second of its id", header: a, set: []string{strangers[0], ours}},
		{desc: "none of its id", header: a, set: []string{strangers[0], oursAsB}, refused: true},
		{desc: "only another id", header: a, set: []string{oursAsB}, refused: true},
		{desc: "a key without an id", header: a, set: []string{oursNameless}, refused: true},
		{desc: "the eighth of its id", header: a, set: with(strangers[1:], ours)},
		{desc: "the ninth of its id", header: a, set: with(strangers, ours), refused: true},
		{desc: "behind keys of another type", header: a, set: with(edwards, ours)},
		{desc: "behind keys of another id", header: a, set: with(nameless, ours)},
		{desc: "no key id", header: none, set: []string{strangers[0], oursAsB}},
		{desc: "no key id on both sides", header: none, set: []string{nameless[0], oursNameless}},
		{desc: "empty key id", header: empty, set: []string{strangers[0], oursAsB}},
		{desc: "no key id, the eighth", header: none, set: with(strangers[1:], oursAsB)},
		{desc: "no key id, the ninth", header: none, set: with(strangers, ours), refused: true},
		{desc: "no key id, behind another type", header: none, set: with(edwards, ours)},
		{desc: "no key id, a stranger's", header: none, set: strangers, refused: true},
		{
			desc:    "key id null",
			header:  `{"alg":"ES256","kid":null}`,
			set:     []string{ours},
			refused: true,
		},
		{desc: "key id 0", header: `{"alg":"ES256","kid":0}`, set: []string{ours}, refused: true},
		{
			desc:    "key id in a list",
			header:  `{"alg":"ES256","kid":["a"]}`,
			set:     []string{ours},
			refused: true,
		},
		{
			desc:    "key id false",
			header:  `{"alg":"ES256","kid":false}`,
			set:     []string{ours},
			refused: true,
		},
		{
			desc:   "key id that is a number, on both sides",
			header: `{"alg":"ES256","kid":17}`,
			set:    []string{entryOf(key, `"kid":"17",`)},
		},
		{desc: "alg none", header: `{"alg":"none"}`, set: []string{ours}, refused: true},
		{desc: "another alg", header: `{"alg":"RS256"}`, set: []string{ours}, refused: true},
		{desc: "no alg", header: `{"kid":"a"}`, set: []string{ours}, refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			v := verifierFor(key)
			v.Keys = FixedKeys(setOf(row.set...))
			require.NotNil(t, v.Keys)
			_, err := Verify(context.Background(), v, sign(t, key, row.header, goodClaims(t)))
			if row.refused {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
		})
	}
}

// TestOddEntries: an invalid entry in a set is skipped and affects no other key.
func TestOddEntries(t *testing.T) {
	key := newKey(t)
	good := entryOf(key, `"kid":"good",`)
	for _, row := range []struct {
		desc, entry string
		taken       bool // the entry is a key too
	}{
		{desc: "for signatures", entry: entryOf(key, `"use":"sig",`), taken: true},
		{desc: "empty use", entry: entryOf(key, `"use":"",`), taken: true},
		{desc: "to verify", entry: entryOf(key, `"key_ops":["verify"],`), taken: true},
		{
			desc:  "to sign and verify",
			entry: entryOf(key, `"key_ops":["sign","verify"],`),
			taken: true,
		},
		{desc: "operations that are null", entry: entryOf(key, `"key_ops":null,`), taken: true},
		{desc: "its own algorithm", entry: entryOf(key, `"alg":"ES256",`), taken: true},
		{
			desc:  "members that nobody knows",
			entry: entryOf(key, `"x5c":["x"],"y2":1,`),
			taken: true,
		},
		{desc: "for encryption", entry: entryOf(key, `"use":"enc",`)},
		{desc: "use in capitals", entry: entryOf(key, `"use":"SIG",`)},
		{desc: "to agree on a key", entry: entryOf(key, `"key_ops":["deriveKey"],`)},
		{desc: "only to sign", entry: entryOf(key, `"key_ops":["sign"],`)},
		{desc: "for nothing", entry: entryOf(key, `"key_ops":[],`)},
		{desc: "operations that are a text", entry: entryOf(key, `"key_ops":"verify",`)},
		{desc: "another algorithm", entry: entryOf(key, `"alg":"ES384",`)},
		{desc: "another type's algorithm", entry: entryOf(key, `"alg":"RS256",`)},
		{desc: "no signatures' algorithm", entry: entryOf(key, `"alg":"ECDH-ES",`)},
		{desc: "key id that is a number", entry: entryOf(key, `"kid":17,`)},
		{desc: "use that is a list", entry: entryOf(key, `"use":["sig"],`)},
		{desc: "number", entry: "17"},
		{desc: "text", entry: `"key"`},
		{desc: "null", entry: "null"},
		{desc: "list", entry: "[]"},
		{desc: "empty", entry: "{}"},
		{desc: "unknown type", entry: `{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}`},
		{desc: "type in small letters", entry: `{"kty":"okp","crv":"Ed25519","x":"AAAA"}`},
		{desc: "shared secret", entry: `{"kty":"oct","alg":"HS256","k":"c2VjcmV0"}`},
		{desc: "unknown curve", entry: `{"kty":"EC","crv":"secp256k1","x":"AQ","y":"AQ"}`},
		{desc: "no curve", entry: `{"kty":"EC","x":"AQ","y":"AQ"}`},
		{desc: "off the curve", entry: `{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`},
		{desc: "no point", entry: `{"kty":"EC","crv":"P-256"}`},
		{desc: "broken base64", entry: `{"kty":"OKP","crv":"Ed25519","x":"%"}`},
		{desc: "short key", entry: `{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`},
		{
			desc:  "another use of the curve",
			entry: `{"kty":"OKP","crv":"X25519","x":"` + segment(make([]byte, 32)) + `"}`,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			want := 1
			if row.taken {
				want = 2
			}
			assert.Len(t, parseJWKS(setOf(row.entry, good)), want)
			assert.Len(t, parseJWKS(setOf(good, row.entry)), want)
			assert.Equal(t, !row.taken, FixedKeys(setOf(row.entry)) == nil)
		})
	}
}

// TestNumbersOfEC: issuers write base64 in several forms for the same numbers.
func TestNumbersOfEC(t *testing.T) {
	var key *ecdsa.PrivateKey
	x := ""
	for !strings.Contains(x, "-") || !strings.Contains(x, "_") { // so that the alphabets differ
		key = newKey(t)
		x = segment(key.X.FillBytes(make([]byte, 32)))
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(x)
	token := sign(t, key, `{"alg":"ES256"}`, goodClaims(t))
	for _, row := range []struct {
		desc, x string
		broken  bool
	}{
		{desc: "as it should be", x: x},
		{desc: "padded", x: x + "="},
		{desc: "standard alphabet", x: standard},
		{desc: "standard alphabet, padded", x: standard + "="},
		{
			desc: "a zero before it",
			x:    segment(append([]byte{0}, key.X.FillBytes(make([]byte, 32))...)),
		},
		{desc: "a space", x: x + " ", broken: true},
		{desc: "percent escape", x: x + "%3D", broken: true},
		{desc: "cut short", x: x[:40], broken: true},
		{desc: "hexadecimal", x: key.X.Text(16), broken: true},
		{desc: "empty", broken: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			entry := map[string]string{
				"kty": "EC",
				"crv": "P-256",
				"x":   row.x,
				"y":   segment(key.Y.FillBytes(make([]byte, 32))),
			}
			raw, err := json.Marshal(entry)
			require.NoError(t, err)
			v := verifierFor(key)
			v.Keys = FixedKeys(setOf(string(raw)))
			if row.broken {
				require.True(t, v.Keys == nil)
				return
			}
			require.True(t, v.Keys != nil)
			_, err = Verify(context.Background(), v, token)
			require.NoError(t, err)
		})
	}
}

// TestRSAKeys: the size of the numbers, and the use of the key.
func TestRSAKeys(t *testing.T) {
	bits := func(n uint) string { // a number with exactly n bits
		number := new(big.Int).Lsh(big.NewInt(1), n-1)
		return segment(number.SetBit(number, 0, 1).Bytes())
	}
	const e = "AQAB"
	for _, row := range []struct{ desc, n, e, alg, want string }{
		{desc: "no algorithm", n: bits(2048), e: e, want: "RS256"},
		{desc: "RS256", n: bits(2048), e: e, alg: "RS256", want: "RS256"},
		{desc: "RS384", n: bits(2048), e: e, alg: "RS384", want: "RS384"},
		{desc: "RS512", n: bits(2048), e: e, alg: "RS512", want: "RS512"},
		{desc: "PS256", n: bits(2048), e: e, alg: "PS256", want: "PS256"},
		{desc: "padded", n: bits(2048) + "==", e: "AQAB====", want: "RS256"},
		{desc: "the largest", n: bits(8192), e: e, want: "RS256"},
		{desc: "the exponent 3", n: bits(2048), e: "Aw", want: "RS256"},
		{desc: "the largest exponent", n: bits(2048), e: "f____w", want: "RS256"},
		{desc: "too small", n: bits(2047), e: e},
		{desc: "too large", n: bits(8193), e: e},
		{desc: "the exponent 1", n: bits(2048), e: "AQ"},
		{desc: "the exponent 0", n: bits(2048), e: "AA"},
		{desc: "too large an exponent", n: bits(2048), e: "gAAAAA"},
		{desc: "no exponent", n: bits(2048)},
		{desc: "no modulus", e: e},
		{desc: "modulus that is no base64", n: bits(2048) + "%", e: e},
		{desc: "ES256", n: bits(2048), e: e, alg: "ES256"},
		{desc: "EdDSA", n: bits(2048), e: e, alg: "EdDSA"},
		{desc: "HS256", n: bits(2048), e: e, alg: "HS256"},
		{desc: "none", n: bits(2048), e: e, alg: "none"},
		{desc: "RSA-OAEP", n: bits(2048), e: e, alg: "RSA-OAEP"},
		{desc: "algorithm that is unknown here", n: bits(2048), e: e, alg: "PS384"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			key := parseJWK(&jwk{Kty: "RSA", N: row.n, E: row.e, Alg: row.alg})
			if row.want == "" {
				assert.True(t, key == nil)
				return
			}
			require.True(t, key != nil)
			assert.Equal(t, row.want, key.algorithm)
			public, isRSA := key.public.(*rsa.PublicKey)
			require.True(t, isRSA)
			assert.GreaterOrEqual(t, public.Size(), 256)
		})
	}
}
