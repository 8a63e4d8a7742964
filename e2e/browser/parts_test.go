package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where a page can be, seen from the portal.
const (
	sameOrigin = 1 << iota
	sameSite   // another port
	crossSite

	anywhere  = sameOrigin | sameSite | crossSite
	elsewhere = sameSite | crossSite
)

// part is a way in which a page makes the browser ask for an address though nobody clicked. TARGET
// stands for the address.
type part struct {
	desc       string
	from       int // on pages from where the browser sends the request at all
	head, body string
	outcome    string // not_a_navigation when empty
}

var parts = []part{
	{
		desc: "link prefetch",
		from: anywhere,
		head: `<link rel=prefetch href="TARGET">`,
	},
	{
		desc: "link preload",
		from: anywhere,
		head: `<link rel=preload as=image href="TARGET">`,
	},
	{
		desc: "link modulepreload",
		from: anywhere,
		head: `<link rel=modulepreload href="TARGET">`,
	},
	{
		desc: "link stylesheet",
		from: anywhere,
		head: `<link rel=stylesheet href="TARGET">`,
	},
	{
		desc: "speculative prefetch",
		from: anywhere,
		head: speculation("prefetch"),
	},
	{
		desc: "speculative prerender",
		from: sameOrigin | sameSite,
		head: speculation("prerender"),
	},
	{
		desc: "img",
		from: anywhere,
		body: `<img alt="" src="TARGET">`,
	},
	{
		desc: "img srcset",
		from: anywhere,
		body: `<img alt="" srcset="TARGET 1x">`,
	},
	{
		desc: "picture",
		from: anywhere,
		body: `<picture><source srcset="TARGET"><img alt=""></picture>`,
	},
	{
		desc: "svg image",
		from: anywhere,
		body: `<svg><image href="TARGET"/></svg>`,
	},
	{
		desc: "svg use",
		from: sameOrigin,
		body: `<svg><use href="TARGET#x"/></svg>`,
	},
	{
		desc: "input image",
		from: anywhere,
		body: `<input type=image alt="" src="TARGET">`,
	},
	{
		desc: "background",
		from: anywhere,
		body: `<p style="background:url(TARGET)">x</p>`,
	},
	{
		desc: "style import",
		from: anywhere,
		head: `<style>@import "TARGET";</style>`,
	},
	{
		desc: "font",
		from: anywhere,
		head: `<style>@font-face{font-family:f;src:url(TARGET)}</style>`,
		body: `<p style="font-family:f">x</p>`,
	},
	{
		desc: "script",
		from: anywhere,
		body: `<script src="TARGET"></script>`,
	},
	{
		desc: "module script",
		from: anywhere,
		body: `<script type=module src="TARGET"></script>`,
	},
	{
		desc: "import",
		from: anywhere,
		body: script(`import('TARGET').catch(() => {})`),
	},
	{
		desc: "worker",
		from: sameOrigin,
		body: script(`new Worker('TARGET')`),
	},
	{
		desc: "shared worker",
		from: sameOrigin,
		body: script(`new SharedWorker('TARGET')`),
	},
	{
		desc: "service worker",
		from: sameOrigin,
		body: script(`navigator.serviceWorker.register('TARGET').catch(() => {})`),
	},
	{
		desc: "fetch",
		from: anywhere,
		body: script(`fetch('TARGET', {credentials: 'include'}).catch(() => {})`),
	},
	{
		desc: "fetch without CORS",
		from: anywhere,
		body: script(`fetch('TARGET', {mode: 'no-cors', credentials: 'include'}).catch(() => {})`),
	},
	{
		desc: "fetch of its own",
		from: sameOrigin,
		body: script(`fetch('TARGET', {mode: 'same-origin'}).catch(() => {})`),
	},
	{
		desc: "fetch with a header",
		from: sameOrigin,
		body: script(`fetch('TARGET', {headers: {Accept: 'text/html'}}).catch(() => {})`),
	},
	{
		desc:    "fetch after permission",
		from:    elsewhere,
		outcome: "method_refused",
		body:    script(`fetch('TARGET', {headers: {'X-A': 'b'}}).catch(() => {})`),
	},
	{
		desc: "fetch with forged mode",
		from: sameOrigin,
		body: script(`fetch('TARGET', {headers: ` +
			`{'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document'}}).catch(() => {})`),
	},
	{
		desc: "XMLHttpRequest",
		from: anywhere,
		body: script(`const x = new XMLHttpRequest(); x.open('GET', 'TARGET'); ` +
			`x.withCredentials = true; x.send()`),
	},
	{
		desc: "EventSource",
		from: anywhere,
		body: script(`new EventSource('TARGET', {withCredentials: true})`),
	},
	{
		desc: "WebSocket",
		from: anywhere,
		body: script(`new WebSocket('TARGET')`),
	},
	{
		desc:    "beacon",
		from:    anywhere,
		outcome: "method_refused",
		body:    script(`navigator.sendBeacon('TARGET', 'x')`),
	},
	{
		desc:    "form POST",
		from:    anywhere,
		outcome: "method_refused",
		body: `<form method=post action="TARGET"></form>` +
			script(`document.forms[0].submit()`),
	},
	{
		desc: "audio",
		from: anywhere,
		body: `<audio preload=auto src="TARGET"></audio>`,
	},
	{
		desc: "video",
		from: anywhere,
		body: `<video preload=auto src="TARGET"></video>`,
	},
	{
		desc: "poster",
		from: anywhere,
		body: `<video poster="TARGET"></video>`,
	},
	{
		desc: "track",
		from: sameOrigin,
		body: `<video><track default src="TARGET"></video>`,
	},
	{
		desc: "object",
		from: anywhere,
		body: `<object data="TARGET"></object>`,
	},
	{
		desc: "typed object",
		from: anywhere,
		body: `<object type="text/html" data="TARGET"></object>`,
	},
	{
		desc: "embed",
		from: anywhere,
		body: `<embed src="TARGET">`,
	},
	{
		desc: "typed embed",
		from: anywhere,
		body: `<embed type="text/html" src="TARGET">`,
	},
	{
		desc: "iframe",
		from: anywhere,
		body: `<iframe src="TARGET"></iframe>`,
	},
	{
		desc: "sandboxed iframe",
		from: anywhere,
		body: `<iframe sandbox="allow-scripts allow-same-origin" src="TARGET"></iframe>`,
	},
	{
		desc: "hidden iframe",
		from: anywhere,
		body: `<iframe hidden src="TARGET"></iframe>`,
	},
	{
		desc: "iframe by script",
		from: anywhere,
		body: `<iframe></iframe>` + script(`frames[0].location = 'TARGET'`),
	},
	{
		desc: "form into an iframe",
		from: anywhere,
		body: `<iframe name=f></iframe><form target=f action="TARGET"></form>` +
			script(`document.forms[0].submit()`),
	},
}

func script(source string) string { return "<script>" + source + "</script>" }

func speculation(action string) string {
	return `<script type=speculationrules>{"` + action + `":` +
		`[{"source":"list","urls":["TARGET"],"eagerness":"immediate"}]}</script>`
}

// partNamed returns the part with this description.
func partNamed(t *testing.T, desc string) part {
	t.Helper()
	for _, p := range parts {
		if p.desc == desc {
			return p
		}
	}
	require.FailNow(t, "no such part", desc)
	return part{}
}

// publish puts the part into a page and returns the page's path.
func (p part) publish(w *world, name, target, body string) string {
	put := strings.NewReplacer("TARGET", target)
	return w.pages.html(name, put.Replace(p.head), put.Replace(p.body)+body)
}

// TestPartsOfPages: whatever a page makes the browser load, only a person's click signs in. The
// identity hangs on no cookie here, so that foreign pages have it as well; and that each request
// arrived, the plugin's audit says.
func TestPartsOfPages(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	places := []struct {
		desc   string
		place  int
		origin string
	}{
		{desc: "same origin", place: sameOrigin, origin: w.portal},
		{desc: "same site", place: sameSite, origin: w.pages.URL},
		{desc: "cross site", place: crossSite, origin: w.pages.otherSite()},
	}
	for _, row := range parts {
		t.Run(row.desc, func(t *testing.T) {
			want := row.outcome
			if want == "" {
				want = "not_a_navigation"
			}
			path := row.publish(w, "part", w.portal+badgePrefix+"/visits/7", "")
			for _, from := range places {
				if row.from&from.place == 0 {
					continue
				}
				t.Run(from.desc, func(t *testing.T) {
					before := len(w.outcomes(t, badgePrefix))
					b.forgetPrerendering()
					command(t, b, page.Navigate, page.NavigateParams{URL: from.origin + path})
					disabled := b.waitForRequestAhead(t, badgePrefix, before, want)
					w.calls(t, 0, "before a click")
					b.skipIfDisabled(t, disabled)
				})
			}
		})
	}
}

// TestClickAfterLoadingAhead: what the browser was refused ahead of the click does not stand in the
// way of the click.
func TestClickAfterLoadingAhead(t *testing.T) {
	for _, row := range []struct{ desc, part string }{
		{desc: "link", part: "link prefetch"},
		{desc: "prefetch", part: "speculative prefetch"},
		{desc: "prerender", part: "speculative prerender"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			b.signIn(t, jane)
			target := w.portal + clinicPrefix + "/visits/7?tab=notes"
			link := fmt.Sprintf(`<p><a id=go href="%s">The visit</a></p>`, target)
			path := partNamed(t, row.part).publish(w, "ahead", target, link)
			before := len(w.outcomes(t, clinicPrefix))
			b.visit(t, w.portal+path)
			ahead := t.Run("ahead", func(t *testing.T) {
				disabled := b.waitForRequestAhead(t, clinicPrefix, before, "not_a_navigation")
				w.calls(t, 0, "before the click")
				b.skipIfDisabled(t, disabled)
			})
			require.True(t, ahead, "without a request ahead, the click tells nothing")
			b.click(t, "#go")
			b.landsOn(t, w.clinic.Portal()+"visits/7?tab=notes", visitSeven)
			w.calls(t, 1, "after the click")
		})
	}
}

// TestAllowedFrames: with portal.allowFrame the clinic opens in a frame of the portal and of its
// site, of no other site, and in nothing but frames.
func TestAllowedFrames(t *testing.T) {
	w := open(t)
	target := w.portal + framedPrefix + "/visits/7"
	for _, row := range []struct {
		desc   string
		origin string
		part   string
		opens  bool
	}{
		{desc: "same origin", origin: w.portal, part: "iframe", opens: true},
		{desc: "same site", origin: w.pages.URL, part: "iframe", opens: true},
		{
			desc:   "same site by script",
			origin: w.pages.URL,
			part:   "iframe by script",
			opens:  true,
		},
		{desc: "cross site", origin: w.pages.otherSite(), part: "iframe"},
		{desc: "cross site by script", origin: w.pages.otherSite(), part: "iframe by script"},
		{desc: "object", origin: w.portal, part: "object"},
		{desc: "embed", origin: w.portal, part: "embed"},
		{desc: "img", origin: w.portal, part: "img"},
		{desc: "fetch", origin: w.portal, part: "fetch"},
		{desc: "prefetch", origin: w.portal, part: "link prefetch"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			before := len(w.outcomes(t, framedPrefix))
			b.visit(t, row.origin+partNamed(t, row.part).publish(w, "frame", target, ""))
			if !row.opens {
				w.waitForOutcome(t, framedPrefix, before, "not_a_navigation")
				w.calls(t, 0, "when refused")
				return
			}
			w.waitForOutcome(t, framedPrefix, before, "signed_in")
			w.calls(t, 1, "when signed in")
			b.waitForFrame(t, w.clinic.Portal()+"visits/7")
		})
	}
}

// waitForFrame waits until a frame in the page shows the address.
func (b *tab) waitForFrame(t *testing.T, address string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		result, err := tryCommand(b, page.GetFrameTree, cdp.Empty{})
		if !assert.NoError(c, err) {
			return
		}
		frames := []string{}
		for _, child := range result.FrameTree.ChildFrames {
			frames = append(frames, child.Frame.URL)
		}
		assert.Contains(c, frames, address)
	}, patience, tick)
}
