package e2e

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// connectProxy is a corporate proxy: it takes every CONNECT to one server, whatever the host.
func connectProxy(t *testing.T, server string) (proxy *httptest.Server, connections *atomic.Int32) {
	t.Helper()
	connections = &atomic.Int32{}
	proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upstream, err := net.Dial("tcp", server)
		if err != nil || r.Method != http.MethodConnect || r.Host != "api.example.com:443" {
			http.Error(w, "not for this proxy", http.StatusBadGateway)
			return
		}
		defer func() { _ = upstream.Close() }()
		w.WriteHeader(http.StatusOK)
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = client.Close() }()
		connections.Add(1)
		go func() { _, _ = io.Copy(upstream, buffered) }()
		_, _ = io.Copy(client, upstream)
	}))
	t.Cleanup(proxy.Close)
	return proxy, connections
}

// TestOutgoingConnections: Clinicpass reaches VSee's API by the proxy in HTTPS_PROXY, and trusts the
// authorities in SSL_CERT_FILE and no others.
func TestOutgoingConnections(t *testing.T) {
	for _, row := range []struct {
		desc    string
		trusted bool // the authority is in SSL_CERT_FILE
		outcome string
	}{
		{desc: "a known authority", trusted: true, outcome: "signed_in"},
		{desc: "an unknown authority", outcome: "api_unavailable"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			b := newBench(t)
			target, err := url.Parse(b.clinic.API())
			require.NoError(t, err)
			target.Path = ""
			api := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
			t.Cleanup(api.Close)
			proxy, connections := connectProxy(t, api.Listener.Addr().String())
			env := []string{"HTTPS_PROXY=" + proxy.URL, "NO_PROXY="}
			if row.trusted {
				block := &pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw}
				file := filepath.Join(t.TempDir(), "authorities.pem")
				require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
				env = append(env, "SSL_CERT_FILE="+file)
			}
			path, err := url.Parse(b.clinic.API())
			require.NoError(t, err)
			clinic := overlay(b.baseConfig(), map[string]any{
				"api": map[string]any{"url": "https://api.example.com" + path.Path},
			})
			version := traefik.Tested[len(traefik.Tested)-1]
			instance := runWith(t, version, map[string]any{
				"routers": map[string]any{
					probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
					"clinic": map[string]any{
						"rule": "Host(`clinic`)", "service": "site", "middlewares": []string{"clinic"},
					},
				},
				"middlewares": map[string]any{
					"clinic": map[string]any{"plugin": map[string]any{"clinicpass": clinic}},
				},
				"services": siteService(b.site.URL),
			}, traefik.Options{Env: env})
			running := &running{url: instance.URL, log: instance.Log}
			header := defaultHeaders("abroad")
			got := running.exchange(t, "clinic", request{path: "/clinic", header: header})
			assert.Equal(t, row.outcome, got.header.Get("Clinicpass-Outcome"))
			assert.Positive(t, connections.Load(), "the proxy was not used")
			if !row.trusted {
				const line = "x509: certificate signed by unknown authority"
				running.waitForLog(t, 0, line)
				assert.Contains(t, document(t, "troubleshooting.md"), line)
			}
		})
	}
}
