package browser

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	protocol "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/preload"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// grace is how long the browser may take to report a prefetch after it reported that it disabled
// prerendering. Chromium 156 does both, and its prefetch is the request that a test waits for.
// Chromium 148 requests nothing.
const grace = 2 * time.Second

// prerenderingDisabled reports whether the final status of a prerendering says that the browser
// disabled it, whatever the page is. Chromium does so while DevTools is attached to a tab, as it is
// to the tabs of these tests.
func prerenderingDisabled(status preload.PrerenderFinalStatus) bool {
	switch status {
	case preload.PrerenderFinalStatusPreloadingDisabled, // by the user's setting
		preload.PrerenderFinalStatusBatterySaverEnabled,
		preload.PrerenderFinalStatusDataSaverEnabled,
		preload.PrerenderFinalStatusLowEndDevice:
		return true
	}
	return strings.HasPrefix(status.String(), "PrerenderingDisabledBy")
}

// TestPrerenderingDisabled: a browser that prerenders nothing is told from a prerendering that
// failed.
func TestPrerenderingDisabled(t *testing.T) {
	for _, row := range []struct {
		desc   string
		status preload.PrerenderFinalStatus
		want   bool
	}{
		{desc: "DevTools", status: "PrerenderingDisabledByDevTools", want: true},
		{desc: "setting", status: "PreloadingDisabled", want: true},
		{desc: "another reason", status: "PrerenderingDisabledByUserSetting", want: true},
		{desc: "battery saver", status: "BatterySaverEnabled", want: true},
		{desc: "data saver", status: "DataSaverEnabled", want: true},
		{desc: "small device", status: "LowEndDevice", want: true},
		{desc: "refused by the plugin", status: "NavigationBadHttpStatus"},
		{desc: "redirect to another site", status: "CrossSiteRedirectInInitialNavigation"},
		{desc: "another page was left", status: "TriggerDestroyed"},
		{desc: "policy", status: "NavigationRequestBlockedByCsp"},
		{desc: "shown", status: "Activated"},
		{desc: "no status"},
		{desc: "unknown", status: "SomethingNew"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, prerenderingDisabled(row.status))
		})
	}
}

// TestPrerenderingIsWatched: should the browser disable prerendering, the tests of it would hear of
// that.
func TestPrerenderingIsWatched(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	command(t, b, page.SetPrerenderingAllowed, page.SetPrerenderingAllowedParams{IsAllowed: false})
	prerender := partNamed(t, "speculative prerender")
	path := prerender.publish(w, "watched", w.portal+"/schedule", "")
	b.visit(t, w.portal+path)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		statuses, _ := b.prerendering()
		assert.Contains(c, statuses, preload.PrerenderFinalStatusPrerenderingDisabledByDevTools)
	}, patience, tick)
}

// forgetPrerendering forgets what the prerendering of earlier pages came to.
func (b *tab) forgetPrerendering() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prerenders = nil
}

// prerendering returns the final statuses so far, and one of them if it says that the browser
// disabled prerendering and if no prefetch was to precede that.
func (b *tab) prerendering() (statuses []preload.PrerenderFinalStatus, disabled string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.prerenders {
		statuses = append(statuses, e.PrerenderStatus)
		prefetched := slices.Contains(b.prefetches, e.PipelineID)
		if prerenderingDisabled(e.PrerenderStatus) && !prefetched {
			disabled = e.PrerenderStatus.String()
		}
	}
	return statuses, disabled
}

// waitForRequestAhead is waitForOutcome for a request that the page at hand makes without a click.
// If no request comes because the browser disabled prerendering, it returns the status that says
// so.
func (b *tab) waitForRequestAhead(
	t *testing.T, prefix string, before int, want string,
) (disabled string) {
	t.Helper()
	var since time.Time
	found := b.world.outcomesUntil(t, prefix, before, want, func() bool {
		_, disabled := b.prerendering()
		if disabled == "" {
			since = time.Time{}
		} else if since.IsZero() {
			since = time.Now()
		}
		return !since.IsZero() && time.Since(since) > grace
	})
	statuses, disabled := b.prerendering()
	if disabled != "" && len(found) == 0 {
		return disabled
	}
	require.Contains(t, found, want, "outcomes at %s; prerendering came to %q", prefix, statuses)
	return ""
}

// skipIfDisabled skips a test of prerendering if a status says that the browser disabled it. Unless
// it gets -v, go test is silent about a package that passes. So on GitHub the summary of the run
// names the reason too.
func (b *tab) skipIfDisabled(t *testing.T, disabled string) {
	t.Helper()
	if disabled == "" {
		return
	}
	version, err := chromedp.CallBrowser(b.ctx, protocol.GetVersion, cdp.Empty{})
	require.NoError(t, err)
	reason := fmt.Sprintf("not tested, which is no fault of the plugin: "+
		"%s itself disabled prerendering (%s) and requested nothing", version.Product, disabled)
	if summary := os.Getenv("GITHUB_STEP_SUMMARY"); summary != "" && os.Getenv("CI") == "true" {
		file, err := os.OpenFile(summary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = fmt.Fprintf(file, "- skipped: %s: %s\n", t.Name(), reason)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
	t.Skip(reason)
}
