package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// failures are the pages that can be provoked, each by what provokes it in practice.
var failures = []struct {
	outcome string
	status  int
	as      portal.Provider
	prefix  string
	again   bool // there is a link to try again
	faults  vseetest.Fault
	provoke func(t *testing.T, b *tab, address string) // by default the address is opened
}{
	{outcome: "no_identity", status: 401, prefix: strangerPrefix, again: true},
	{outcome: "identity_refused", status: 403, prefix: unprovenPrefix},
	{outcome: "not_allowed", status: 403, prefix: clinicPrefix, as: alex},
	{outcome: "method_refused", status: 405, prefix: clinicPrefix, provoke: postForm},
	{outcome: "not_a_navigation", status: 403, prefix: clinicPrefix, provoke: pretendPrefetch},
	{outcome: "too_many", status: 429, prefix: limitedPrefix, again: true, provoke: openTwice},
	{outcome: "credentials_refused", status: 502, prefix: clinicPrefix, again: true, faults: vseetest.Fault{Status: 401}},
	{outcome: "api_error", status: 502, prefix: clinicPrefix, again: true, faults: vseetest.Fault{Status: 400}},
	{outcome: "api_unavailable", status: 502, prefix: clinicPrefix, again: true, faults: vseetest.Fault{Status: 500}},
	{outcome: "api_timeout", status: 504, prefix: slowPrefix, again: true, faults: vseetest.Fault{Delay: time.Minute}},
	{outcome: "keys_unavailable", status: 503, prefix: keylessPrefix, again: true},
}

func postForm(t *testing.T, b *tab, address string) {
	path := b.world.pages.html("form", "", `<form method=post action="`+address+`"><button id=go>Open</button></form>`)
	b.visit(t, b.world.portal+path)
	b.click(t, "#go")
}

func openTwice(t *testing.T, b *tab, address string) {
	b.visit(t, address)
	b.visit(t, address)
}

// pretendPrefetch shows in a tab of its own what otherwise shows in a part of another page, so that it can be examined.
func pretendPrefetch(t *testing.T, b *tab, address string) {
	command(t, b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"X-Moz": "prefetch"}})
	b.visit(t, address)
}

// eachFailure runs a test with each failure page, opened in a tab that setUp has prepared.
func eachFailure(t *testing.T, setUp func(t *testing.T, b *tab), test func(t *testing.T, b *tab, outcome, address string, again bool)) {
	for _, f := range failures {
		t.Run(f.outcome, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			who := f.as
			if who.ID == "" {
				who = jane
			}
			b.signIn(t, who)
			setUp(t, b)
			// The API is asked up to four times for a sign-in, and the page is opened twice at most.
			w.clinic.Script(f.faults, f.faults, f.faults, f.faults, f.faults, f.faults, f.faults, f.faults)
			address := w.portal + f.prefix + "/visits/7?tab=notes"
			provoke := f.provoke
			if provoke == nil {
				provoke = func(t *testing.T, b *tab, address string) { b.visit(t, address) }
			}
			b.noted()
			provoke(t, b, address)
			b.waitFor(t, fmt.Sprintf("location.href === %q && document.readyState === 'complete'", address))
			if _, last, _ := b.noted(); last.outcome != f.outcome || last.status != f.status {
				t.Fatalf("%s came to %s with status %d, want %s with %d", address, last.outcome, last.status, f.outcome, f.status)
			}
			test(t, b, f.outcome, address, f.again)
		})
	}
}

// TestFailurePages: each page is complete, looks as it was meant to under its own Content-Security-Policy, and runs nothing.
func TestFailurePages(t *testing.T) {
	eachFailure(t, func(*testing.T, *tab) {}, func(t *testing.T, b *tab, outcome, address string, again bool) {
		for expression, want := range map[string]string{
			"document.querySelectorAll('h1').length":                         "1",
			"document.querySelectorAll('main').length":                       "1",
			"document.documentElement.lang":                                  "en",
			"document.title === document.querySelector('h1').textContent":    "true",
			"document.scripts.length":                                        "0",
			"document.querySelectorAll('[style], link, img, iframe').length": "0",
			"document.compatMode":                                            "CSS1Compat",
			"document.querySelector('.ref').textContent.length":              fmt.Sprint(len("Reference: 0123456789")),
			"document.querySelector('a[href^=mailto]').textContent":          "information.technology@hospital.example.com",
		} {
			if got := eval[string](t, b, "String("+expression+")"); got != want {
				t.Errorf("%s is %s, want %s", expression, got, want)
			}
		}
		seen := map[string]bool{"rgba(0, 0, 0, 0)": true, "rgb(255, 255, 255)": true, "rgb(0, 0, 0)": true}
		for _, scheme := range []string{"light", "dark"} {
			b.prefer(t, scheme)
			if color := eval[string](t, b, "getComputedStyle(document.body).backgroundColor"); seen[color] {
				t.Errorf("the page's own style does not apply: the background of %s is %s", scheme, color)
			} else {
				seen[color] = true
			}
		}
		if _, _, complaints := b.noted(); len(complaints) > 0 {
			t.Errorf("the policy is violated: %v", complaints)
		}
		b.tryAgain(t, outcome, address, again) // before the tab changes its size, which would move the link under the click
		b.phone(t)
		if wide := eval[int](t, b, "document.documentElement.scrollWidth"); wide > phoneWidth {
			t.Errorf("on a phone the page is %d pixels wide, the screen %d", wide, phoneWidth)
		}
		if _, _, complaints := b.noted(); len(complaints) > 0 {
			t.Errorf("the policy is violated: %v", complaints)
		}
		b.desktop(t)
	})
}

// tryAgain clicks the link to try again, which asks for the same page, and here fails in the same way.
func (b *tab) tryAgain(t *testing.T, outcome, address string, again bool) {
	t.Helper()
	const links = "Array.from(document.links).filter((a) => a.textContent === 'Try again')"
	if got := eval[int](t, b, links+".length"); (got == 1) != again {
		t.Errorf("there are %d links to try again", got)
	}
	if !again {
		return
	}
	if got := eval[string](t, b, links+"[0].href"); got != address {
		t.Errorf("the link to try again leads to %s", got)
	}
	reference := eval[string](t, b, "document.querySelector('.ref').textContent")
	b.noted()
	b.click(t, "main a[href='']")
	b.waitFor(t, fmt.Sprintf("document.querySelector('.ref') && document.querySelector('.ref').textContent !== %q", reference))
	if _, last, _ := b.noted(); last.outcome != outcome || last.url != address {
		t.Errorf("trying again came to %s at %s", last.outcome, last.url)
	}
}

// TestPolicyIsWatched: should a page's style not be allowed by its policy, the tests above would hear of it.
func TestPolicyIsWatched(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.visit(t, w.portal+w.pages.html("watched", `<meta http-equiv=Content-Security-Policy content="default-src 'none'; style-src 'sha256-AAAA'"><style>body{color:red}</style>`, ""))
	b.poll(t, "a complaint about the policy", func() bool {
		_, _, complaints := b.noted()
		return len(complaints) > 0
	})
}

// TestRefusalInAFrame: where frames are allowed, one that is refused says why; otherwise the policy forbids the browser to
// show anything. The frame is refused because another site leads it there, and can be read because it ends on the portal.
func TestRefusalInAFrame(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	framing := func(prefix string) string {
		detour := w.pages.add("detour", redirect, w.portal+prefix)
		return w.portal + w.pages.html("frame", "", `<iframe src="`+w.pages.otherSite()+detour+`"></iframe>`)
	}
	before := len(w.outcomes(t, framedPrefix))
	b.visit(t, framing(framedPrefix))
	w.waitForOutcome(t, framedPrefix, before, "not_a_navigation")
	const inside = "document.querySelector('iframe').contentDocument"
	b.waitFor(t, inside+" && "+inside+".querySelector('h1')")
	if got := eval[string](t, b, inside+".querySelector('h1').textContent"); got != "Please open the clinic in a page of its own" {
		t.Errorf("the frame says %q", got)
	}
	if _, _, complaints := b.noted(); len(complaints) > 0 {
		t.Errorf("the policy is violated: %v", complaints)
	}
	b.visit(t, framing(badgePrefix))
	b.poll(t, "a complaint that the page is in a frame", func() bool {
		_, _, complaints := b.noted()
		return strings.Contains(strings.Join(complaints, " "), "frame-ancestors")
	})
	if eval[bool](t, b, inside+" !== null") {
		t.Error("the page shows in a frame though frames are not allowed")
	}
	w.calls(t, 0, "in frames")
}

// prefer sets the colour scheme that the person at the browser prefers.
func (b *tab) prefer(t *testing.T, scheme string) {
	t.Helper()
	command(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

const phoneWidth = 320 // pixels of CSS; the smallest screen that pages must fit without scrolling sideways

// phone makes the tab as small as a phone's screen.
func (b *tab) phone(t *testing.T) {
	t.Helper()
	command(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: phoneWidth, Height: 640, DeviceScaleFactor: 2, Mobile: true})
}

func (b *tab) desktop(t *testing.T) {
	t.Helper()
	command(t, b, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
}

// runAxe returns what axe-core finds, a line for each finding: violations, and what it could not decide.
const runAxe = `axe.run(document, {resultTypes: ['violations', 'incomplete']}).then((r) => {
	const lines = (kind, found) => found.map((f) => kind + ' ' + f.id + ': ' + f.help + ' ' + f.nodes.map((n) => n.html).join(' '));
	return lines('violation', r.violations).concat(lines('undecided', r.incomplete), r.passes.length ? [] : ['nothing was checked']);
})`

// TestAccessibility: axe-core finds nothing wrong, in either colour scheme, on a desk and on a phone. The page's policy
// forbids scripts, axe-core too, so it is set aside here.
func TestAccessibility(t *testing.T) {
	open(t)
	axe, err := Axe()
	if err != nil {
		missing(t, err)
	}
	bypass := func(t *testing.T, b *tab) {
		command(t, b, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	}
	eachFailure(t, bypass, func(t *testing.T, b *tab, _, _ string, _ bool) {
		eval[bool](t, b, axe+"; true")
		for _, screen := range []string{"desk", "phone"} {
			if screen == "phone" {
				b.phone(t)
			}
			for _, scheme := range []string{"light", "dark"} {
				b.prefer(t, scheme)
				for _, finding := range eval[[]string](t, b, runAxe) {
					t.Errorf("%s, %s: %s", screen, scheme, finding)
				}
			}
		}
	})
}

// TestAxeIsAwake: axe-core finds what is wrong with a page that is wrong.
func TestAxeIsAwake(t *testing.T) {
	w := open(t)
	axe, err := Axe()
	if err != nil {
		missing(t, err)
	}
	b := w.tab(t)
	b.visit(t, w.portal+w.pages.html("wrong", "", `<main><h1>x</h1><p style="color:#bbb;background:#ccc">pale</p><img src=""></main>`))
	eval[bool](t, b, axe+"; true")
	found := strings.Join(eval[[]string](t, b, runAxe), "\n")
	for _, id := range []string{"violation color-contrast", "violation image-alt"} {
		if !strings.Contains(found, id) {
			t.Errorf("axe-core does not report %s, only: %s", id, found)
		}
	}
}

// TestScreenshots is no test: it writes a picture of each failure page to the folder that SCREENSHOTS names.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS names no folder")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	eachFailure(t, func(*testing.T, *tab) {}, func(t *testing.T, b *tab, outcome, _ string, _ bool) {
		for _, screen := range []string{"desk", "phone"} {
			b.desktop(t)
			if screen == "phone" {
				b.phone(t)
			}
			for _, scheme := range []string{"light", "dark"} {
				b.prefer(t, scheme)
				picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, outcome+"-"+screen+"-"+scheme+".png"), picture, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
