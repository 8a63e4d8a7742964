package clinicpass

import (
	"net/http"
	"strings"
)

// navigation tells whether a person is opening the page. Anything else must not mint a token: a prefetch would sign in
// somebody who did not click, an image or script could never follow. Browsers say so in headers that pages cannot set
// (Fetch Metadata); a client without them, such as an old browser, is taken for a person.
type navigation struct {
	allowFrame bool
}

// refuse returns why the request is no navigation, or "".
func (n navigation) refuse(h http.Header) string {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		purpose := strings.ToLower(h.Get(name))
		if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") {
			return "the browser loads the page ahead of a click"
		}
	}
	if h.Get("Sec-Websocket-Key") != "" || strings.Contains(strings.ToLower(h.Get("Upgrade")), "websocket") {
		return "a script opens a WebSocket" // which browsers send without Fetch Metadata
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return "a script, or a part of a page, asks for the page"
	}
	switch h.Get("Sec-Fetch-Dest") {
	case "", "document":
		return ""
	case "empty": // a navigation that a service worker of the portal passes on; scripts cannot ask for mode navigate
		if h.Get("Sec-Fetch-Mode") == "navigate" {
			return ""
		}
		return "a script asks for the page"
	case "iframe", "frame":
		site := h.Get("Sec-Fetch-Site")
		if n.allowFrame && (site == "same-origin" || site == "same-site") {
			return ""
		}
		return "the page would open in a frame, which portal.allowFrame permits to pages of the same site only"
	}
	return "the page would be a part of another page"
}
