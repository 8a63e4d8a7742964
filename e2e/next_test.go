package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	whatwg "github.com/nlnwa/whatwg-url/url"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

const portalOrigin = "https://portal.example.com"

// nextPortals are the portals that the payloads meet: by host name, its path and its configuration.
var nextPortals = map[string]struct {
	path    string
	allowed []string
}{
	"clinic":  {path: "/vc/next/"},
	"root":    {path: "/"},
	"allowed": {path: "/vc/next/", allowed: []string{"/visits", "/u/clinic"}},
}

// TestNextCorpus sends the payloads of testdata/next as they stand, past every client that would
// tidy them up, and reads the answers as browsers do. Whoever answers, nobody is sent to another
// origin, now or when the portal follows next.
func TestNextCorpus(t *testing.T) {
	classes := nextClasses(t)
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			middlewares := map[string]map[string]any{}
			for host, portal := range nextPortals {
				middlewares[host] = overlay(b.baseConfig(), map[string]any{
					"portal": map[string]any{
						"url": portalOrigin + portal.path, "allowedNext": portal.allowed,
					},
					"limits": map[string]any{"signIns": 0},
					"audit":  nil,
				})
			}
			running := e.start(t, b.site.URL, middlewares)
			attempts := make(chan nextAttempt)
			outcomes := &tally{counts: map[string]int{}}
			var wait sync.WaitGroup
			for range 6 {
				wait.Go(func() {
					socket := &socket{address: strings.TrimPrefix(running.url, "http://")}
					defer socket.close()
					for v := range attempts {
						outcomes.add(v.check(t, socket))
					}
				})
			}
			for class, payloads := range classes {
				for _, payload := range payloads {
					for host := range nextPortals {
						attempts <- nextAttempt{host: host, class: class, payload: payload}
					}
				}
			}
			close(attempts)
			wait.Wait()
			t.Logf("answers: %v", outcomes.counts)
		})
	}
}

type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
}

// nextClasses returns the payloads by class, as testdata/next/README.md describes them.
func nextClasses(t testing.TB) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(traefik.Root(), "testdata", "next", "*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	classes := map[string][]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		class := strings.TrimSuffix(filepath.Base(file), ".txt")
		for line := range strings.SplitSeq(string(content), "\n") {
			if line == "" || strings.HasPrefix(line, "# ") {
				continue
			}
			if strings.HasPrefix(line, `"`) {
				line, err = strconv.Unquote(line)
				require.NoError(t, err, class)
			}
			classes[class] = append(classes[class], line)
		}
	}
	return classes
}

// nextAttempt is a payload on its way to a host.
type nextAttempt struct {
	host, class, payload string
}

func (v nextAttempt) String() string {
	return fmt.Sprintf("%s: %s%q", v.class, v.host, v.payload)
}

// check follows the payload's redirects to the portal, or to where they end, and says what came of
// it. It may run in any goroutine.
func (v nextAttempt) check(t *testing.T, socket *socket) string {
	t.Helper()
	target := "/clinic" + v.payload
	for range 5 {
		asked := fmt.Sprintf("%s: %s%q", v.class, v.host, target)
		response, err := socket.get(v.host, target)
		if !assert.NoError(t, err, asked) {
			return "failed"
		}
		locations := response.Header["Location"]
		signedIn := response.Header.Get("Clinicpass-Outcome") == "signed_in"
		if v.class == "honest" {
			assert.True(t, signedIn, "%s is answered with %d", asked, response.StatusCode)
		}
		if len(locations) == 0 && !signedIn {
			return strconv.Itoa(response.StatusCode)
		}
		if !assert.Len(t, locations, 1, asked) {
			return "failed"
		}
		// A browser has resolved the address it asks for; only the host matters here.
		there, err := whatwg.ParseRef("http://"+v.host+"/clinic/", locations[0])
		if !assert.NoError(t, err, "%s leads to %q", asked, locations[0]) {
			return "failed"
		}
		if signedIn {
			v.checkPortal(t, there)
			return "signed in"
		}
		want := "http://" + v.host
		if !assert.Equal(t, want, origin(there), "%s leads to %q", asked, locations[0]) {
			return "failed"
		}
		target = there.Pathname() + there.Search()
	}
	assert.Fail(t, "there is no end to the redirects", v.String())
	return "failed"
}

// checkPortal checks the auth address and where the portal would go from there. It may run in any
// goroutine.
func (v nextAttempt) checkPortal(t *testing.T, auth *whatwg.Url) {
	t.Helper()
	portal := nextPortals[v.host]
	base := portalOrigin + portal.path
	query, err := url.ParseQuery(auth.Query())
	about := fmt.Sprintf("%s leads to %s", v, auth)
	sound := assert.NoError(t, err, about) &&
		assert.Equal(t, portalOrigin, origin(auth), about) &&
		assert.Equal(t, portal.path+"auth", auth.Pathname(), about) &&
		assert.Empty(t, auth.Fragment(), about) &&
		assert.Len(t, query["next"], 1, about) &&
		assert.Len(t, query["sso_token"], 1, about) &&
		assert.Len(t, query, 2, about)
	if !sound {
		return
	}
	next := query.Get("next")
	if !assert.NotEmpty(t, next, about) {
		return
	}
	landing, err := whatwg.ParseRef(base, next)
	about = fmt.Sprintf("%s: the portal would go from next=%q to %v", v, next, landing)
	sound = assert.NoError(t, err, about) &&
		assert.Equal(t, portalOrigin, origin(landing), about) &&
		assert.Empty(t, landing.Username(), about) &&
		assert.Empty(t, landing.Password(), about)
	if !sound {
		return
	}
	// Some portals decode next once or twice more, or put it behind their own address.
	decoded, err := url.PathUnescape(landing.Pathname())
	if !assert.NoError(t, err, about) || !assert.True(t, utf8.ValidString(decoded), about) {
		return
	}
	twice, err := url.PathUnescape(decoded)
	if err != nil {
		twice = decoded
	}
	for _, reading := range []string{decoded, twice, portal.path + next[1:]} {
		again, err := whatwg.ParseRef(base, reading)
		if assert.NoError(t, err, about) {
			assert.Equal(t, portalOrigin, origin(again), "%s or %s", about, again)
		}
	}
	assert.True(t, v.mayLand(decoded), about)
}

// mayLand reports whether the page is one that the payload may lead to.
func (v nextAttempt) mayLand(page string) bool {
	const defaultPage = "/providers/dashboard"
	if v.class == "honest" && v.host != "allowed" {
		asked, _, _ := strings.Cut(v.payload, "?")
		decoded, err := url.PathUnescape(asked)
		return err == nil && (page == decoded || (asked == "" && page == defaultPage))
	}
	allowed := nextPortals[v.host].allowed
	for _, prefix := range allowed {
		if strings.HasPrefix(page+"/", prefix+"/") {
			return true
		}
	}
	return len(allowed) == 0 || page == defaultPage
}

func origin(u *whatwg.Url) string { return u.Protocol() + "//" + u.Host() }

// socket sends request lines that no HTTP client would send.
type socket struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

func (s *socket) get(host, target string) (*http.Response, error) {
	if s.conn == nil {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			return nil, err
		}
		s.conn, s.reader = conn, bufio.NewReader(conn)
	}
	if err := s.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	request := "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n"
	for name, values := range defaultHeaders("corpus") {
		request += name + ": " + values[0] + "\r\n"
	}
	if _, err := io.WriteString(s.conn, request+"\r\n"); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(s.reader, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return nil, err
	}
	if s.reader.Buffered() > 0 {
		return nil, fmt.Errorf("there is more than one answer")
	}
	if response.Close || response.StatusCode == http.StatusBadRequest {
		s.close()
	}
	return response, nil
}

func (s *socket) close() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}
