package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// provider is a browser that the auth layer knows: every request to the portal carries the identity
// headers.
type provider struct {
	transport *http.Transport
	header    http.Header
}

func (p provider) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "clinic" {
		r = r.Clone(r.Context())
		r.Header = p.header.Clone()
	}
	return p.transport.RoundTrip(r)
}

// TestRedirectLoop: a clinic that sends everybody back is left alone after limits.signIns, with a
// page that says so; other providers are not concerned.
func TestRedirectLoop(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		running := start(map[string]map[string]any{"clinic": b.baseConfig()})
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "clinic:80" {
				address = strings.TrimPrefix(running.url, "http://")
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		transport := &http.Transport{DialContext: dial}
		t.Cleanup(transport.CloseIdleConnections)
		open := func(id string) (*http.Response, string) {
			browser := &http.Client{
				Transport:     provider{transport, defaultHeaders(id)},
				CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
			}
			response, err := browser.Get("http://clinic/clinic")
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			return response, string(body)
		}
		b.clinic.SetQuirks(vseetest.Quirks{BounceTo: "http://clinic/clinic"})
		response, body := open("looper")
		assert.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		assert.Len(t, b.clinic.Requests(), 10, "sign-ins until the loop ended")
		assert.Contains(t, body, "too many times within a minute")
		wait, err := strconv.Atoi(response.Header.Get("Retry-After"))
		assert.NoError(t, err, "Retry-After")
		assert.GreaterOrEqual(t, wait, 1, "Retry-After")
		assert.LessOrEqual(t, wait, 60, "Retry-After")

		b.clinic.SetQuirks(vseetest.Quirks{})
		response, body = open("somebody-else")
		assert.Equal(t, http.StatusUnauthorized, response.StatusCode, "another provider")
		assert.Contains(t, body, "Simulated VSee Clinic", "another provider")
		response, _ = open("looper")
		assert.Equal(t, http.StatusTooManyRequests, response.StatusCode, "the looper at once")
	})
}
