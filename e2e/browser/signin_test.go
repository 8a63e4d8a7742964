package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"

	"github.com/clinicpass/clinicpass/e2e/portal"
)

var (
	jane = portal.Providers[0] // may open the clinic
	alex = portal.Providers[3] // may not
)

const janesDashboard = "Dashboard of Jane Doe - Simulated VSee Clinic"

// TestSignIn: the provider clicks and is in the clinic, as the person who is signed in at the portal.
func TestSignIn(t *testing.T) {
	w := open(t)
	for i, provider := range portal.Providers[:3] {
		b := w.tab(t)
		b.signIn(t, provider)
		b.click(t, "#clinic")
		b.landsOn(t, w.clinic.Portal()+"providers/dashboard", "Dashboard of "+provider.Name+" - Simulated VSee Clinic")
		got := eval[string](t, b, "document.querySelector('#user').textContent + ' ' + document.querySelector('#code').textContent")
		if want := provider.Name + " " + provider.ID; got != want {
			t.Errorf("signed in as %s, want %s", got, want)
		}
		w.calls(t, i+1, provider.Name)
	}
}

// TestSignInOnTheWay: who is not signed in at the portal is asked to, and goes on to the page that was wanted.
func TestSignInOnTheWay(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.visit(t, w.portal+"/clinic/visits/7?tab=notes")
	w.calls(t, 0, "before the sign-in")
	b.choose(t, jane)
	b.landsOn(t, w.clinic.Portal()+"visits/7?tab=notes", "Page /visits/7 - Simulated VSee Clinic")
	w.calls(t, 1, "after the sign-in")
}

// TestDeepLinks: the page that was asked for is the page that opens, with its query and its fragment.
func TestDeepLinks(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.signIn(t, jane)
	b.click(t, "#visit")
	b.landsOn(t, w.clinic.Portal()+"visits/7?tab=notes", "Page /visits/7 - Simulated VSee Clinic")
	if got := eval[string](t, b, "document.querySelector('#query').textContent"); got != "tab=notes" {
		t.Errorf("the query is %q", got)
	}
	for asked, want := range map[string]string{
		"visits/7?a=1&b=two%20words&a=%2F%26":  "visits/7?a=1&b=two%20words&a=%2F%26",
		"visits/7?when=2030-01-02T03:04%2B05":  "visits/7?when=2030-01-02T03:04%2B05",
		"visits/7?tab=notes#note-3":            "visits/7?tab=notes#note-3",
		"patients/Zo%C3%AB%20Roe?q=%C3%BC":     "patients/Zo%C3%AB%20Roe?q=%C3%BC",
		"visits/7/":                            "visits/7/",
		"?tab=today":                           "providers/dashboard?tab=today",
		"visits/7?next=/elsewhere&sso_token=x": "visits/7?next=/elsewhere&sso_token=x",
	} {
		b.visit(t, w.portal+"/")
		b.visit(t, w.portal+"/clinic/"+asked)
		if got := eval[string](t, b, "location.href"); got != w.clinic.Portal()+want {
			t.Errorf("%s leads to %s, want %s", asked, got, want)
		}
	}
}

// TestPatient: a patient is in the waiting room after one click, and nowhere else.
func TestPatient(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	for asked, want := range map[string]struct{ page, title string }{
		"":                     {"u/clinic", "Waiting room clinic - Simulated VSee Clinic"},
		"/u/provider-1?from=x": {"u/provider-1?from=x", "Waiting room provider-1 - Simulated VSee Clinic"},
		"/providers/dashboard": {"u/clinic", "Waiting room clinic - Simulated VSee Clinic"},
	} {
		b.visit(t, w.portal+"/")
		b.visit(t, w.portal+patientPrefix+asked)
		b.landsOn(t, w.clinic.Portal()+want.page, want.title)
		got := eval[string](t, b, "document.querySelector('#user').textContent + ' ' + document.querySelector('#code').textContent")
		if got != "Pat Sample patient-7001" {
			t.Errorf("signed in as %s", got)
		}
	}
	w.calls(t, 3, "three visits")
	for _, user := range w.clinic.Users() {
		if patient := user.Code == "patient-7001"; patient != (user.Type == "200") {
			t.Errorf("%+v", user)
		}
	}
}

// TestBackButton: going back and forth and reloading sign nobody in again, and neither the sign-in's address nor the token
// stays in the history or in the referrer.
func TestBackButton(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	b.signIn(t, jane)
	b.click(t, "#clinic")
	dashboard := w.clinic.Portal() + "providers/dashboard"
	b.landsOn(t, dashboard, janesDashboard)
	if referrer := eval[string](t, b, "document.referrer"); referrer != "" {
		t.Errorf("the clinic learns the referrer %q", referrer)
	}
	for range 2 {
		b.steps(t, -1)
		b.landsOn(t, w.portal+"/", "Home - Example Hospital portal")
		b.steps(t, 1)
		b.landsOn(t, dashboard, janesDashboard)
	}
	command(t, b, page.Reload, page.ReloadParams{})
	b.waitFor(t, "performance.getEntriesByType('navigation')[0].type === 'reload'")
	b.landsOn(t, dashboard, janesDashboard)
	w.calls(t, 1, "after going back and forth")
	history := command(t, b, page.GetNavigationHistory, cdp.Empty{})
	if len(history.Entries) < 3 {
		t.Errorf("the history has only %d entries", len(history.Entries))
	}
	for _, entry := range history.Entries {
		if strings.Contains(entry.URL, "sso_token") || strings.HasPrefix(entry.URL, w.portal+clinicPrefix) {
			t.Errorf("the history has %s", entry.URL)
		}
	}
	b.steps(t, -1)
	b.landsOn(t, w.portal+"/", "Home - Example Hospital portal")
	b.click(t, "#clinic")
	b.landsOn(t, dashboard, janesDashboard)
	w.calls(t, 2, "after the next click")
}

// TestLinksFromElsewhere: a link in an e-mail or on another site's page opens the clinic, in this tab or a new one.
func TestLinksFromElsewhere(t *testing.T) {
	w := open(t)
	link := fmt.Sprintf(`<p><a id=here href="%s/clinic/visits/7?tab=notes">The visit</a></p>`, w.portal)
	path := w.pages.html("elsewhere", "", link)
	for name, origin := range map[string]string{"another origin": w.pages.URL, "another site": w.pages.otherSite()} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			b := w.tab(t)
			b.signIn(t, jane)
			b.visit(t, origin+path)
			b.click(t, "#here")
			b.landsOn(t, w.clinic.Portal()+"visits/7?tab=notes", "Page /visits/7 - Simulated VSee Clinic")
			w.calls(t, 1, "after the click")
		})
	}
}

// TestServiceWorker: portals that are progressive web apps let a service worker ask for their pages. It asks for the
// clinic as the browser would have.
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
	eval[bool](t, b, `navigator.serviceWorker.register('`+pagesPath+`worker.js', {scope: '/'}).then(() => true)`)
	b.waitFor(t, "navigator.serviceWorker.controller")
	b.click(t, "#go")
	b.landsOn(t, w.clinic.Portal()+"visits/7", "Page /visits/7 - Simulated VSee Clinic")
	w.calls(t, 1, "through the service worker")
}
