package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

const (
	faultTimeout = 3 * time.Second // api.timeout
	slack        = 2 * time.Second // that a busy machine may add
)

// apiFault is something that happens between the plugin and the API.
type apiFault struct {
	desc    string
	outcome string
	log     string // a part of what the operator reads, besides the outcome

	toxics []string         // of the TCP proxy in front of the API, as JSON
	down   bool             // the proxy does not listen
	script []vseetest.Fault // of the API's answers
	raw    func(t *testing.T, api string) string
}

// toxicOf is a toxic that acts on the API's answers.
func toxicOf(kind, attributes string) []string {
	const format = `{"name":"toxic","type":"%s","stream":"downstream","attributes":{%s}}`
	return []string{fmt.Sprintf(format, kind, attributes)}
}

// retryAfter is a header of the API's answers.
func retryAfter(seconds string) map[string]string {
	return map[string]string{"Retry-After": seconds}
}

// apiFaults go into the table of docs/reliability.md in this order.
func apiFaults() []apiFault {
	long := `{"data":{"id":"17","token":{"token":"` + strings.Repeat("7", 32) + `"}},` +
		`"padding":"` + strings.Repeat("x", 1200) + `"}`
	return []apiFault{
		{
			desc:    "every answer takes 1.2 s",
			outcome: "signed_in",
			toxics:  toxicOf("latency", `"latency":1200,"jitter":0`),
		},
		{
			desc:    "every answer takes between 0.9 and 1.5 s",
			outcome: "signed_in",
			toxics:  toxicOf("latency", `"latency":1200,"jitter":300`),
		},
		{
			desc:    "1 KB per second",
			outcome: "signed_in",
			script:  []vseetest.Fault{{Status: 200, Body: long}},
			toxics:  toxicOf("bandwidth", `"rate":1`),
		},
		{
			desc:    "the answer takes longer than `api.timeout`",
			outcome: "api_timeout",
			toxics:  toxicOf("latency", `"latency":20000,"jitter":0`),
		},
		{
			desc:    "the API accepts the connection and never answers",
			outcome: "api_timeout",
			toxics:  toxicOf("timeout", `"timeout":0`),
		},
		{
			desc:    "the connection is reset before an answer",
			outcome: "api_unavailable",
			toxics:  toxicOf("reset_peer", `"timeout":0`),
		},
		{
			desc:    "the connection ends within the answer's headers",
			outcome: "api_unavailable",
			toxics:  toxicOf("limit_data", `"bytes":30`),
		},
		{
			desc:    "the connection ends within the answer's body",
			outcome: "api_unavailable",
			script:  []vseetest.Fault{{Status: 200, Body: `{"data":{`, Truncate: true}},
		},
		{
			desc:    "connection refused",
			outcome: "api_unavailable",
			log:     "refused",
			down:    true,
		},
		{
			desc:    "the API's name does not resolve",
			outcome: "api_unavailable",
			log:     "api.invalid",
			raw:     func(*testing.T, string) string { return "https://api.invalid/" },
		},
		{
			desc:    "a certificate for another name",
			outcome: "api_unavailable",
			log:     "certificate",
			raw:     withCertificate("192.0.2.1", time.Hour),
		},
		{
			desc:    "an expired certificate",
			outcome: "api_unavailable",
			log:     "x509: certificate has expired",
			raw:     withCertificate("127.0.0.1", -time.Hour),
		},
		{
			desc:    "a certificate of an unknown authority",
			outcome: "api_unavailable",
			log:     "x509: certificate signed by unknown authority",
			raw:     withCertificate("127.0.0.1", time.Hour),
		},
		{
			desc:    "the API closes kept-alive connections when they are reused",
			outcome: "signed_in",
			raw:     hangingUp,
		},
		{
			desc:    "three interim answers (100, 103) before the answer",
			outcome: "signed_in",
			raw:     withInterim(3),
		},
		{
			desc:    "endless interim answers",
			outcome: "api_error",
			raw:     withInterim(100000),
		},
		{
			desc:    "headers of 100 KB",
			outcome: "api_error",
			script: []vseetest.Fault{{
				Status: 200,
				Header: map[string]string{"X-Large": strings.Repeat("x", 100<<10)},
				Body:   "{}",
			}},
		},
		{
			desc:    "10 MB of zeros in a small gzip body",
			outcome: "api_error",
			script: []vseetest.Fault{{
				Status: 200,
				Header: map[string]string{"Content-Encoding": "gzip"},
				Body:   gzipped(10 << 20),
			}},
		},
		{
			desc:    "503 with `Retry-After: 1`, once",
			outcome: "signed_in",
			script:  []vseetest.Fault{{Status: 503, Header: retryAfter("1"), Body: "{}"}},
		},
		{
			desc:    "429 with `Retry-After: 60`",
			outcome: "api_unavailable",
			script:  []vseetest.Fault{{Status: 429, Header: retryAfter("60"), Body: "{}"}},
		},
		{
			desc:    "500",
			outcome: "api_unavailable",
			script:  []vseetest.Fault{{Status: 500, Body: "{}"}},
		},
	}
}

// TestFaults: whatever happens on the way to the API, a click ends within api.timeout in the right
// outcome, and the next click after it works. What is seen is the table of docs/reliability.md.
func TestFaults(t *testing.T) {
	for _, e := range fewEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			zerolog.SetGlobalLevel(zerolog.Disabled) // the proxy's own log
			server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
			proxies := map[string]*toxiproxy.Proxy{}
			middlewares := map[string]map[string]any{}
			rows := apiFaults()
			for i, row := range rows {
				host := fmt.Sprint("fault", i)
				api, err := url.Parse(b.clinic.API())
				require.NoError(t, err)
				proxy := toxiproxy.NewProxy(server, host, "127.0.0.1:0", api.Host)
				require.NoError(t, proxy.Start())
				t.Cleanup(proxy.Stop)
				proxies[host] = proxy
				api.Host = proxy.Listen
				address := api.String()
				if row.raw != nil {
					address = row.raw(t, b.clinic.API())
				}
				middlewares[host] = overlay(b.baseConfig(), map[string]any{
					"api":   map[string]any{"url": address, "timeout": faultTimeout.String()},
					"audit": map[string]any{"file": b.audit + host},
				})
			}
			running := e.start(t, b.site.URL, middlewares)
			lines := []string{}
			for i, row := range rows {
				t.Run(row.desc, func(t *testing.T) {
					host := fmt.Sprint("fault", i)
					lines = append(lines, row.play(t, b, running, host, proxies[host]))
				})
			}
			require.Len(t, lines, len(rows), "the table needs every row")
			table := "| Fault | Outcome | Status | Answered | Next sign-in |\n" +
				"| --- | --- | --- | --- | --- |\n" + strings.Join(lines, "")
			compareTable(t, "reliability.md", "make reliability", table)
		})
	}
}

// fewEnvironments are the interpreter and the newest Traefik.
func fewEnvironments() []environment {
	all := environments()
	return []environment{all[1], all[len(all)-1]}
}

// play lets a fault happen and returns its line of the table.
func (row apiFault) play(
	t *testing.T, b *bench, running *running, host string, proxy *toxiproxy.Proxy,
) string {
	t.Helper()
	for _, toxic := range row.toxics {
		_, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
		require.NoError(t, err)
	}
	if row.down {
		proxy.Stop()
	}
	if row.raw != nil && row.outcome == "signed_in" { // so that there are connections to use again
		running.send(t, host, request{path: "/clinic", header: defaultHeaders("warm-up")})
	}
	b.clinic.Script(row.script...)
	logged := len(running.log())
	click := request{path: "/clinic", header: defaultHeaders("u-" + host)}
	start := time.Now()
	got := running.send(t, host, click)
	elapsed := time.Since(start)
	b.clinic.Script()
	outcome := got.outcome()
	assert.Equal(t, row.outcome, outcome, "log: %s", pluginLines(running.log()[logged:]))
	assert.LessOrEqual(t, elapsed, faultTimeout+slack)
	if row.outcome != "signed_in" {
		running.waitForLog(t, logged, outcome)
		running.waitForLog(t, logged, row.log)
	}
	speed := pace(t, b.audit+host, elapsed)
	next := "—" // the configuration itself is at fault
	if row.raw == nil || row.outcome == "signed_in" {
		row.repair(t, proxy)
		next = running.send(t, host, click).outcome()
		assert.Equal(t, "signed_in", next, "the next sign-in")
	}
	return fmt.Sprintf("| %s | `%s` | %d | %s | %s |\n", row.desc, outcome, got.status, speed, next)
}

// repair takes the fault away.
func (row apiFault) repair(t *testing.T, proxy *toxiproxy.Proxy) {
	t.Helper()
	proxy.Toxics.ResetToxics(context.Background())
	if row.down {
		require.NoError(t, proxy.Start())
	}
}

// pace says in words that are the same on every machine how fast an answer came, for the last entry
// of an audit file.
func pace(t *testing.T, audit string, elapsed time.Duration) string {
	t.Helper()
	content, err := os.ReadFile(audit)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	var entry struct {
		Calls int `json:"calls"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &entry))
	switch {
	case elapsed >= faultTimeout:
		return "at `api.timeout`"
	case entry.Calls == 2:
		return "after a retry"
	case entry.Calls > 2:
		return fmt.Sprintf("after %d retries", entry.Calls-1)
	case elapsed < 700*time.Millisecond:
		return "at once"
	}
	return "when the API has answered"
}

// TestInFlight: sign-ins that wait for an API which asks for patience succeed when it is back, all
// of them.
func TestInFlight(t *testing.T) {
	for _, e := range fewEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			const clicks = 20
			b := newBench(t)
			running := e.start(t, b.site.URL, map[string]map[string]any{"clinic": b.baseConfig()})
			away := vseetest.Fault{Status: 503, Header: retryAfter("1"), Body: "{}"}
			b.clinic.Script(slices.Repeat([]vseetest.Fault{away}, clicks)...)
			var wait sync.WaitGroup
			for i := range clicks {
				wait.Go(func() {
					header := defaultHeaders(fmt.Sprint("u-", i))
					got := running.exchange(t, "clinic", request{path: "/clinic", header: header})
					assert.Equal(t, http.StatusFound, got.status, "click %d: %s", i, got.outcome())
				})
			}
			wait.Wait()
			assert.Len(t, b.clinic.Requests(), 2*clicks, "each sign-in is put off once")
		})
	}
}

// gzipped returns so many zeros, compressed.
func gzipped(size int64) string {
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	_, _ = io.CopyN(w, zeros{}, size)
	_ = w.Close()
	return buffer.String()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// withCertificate serves HTTPS with a certificate of its own for the address that expires in life.
func withCertificate(address string, life time.Duration) func(t *testing.T, api string) string {
	return func(t *testing.T, _ string) string {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1),
			Subject:      pkix.Name{CommonName: "api.example.com"},
			NotBefore:    time.Now().Add(-2 * time.Hour),
			NotAfter:     time.Now().Add(life),
			IPAddresses:  []net.IP{net.ParseIP(address)},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(t, err)
		certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		return server.URL + "/"
	}
}

// hangingUp passes each connection's first request on to the API, and closes the connection as the
// second one comes.
func hangingUp(t *testing.T, api string) string {
	t.Helper()
	return servedBy(t, api, func(c net.Conn, upstream net.Conn) {
		go func() { _, _ = io.Copy(c, upstream) }()
		request := make([]byte, 64<<10)
		n, err := c.Read(request)
		end := []byte("--\r\n") // of a multipart body
		for err == nil && !bytes.HasSuffix(request[:n], end) {
			var more int
			more, err = c.Read(request[n:])
			n += more
		}
		_, _ = upstream.Write(request[:n])
		_, _ = c.Read(request)
	})
}

// withInterim sends interim answers before the API's own.
func withInterim(count int) func(t *testing.T, api string) string {
	return func(t *testing.T, api string) string {
		t.Helper()
		return servedBy(t, api, func(c net.Conn, upstream net.Conn) {
			go func() { _, _ = io.Copy(upstream, c) }()
			answer := bufio.NewReader(upstream)
			for {
				if _, err := answer.Peek(1); err != nil {
					return
				}
				for i := range count {
					interim := "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
					if i%2 == 0 {
						interim = "HTTP/1.1 100 Continue\r\n\r\n"
					}
					if _, err := io.WriteString(c, interim); err != nil {
						return
					}
				}
				own, err := answer.Peek(answer.Buffered())
				if err != nil {
					return
				}
				if _, err := c.Write(own); err != nil {
					return
				}
				_, _ = answer.Discard(len(own))
			}
		})
	}
}

// servedBy lets handle deal with each connection to a new address, given one to the API.
func servedBy(t *testing.T, api string, handle func(c, upstream net.Conn)) string {
	t.Helper()
	target, err := url.Parse(api)
	require.NoError(t, err)
	own := target.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				upstream, err := net.Dial("tcp", own)
				if err != nil {
					return
				}
				defer func() { _ = upstream.Close() }()
				handle(c, upstream)
			}()
		}
	}()
	target.Host = listener.Addr().String()
	return target.String()
}
