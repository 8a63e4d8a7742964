package vseetest

import (
	"net/http"
	"net/http/httptest"
	"strings"
)

// Click returns the request that arrives from a browser behind oauth2-proxy after a click on a link
// to the path. It has all typical headers, for realistic benchmarks. The person is fictitious.
func Click(path string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for name, value := range map[string]string{
		"Accept":                            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Accept-Language":                   "en-US,en;q=0.5",
		"Cookie":                            "_oauth2_proxy=" + strings.Repeat("x", 400),
		"Referer":                           "https://portal.example.com/",
		"Sec-Fetch-Dest":                    "document",
		"Sec-Fetch-Mode":                    "navigate",
		"Sec-Fetch-Site":                    "same-origin",
		"Sec-Fetch-User":                    "?1",
		"Upgrade-Insecure-Requests":         "1",
		"User-Agent":                        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
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
