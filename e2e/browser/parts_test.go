package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
)

// Where a page can be, seen from the portal.
const (
	sameOrigin = 1 << iota
	sameSite   // another port
	crossSite

	anywhere  = sameOrigin | sameSite | crossSite
	elsewhere = sameSite | crossSite
)

// parts are ways in which a page makes the browser ask for an address though nobody clicked. TARGET stands for the address.
// Each is tried on pages from where the browser sends the request at all.
var parts = map[string]struct {
	from       int
	head, body string
	outcome    string // not_a_navigation when empty
}{
	"link prefetch":          {from: anywhere, head: `<link rel=prefetch href="TARGET">`},
	"link preload":           {from: anywhere, head: `<link rel=preload as=image href="TARGET">`},
	"link modulepreload":     {from: anywhere, head: `<link rel=modulepreload href="TARGET">`},
	"link stylesheet":        {from: anywhere, head: `<link rel=stylesheet href="TARGET">`},
	"speculative prefetch":   {from: anywhere, head: speculation("prefetch", "")},
	"speculative prerender":  {from: sameOrigin | sameSite, head: speculation("prerender", "")},
	"img":                    {from: anywhere, body: `<img alt="" src="TARGET">`},
	"img srcset":             {from: anywhere, body: `<img alt="" srcset="TARGET 1x">`},
	"picture":                {from: anywhere, body: `<picture><source srcset="TARGET"><img alt=""></picture>`},
	"svg image":              {from: anywhere, body: `<svg><image href="TARGET"/></svg>`},
	"svg use":                {from: sameOrigin, body: `<svg><use href="TARGET#x"/></svg>`},
	"input image":            {from: anywhere, body: `<input type=image alt="" src="TARGET">`},
	"background":             {from: anywhere, body: `<p style="background:url(TARGET)">x</p>`},
	"style import":           {from: anywhere, head: `<style>@import "TARGET";</style>`},
	"font":                   {from: anywhere, head: `<style>@font-face{font-family:f;src:url(TARGET)}</style>`, body: `<p style="font-family:f">x</p>`},
	"script":                 {from: anywhere, body: `<script src="TARGET"></script>`},
	"module script":          {from: anywhere, body: `<script type=module src="TARGET"></script>`},
	"import":                 {from: anywhere, body: script(`import('TARGET').catch(() => {})`)},
	"worker":                 {from: sameOrigin, body: script(`new Worker('TARGET')`)},
	"shared worker":          {from: sameOrigin, body: script(`new SharedWorker('TARGET')`)},
	"service worker":         {from: sameOrigin, body: script(`navigator.serviceWorker.register('TARGET').catch(() => {})`)},
	"fetch":                  {from: anywhere, body: script(`fetch('TARGET', {credentials: 'include'}).catch(() => {})`)},
	"fetch without CORS":     {from: anywhere, body: script(`fetch('TARGET', {mode: 'no-cors', credentials: 'include'}).catch(() => {})`)},
	"fetch of its own":       {from: sameOrigin, body: script(`fetch('TARGET', {mode: 'same-origin'}).catch(() => {})`)},
	"fetch with a header":    {from: sameOrigin, body: script(`fetch('TARGET', {headers: {Accept: 'text/html'}}).catch(() => {})`)},
	"fetch after permission": {from: elsewhere, outcome: "method_refused", body: script(`fetch('TARGET', {headers: {'X-A': 'b'}}).catch(() => {})`)},
	"fetch with forged mode": {from: sameOrigin, body: script(`fetch('TARGET', {headers: {'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document'}}).catch(() => {})`)},
	"XMLHttpRequest":         {from: anywhere, body: script(`const x = new XMLHttpRequest(); x.open('GET', 'TARGET'); x.withCredentials = true; x.send()`)},
	"EventSource":            {from: anywhere, body: script(`new EventSource('TARGET', {withCredentials: true})`)},
	"WebSocket":              {from: anywhere, body: script(`new WebSocket('TARGET')`)},
	"beacon":                 {from: anywhere, outcome: "method_refused", body: script(`navigator.sendBeacon('TARGET', 'x')`)},
	"form POST":              {from: anywhere, outcome: "method_refused", body: `<form method=post action="TARGET"></form>` + script(`document.forms[0].submit()`)},
	"audio":                  {from: anywhere, body: `<audio preload=auto src="TARGET"></audio>`},
	"video":                  {from: anywhere, body: `<video preload=auto src="TARGET"></video>`},
	"poster":                 {from: anywhere, body: `<video poster="TARGET"></video>`},
	"track":                  {from: sameOrigin, body: `<video><track default src="TARGET"></video>`},
	"object":                 {from: anywhere, body: `<object data="TARGET"></object>`},
	"typed object":           {from: anywhere, body: `<object type="text/html" data="TARGET"></object>`},
	"embed":                  {from: anywhere, body: `<embed src="TARGET">`},
	"typed embed":            {from: anywhere, body: `<embed type="text/html" src="TARGET">`},
	"iframe":                 {from: anywhere, body: `<iframe src="TARGET"></iframe>`},
	"sandboxed iframe":       {from: anywhere, body: `<iframe sandbox="allow-scripts allow-same-origin" src="TARGET"></iframe>`},
	"hidden iframe":          {from: anywhere, body: `<iframe hidden src="TARGET"></iframe>`},
	"iframe by script":       {from: anywhere, body: `<iframe></iframe>` + script(`frames[0].location = 'TARGET'`)},
	"form into an iframe":    {from: anywhere, body: `<iframe name=f></iframe><form target=f action="TARGET"></form>` + script(`document.forms[0].submit()`)},
}

func script(source string) string { return "<script>" + source + "</script>" }

func speculation(action, more string) string {
	return `<script type=speculationrules>{"` + action + `":[{"source":"list","urls":["TARGET"],"eagerness":"immediate"` + more + `}]}</script>`
}

// TestPartsOfPages: whatever a page makes the browser load, only a person's click signs in. The identity hangs on no cookie
// here, so that foreign pages have it as well; and that each request arrived, the plugin's audit says.
func TestPartsOfPages(t *testing.T) {
	w := open(t)
	places := map[int]string{sameOrigin: w.portal, sameSite: w.pages.URL, crossSite: w.pages.otherSite()}
	b := w.tab(t)
	for name, part := range parts {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			want := part.outcome
			if want == "" {
				want = "not_a_navigation"
			}
			put := strings.NewReplacer("TARGET", w.portal+badgePrefix+"/visits/7")
			path := w.pages.html("part", put.Replace(part.head), put.Replace(part.body))
			for place, origin := range places {
				if part.from&place == 0 {
					continue
				}
				before := len(w.outcomes(t, badgePrefix))
				command(t, b, page.Navigate, page.NavigateParams{URL: origin + path})
				w.waitForOutcome(t, badgePrefix, before, want)
				w.calls(t, 0, "on a page of "+origin)
			}
		})
	}
}

// TestClickAfterLoadingAhead: what the browser was refused ahead of the click does not stand in the way of the click.
func TestClickAfterLoadingAhead(t *testing.T) {
	for name, part := range map[string]string{
		"link":      parts["link prefetch"].head,
		"prefetch":  parts["speculative prefetch"].head,
		"prerender": parts["speculative prerender"].head,
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			b.signIn(t, jane)
			target := w.portal + clinicPrefix + "/visits/7?tab=notes"
			path := w.pages.html("ahead", strings.ReplaceAll(part, "TARGET", target), fmt.Sprintf(`<p><a id=go href="%s">The visit</a></p>`, target))
			before := len(w.outcomes(t, clinicPrefix))
			b.visit(t, w.portal+path)
			w.waitForOutcome(t, clinicPrefix, before, "not_a_navigation")
			w.calls(t, 0, "before the click")
			b.click(t, "#go")
			b.landsOn(t, w.clinic.Portal()+"visits/7?tab=notes", "Page /visits/7 - Simulated VSee Clinic")
			w.calls(t, 1, "after the click")
		})
	}
}

// TestAllowedFrames: with portal.allowFrame the clinic opens in a frame of the portal and of its site, of no other site, and
// in nothing but frames.
func TestAllowedFrames(t *testing.T) {
	w := open(t)
	target := w.portal + framedPrefix + "/visits/7"
	for _, c := range []struct {
		name, origin, part string
		opens              bool
	}{
		{"same origin", w.portal, "iframe", true},
		{"same site", w.pages.URL, "iframe", true},
		{"same site by script", w.pages.URL, "iframe by script", true},
		{"cross site", w.pages.otherSite(), "iframe", false},
		{"cross site by script", w.pages.otherSite(), "iframe by script", false},
		{"object", w.portal, "object", false},
		{"embed", w.portal, "embed", false},
		{"img", w.portal, "img", false},
		{"fetch", w.portal, "fetch", false},
		{"prefetch", w.portal, "link prefetch", false},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			part := parts[c.part]
			put := strings.NewReplacer("TARGET", target)
			before := len(w.outcomes(t, framedPrefix))
			b.visit(t, c.origin+w.pages.html("frame", put.Replace(part.head), put.Replace(part.body)))
			if !c.opens {
				w.waitForOutcome(t, framedPrefix, before, "not_a_navigation")
				w.calls(t, 0, "refused")
				return
			}
			w.waitForOutcome(t, framedPrefix, before, "signed_in")
			w.calls(t, 1, "signed in")
			b.waitForFrame(t, w.clinic.Portal()+"visits/7")
		})
	}
}

// waitForFrame waits until a frame in the page shows the address.
func (b *tab) waitForFrame(t *testing.T, address string) {
	t.Helper()
	b.poll(t, "a frame with "+address, func() bool {
		for _, child := range command(t, b, page.GetFrameTree, cdp.Empty{}).FrameTree.ChildFrames {
			if child.Frame.URL == address {
				return true
			}
		}
		return false
	})
}
