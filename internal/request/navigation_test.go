package request

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRefuse: only a person who opens the page may get a token.
func TestRefuse(t *testing.T) {
	const (
		method = "method_refused"
		other  = "not_a_navigation"
	)
	for _, row := range []struct {
		desc       string
		method     string // GET for ""
		header     map[string]string
		allowFrame bool
		want       string // "" for a person
	}{
		{desc: "a client that says nothing"},
		{
			desc: "a click",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "document",
				"Sec-Fetch-Site": "same-origin",
				"Sec-Fetch-User": "?1",
			},
		},
		{
			desc: "a link from another site",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "document",
				"Sec-Fetch-Site": "cross-site",
			},
		},
		{desc: "only the mode", header: map[string]string{"Sec-Fetch-Mode": "navigate"}},
		{desc: "only the destination", header: map[string]string{"Sec-Fetch-Dest": "document"}},
		{
			desc: "a navigation that a service worker passes on",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "empty",
			},
		},
		{desc: "another purpose", header: map[string]string{"Purpose": "preview"}},
		{desc: "another upgrade", header: map[string]string{"Upgrade": "h2c"}},

		{desc: "HEAD", method: "HEAD", want: method},
		{desc: "POST", method: "POST", want: method},
		{desc: "OPTIONS", method: "OPTIONS", want: method},
		{desc: "get", method: "get", want: method},
		{
			desc:   "a method before anything else",
			method: "POST",
			header: map[string]string{"Sec-Purpose": "prefetch"},
			want:   method,
		},

		{desc: "prefetch", header: map[string]string{"Sec-Purpose": "prefetch"}, want: other},
		{
			desc:   "prerender",
			header: map[string]string{"Sec-Purpose": "prefetch;prerender"},
			want:   other,
		},
		{
			desc:   "prerender alone",
			header: map[string]string{"Sec-Purpose": "prerender"},
			want:   other,
		},
		{
			desc:   "prefetch, in capitals",
			header: map[string]string{"Purpose": "PreFetch"},
			want:   other,
		},
		{
			desc:   "prefetch, in an old Firefox",
			header: map[string]string{"X-Moz": "prefetch"},
			want:   other,
		},
		{
			desc: "prefetch of a document",
			header: map[string]string{
				"Sec-Purpose":    "prefetch",
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "document",
			},
			want: other,
		},
		{desc: "WebSocket", header: map[string]string{"Upgrade": "WebSocket"}, want: other},
		{
			desc:   "WebSocket among others",
			header: map[string]string{"Upgrade": "h2c, websocket"},
			want:   other,
		},
		{
			desc:   "WebSocket's key",
			header: map[string]string{"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="},
			want:   other,
		},
		{
			desc: "fetch()",
			header: map[string]string{
				"Sec-Fetch-Mode": "cors",
				"Sec-Fetch-Dest": "empty",
			},
			want: other,
		},
		{
			desc: "fetch() of the same site",
			header: map[string]string{
				"Sec-Fetch-Mode": "same-origin",
				"Sec-Fetch-Dest": "empty",
				"Sec-Fetch-Site": "same-origin",
			},
			want: other,
		},
		{
			desc: "another mode, yet a document",
			header: map[string]string{
				"Sec-Fetch-Mode": "no-cors",
				"Sec-Fetch-Dest": "document",
			},
			want: other,
		},
		{
			desc:   "a script, in a browser that tells no mode",
			header: map[string]string{"Sec-Fetch-Dest": "empty"},
			want:   other,
		},
		{
			desc: "image",
			header: map[string]string{
				"Sec-Fetch-Mode": "no-cors",
				"Sec-Fetch-Dest": "image",
			},
			want: other,
		},
		{
			desc: "embedded object",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "object",
			},
			want: other,
		},
		{
			desc: "frame of the same site",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "iframe",
				"Sec-Fetch-Site": "same-origin",
			},
			want: other,
		},
		{
			desc: "frame of the same origin, where frames are allowed",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "iframe",
				"Sec-Fetch-Site": "same-origin",
			},
			allowFrame: true,
		},
		{
			desc: "frame of the same site, where frames are allowed",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "frame",
				"Sec-Fetch-Site": "same-site",
			},
			allowFrame: true,
		},
		{
			desc: "frame of another site, where frames are allowed",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "iframe",
				"Sec-Fetch-Site": "cross-site",
			},
			allowFrame: true,
			want:       other,
		},
		{
			desc: "frame of an unknown site, where frames are allowed",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "iframe",
			},
			allowFrame: true,
			want:       other,
		},
		{
			desc: "embedded object, where frames are allowed",
			header: map[string]string{
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Dest": "embed",
				"Sec-Fetch-Site": "same-origin",
			},
			allowFrame: true,
			want:       other,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/clinic", nil)
			if row.method != "" {
				r.Method = row.method
			}
			for name, value := range row.header {
				r.Header.Set(name, value)
			}
			refusal := Refuse(r, row.allowFrame)
			if row.want == "" {
				assert.True(t, refusal == nil, "a person is refused")
				return
			}
			require.True(t, refusal != nil, "not refused")
			assert.Equal(t, row.want, string(refusal.Outcome))
			assert.NotEmpty(t, refusal.Why)
			assert.Zero(t, refusal.RetryAfter)
		})
	}
}
