package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	enough     = 64 << 20 // bytes that the system and its connections may take of an endless answer
	compressed = "Content-Encoding: gzip\r\n"
)

// hostileAnswer is what a server answers with.
type hostileAnswer struct {
	desc    string
	to      string // the end of the paths that are answered so; users/sso when empty
	rooms   bool   // the configuration has rooms
	answer  string // as it is written to the connection
	then    func(l *liar, c net.Conn)
	outcome string
	token   string // of somebody who is signed in
}

// liar is a server that gives the answer until it is honest.
type liar struct {
	*httptest.Server
	row    hostileAnswer
	honest atomic.Bool
	late   atomic.Bool  // somebody waited for an answer for too long
	sent   atomic.Int64 // bytes
	mu     sync.Mutex
	asked  []string // targets
}

// newLiar stands before another server. The address is that server's, but for the host.
func newLiar(t *testing.T, row hostileAnswer, address string) (l *liar, own string) {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	pass := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	l = &liar{row: row}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.asked = append(l.asked, r.RequestURI)
		l.mu.Unlock()
		if l.honest.Load() || !strings.HasSuffix(r.URL.Path, row.to) {
			pass.ServeHTTP(w, r)
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		if l.write(c, row.answer) && row.then != nil {
			row.then(l, c)
		}
	}))
	t.Cleanup(func() {
		l.honest.Store(true)
		l.CloseClientConnections()
		l.Close()
	})
	target.Host = strings.TrimPrefix(l.URL, "http://")
	return l, target.String()
}

// count returns how often targets with that end were asked for.
func (l *liar) count(end string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	times := 0
	for _, asked := range l.asked {
		if strings.HasSuffix(asked, end) {
			times++
		}
	}
	return times
}

func (l *liar) write(c net.Conn, text string) bool {
	n, err := c.Write([]byte(text))
	l.sent.Add(int64(n))
	return err == nil
}

// The ways to go on.

// wait says nothing more, until the other side hangs up.
func wait(l *liar, c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(15 * time.Second))
	_, err := c.Read(make([]byte, 1))
	if failed, ok := err.(net.Error); ok && failed.Timeout() { //nolint:errorlint // not wrapped
		l.late.Store(true)
	}
}

// drip writes a text again and again, slowly; flood as fast as it is taken.
func drip(text string) func(l *liar, c net.Conn) {
	return func(l *liar, c net.Conn) {
		for range 300 {
			if !l.write(c, text) {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		l.late.Store(true)
	}
}

func flood(text string) func(l *liar, c net.Conn) {
	return func(l *liar, c net.Conn) {
		_ = c.SetWriteDeadline(time.Now().Add(15 * time.Second))
		for l.sent.Load() < 4*enough && l.write(c, text) {
		}
	}
}

// reply is a whole answer. The lines of its header end with CRLF each.
func reply(status, header, body string) string {
	const format = "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"
	return fmt.Sprintf(format, status, header, len(body), body)
}

// minted is the body of an answer to a sign-in.
func minted(token, id any) string {
	content, _ := json.Marshal(map[string]any{
		"data": map[string]any{"id": id, "token": map[string]any{"token": token}},
	})
	return string(content)
}

// plainCalls are the targets of all calls that the plugin knows.
var plainCalls = regexp.MustCompile(`^/vc/next/api_v3/(?:users/sso|rooms|` +
	`rooms/[0-9a-z]{16}(?:/providers)?|users/\.*[^/?#.][^/?#]*/rooms)$`)

// TestHostileAPI: whatever the API answers, a click ends in the outcome that README.md names, and
// nothing of the answer is in the log, the audit, or what the browser gets, but for the token in
// the address, escaped. The next click signs in.
func TestHostileAPI(t *testing.T) {
	const (
		ok          = "200 OK"
		token       = needle + "-0123456789abcdef"
		address     = token + `@evil.example/..\?#%0d%0a<b>"`
		head        = "HTTP/1.1 200 OK\r\n"
		length      = head + "Content-Length: "
		chunked     = head + "Transfer-Encoding: chunked\r\n"
		upgrade     = "HTTP/1.1 101 n33dle\r\nConnection: Upgrade\r\nUpgrade: n33dle\r\n\r\n"
		interim     = "HTTP/1.1 103 n33dle\r\nLink: n33dle\r\n\r\n"
		metadata    = "Location: http://169.254.169.254/n33dle\r\n"
		timeout     = "api_timeout"
		unavailable = "api_unavailable"
		misleading  = "Set-Cookie: n33dle=1\r\nLocation: https://n33dle.example/\r\nX-N33dle: 1\r\n" +
			"Refresh: 0;n33dle\r\nClinicpass-Outcome: n33dle\r\nContent-Security-Policy: n33dle\r\n"
	)
	fine := minted(token, "17")
	much := strings.Repeat(needle, 1000)
	lines := strings.Repeat("X-N33dle: n33dle\r\n", 1000)
	colors, _ := json.Marshal("\x1b[31m\u009b2J\u202e\u2066 n33dle\r\nclinicpass: n33dle\x00 <b>")
	message := `{"code":400,"message":` + string(colors) + `}`
	wordy := `{"message":"` + strings.Repeat("n33dle already ", 4000) + `"}`
	trailer := fmt.Sprintf("Trailer: X\r\n\r\n%x\r\n%s\r\n0\r\nX: n33dle\r\n\r\n", len(fine), fine)
	nested := func(depth int) string {
		return reply(ok, "", `{"data":`+strings.Repeat(`[`, depth)+strings.Repeat(`]`, depth)+`}`)
	}
	tokens := func(token any) string { return reply(ok, "", minted(token, "17")) }
	ids := func(id any) string { return reply(ok, "", minted(token, id)) }
	later := func(status, when string) string {
		return reply(status+" n33dle", "Retry-After: "+when+"\r\n", message)
	}
	rows := []hostileAnswer{ // those without outcome or token end as api_error
		// Slow.
		{desc: "headers that drip", answer: head, then: drip("X-N33dle: 1\r\n"), outcome: timeout},
		{desc: "a body that drips", answer: length + "1000\r\n\r\n{", then: drip("\n"), outcome: timeout},
		{desc: "a body that never ends", answer: length + "9\r\n\r\n{", then: wait, outcome: timeout},
		{desc: "101, and then nothing", answer: upgrade, then: wait},
		{desc: "101 without an upgrade", answer: "HTTP/1.1 101 n33dle\r\n\r\n", then: wait},
		// Huge.
		{desc: "1 GiB", answer: length + "1073741824\r\n\r\n", then: flood(much)},
		{desc: "chunks without end", answer: chunked + "\r\n", then: flood("1770\r\n" + much + "\r\n")},
		{desc: "a header of 10 MB", answer: reply(ok, "X: "+strings.Repeat(much, 1700)+"\r\n", fine)},
		{desc: "1,000 headers", answer: reply(ok, lines, fine), token: token},
		{desc: "headers without end", answer: head, then: flood(lines)},
		{desc: "interim answers without end", then: flood(strings.Repeat(interim, 100))},
		{desc: "a small body of much", answer: reply(ok, compressed, gzipped(100<<20))},
		{desc: "JSON 100,000 levels deep", answer: nested(100000)},
		{desc: "JSON 30,000 levels deep", answer: nested(30000)},
		{desc: "a message of 60 KB", answer: reply("400 n33dle", "", wordy)},
		// No HTTP, or wrong.
		{desc: "a body longer than its length", answer: length + "20\r\n\r\n" + fine},
		{
			desc:   "more behind a sound answer",
			answer: reply(ok, "", fine) + needle,
			then:   wait,
			token:  token,
		},
		{
			desc:    "a body shorter than its length",
			answer:  length + "2000\r\n\r\n" + fine,
			outcome: unavailable,
		},
		{desc: "a length in quotes", answer: length + "5\" n33dle \"6\r\n\r\n", outcome: unavailable},
		{
			desc:    "two lengths",
			answer:  length + "5\r\nContent-Length: 6\" n33dle \"\r\n\r\n",
			outcome: unavailable,
		},
		{
			desc:    "an encoding in quotes",
			answer:  head + "Transfer-Encoding: \" n33dle \"\r\n\r\n",
			outcome: unavailable,
		},
		{desc: "chunks of no length", answer: chunked + "\r\nn33dle\r\n", outcome: unavailable},
		{desc: "a trailer", answer: chunked + trailer, token: token},
		{desc: "no HTTP", answer: "\x1b[31mn33dle\u202e\r\n\r\n"},
		{desc: "a header without a colon", answer: head + "n33dle\x1b[31m\r\n\r\n"},
		{desc: "a status that is none", answer: "HTTP/1.1 2x\" n33dle OK\r\n\r\n"},
		{desc: "999", answer: reply("999 n33dle", "", message), outcome: unavailable},
		{desc: "204", answer: "HTTP/1.1 204 n33dle\r\n" + misleading + "\r\n"},
		{desc: "no gzip", answer: reply(ok, compressed, fine), outcome: unavailable},
		// Words and headers.
		{desc: "colors in a message", answer: reply("400 n33dle", misleading, message)},
		{
			desc:    "colors in a reason",
			answer:  reply("500 n33dle\x1b[31m\u202e", misleading, needle),
			outcome: unavailable,
		},
		{desc: "colors in a header", answer: reply(ok, "X: \x1b[31mn33dle\u202e\r\n", fine)},
		{
			desc:    "401 with a message",
			answer:  reply("401 n33dle", "WWW-Authenticate: n33dle\r\n", message),
			outcome: "credentials_refused",
		},
		{desc: "HTML", answer: reply(ok, misleading, "<script>n33dle</script>")},
		{desc: "headers for the browser", answer: reply(ok, misleading, fine), token: token},
		{desc: "a redirect to a file", answer: reply("302 n33dle", "Location: file:///n33dle\r\n", fine)},
		{desc: "a redirect to the metadata", answer: reply("307 n33dle", metadata, fine)},
		{desc: "Retry-After of 11 days", answer: later("429", "999999"), outcome: unavailable},
		{desc: "Retry-After below zero", answer: later("429", "-99999"), outcome: unavailable},
		{
			desc:    "Retry-After beyond numbers",
			answer:  later("429", "99999999999999999999"),
			outcome: unavailable,
		},
		{
			desc:    "Retry-After in 9999",
			answer:  later("429", "Fri, 31 Dec 9999 23:59:59 GMT"),
			outcome: unavailable,
		},
		{desc: "Retry-After in words", answer: later("429", needle), outcome: unavailable},
		// Tokens.
		{desc: "a token that is a number", answer: tokens(17)},
		{desc: "a token that is a list", answer: tokens([]string{token})},
		{desc: "a token that is an object", answer: tokens(map[string]string{"token": token})},
		{desc: "a token with a line break", answer: tokens(token + "\r\nX-N33dle: 1")},
		{desc: "a token with colors", answer: tokens("\x1b[31m" + token)},
		{desc: "a token with a blank", answer: tokens(token + " x")},
		{desc: "a token from right to left", answer: tokens("\u202e" + token)},
		{desc: "a token of 1,025 bytes", answer: tokens(strings.Repeat("x", 1025))},
		{
			desc:   "a token with another next",
			answer: tokens(token + "&next=//evil.example"),
			token:  token + "&next=//evil.example",
		},
		{desc: "a token with an address", answer: tokens(address), token: address},
		{
			desc:   "doubled members",
			answer: reply(ok, "", `{"data":{"token":{"token":"no"}},`+fine[1:]),
			token:  token,
		},
		{
			desc:   "a code of words",
			answer: reply(ok, "", `{"code":"n33dle\u001b[31m",`+fine[1:]),
			token:  token,
		},
		// Ids and rooms.
		{desc: "an id with a way up", rooms: true, answer: ids("../../n33dle")},
		{desc: "an id that is the way up", rooms: true, answer: ids("..")},
		{desc: "an id with a query", rooms: true, answer: ids("17?n33dle#n33dle&x=y")},
		{desc: "an id with NUL and line breaks", rooms: true, answer: ids("17\x00\r\nX: n33dle\r\n\r\n")},
		{desc: "an id that is an address", rooms: true, answer: ids("http://n33dle.example/%2e%2e/")},
		{desc: "an id that is an object", rooms: true, answer: ids(map[string]string{"id": needle})},
		{desc: "an id of 48 KB", rooms: true, answer: ids(strings.Repeat(much, 8))},
		{
			desc:   "another's room",
			rooms:  true,
			to:     "/rooms",
			answer: reply(ok, "", `{"data":{"id":"17","code":"n33dle"}}`),
		},
		{
			desc:   "a room that is a list",
			rooms:  true,
			to:     "/rooms",
			answer: reply(ok, "", `{"data":["n33dle"]}`),
		},
		{
			desc:   "a message to a room",
			rooms:  true,
			to:     "/rooms",
			answer: reply("400 n33dle", misleading, message),
		},
	}
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		middlewares := map[string]map[string]any{}
		liars := []*liar{}
		for n, row := range rows {
			if row.to == "" {
				row.to = "users/sso"
			}
			l, address := newLiar(t, row, b.clinic.API())
			liars = append(liars, l)
			config := b.baseConfig()
			if row.rooms {
				config = b.roomConfig(nil)
			}
			middlewares[rowName(n)] = overlay(config, map[string]any{
				"api": map[string]any{"url": address, "timeout": "2s"},
			})
		}
		running := start(middlewares)
		for n, row := range rows {
			t.Run(row.desc, func(t *testing.T) {
				l := liars[n]
				logged := len(running.log())
				click := request{path: "/clinic", header: defaultHeaders("provider")}
				got := running.send(t, rowName(n), click)
				want := row.outcome
				if want == "" {
					want = "api_error"
				}
				if row.token != "" {
					want = "signed_in"
				}
				assert.Equal(t, want, got.outcome(), got.status)
				audit := lastAudit(t, b.audit)
				assert.Equal(t, got.outcome(), audit["outcome"])
				checkLog(t, running, logged, fmt.Sprint(audit["ref"]))
				checkAnswer(t, b, got, row.token)
				assert.False(t, l.late.Load(), "the answer was waited for")
				assert.LessOrEqual(t, l.sent.Load(), int64(enough), "bytes")
				for _, asked := range l.asked { // no longer changes
					assert.Regexp(t, plainCalls, asked)
				}
				l.honest.Store(true)
				got = running.send(t, rowName(n), click)
				assert.Equal(t, "signed_in", got.outcome(), "the next click: %d", got.status)
			})
		}
		b.checkRooms(t)
	})
}

// checkAnswer checks what the browser gets: a page with nothing of the API's answer, or the way to
// the portal with the token.
func checkAnswer(t *testing.T, b *bench, got answer, token string) {
	t.Helper()
	checkClean(t, got.body, "the page")
	for name, values := range got.header {
		if name != "Location" {
			checkClean(t, name+": "+strings.Join(values, "\n"), "a header")
		}
	}
	assert.Empty(t, got.header.Values("Set-Cookie"))
	if wait := got.header.Get("Retry-After"); wait != "" {
		assert.Regexp(t, "^(?:[1-9][0-9]{0,3}|[1-7][0-9]{4}|8[0-6][0-9]{3})$", wait, "a day at most")
	}
	location := got.header.Get("Location")
	if token == "" {
		assert.Empty(t, location)
		return
	}
	assert.Regexp(t, "^"+regexp.QuoteMeta(b.clinic.Portal())+`auth\?[!-~]+$`, location)
	parsed, err := url.Parse(location)
	require.NoError(t, err)
	want := url.Values{"sso_token": {token}, "next": {"/providers/dashboard"}}
	assert.Equal(t, want, parsed.Query())
	assert.Empty(t, parsed.Fragment)
}

// TestHostileKeys: whatever the server of the keys answers, nobody gets in, nothing of the answer
// is in the log or the page, and others sign in meanwhile.
func TestHostileKeys(t *testing.T) {
	const (
		ok      = "200 OK"
		head    = "HTTP/1.1 200 OK\r\n"
		length  = head + "Content-Length: "
		upgrade = "HTTP/1.1 101 n33dle\r\nConnection: Upgrade\r\nUpgrade: n33dle\r\n\r\n"
		noKeys  = `{"keys":["n33dle",{"kty":"n33dle"},{"kty":"EC","kid":"n33dle"},null]}`
	)
	much := strings.Repeat(needle, 1000)
	lines := strings.Repeat("X-N33dle: n33dle\r\n", 1000)
	deep := `{"keys":` + strings.Repeat("[", 100000)
	rows := []hostileAnswer{
		{desc: "colors in a reason", answer: reply("500 n33dle\x1b[31m\u202e", "", needle)},
		{desc: "no HTTP", answer: "\x1b[31mn33dle\u202e\r\n\r\n"},
		{desc: "a header without a colon", answer: head + "n33dle\x1b[31m\u202e\r\n\r\n"},
		{desc: "a length in quotes", answer: length + "5\" n33dle \"6\r\n\r\n"},
		{desc: "a redirect", answer: reply("302 n33dle", "Location: file:///n33dle\r\n", needle)},
		{desc: "101, and then nothing", answer: upgrade, then: wait},
		{desc: "a body that never ends", answer: length + "9\r\n\r\n{", then: wait},
		{desc: "1 GiB", answer: length + "1073741824\r\n\r\n", then: flood(much)},
		{desc: "headers without end", answer: head, then: flood(lines)},
		{desc: "a small body of much", answer: reply(ok, compressed, gzipped(100<<20))},
		{desc: "JSON 100,000 levels deep", answer: reply(ok, "", deep)},
		{desc: "keys that are none", answer: reply(ok, "", noKeys)},
	}
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		signer := newSigner(t)
		middlewares := map[string]map[string]any{"clinic": b.baseConfig()}
		liars := []*liar{}
		for n, row := range rows {
			row.to = "/jwks.json"
			l, address := newLiar(t, row, signer.server.URL+"/jwks.json")
			liars = append(liars, l)
			config := overlay(b.baseConfig(), section(nil, "identity"))
			config["identity"] = section(map[string]any{
				"header": "X-Token", "issuer": "issuer", "audience": "portal", "jwksURL": address,
			}, "jwt")
			middlewares[rowName(n)] = config
		}
		running := start(middlewares)
		for n, row := range rows {
			t.Run(row.desc, func(t *testing.T) {
				logged := len(running.log())
				claims := map[string]any{"iss": "issuer", "aud": "portal", "sub": "provider"}
				same := func(text string) string { return text }
				token := signer.sign(t, &signedToken{Claims: claims}, same)
				header := http.Header{"X-Token": {token}}
				got := running.send(t, rowName(n), request{path: "/clinic", header: header})
				assert.Equal(t, "keys_unavailable", got.outcome(), got.status)
				checkLog(t, running, logged, fmt.Sprint(lastAudit(t, b.audit)["ref"]))
				checkAnswer(t, b, got, "")
				assert.False(t, liars[n].late.Load(), "the answer was waited for")
				assert.LessOrEqual(t, liars[n].sent.Load(), int64(enough), "bytes")
			})
		}
		clicks(t, running, "clinic", 1)
	})
}

// carry returns a token or principal that has the text at the place.
func (s *signer) carry(t *testing.T, p hostilePlace, row hostileText, visitor string) string {
	t.Helper()
	kind, name, _ := strings.Cut(p.desc, " ")
	if kind == "principal" {
		claims := []any{map[string]string{"typ": "name", "val": "Jane Doe"}}
		document := map[string]any{"userId": visitor}
		if name == "id" {
			document["userId"] = row.text
		} else {
			claims = []any{map[string]string{"typ": "name", "val": row.text}}
		}
		document["claims"] = claims
		content, err := json.Marshal(document)
		require.NoError(t, err)
		return base64.StdEncoding.EncodeToString(content)
	}
	claims := map[string]any{"iss": "issuer", "aud": "portal", "sub": visitor}
	if kind == "header" {
		return forged(t, map[string]any{"alg": "ES256", "kid": "key-1"}, name, row.text)
	}
	claims[name] = row.text
	same := func(text string) string { return text }
	return s.sign(t, &signedToken{Claims: claims}, same)
}

// forged is a token that nobody signed, with one more member in its header.
func forged(t *testing.T, header map[string]any, name, value string) string {
	t.Helper()
	header[name] = value
	claims := map[string]any{
		"iss": "issuer", "aud": "portal", "sub": "victim", "exp": time.Now().Unix() + 300,
	}
	token := ""
	for _, part := range []any{header, claims} {
		content, err := json.Marshal(part)
		require.NoError(t, err)
		token += base64URL(content) + "."
	}
	return token + base64URL(make([]byte, 64))
}
