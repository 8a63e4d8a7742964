package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// failure is a failure page and what provokes it in practice.
type failure struct {
	desc    string
	outcome string
	status  int
	as      portal.Provider // Jane by default
	prefix  string
	again   bool // there is a link to try again
	faults  vseetest.Fault
	provoke func(t *testing.T, b *tab, address string) // by default the address is opened
}

// failures are the pages that can be provoked.
var failures = []failure{
	{
		desc:    "no identity",
		outcome: "no_identity",
		status:  401,
		prefix:  strangerPrefix,
		again:   true,
	},
	{
		desc:    "identity without a proof",
		outcome: "identity_refused",
		status:  403,
		prefix:  unprovenPrefix,
	},
	{
		desc:    "another group",
		outcome: "not_allowed",
		status:  403,
		prefix:  clinicPrefix,
		as:      alex,
	},
	{
		desc:    "form",
		outcome: "method_refused",
		status:  405,
		prefix:  clinicPrefix,
		provoke: postForm,
	},
	{
		desc:    "prefetch",
		outcome: "not_a_navigation",
		status:  403,
		prefix:  clinicPrefix,
		provoke: pretendPrefetch,
	},
	{
		desc:    "one sign-in too many",
		outcome: "too_many",
		status:  429,
		prefix:  limitedPrefix,
		again:   true,
		provoke: openTwice,
	},
	{
		desc:    "API answers 401",
		outcome: "credentials_refused",
		status:  502,
		prefix:  clinicPrefix,
		faults:  vseetest.Fault{Status: 401},
	},
	{
		desc:    "API answers 400",
		outcome: "api_error",
		status:  502,
		prefix:  clinicPrefix,
		again:   true,
		faults:  vseetest.Fault{Status: 400},
	},
	{
		desc:    "API answers 500",
		outcome: "api_unavailable",
		status:  502,
		prefix:  clinicPrefix,
		again:   true,
		faults:  vseetest.Fault{Status: 500},
	},
	{
		desc:    "API does not answer",
		outcome: "api_timeout",
		status:  504,
		prefix:  slowPrefix,
		again:   true,
		faults:  vseetest.Fault{Delay: time.Minute},
	},
	{
		desc:    "keys out of reach",
		outcome: "keys_unavailable",
		status:  503,
		prefix:  keylessPrefix,
		again:   true,
	},
}

func openOnce(t *testing.T, b *tab, address string) {
	t.Helper()
	b.visit(t, address)
}

func openTwice(t *testing.T, b *tab, address string) {
	t.Helper()
	b.visit(t, address)
	b.visit(t, address)
}

func postForm(t *testing.T, b *tab, address string) {
	t.Helper()
	form := `<form method=post action="` + address + `"><button id=go>Open</button></form>`
	b.visit(t, b.world.portal+b.world.pages.html("form", "", form))
	b.click(t, "#go")
}

// pretendPrefetch shows in a tab of its own what otherwise shows in a part of another page, so that
// it can be examined.
func pretendPrefetch(t *testing.T, b *tab, address string) {
	t.Helper()
	command(t, b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"X-Moz": "prefetch"},
	})
	b.visit(t, address)
}

// eachFailure runs a test with each failure page, opened in a tab that setUp has prepared.
func eachFailure(
	t *testing.T,
	setUp func(t *testing.T, b *tab),
	test func(t *testing.T, b *tab, f failure, address string),
) {
	t.Helper()
	for _, f := range failures {
		t.Run(f.desc, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			who := f.as
			if who.ID == "" {
				who = jane
			}
			b.signIn(t, who)
			setUp(t, b)
			// A sign-in asks the API up to four times, and the page is opened twice at most.
			w.clinic.Script(slices.Repeat([]vseetest.Fault{f.faults}, 8)...)
			address := w.portal + f.prefix + "/visits/7?tab=notes"
			provoke := f.provoke
			if provoke == nil {
				provoke = openOnce
			}
			b.noted()
			provoke(t, b, address)
			b.waitFor(t, fmt.Sprintf(loaded, address))
			_, last, _ := b.noted()
			require.Equal(t, f.outcome, last.outcome)
			require.Equal(t, f.status, last.status)
			test(t, b, f, address)
		})
	}
}

// withoutSetUp is for tests that need nothing more than eachFailure prepares.
func withoutSetUp(*testing.T, *tab) {}

// TestFailurePages: each page is complete, looks as it was meant to under its own
// Content-Security-Policy, and runs nothing.
func TestFailurePages(t *testing.T) {
	eachFailure(t, withoutSetUp, func(t *testing.T, b *tab, f failure, address string) {
		for _, row := range []struct{ desc, expression, want string }{
			{
				desc:       "headings",
				expression: "document.querySelectorAll('h1').length",
				want:       "1",
			},
			{
				desc:       "main parts",
				expression: "document.querySelectorAll('main').length",
				want:       "1",
			},
			{
				desc:       "language",
				expression: "document.documentElement.lang",
				want:       "en",
			},
			{
				desc:       "title is the heading",
				expression: "document.title === document.querySelector('h1').textContent",
				want:       "true",
			},
			{
				desc:       "scripts",
				expression: "document.scripts.length",
				want:       "0",
			},
			{
				desc:       "parts to load",
				expression: "document.querySelectorAll('[style], link, img, iframe').length",
				want:       "0",
			},
			{
				desc:       "mode",
				expression: "document.compatMode",
				want:       "CSS1Compat",
			},
			{
				desc:       "length of the reference",
				expression: "document.querySelector('.ref').textContent.length",
				want:       strconv.Itoa(len("Reference: 0123456789")),
			},
			{
				desc: "reference in small letters",
				expression: "parseFloat(getComputedStyle(document.querySelector('.ref code'))." +
					"fontSize) < parseFloat(getComputedStyle(document.body).fontSize)",
				want: "false",
			},
			{
				desc:       "time",
				expression: `/Time: \d{4}-\d\d-\d\d \d\d:\d\d UTC/.test(document.body.innerText)`,
				want:       "true",
			},
			{
				desc:       "links to the portal",
				expression: "document.querySelectorAll('a[href=\"/\"]').length",
				want:       "1",
			},
			{
				desc:       "waiting time",
				expression: `/You can try again in \d+ seconds?\./.test(document.body.innerText)`,
				want:       strconv.FormatBool(f.outcome == "too_many"),
			},
			{
				desc:       "contact",
				expression: "document.querySelector('a[href^=mailto]').textContent",
				want:       "information.technology@hospital.example.com",
			},
		} {
			t.Run(row.desc, func(t *testing.T) {
				got := eval[string](t, b, "String("+row.expression+")")
				assert.Equal(t, row.want, got, row.expression)
			})
		}
		seen := []string{"rgba(0, 0, 0, 0)", "rgb(255, 255, 255)", "rgb(0, 0, 0)"}
		for _, scheme := range []string{"light", "dark"} {
			b.prefer(t, scheme)
			color := eval[string](t, b, "getComputedStyle(document.body).backgroundColor")
			assert.NotContains(t, seen, color, "%s: the page's own style does not apply", scheme)
			seen = append(seen, color)
		}
		b.noComplaints(t)
		b.noSmallButtons(t)
		// This comes before the tab changes its size, which would move the link under the click.
		b.tryAgain(t, f.outcome, address, f.again)
		b.phone(t)
		wide := eval[int](t, b, "document.documentElement.scrollWidth")
		assert.LessOrEqual(t, wide, phoneWidth, "on a phone the page is wider than the screen")
		b.noSmallButtons(t)
		b.noComplaints(t)
		b.desktop(t)
	})
}

// noSmallButtons fails the test if a button is too small for a finger.
func (b *tab) noSmallButtons(t *testing.T) {
	t.Helper()
	heights := eval[[]float64](t, b, "Array.from(document.querySelectorAll('.go a'))"+
		".map((a) => a.getBoundingClientRect().height)")
	assert.NotEmpty(t, heights)
	for _, height := range heights {
		assert.GreaterOrEqual(t, height, 44.0, "a button's height in pixels of CSS")
	}
}

// noComplaints fails the test if a Content-Security-Policy was violated since the last look.
func (b *tab) noComplaints(t *testing.T) {
	t.Helper()
	_, _, complaints := b.noted()
	assert.Empty(t, complaints, "the policy is violated")
}

// tryAgain clicks the link to try again, which asks for the same page, and here fails in the same
// way.
func (b *tab) tryAgain(t *testing.T, outcome, address string, again bool) {
	t.Helper()
	const links = "Array.from(document.links).filter((a) => a.textContent === 'Try again')"
	if !again {
		assert.Zero(t, eval[int](t, b, links+".length"), "links to try again")
		return
	}
	assert.Equal(t, 1, eval[int](t, b, links+".length"), "links to try again")
	assert.Equal(t, address, eval[string](t, b, links+"[0].href"), "the link to try again")
	reference := eval[string](t, b, "document.querySelector('.ref').textContent")
	b.noted()
	b.click(t, "main a[href='']")
	b.waitFor(t, fmt.Sprintf("document.querySelector('.ref') && "+
		"document.querySelector('.ref').textContent !== %q", reference))
	_, last, _ := b.noted()
	assert.Equal(t, outcome, last.outcome, "trying again")
	assert.Equal(t, address, last.url, "trying again")
}

// TestPolicyIsWatched: should a page's style not be allowed by its policy, the tests above would
// hear of it.
func TestPolicyIsWatched(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	const head = `<meta http-equiv=Content-Security-Policy ` +
		`content="default-src 'none'; style-src 'sha256-AAAA'"><style>body{color:red}</style>`
	b.visit(t, w.portal+w.pages.html("watched", head, ""))
	require.Eventually(t, func() bool {
		_, _, complaints := b.noted()
		return len(complaints) > 0
	}, patience, tick, "no complaint about the policy")
}

// TestRefusalInAFrame: a refusal can be read in a frame of the portal, and its link opens a new
// tab, which signs in. A page of another origin cannot show it.
func TestRefusalInAFrame(t *testing.T) {
	w := open(t)
	visit := w.portal + badgePrefix + "/visits/7"
	// The frame of the portal is refused because another site leads it there, and can be read because
	// it ends on the portal.
	detour := w.pages.otherSite() +
		w.pages.add("detour", redirect, w.portal+framedPrefix+"/visits/7")
	for _, row := range []struct {
		desc, prefix, origin, source string
		readable                     bool
	}{
		{desc: "portal", prefix: badgePrefix, origin: w.portal, source: visit, readable: true},
		{desc: "another origin", prefix: badgePrefix, origin: w.pages.URL, source: visit},
		{
			desc:   "another site",
			prefix: badgePrefix,
			origin: w.pages.otherSite(),
			source: visit,
		},
		{
			desc:     "portal, frames allowed",
			prefix:   framedPrefix,
			origin:   w.portal,
			source:   detour,
			readable: true,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			before := len(w.outcomes(t, row.prefix))
			frame := `<iframe width=700 height=600 src="` + row.source + `"></iframe>`
			b.visit(t, row.origin+w.pages.html("frame", "", frame))
			w.waitForOutcome(t, row.prefix, before, "not_a_navigation")
			w.calls(t, 0, "in frames")
			if !row.readable {
				require.Eventually(t, func() bool {
					_, _, complaints := b.noted()
					return strings.Contains(strings.Join(complaints, " "), "frame-ancestors")
				}, patience, tick, "no complaint that the page is in a frame")
				return
			}
			const inside = "document.querySelector('iframe').contentDocument"
			b.waitFor(t, inside+" && "+inside+".querySelector('h1')")
			assert.Equal(t, "VSee Clinic can't open here",
				eval[string](t, b, inside+".querySelector('h1').textContent"))
			b.noComplaints(t)
			at := eval[[]float64](t, b, `(() => {
				const frame = document.querySelector('iframe').getBoundingClientRect();
				const links = Array.from(`+inside+`.links);
				const link = links.find((a) => a.textContent === 'Open in a new tab');
				const box = link.getBoundingClientRect();
				return [frame.x + box.x + box.width / 2, frame.y + box.y + box.height / 2];
			})()`)
			b.do(t, chromedp.MouseClickXY(at[0], at[1]))
			opened := b.other(t, w.clinic.Portal()+"visits/7")
			opened.landsOn(t, w.clinic.Portal()+"visits/7", visitSeven)
			w.calls(t, 1, "in a new tab")
		})
	}
}

// other waits until another tab shows the address, and returns that tab.
func (b *tab) other(t *testing.T, address string) *tab {
	t.Helper()
	opened := &tab{world: b.world}
	require.Eventually(t, func() bool {
		targets, err := chromedp.Targets(b.ctx)
		for _, found := range targets {
			if err == nil && found.Type == "page" && found.URL == address {
				ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(found.TargetID))
				t.Cleanup(cancel)
				opened.ctx = ctx
				return true
			}
		}
		return false
	}, patience, tick, "no other tab shows %s", address)
	require.NoError(t, chromedp.Do(opened.ctx)) // so that the connection outlives one command
	return opened
}

// prefer sets the color scheme that the person at the browser prefers.
func (b *tab) prefer(t *testing.T, scheme string) {
	t.Helper()
	command(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// phoneWidth is that of the smallest screen that pages must fit without scrolling sideways, in
// pixels of CSS.
const phoneWidth = 320

// phone makes the tab as small as a phone's screen.
func (b *tab) phone(t *testing.T) {
	t.Helper()
	command(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width:             phoneWidth,
		Height:            640,
		DeviceScaleFactor: 2,
		Mobile:            true,
	})
}

func (b *tab) desktop(t *testing.T) {
	t.Helper()
	command(t, b, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
}

// runAxe returns what axe-core finds, a line for each finding: violations, and what it could not
// decide.
const runAxe = `axe.run(document, {resultTypes: ['violations', 'incomplete']}).then((r) => {
	const places = (f) => f.nodes.map((n) => n.html).join(' ');
	const line = (kind, f) => kind + ' ' + f.id + ': ' + f.help + ' ' + places(f);
	const violations = r.violations.map((f) => line('violation', f));
	const undecided = r.incomplete.map((f) => line('undecided', f));
	return violations.concat(undecided, r.passes.length ? [] : ['nothing was checked']);
})`

// axeSource returns the source of axe-core.
func axeSource(t *testing.T) string {
	t.Helper()
	source, err := Axe()
	if err != nil {
		missing(t, err)
	}
	return source
}

// TestAccessibility: axe-core finds nothing wrong, in either color scheme, on a desk and on a
// phone. The page's policy forbids scripts, axe-core too, so it is set aside here.
func TestAccessibility(t *testing.T) {
	open(t)
	axe := axeSource(t)
	bypass := func(t *testing.T, b *tab) {
		t.Helper()
		command(t, b, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	}
	eachFailure(t, bypass, func(t *testing.T, b *tab, _ failure, _ string) {
		eval[bool](t, b, axe+"; true")
		for _, screen := range []string{"desk", "phone"} {
			if screen == "phone" {
				b.phone(t)
			}
			for _, scheme := range []string{"light", "dark"} {
				b.prefer(t, scheme)
				assert.Empty(t, eval[[]string](t, b, runAxe), "%s, %s", screen, scheme)
			}
		}
	})
}

// TestAxeIsAwake: axe-core finds what is wrong with a page that is wrong.
func TestAxeIsAwake(t *testing.T) {
	w := open(t)
	axe := axeSource(t)
	b := w.tab(t)
	const body = `<main><h1>x</h1><p style="color:#bbb;background:#ccc">pale</p><img src=""></main>`
	b.visit(t, w.portal+w.pages.html("wrong", "", body))
	eval[bool](t, b, axe+"; true")
	found := strings.Join(eval[[]string](t, b, runAxe), "\n")
	assert.Contains(t, found, "violation color-contrast")
	assert.Contains(t, found, "violation image-alt")
}

// TestScreenshots is no test: it writes a picture of each failure page to the folder that
// SCREENSHOTS names.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS names no folder")
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	eachFailure(t, withoutSetUp, func(t *testing.T, b *tab, f failure, _ string) {
		for _, screen := range []string{"desk", "phone"} {
			b.desktop(t)
			if screen == "phone" {
				b.phone(t)
			}
			for _, scheme := range []string{"light", "dark"} {
				b.prefer(t, scheme)
				picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
				require.NoError(t, err)
				name := f.outcome + "-" + screen + "-" + scheme + ".png"
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), picture, 0o600))
			}
		}
	})
}
