package clinicpass

import (
	"net/http"
	"strings"
)

// notNavigating returns why nobody is opening the page, or "". Only a person who does may get a token: a prefetch would sign
// in somebody who did not click, an image or script could never follow. Browsers say so in headers that pages cannot set
// (Fetch Metadata); a client without them, such as an old browser, is taken for a person.
func notNavigating(h http.Header, allowFrame bool) string {
	if h["Sec-Purpose"] != nil || h["Purpose"] != nil || h["X-Moz"] != nil {
		if aheadOfClick(h) {
			return "the browser loads the page ahead of a click"
		}
	}
	if h["Sec-Websocket-Key"] != nil || h["Upgrade"] != nil {
		if h.Get("Sec-Websocket-Key") != "" || strings.Contains(strings.ToLower(h.Get("Upgrade")), "websocket") {
			return "a script opens a WebSocket" // which browsers send without Fetch Metadata
		}
	}
	mode := h.Get("Sec-Fetch-Mode")
	destination := h.Get("Sec-Fetch-Dest")
	if mode != "" && mode != "navigate" {
		return "a script, or a part of a page, asks for the page"
	}
	if destination == "" || destination == "document" {
		return ""
	}
	return notAlone(h, mode, destination, allowFrame)
}

// aheadOfClick reports whether this is a prefetch or a prerender.
func aheadOfClick(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		purpose := strings.ToLower(h.Get(name))
		if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") {
			return true
		}
	}
	return false
}

// notAlone judges a destination that is not a page of its own.
func notAlone(h http.Header, mode, destination string, allowFrame bool) string {
	switch destination {
	case "empty": // a navigation that a service worker of the portal passes on; scripts cannot ask for mode navigate
		if mode == "navigate" {
			return ""
		}
		return "a script asks for the page"
	case "iframe", "frame":
		site := h.Get("Sec-Fetch-Site")
		if allowFrame && (site == "same-origin" || site == "same-site") {
			return ""
		}
		return "the page would open in a frame, which portal.allowFrame permits to pages of the same site only"
	}
	return "the page would be a part of another page"
}
