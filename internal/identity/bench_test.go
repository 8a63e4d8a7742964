package identity

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
)

const (
	acceptHTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	firefox    = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// benchRequest is what arrives behind oauth2-proxy from a browser.
func benchRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/clinic", nil)
	for name, value := range map[string]string{
		"Accept":                            acceptHTML,
		"Accept-Language":                   "en-US,en;q=0.5",
		"Cookie":                            "_oauth2_proxy=" + strings.Repeat("x", 400),
		"Referer":                           "https://portal.example.com/",
		"Sec-Fetch-Dest":                    "document",
		"Sec-Fetch-Mode":                    "navigate",
		"Sec-Fetch-Site":                    "same-origin",
		"Sec-Fetch-User":                    "?1",
		"Upgrade-Insecure-Requests":         "1",
		"User-Agent":                        firefox,
		"X-Auth-Request-Email":              "jane.doe@example.com",
		"X-Auth-Request-Groups":             "doctors,staff",
		"X-Auth-Request-Preferred-Username": "Jane Doe",
		"X-Auth-Request-User":               "u-17",
		"X-Forwarded-For":                   "192.0.2.7",
		"X-Forwarded-Host":                  "portal.example.com",
		"X-Forwarded-Proto":                 "https",
		"X-Real-Ip":                         "192.0.2.7",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// BenchmarkIdentity reads the identity from its headers.
func BenchmarkIdentity(b *testing.B) {
	c := config.Default().Identity
	c.Preset = "oauth2-proxy"
	p := &config.Problems{}
	reader := Parse(c, p)
	require.Empty(b, p.Lines)
	r := benchRequest()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if _, refusal := Read(reader, r); refusal != nil {
			b.Fatal(refusal.Why)
		}
	}
}
