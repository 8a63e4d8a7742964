package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/stretchr/testify/assert"

	"github.com/clinicpass/clinicpass/e2e/portal"
)

var (
	jane = portal.Providers[0] // may open the clinic
	alex = portal.Providers[3] // may not
)

// Titles of pages.
const (
	portalsHome    = "Home - Example Hospital portal"
	janesDashboard = "Dashboard of Jane Doe - Simulated VSee Clinic"
	visitSeven     = "Page /visits/7 - Simulated VSee Clinic"
)

// signedInAs fails the test unless the clinic's page at hand names this user.
func (b *tab) signedInAs(t *testing.T, name, code string) {
	t.Helper()
	assert.Equal(t, name, eval[string](t, b, "document.querySelector('#user').textContent"))
	assert.Equal(t, code, eval[string](t, b, "document.querySelector('#code').textContent"))
}

// TestSignIn: the provider clicks and is in the clinic, as the person who is signed in at the
// portal.
func TestSignIn(t *testing.T) {
	for _, provider := range portal.Providers[:3] {
		t.Run(provider.ID, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			b.signIn(t, provider)
			b.click(t, "#clinic")
			b.landsOn(t, w.clinic.Portal()+"providers/dashboard",
				"Dashboard of "+provider.Name+" - Simulated VSee Clinic")
			b.signedInAs(t, provider.Name, provider.ID)
			w.calls(t, 1, "after the click")
		})
	}
}

// TestSignInOnTheWay: who is not signed in at the portal is asked to, and goes on to the page that
// was wanted.
func TestSignInOnTheWay(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.visit(t, w.portal+"/clinic/visits/7?tab=notes")
	w.calls(t, 0, "before the sign-in")
	b.choose(t, jane)
	b.landsOn(t, w.clinic.Portal()+"visits/7?tab=notes", visitSeven)
	w.calls(t, 1, "after the sign-in")
}

// TestDeepLinks: the page that was asked for is the page that opens, with its query and its
// fragment.
func TestDeepLinks(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.signIn(t, jane)
	b.click(t, "#visit")
	b.landsOn(t, w.clinic.Portal()+"visits/7?tab=notes", visitSeven)
	assert.Equal(t, "tab=notes", eval[string](t, b, "document.querySelector('#query').textContent"))
	for _, row := range []struct{ desc, asked, want string }{
		{
			desc:  "a key twice",
			asked: "visits/7?a=1&b=two%20words&a=%2F%26",
			want:  "visits/7?a=1&b=two%20words&a=%2F%26",
		},
		{
			desc:  "a time",
			asked: "visits/7?when=2030-01-02T03:04%2B05",
			want:  "visits/7?when=2030-01-02T03:04%2B05",
		},
		{
			desc:  "a fragment",
			asked: "visits/7?tab=notes#note-3",
			want:  "visits/7?tab=notes#note-3",
		},
		{
			desc:  "letters with accents",
			asked: "patients/Zo%C3%AB%20Roe?q=%C3%BC",
			want:  "patients/Zo%C3%AB%20Roe?q=%C3%BC",
		},
		{desc: "a slash at the end", asked: "visits/7/", want: "visits/7/"},
		{desc: "only a query", asked: "?tab=today", want: "providers/dashboard?tab=today"},
		{
			desc:  "the sign-in's own keys",
			asked: "visits/7?next=/elsewhere&sso_token=x",
			want:  "visits/7?next=/elsewhere&sso_token=x",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			b.visit(t, w.portal+"/")
			b.visit(t, w.portal+"/clinic/"+row.asked)
			assert.Equal(t, w.clinic.Portal()+row.want, eval[string](t, b, "location.href"))
		})
	}
}

// TestPatient: a patient is in the waiting room after one click, and nowhere else.
func TestPatient(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	for _, row := range []struct{ desc, asked, page, title string }{
		{
			desc:  "no page",
			asked: "",
			page:  "u/clinic",
			title: "Waiting room clinic - Simulated VSee Clinic",
		},
		{
			desc:  "another waiting room",
			asked: "/u/provider-1?from=x",
			page:  "u/provider-1?from=x",
			title: "Waiting room provider-1 - Simulated VSee Clinic",
		},
		{
			desc:  "the providers' page",
			asked: "/providers/dashboard",
			page:  "u/clinic",
			title: "Waiting room clinic - Simulated VSee Clinic",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			w.clinic.Reset()
			b.visit(t, w.portal+"/")
			b.visit(t, w.portal+patientPrefix+row.asked)
			b.landsOn(t, w.clinic.Portal()+row.page, row.title)
			b.signedInAs(t, "Pat Sample", "patient-7001")
			w.calls(t, 1, "after the visit")
		})
	}
	types := map[string]string{} // of users who are no providers
	for _, user := range w.clinic.Users() {
		if user.Code == "patient-7001" || user.Type == "200" {
			types[user.Code] = user.Type
		}
	}
	assert.Equal(t, map[string]string{"patient-7001": "200"}, types)
}

// TestBackButton: going back and forth and reloading sign nobody in again, and neither the
// sign-in's address nor the token stays in the history or in the referrer.
func TestBackButton(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.signIn(t, jane)
	b.click(t, "#clinic")
	dashboard := w.clinic.Portal() + "providers/dashboard"
	b.landsOn(t, dashboard, janesDashboard)
	assert.Empty(t, eval[string](t, b, "document.referrer"), "the clinic learns the referrer")
	for range 2 {
		b.steps(t, -1)
		b.landsOn(t, w.portal+"/", portalsHome)
		b.steps(t, 1)
		b.landsOn(t, dashboard, janesDashboard)
	}
	command(t, b, page.Reload, page.ReloadParams{})
	b.waitFor(t, "performance.getEntriesByType('navigation')[0].type === 'reload'")
	b.landsOn(t, dashboard, janesDashboard)
	w.calls(t, 1, "after going back and forth")
	history := command(t, b, page.GetNavigationHistory, cdp.Empty{})
	assert.GreaterOrEqual(t, len(history.Entries), 3)
	for _, entry := range history.Entries {
		assert.NotContains(t, entry.URL, "sso_token", "in the history")
		assert.NotContains(t, entry.URL, w.portal+clinicPrefix, "in the history")
	}
	b.steps(t, -1)
	b.landsOn(t, w.portal+"/", portalsHome)
	b.click(t, "#clinic")
	b.landsOn(t, dashboard, janesDashboard)
	w.calls(t, 2, "after the next click")
}

// TestLinksFromElsewhere: a link in an e-mail or on another site's page opens the clinic, in this
// tab or a new one.
func TestLinksFromElsewhere(t *testing.T) {
	w := open(t)
	const link = `<p><a id=here href="%s/clinic/visits/7?tab=notes">The visit</a></p>`
	path := w.pages.html("elsewhere", "", fmt.Sprintf(link, w.portal))
	for _, row := range []struct{ desc, origin string }{
		{desc: "another origin", origin: w.pages.URL},
		{desc: "another site", origin: w.pages.otherSite()},
	} {
		t.Run(row.desc, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			b.signIn(t, jane)
			b.visit(t, row.origin+path)
			b.click(t, "#here")
			b.landsOn(t, w.clinic.Portal()+"visits/7?tab=notes", visitSeven)
			w.calls(t, 1, "after the click")
		})
	}
}

// TestServiceWorker: portals that are progressive web apps let a service worker ask for their
// pages. It asks for the clinic as the browser would have.
func TestServiceWorker(t *testing.T) {
	w := open(t)
	w.pages.add("worker.js", "text/javascript", `
		self.addEventListener('install', () => self.skipWaiting());
		self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()));
		self.addEventListener('fetch', (e) => e.respondWith(fetch(e.request)));`)
	path := w.pages.html("app", "", `<p><a id=go href="/clinic/visits/7">The visit</a></p>`)
	b := w.tab(t)
	b.signIn(t, jane)
	b.visit(t, w.portal+path)
	const register = `navigator.serviceWorker.register('%s', {scope: '/'}).then(() => true)`
	eval[bool](t, b, fmt.Sprintf(register, pagesPath+"worker.js"))
	b.waitFor(t, "navigator.serviceWorker.controller")
	b.click(t, "#go")
	b.landsOn(t, w.clinic.Portal()+"visits/7", visitSeven)
	w.calls(t, 1, "through the service worker")
}
