package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/preload"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/portal"
)

// tab is a browser window with cookies of its own.
type tab struct {
	ctx   context.Context
	world *world

	mu         sync.Mutex
	asked      []string // addresses of documents that were asked for, with those of redirects
	last       document
	complaints []string // what the browser holds against a Content-Security-Policy

	prerenders []*preload.EventPrerenderStatusUpdated // the final ones
	prefetches []preload.PipelineID                   // some of which precede a prerendering
}

// document is the last one that arrived.
type document struct {
	url, outcome string
	status       int
}

func (w *world) tab(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(w.browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{ctx: ctx, world: w}
	require.NoError(t, chromedp.Listen(ctx, b.note))
	// The issues of the browser's own inspector have what the console leaves out.
	command(t, b, audits.Enable, cdp.Empty{})
	command(t, b, preload.Enable, cdp.Empty{})
	return b
}

// note keeps what the browser tells about requests, policies and prerendering.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument {
			b.asked = append(b.asked, e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			b.last = document{
				url:     e.Response.URL,
				status:  int(e.Response.Status),
				outcome: header(e.Response.Headers, "Clinicpass-Outcome"),
			}
		}
	case *log.EventEntryAdded:
		if strings.Contains(e.Entry.Text, "Content Security Policy") {
			b.complaints = append(b.complaints, e.Entry.Text)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			complaint := fmt.Sprintf("%s: %s", d.ViolatedDirective, d.BlockedURL)
			b.complaints = append(b.complaints, complaint)
		}
	case *preload.EventPrerenderStatusUpdated:
		if e.PrerenderStatus != "" {
			b.prerenders = append(b.prerenders, e)
		}
	case *preload.EventPrefetchStatusUpdated:
		b.prefetches = append(b.prefetches, e.PipelineID)
	}
}

func header(headers network.Headers, name string) string {
	for key, value := range headers {
		if strings.EqualFold(key, name) {
			return fmt.Sprint(value)
		}
	}
	return ""
}

// noted returns what was noted since the last call, and forgets it.
func (b *tab) noted() (asked []string, last document, complaints []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked, last, complaints = b.asked, b.last, b.complaints
	b.asked, b.last, b.complaints = nil, document{}, nil
	return asked, last, complaints
}

// do acts in the tab, and fails the test when that takes too long.
func (b *tab) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, actions...), "in the browser")
}

// command gives the browser a command of its DevTools for this tab.
func command[P, R any](t *testing.T, b *tab, name cdp.Command[P, R], parameters P) R {
	t.Helper()
	result, err := tryCommand(b, name, parameters)
	require.NoError(t, err, name.Method)
	return result
}

func tryCommand[P, R any](b *tab, name cdp.Command[P, R], parameters P) (R, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Call(ctx, name, parameters)
}

// eval returns the value of a JavaScript expression in the page, awaited if it is a promise.
func eval[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	value, err := tryEval[T](b, expression)
	require.NoError(t, err, shortened(expression))
	return value
}

func tryEval[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

func shortened(text string) string {
	if len(text) > 200 {
		return text[:200] + "..."
	}
	return text
}

func (b *tab) visit(t *testing.T, address string) {
	t.Helper()
	b.do(t, chromedp.Navigate(address))
}

// click clicks with the mouse, so that the browser takes it for a person's doing.
func (b *tab) click(t *testing.T, selector string) {
	t.Helper()
	const there = "document.readyState === 'complete' && document.querySelector(%q)"
	b.waitFor(t, fmt.Sprintf(there, selector))
	at := eval[[]float64](t, b, fmt.Sprintf(`(() => {
		const link = document.querySelector(%q);
		link.scrollIntoView({block: 'center'});
		const box = link.getClientRects()[0];
		return [box.x + box.width / 2, box.y + box.height / 2];
	})()`, selector))
	b.do(t, chromedp.MouseClickXY(at[0], at[1]))
}

// waitFor waits until the page at hand fulfills a JavaScript condition. While one page gives way to
// the next, there is nobody to ask.
func (b *tab) waitFor(t *testing.T, condition string) {
	t.Helper()
	fulfilled := func() bool {
		is, err := tryEval[bool](b, "!!("+condition+")")
		return err == nil && is
	}
	if !assert.Eventually(t, fulfilled, patience, tick, shortened(condition)) {
		_, err := tryEval[bool](b, "!!("+condition+")")
		at, _ := tryEval[string](b, "document.title + ' at ' + location.href")
		require.FailNow(t, "waited in vain", "the browser shows %s (%v)", at, err)
	}
}

// loaded is the JavaScript condition that the page at an address has loaded.
const loaded = "location.href === %q && document.readyState === 'complete'"

// landsOn waits until the page has loaded, and compares its address and title.
func (b *tab) landsOn(t *testing.T, address, title string) {
	t.Helper()
	b.waitFor(t, fmt.Sprintf(loaded, address))
	assert.Equal(t, title, eval[string](t, b, "document.title"), address)
}

// steps goes so many pages back (negative) or forth in the history, as the browser's buttons do. A
// page that comes out of the browser's memory does not load again, so there is nothing to wait for
// but the page itself.
func (b *tab) steps(t *testing.T, n int64) {
	t.Helper()
	history := command(t, b, page.GetNavigationHistory, cdp.Empty{})
	entry := history.Entries[history.CurrentIndex+n]
	command(t, b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{
		EntryID: entry.ID,
	})
}

// signIn signs a provider in at the portal, as a person does, and ends at its home page.
func (b *tab) signIn(t *testing.T, provider portal.Provider) {
	t.Helper()
	b.visit(t, b.world.portal+"/sign-in")
	b.choose(t, provider)
	b.landsOn(t, b.world.portal+"/", portalsHome)
}

// choose clicks a provider's button on the portal's sign-in page.
func (b *tab) choose(t *testing.T, provider portal.Provider) {
	t.Helper()
	b.click(t, `form:has(input[value="`+provider.ID+`"]) button`)
}
