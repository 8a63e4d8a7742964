package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// provider is a browser that the auth layer knows: every request to the portal carries the identity headers.
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

// TestRedirectLoop: a clinic that sends everybody back is left alone after limits.signIns, with a page that says so; other
// providers are not concerned.
func TestRedirectLoop(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start func(map[string]map[string]any) *running) {
		running := start(map[string]map[string]any{"clinic": b.baseConfig()})
		transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "clinic:80" {
				address = strings.TrimPrefix(running.url, "http://")
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
		t.Cleanup(transport.CloseIdleConnections)
		open := func(id string) (*http.Response, string) {
			browser := &http.Client{
				Transport:     provider{transport, defaultHeaders(id)},
				CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
			}
			response, err := browser.Get("http://clinic/clinic")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return response, string(body)
		}
		b.clinic.SetQuirks(vseetest.Quirks{BounceTo: "http://clinic/clinic"})
		response, body := open("looper")
		if calls := len(b.clinic.Requests()); response.StatusCode != http.StatusTooManyRequests || calls != 10 {
			t.Errorf("the loop ended with %d after %d sign-ins", response.StatusCode, calls)
		}
		if !strings.Contains(body, "sending you back again and again") {
			t.Errorf("the page does not say what happens: %s", body)
		}
		if wait, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
			t.Errorf("Retry-After: %q", response.Header.Get("Retry-After"))
		}
		b.clinic.SetQuirks(vseetest.Quirks{})
		if response, body := open("somebody-else"); response.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "Simulated VSee Clinic") {
			t.Errorf("another provider: %d %s", response.StatusCode, body)
		}
		if response, _ := open("looper"); response.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the same provider at once: %d", response.StatusCode)
		}
	})
}
