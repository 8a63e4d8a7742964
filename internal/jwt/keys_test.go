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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	wrongKey = "is signed by an unknown key, or its signature is wrong"
	noKeys   = "cannot be checked: the keys cannot be fetched"
)

// verdict checks the error of Verify for a token; "" means none.
func verdict(t *testing.T, v *Verifier, token, want string) {
	t.Helper()
	_, err := Verify(context.Background(), v, token)
	if want == "" {
		assert.NoError(t, err)
		return
	}
	assert.EqualError(t, err, want)
}

// headerFor returns the header of a token by the key with the ID; "" omits the ID.
func headerFor(t *testing.T, id string) string {
	t.Helper()
	members := map[string]string{"alg": "ES256"}
	if id != "" {
		members["kid"] = id
	}
	header, err := json.Marshal(members)
	require.NoError(t, err)
	return string(header)
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

// keyServer answers as the test sets it, and records the requested addresses.
type keyServer struct {
	url, body string
	status    int
	files     map[string]string // by path; other paths get status and body
	asked     []string
}

func newKeyServer(t *testing.T) *keyServer {
	t.Helper()
	s := &keyServer{status: 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.URL.RequestURI())
		if file := s.files[r.URL.Path]; file != "" {
			_, _ = io.WriteString(w, file)
			return
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// pass makes the keys older.
func pass(keys *Keys, passed time.Duration) {
	if !keys.fetched.IsZero() {
		keys.fetched = keys.fetched.Add(-passed)
	}
	keys.again = keys.again.Add(-passed)
}

// TestKeysAreFetched when first needed, and for unknown keys at most every 2 seconds, or 10 after a
// failure. The last good set stays valid in an outage.
func TestKeysAreFetched(t *testing.T) {
	key := newKey(t)
	nextKey := newKey(t)
	server := newKeyServer(t)
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url+"/jwks.json", false)
	keys := v.Keys
	jwks := jwksOf(key, "ES256")
	next := jwksOf(nextKey, "next")
	known := sign(t, key, es256, goodClaims(t))
	unknown := sign(t, key, headerFor(t, "unknown"), goodClaims(t))
	stranger := sign(t, newKey(t), headerFor(t, ""), goodClaims(t))
	none := sign(t, key, `{"alg":"none"}`, goodClaims(t))
	rotated := sign(t, nextKey, headerFor(t, "next"), goodClaims(t))
	for _, row := range []struct {
		desc, body string
		status     int           // default: 200
		passed     time.Duration // since the previous row
		token      string
		want       string
		fetches    int
	}{
		{
			desc:    "no keys in the answer",
			body:    "{}",
			token:   known,
			want:    noKeys,
			fetches: 1,
		},
		{
			desc:    "not asked again at once",
			body:    jwks,
			passed:  9 * time.Second,
			token:   known,
			want:    noKeys,
			fetches: 1,
		},
		{
			desc:    "asked again later",
			body:    jwks,
			passed:  1100 * time.Millisecond,
			token:   known,
			fetches: 2,
		},
		{
			desc:    "known",
			body:    jwks,
			passed:  59 * time.Minute,
			token:   known,
			fetches: 2,
		},
		{
			desc:    "an unknown key",
			body:    jwks,
			passed:  time.Second,
			token:   unknown,
			want:    wrongKey,
			fetches: 3,
		},
		{
			desc:    "an unknown key at once",
			body:    jwks,
			passed:  time.Second,
			token:   unknown,
			want:    wrongKey,
			fetches: 3,
		},
		{
			desc:    "an unknown key after two seconds",
			body:    jwks,
			passed:  1100 * time.Millisecond,
			token:   unknown,
			want:    wrongKey,
			fetches: 4,
		},
		{
			desc:    "no key id, and nobody's signature, at once",
			body:    jwks,
			token:   stranger,
			want:    wrongKey,
			fetches: 4,
		},
		{
			desc:    "no key id, and nobody's signature, later",
			body:    jwks,
			passed:  10 * time.Second,
			token:   stranger,
			want:    wrongKey,
			fetches: 4,
		},
		{
			desc:    "an algorithm without a key",
			body:    jwks,
			token:   none,
			want:    wrongKey,
			fetches: 5,
		},
		{
			desc:    "the known one meanwhile",
			body:    jwks,
			token:   known,
			fetches: 5,
		},
		{
			desc:    "old",
			body:    jwks,
			passed:  61 * time.Minute,
			token:   known,
			fetches: 6,
		},
		{
			desc:    "old in an outage",
			body:    jwks,
			status:  500,
			passed:  61 * time.Minute,
			token:   known,
			fetches: 7,
		},
		{
			desc:    "soon after",
			body:    jwks,
			status:  500,
			passed:  4 * time.Minute,
			token:   known,
			fetches: 7,
		},
		{
			desc:    "the outage goes on",
			body:    jwks,
			status:  500,
			passed:  61 * time.Second,
			token:   known,
			fetches: 8,
		},
		{
			desc:    "an unknown key in the outage, at once",
			body:    jwks,
			status:  500,
			passed:  9 * time.Second,
			token:   unknown,
			want:    wrongKey,
			fetches: 8,
		},
		{
			desc:    "an unknown key in the outage",
			body:    jwks,
			status:  500,
			passed:  1100 * time.Millisecond,
			token:   unknown,
			want:    wrongKey,
			fetches: 9,
		},
		{
			desc:    "a redirect",
			body:    jwks,
			status:  302,
			passed:  10 * time.Minute,
			token:   known,
			fetches: 10,
		},
		{
			desc:    "too long",
			body:    strings.Repeat(" ", maxKeys) + jwks,
			passed:  10 * time.Minute,
			token:   known,
			fetches: 11,
		},
		{
			desc:    "HTML",
			body:    "<html>",
			passed:  10 * time.Minute,
			token:   known,
			fetches: 12,
		},
		{
			desc:    "only keys for encryption",
			body:    strings.ReplaceAll(jwks, `"kty"`, `"use":"enc","kty"`),
			passed:  10 * time.Minute,
			token:   known,
			fetches: 13,
		},
		{
			desc:    "a new key at once",
			body:    next,
			passed:  10 * time.Second,
			token:   rotated,
			fetches: 14,
		},
		{
			desc:    "the key is withdrawn",
			body:    next,
			passed:  time.Second,
			token:   known,
			want:    wrongKey,
			fetches: 14,
		},
		{
			desc:    "not found",
			body:    next,
			status:  404,
			passed:  61 * time.Minute,
			token:   rotated,
			fetches: 15,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server.body = row.body
			server.status = row.status
			if row.status == 0 {
				server.status = 200
			}
			pass(keys, row.passed)
			verdict(t, v, row.token, row.want)
			assert.Len(t, server.asked, row.fetches)
		})
	}
	assert.NotContains(t, server.asked, "/elsewhere", "a redirect was followed")
}

// TestQueryOfTheAddress: some issuers identify the application by the query.
func TestQueryOfTheAddress(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.body = jwksOf(key, "ES256")
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url+"/keys?appid=7&v=2", false)
	verdict(t, v, sign(t, key, es256, goodClaims(t)), "")
	assert.Equal(t, "/keys?appid=7&v=2", strings.Join(server.asked, " "))
}

// TestErrKeys: callers can distinguish missing keys from an invalid token.
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
		{desc: "not found", address: address, status: 404},
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

// TestFetchOutlivesTheRequest, because other requests may wait for the keys too.
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

// TestKeyFiles: with perKey, each key is fetched by its ID. No ID leads to another address.
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
		{desc: "in another case", id: "A1-B2", asked: "/A1-B2"},
		{desc: "path", id: "../a1-b2", refused: true},
		{desc: "dots", id: "..", refused: true},
		{desc: "query", id: "a1-b2?", refused: true},
		{desc: "fragment", id: "a1-b2#", refused: true},
		{desc: "escape", id: "%2e%2e", refused: true},
		{desc: "address", id: "//evil.example.com/", refused: true},
		{desc: "line break behind", id: "a1-b2\n", refused: true},
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
			want := ""
			if row.refused {
				want = wrongKey
			}
			verdict(t, v, sign(t, key, headerFor(t, row.id), goodClaims(t)), want)
			assert.Equal(t, row.asked, strings.Join(server.asked, " "))
		})
	}
}

// TestKeyFileIsAnother: a key verifies only tokens with its ID.
func TestKeyFileIsAnother(t *testing.T) {
	first := newKey(t)
	second := newKey(t)
	server := newKeyServer(t)
	server.files = map[string]string{
		"/first":  publicPEM(t, first),
		"/second": publicPEM(t, second),
	}
	v := verifierFor(first)
	v.Keys = FetchedKeys(server.url+"/", true)
	verdict(t, v, sign(t, first, headerFor(t, "first"), goodClaims(t)), "")
	verdict(t, v, sign(t, second, headerFor(t, "second"), goodClaims(t)), "")
	verdict(t, v, sign(t, first, headerFor(t, "second"), goodClaims(t)), wrongKey)
	verdict(t, v, sign(t, second, headerFor(t, "first"), goodClaims(t)), wrongKey)
	verdict(t, v, sign(t, second, headerFor(t, ""), goodClaims(t)), wrongKey)
}

// TestKeyFileOverTime: a missing file means a made-up or withdrawn key. After any other failure,
// the last good key stays valid.
func TestKeyFileOverTime(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	good := publicPEM(t, key)
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url+"/", true)
	token := sign(t, key, headerFor(t, "a"), goodClaims(t))
	for _, row := range []struct {
		desc, body string
		status     int
		passed     time.Duration // since the previous row
		want       string
		fetches    int
	}{
		{desc: "error", status: 500, want: noKeys, fetches: 1},
		{
			desc:    "not asked again at once",
			body:    good,
			status:  200,
			passed:  9 * time.Second,
			want:    noKeys,
			fetches: 1,
		},
		{
			desc:    "another error",
			status:  403,
			passed:  1100 * time.Millisecond,
			want:    noKeys,
			fetches: 2,
		},
		{
			desc:    "no key",
			body:    "<html>",
			status:  200,
			passed:  10 * time.Second,
			want:    noKeys,
			fetches: 3,
		},
		{
			desc:    "a key set",
			body:    jwksOf(key, "a"),
			status:  200,
			passed:  10 * time.Second,
			want:    noKeys,
			fetches: 4,
		},
		{desc: "not there", status: 404, passed: 10 * time.Second, want: wrongKey, fetches: 5},
		{
			desc:    "not asked again at once, as it is not there",
			body:    good,
			status:  200,
			passed:  time.Second,
			want:    wrongKey,
			fetches: 5,
		},
		{
			desc:    "new",
			body:    good,
			status:  200,
			passed:  1100 * time.Millisecond,
			fetches: 6,
		},
		{desc: "known", status: 500, passed: 59 * time.Minute, fetches: 6},
		{desc: "old in an outage", status: 500, passed: 2 * time.Minute, fetches: 7},
		{desc: "soon after", status: 500, passed: 4 * time.Minute, fetches: 7},
		{desc: "the outage goes on", status: 500, passed: 2 * time.Minute, fetches: 8},
		{desc: "withdrawn", status: 404, passed: 10 * time.Minute, want: wrongKey, fetches: 9},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server.body = row.body
			server.status = row.status
			pass(fileOf(v.Keys, "a"), row.passed)
			verdict(t, v, token, row.want)
			assert.Len(t, server.asked, row.fetches)
		})
	}
}

// TestKeyFileOfAnotherCurve: a file may have any supported ECDSA key, which verifies only its
// algorithm.
func TestKeyFileOfAnotherCurve(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.body = publicPEM(t, key)
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url+"/", true)
	token := sign(t, key, `{"alg":"ES384","kid":"a"}`, goodClaims(t))
	verdict(t, v, token, wrongKey)
}

// TestPatienceOfEachFile: a failed fetch of one file delays no other file.
func TestPatienceOfEachFile(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.status = 500
	server.files = map[string]string{"/good": publicPEM(t, key)}
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url+"/", true)
	verdict(t, v, sign(t, key, headerFor(t, "bad"), goodClaims(t)), noKeys)
	verdict(t, v, sign(t, key, headerFor(t, "good"), goodClaims(t)), "")
	verdict(t, v, sign(t, key, headerFor(t, "bad"), goodClaims(t)), noKeys)
	verdict(t, v, sign(t, key, headerFor(t, "bad2"), goodClaims(t)), noKeys)
	assert.Equal(t, "/bad /good /bad2", strings.Join(server.asked, " "))
}

// TestMadeUpKeyIDs: many of them use limited memory, and block neither new nor known keys.
func TestMadeUpKeyIDs(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.files = map[string]string{"/new": publicPEM(t, key)}
	server.status = 404
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url+"/", true)
	known := []string{}
	for i := 0; i < 20; i++ {
		id := "known-" + strconv.Itoa(i)
		server.files["/"+id] = publicPEM(t, key)
		known = append(known, sign(t, key, headerFor(t, id), goodClaims(t)))
		verdict(t, v, known[i], "")
	}
	for i := 0; i < 600; i++ {
		found, err := find(context.Background(), v.Keys, "key-"+strconv.Itoa(i), "ES256")
		require.NoError(t, err)
		require.Empty(t, found)
		require.LessOrEqual(t, len(v.Keys.folder), 256)
	}
	require.Len(t, server.asked, 20+600, "each is asked for once")
	verdict(t, v, sign(t, key, headerFor(t, "new"), goodClaims(t)), "")
	require.Equal(t, "/new", server.asked[len(server.asked)-1])
	for _, token := range known {
		verdict(t, v, token, "")
	}
	assert.Equal(t, "/new", server.asked[len(server.asked)-1], "a known key was forgotten")
}

// TestKeyFilesAreBounded: even real keys use limited memory. A forgotten key is fetched again.
func TestKeyFilesAreBounded(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.body = publicPEM(t, key)
	keys := FetchedKeys(server.url+"/", true)
	for i := 0; i < 700; i++ {
		found, err := find(context.Background(), keys, "key-"+strconv.Itoa(i), "ES256")
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.LessOrEqual(t, len(keys.folder), 256)
	}
	assert.Len(t, server.asked, 700)
	assert.GreaterOrEqual(t, len(keys.folder), 128, "keys that were forgotten for nothing")
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

// TestOthersGoOn: while one request fetches the keys again, the others use the old ones.
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
	keys.keys = v.Keys.keys
	keys.fetched = time.Now().Add(-2 * keysLife)
	v.Keys = keys
	token := sign(t, key, es256, goodClaims(t))
	first := make(chan error, 1)
	go func() {
		_, err := Verify(context.Background(), v, token)
		first <- err
	}()
	select {
	case <-asked:
	case <-time.After(3 * time.Second):
		require.Fail(t, "the keys are old, and nobody asked for others")
	}
	start := time.Now()
	_, err := Verify(context.Background(), v, token)
	assert.NoError(t, err)
	assert.Less(t, time.Since(start).Seconds(), keysTimeout.Seconds()/2, "it waited for the first")
	assert.Equal(t, 0, len(asked), "the second request asked too")
	close(answer)
	assert.NoError(t, <-first)
}

// TestFirstFetchIsShared: simultaneous requests wait for the first one's fetch.
func TestFirstFetchIsShared(t *testing.T) {
	key := newKey(t)
	server := newKeyServer(t)
	server.body = jwksOf(key, "ES256")
	v := verifierFor(key)
	v.Keys = FetchedKeys(server.url, false)
	token := sign(t, key, es256, goodClaims(t))
	results := make(chan error, 5)
	var all sync.WaitGroup
	for i := 0; i < 5; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			_, err := Verify(context.Background(), v, token)
			results <- err
		}()
	}
	all.Wait()
	for i := 0; i < 5; i++ {
		assert.NoError(t, <-results)
	}
	assert.Len(t, server.asked, 1)
}
