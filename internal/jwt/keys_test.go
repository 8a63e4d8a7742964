package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKeysOfASet: keys that are not for signatures, too small, off their curve, or of a type that
// alg contradicts are not taken.
func TestKeysOfASet(t *testing.T) {
	taken := []string{}
	for id := range parseJWKS(readTokens(t).JWKS) {
		taken = append(taken, id)
	}
	sort.Strings(taken)
	assert.Equal(t, "ES256 ES384 EdDSA PS256 RS256 RS384 RS512 plain", strings.Join(taken, " "))
}

// TestOnlyKey: a token without a key id is checked by the only key there is.
func TestOnlyKey(t *testing.T) {
	key := newKey(t)
	v := verifierFor(key)
	for _, row := range []struct {
		desc, header string
		refused      bool
	}{
		{desc: "its id", header: es256},
		{desc: "no key id", header: `{"alg":"ES256"}`},
		{desc: "empty key id", header: `{"alg":"ES256","kid":""}`},
		{desc: "another key id", header: `{"alg":"ES256","kid":"other"}`, refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, err := Verify(context.Background(), v, sign(t, key, row.header, goodClaims(t)))
			if row.refused {
				require.EqualError(t, err, "is signed by an unknown key or wrongly")
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestFixedKeys(t *testing.T) {
	for _, row := range []struct{ desc, jwks string }{
		{desc: "nothing"},
		{desc: "no JSON", jwks: "<html>"},
		{desc: "no keys", jwks: "{}"},
		{desc: "empty list", jwks: `{"keys":[]}`},
		{desc: "keys that are no list", jwks: `{"keys":{}}`},
		{desc: "unknown type", jwks: `{"keys":[{"kty":"PQ","kid":"a"}]}`},
		{desc: "empty key", jwks: `{"keys":[{}]}`},
		{desc: "RSA without numbers", jwks: `{"keys":[{"kty":"RSA","kid":"a"}]}`},
		{desc: "no base64", jwks: `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"="}]}`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.True(t, FixedKeys([]byte(row.jwks)) == nil)
		})
	}
	keys := FixedKeys([]byte(jwksOf(newKey(t), "a")))
	require.NotNil(t, keys)
	assert.False(t, Fetched(keys), "there is nothing to keep")
	assert.True(t, Fetched(FetchedKeys("https://auth.example.com/jwks.json", false)))
}

// keyServer answers what the test says, and notes the paths that are asked for.
type keyServer struct {
	url, body string
	status    int
	asked     []string
}

func newKeyServer(t *testing.T) *keyServer {
	t.Helper()
	s := &keyServer{status: 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.URL.Path)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// TestKeysAreFetched: on first need, again for an unknown key at most every ten seconds, and the
// last good set serves through an outage.
func TestKeysAreFetched(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url+"/jwks.json", false)
	keys := v.Keys
	jwks := jwksOf(key, "ES256")
	known := sign(t, key, es256, goodClaims(t))
	unknown := sign(t, key, `{"alg":"ES256","kid":"unknown"}`, goodClaims(t))
	noKeys := ErrKeys.Error()
	const refused = "is signed by an unknown key or wrongly"
	for _, row := range []struct {
		desc, body string
		status     int
		passed     time.Duration // since the row before
		token      string
		want       string
		fetches    int
	}{
		{
			desc:    "no keys in the answer",
			body:    "{}",
			status:  200,
			token:   known,
			want:    noKeys,
			fetches: 1,
		},
		{
			desc:    "not asked again at once",
			body:    jwks,
			status:  200,
			passed:  time.Second,
			token:   known,
			want:    noKeys,
			fetches: 1,
		},
		{
			desc:    "asked again later",
			body:    jwks,
			status:  200,
			passed:  10 * time.Second,
			token:   known,
			fetches: 2,
		},
		{
			desc:    "known",
			body:    jwks,
			status:  200,
			passed:  30 * time.Minute,
			token:   known,
			fetches: 2,
		},
		{
			desc:    "an unknown key",
			body:    jwks,
			status:  200,
			passed:  time.Second,
			token:   unknown,
			want:    refused,
			fetches: 3,
		},
		{
			desc:    "an unknown key at once",
			body:    jwks,
			status:  200,
			passed:  time.Second,
			token:   unknown,
			want:    refused,
			fetches: 3,
		},
		{
			desc:    "an unknown key later",
			body:    jwks,
			status:  200,
			passed:  10 * time.Second,
			token:   unknown,
			want:    refused,
			fetches: 4,
		},
		{
			desc:    "the known one meanwhile",
			body:    jwks,
			status:  200,
			token:   known,
			fetches: 4,
		},
		{
			desc:    "old",
			body:    jwks,
			status:  200,
			passed:  61 * time.Minute,
			token:   known,
			fetches: 5,
		},
		{
			desc:    "old in an outage",
			body:    jwks,
			status:  500,
			passed:  61 * time.Minute,
			token:   known,
			fetches: 6,
		},
		{
			desc:    "soon after",
			body:    jwks,
			status:  500,
			passed:  time.Minute,
			token:   known,
			fetches: 6,
		},
		{
			desc:    "the outage goes on",
			body:    jwks,
			status:  500,
			passed:  5 * time.Minute,
			token:   known,
			fetches: 7,
		},
		{
			desc:    "an unknown key in the outage",
			body:    jwks,
			status:  500,
			passed:  10 * time.Second,
			token:   unknown,
			want:    refused,
			fetches: 8,
		},
		{
			desc:    "a redirect",
			body:    jwks,
			status:  302,
			passed:  10 * time.Minute,
			token:   known,
			fetches: 9,
		},
		{
			desc:    "too long",
			body:    strings.Repeat(" ", maxKeys) + jwks,
			status:  200,
			passed:  10 * time.Minute,
			token:   known,
			fetches: 10,
		},
		{
			desc:    "HTML",
			body:    "<html>",
			status:  200,
			passed:  10 * time.Minute,
			token:   known,
			fetches: 11,
		},
		{
			desc:    "the key is withdrawn",
			body:    jwksOf(newKey(t), "new"),
			status:  200,
			passed:  10 * time.Minute,
			token:   known,
			want:    refused,
			fetches: 12,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server.body = row.body
			server.status = row.status
			keys.fetched = keys.fetched.Add(-row.passed)
			keys.tried = keys.tried.Add(-row.passed)
			_, err := Verify(context.Background(), v, row.token)
			if row.want == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, row.want)
			}
			assert.Len(t, server.asked, row.fetches)
		})
	}
	assert.NotContains(t, server.asked, "/elsewhere", "a redirect was followed")
}

// TestErrKeys: whoever answers the request can tell that it is not the caller's fault.
func TestErrKeys(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	address := server.url
	token := sign(t, key, es256, goodClaims(t))
	for _, row := range []struct {
		desc, address string
		status        int
	}{
		{desc: "error", address: address, status: 503},
		{desc: "no keys", address: address, status: 200},
		{desc: "nobody there", address: "http://127.0.0.1:1/", status: 200},
		{desc: "no address", address: "http://%zz/", status: 200},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server.status = row.status
			v := verifierFor(key)
			v.Keys = FetchedKeys(row.address, false)
			_, err := Verify(context.Background(), v, token)
			assert.ErrorIs(t, err, ErrKeys)
		})
	}
}

// TestFetchOutlivesTheRequest: others may wait for the keys too.
func TestFetchOutlivesTheRequest(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.body = jwksOf(key, "ES256")
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url, false)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Verify(ctx, v, sign(t, key, es256, goodClaims(t)))
	assert.NoError(t, err)
}

func publicPEM(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// TestKeyFiles: with perKey, each key is fetched by its id and joins the others.
func TestKeyFiles(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.body = publicPEM(t, key)
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url+"/", true)
	for _, row := range []struct {
		desc, id, asked string
		refused         bool
	}{
		{desc: "first", id: "a1-b2", asked: "/a1-b2"},
		{desc: "second", id: "c3_d4", asked: "/c3_d4"},
		{desc: "first again", id: "a1-b2"},
		{desc: "second again", id: "c3_d4"},
		{desc: "path", id: "../a1-b2", refused: true},
		{desc: "query", id: "a1-b2?", refused: true},
		{desc: "escape", id: "%2e%2e", refused: true},
		{desc: "address", id: "//evil.example.com/", refused: true},
		{desc: "too long", id: strings.Repeat("a", 65), refused: true},
		{
			desc:  "just not too long",
			id:    strings.Repeat("a", 64),
			asked: "/" + strings.Repeat("a", 64),
		},
		{desc: "none", refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server.asked = nil
			v.Keys.tried = time.Time{}
			header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": row.id})
			require.NoError(t, err)
			_, err = Verify(context.Background(), v, sign(t, key, string(header), goodClaims(t)))
			if row.refused {
				assert.EqualError(t, err, "is signed by an unknown key or wrongly")
			} else {
				assert.NoError(t, err)
			}
			assert.Equal(t, row.asked, strings.Join(server.asked, " "))
		})
	}
}

// TestKeyFilesAreBounded: whoever makes up key ids fills no memory.
func TestKeyFilesAreBounded(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.body = publicPEM(t, key)
	keys := FetchedKeys(server.url+"/", true)
	for i := 0; i < 2*maxPEMs; i++ {
		keys.tried = time.Time{}
		found, err := find(context.Background(), keys, "key-"+strconv.Itoa(i))
		require.NoError(t, err)
		require.True(t, found != nil)
		assert.LessOrEqual(t, len(keys.keys), maxPEMs)
	}
	assert.Len(t, server.asked, 2*maxPEMs)
}

func TestParsePEM(t *testing.T) {
	good := publicPEM(t, newKey(t))
	require.True(t, parsePEM([]byte(good)) != nil)
	ed25519 := "-----BEGIN PUBLIC KEY-----\n" +
		"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
	for _, row := range []struct{ desc, content string }{
		{desc: "nothing"},
		{desc: "no PEM", content: "<html>"},
		{desc: "no key", content: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"},
		{desc: "key of another type", content: ed25519},
		{desc: "cut short", content: good[:len(good)/2]},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.True(t, parsePEM([]byte(row.content)) == nil)
		})
	}
}

// TestOthersGoOn: while one request fetches the keys again, the others use those at hand.
func TestOthersGoOn(t *testing.T) {
	key := newKey(t)
	asked := make(chan bool, 9)
	answer := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, jwksOf(key, "ES256"))
	}))
	t.Cleanup(server.Close)
	v := verifierFor(key)
	keys := FetchedKeys(server.URL, false)
	keys.keys = v.Keys.keys // of long ago
	v.Keys = keys
	token := sign(t, key, es256, goodClaims(t))
	first := make(chan error, 1)
	go func() {
		_, err := Verify(context.Background(), v, token)
		first <- err
	}()
	<-asked
	_, err := Verify(context.Background(), v, token)
	assert.NoError(t, err)
	assert.Equal(t, 0, len(asked), "the second request asked too")
	close(answer)
	assert.NoError(t, <-first)
}
