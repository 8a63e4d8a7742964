package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/clinicpass/clinicpass/e2e/portal"
)

// tab is a browser window with cookies of its own.
type tab struct {
	ctx   context.Context
	world *world

	mu         sync.Mutex
	asked      []string // the addresses of documents that were asked for, those of redirects included
	last       document
	complaints []string // what the browser holds against a Content-Security-Policy
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
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	// The issues of the browser's own inspector have what the console leaves out.
	if _, err := chromedp.Call(ctx, audits.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// note keeps what the browser tells about requests and about policies.
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
			b.last = document{url: e.Response.URL, status: int(e.Response.Status), outcome: header(e.Response.Headers, "Clinicpass-Outcome")}
		}
	case *log.EventEntryAdded:
		if strings.Contains(e.Entry.Text, "Content Security Policy") {
			b.complaints = append(b.complaints, e.Entry.Text)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s", d.ViolatedDirective, d.BlockedURL))
		}
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
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatalf("in the browser: %v", err)
	}
}

// command gives the browser a command of its DevTools for this tab.
func command[P, R any](t *testing.T, b *tab, name cdp.Command[P, R], parameters P) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, name, parameters)
	if err != nil {
		t.Fatalf("%s: %v", name.Method, err)
	}
	return result
}

// eval returns the value of a JavaScript expression in the page, awaited if it is a promise.
func eval[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	value, err := tryEval[T](b, expression)
	if err != nil {
		t.Fatalf("%s: %v", shortened(expression), err)
	}
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
	b.waitFor(t, fmt.Sprintf("document.readyState === 'complete' && document.querySelector(%q)", selector))
	at := eval[[]float64](t, b, fmt.Sprintf(`(() => {
		const link = document.querySelector(%q);
		link.scrollIntoView({block: 'center'});
		const box = link.getClientRects()[0];
		return [box.x + box.width / 2, box.y + box.height / 2];
	})()`, selector))
	b.do(t, chromedp.MouseClickXY(at[0], at[1]))
}

// waitFor waits until the page at hand fulfils a JavaScript condition. While one page gives way to the next, there is
// nobody to ask.
func (b *tab) waitFor(t *testing.T, condition string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		fulfilled, err := tryEval[bool](b, "!!("+condition+")")
		if err == nil && fulfilled {
			return
		}
		if time.Now().After(deadline) {
			at, _ := tryEval[string](b, "document.title + ' at ' + location.href")
			t.Fatalf("waited in vain for %s (%v); the browser shows %s", condition, err, at)
		}
	}
}

// poll waits until what is described is so.
func (b *tab) poll(t *testing.T, description string, fulfilled func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !fulfilled(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", description)
		}
	}
}

// landsOn waits until the page has loaded, and compares its address and title.
func (b *tab) landsOn(t *testing.T, address, title string) {
	t.Helper()
	b.waitFor(t, fmt.Sprintf("location.href === %q && document.readyState === 'complete'", address))
	if got := eval[string](t, b, "document.title"); got != title {
		t.Errorf("%s has the title %q, want %q", address, got, title)
	}
}

// steps goes so many pages back (negative) or forth in the history, as the browser's buttons do. A page that comes out of
// the browser's memory does not load again, so there is nothing to wait for but the page itself.
func (b *tab) steps(t *testing.T, n int64) {
	t.Helper()
	history := command(t, b, page.GetNavigationHistory, cdp.Empty{})
	entry := history.Entries[history.CurrentIndex+n]
	command(t, b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: entry.ID})
}

// signIn signs a provider in at the portal, as a person does, and ends at its home page.
func (b *tab) signIn(t *testing.T, provider portal.Provider) {
	t.Helper()
	b.visit(t, b.world.portal+"/sign-in")
	b.choose(t, provider)
	b.landsOn(t, b.world.portal+"/", "Home - Example Hospital portal")
}

// choose clicks a provider's button on the portal's sign-in page.
func (b *tab) choose(t *testing.T, provider portal.Provider) {
	t.Helper()
	b.click(t, `form:has(input[value="`+provider.ID+`"]) button`)
}
