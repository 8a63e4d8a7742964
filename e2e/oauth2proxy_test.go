package e2e

import (
	"context"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clinicpass/clinicpass/e2e/authlayer"
)

const hospitalHost = "portal.example.com"

// The preferred_username is a whole name at one provider and a login at the next; oauth2-proxy passes on no other name.
var (
	jose = authlayer.Person{
		Subject: "5b0c-jose", Email: "jose.nandu@example.com", Password: "jose's password", Name: "José Ñandú",
		Username: "José Ñandú", Groups: []string{"staff", "clinicians"},
	}
	alex = authlayer.Person{
		Subject: "77e1-alex", Email: "alex.roe@example.com", Password: "alex's password", Name: "Alex Roe", Username: "aroe",
	}
)

// oauth2ProxyBinary builds oauth2-proxy once.
var oauth2ProxyBinary = sync.OnceValues(func() (string, error) { return authlayer.BuildOAuth2Proxy(os.Stderr) })

// oauth2ProxyWay is one of the two ways in which oauth2-proxy's guide connects it to Traefik.
type oauth2ProxyWay struct {
	name        string
	address     string // path that forwardAuth asks
	middlewares []string
	flags       []string
	viaPage     bool // a page of oauth2-proxy's comes before the OpenID provider's
}

var oauth2ProxyWays = []oauth2ProxyWay{
	// The guide has the sign-in page replace 402 and 403 too, which would hide the plugin's refusals and end the session.
	{name: "errors page", address: "/oauth2/auth", middlewares: []string{"errors", "auth"}, viaPage: true},
	{name: "static upstream", address: "/", middlewares: []string{"auth"}, flags: []string{"--upstream=static://202", "--skip-provider-button"}},
}

// TestOAuth2Proxy: people sign in at an OpenID provider, by way of a real oauth2-proxy, and end in the clinic as nobody
// but themselves. Everybody may open /visitors, only clinicians may open /clinic.
func TestOAuth2Proxy(t *testing.T) {
	traefikOnly(t, func(t *testing.T, start func(*testing.T, map[string]any) *running) {
		for _, way := range oauth2ProxyWays {
			t.Run(way.name, func(t *testing.T) {
				b := newBench(t)
				hospital := startHospital(t, b, way, start)
				t.Run("sign in", func(t *testing.T) { hospital.signIn(t) })
				t.Run("groups", func(t *testing.T) { hospital.groups(t) })
				t.Run("strangers", func(t *testing.T) { hospital.strangers(t) })
				t.Run("impostors", func(t *testing.T) { hospital.impostors(t) })
			})
		}
	})
}

// hospital is a site behind Traefik and oauth2-proxy, with the plugin.
type hospital struct {
	*bench
	way     oauth2ProxyWay
	issuer  string
	address string // of Traefik
}

func startHospital(t *testing.T, b *bench, way oauth2ProxyWay, start func(*testing.T, map[string]any) *running) *hospital {
	t.Helper()
	binary, err := oauth2ProxyBinary()
	if err != nil {
		t.Fatal(err)
	}
	provider, err := authlayer.NewOpenIDProvider("http://"+hospitalHost+authlayer.CallbackPath, jose, alex)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.Close)
	proxy, err := authlayer.StartOAuth2Proxy(binary, hospitalHost, provider, way.flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		proxy.Stop()
		if t.Failed() && os.Getenv("SHOW_LOG") != "" {
			t.Log(proxy.Log())
		}
	})
	visitors := overlay(b.baseConfig(), map[string]any{"pathPrefix": "/visitors"})
	visitors["identity"] = map[string]any{"preset": "oauth2-proxy"}
	clinicians := overlay(b.baseConfig(), map[string]any{})
	clinicians["identity"] = map[string]any{"preset": "oauth2-proxy", "allowedGroups": []string{"clinicians"}}
	services := siteService(b.site.URL)
	services["oauth2-proxy"] = siteService(proxy.URL)["site"]
	running := start(t, map[string]any{
		"routers": map[string]any{
			probe:          map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
			"oauth2-proxy": map[string]any{"rule": "Host(`" + hospitalHost + "`) && PathPrefix(`/oauth2/`)", "service": "oauth2-proxy"},
			"clinic":       way.router("/clinic", "clinic"),
			"visitors":     way.router("/visitors", "visitors"),
		},
		"middlewares": map[string]any{
			"errors": map[string]any{"errors": map[string]any{
				"status": []string{"401"}, "service": "oauth2-proxy", "query": "/oauth2/sign_in?rd={url}",
			}},
			"auth": map[string]any{"forwardAuth": map[string]any{
				"address": proxy.URL + way.address, "authResponseHeaders": authlayer.IdentityHeaders,
			}},
			"clinic":   map[string]any{"plugin": map[string]any{"clinicpass": clinicians}},
			"visitors": map[string]any{"plugin": map[string]any{"clinicpass": visitors}},
		},
		"services": services,
	})
	return &hospital{bench: b, way: way, issuer: provider.Issuer, address: strings.TrimPrefix(running.url, "http://")}
}

func (w oauth2ProxyWay) router(prefix, plugin string) map[string]any {
	return map[string]any{
		"rule":        "Host(`" + hospitalHost + "`) && (Path(`" + prefix + "`) || PathPrefix(`" + prefix + "/`))",
		"middlewares": append(append([]string{}, w.middlewares...), plugin),
		"service":     "noop@internal",
	}
}

// signIn: the way there, what the API gets, and that a wrong password and a second click do what they must.
func (h *hospital) signIn(t *testing.T) {
	h.clinic.Reset()
	browser := h.newBrowser(t)
	form := browser.openSignIn("/clinic/visits/7?tab=notes")
	refused := browser.submit(form, url.Values{"email": {jose.Email}, "password": {alex.Password}})
	if refused.status != http.StatusForbidden || len(h.clinic.Requests()) != 0 {
		t.Errorf("a wrong password: %d, %d calls of the API", refused.status, len(h.clinic.Requests()))
	}
	landed := browser.submit(form, url.Values{"email": {jose.Email}, "password": {jose.Password}})
	h.wantPage(t, landed, "visits/7?tab=notes", "José Ñandú", jose.Subject)
	h.wantSent(t, map[string]string{
		"code": jose.Subject, "email": jose.Email, "first_name": "José", "last_name": "Ñandú", "type": "400",
	})
	h.wantPage(t, browser.get("/clinic", nil), "providers/dashboard", "José Ñandú", "")

	h.clinic.Reset()
	h.wantPage(t, h.newBrowser(t).signIn(alex, "/visitors/visits/8"), "visits/8", "aroe -", alex.Subject)
	h.wantSent(t, map[string]string{
		"code": alex.Subject, "email": alex.Email, "first_name": "aroe", "last_name": "-", "type": "400",
	})
}

// groups: who is in no allowed group gets no further, whatever groups the browser claims.
func (h *hospital) groups(t *testing.T) {
	h.clinic.Reset()
	browser := h.newBrowser(t)
	if landed := browser.signIn(alex, "/clinic/visits/7"); !landed.isRefused("not_allowed") {
		t.Errorf("after the sign-in: %d %s at %s", landed.status, landed.header.Get("Clinicpass-Outcome"), landed.url)
	}
	for claim, outcome := range map[string]string{
		"X-Auth-Request-Groups": "not_allowed",
		"x-auth-request-groups": "not_allowed",
		"X_Auth_Request_Groups": "identity_refused",
		"X.Auth-Request-Groups": "identity_refused",
	} {
		landed := browser.get("/clinic/visits/7", map[string][]string{claim: {"clinicians"}})
		if !landed.isRefused(outcome) {
			t.Errorf("%s: %d %s, want %s", claim, landed.status, landed.header.Get("Clinicpass-Outcome"), outcome)
		}
	}
	if calls := h.clinic.Requests(); len(calls) != 0 {
		t.Errorf("the API was asked: %v", calls[0].Fields)
	}
}

// identityClaims are the spellings in which a browser might claim to be somebody.
var identityClaims = []string{
	"X-Auth-Request-User", "x-auth-request-user", "X_Auth_Request_User", "X-Auth_Request-User", "X.Auth.Request.User",
}

// strangers: whoever has not signed in ends at the sign-in, whatever the browser claims.
func (h *hospital) strangers(t *testing.T) {
	h.clinic.Reset()
	for _, claim := range identityClaims {
		for _, cookie := range []string{"", "_oauth2_proxy=" + jose.Subject} {
			browser := h.newBrowser(t)
			headers := map[string][]string{claim: {jose.Subject}, "X-Auth-Request-Groups": {"clinicians"}}
			if cookie != "" {
				headers["Cookie"] = []string{cookie}
			}
			landed := browser.get("/clinic/visits/7", headers)
			if !landed.isSignIn(h) || landed.header.Get("Clinicpass-Outcome") != "" {
				t.Errorf("%s, cookie %q: %d at %s: %s", claim, cookie, landed.status, landed.url, landed.body)
			}
		}
	}
	if calls := h.clinic.Requests(); len(calls) != 0 {
		t.Errorf("the API was asked: %v", calls[0].Fields)
	}
}

// impostors: whoever has signed in stays who they are, or is refused when another program might take them for another.
func (h *hospital) impostors(t *testing.T) {
	browser := h.newBrowser(t)
	browser.signIn(alex, "/visitors")
	for _, claim := range identityClaims {
		h.clinic.Reset()
		landed := browser.get("/visitors/visits/9", map[string][]string{claim: {jose.Subject}})
		if http.CanonicalHeaderKey(claim) == "X-Auth-Request-User" {
			h.wantPage(t, landed, "visits/9", "aroe -", alex.Subject)
			h.wantSent(t, map[string]string{"code": alex.Subject, "email": alex.Email})
			continue
		}
		if !landed.isRefused("identity_refused") || len(h.clinic.Requests()) != 0 {
			t.Errorf("%s: %d at %s, %d calls of the API", claim, landed.status, landed.url, len(h.clinic.Requests()))
		}
	}
}

// wantPage checks that the browser landed on the clinic's page, as whom.
func (h *hospital) wantPage(t *testing.T, landed page, path, name, code string) {
	t.Helper()
	if landed.status != http.StatusOK || landed.url != h.clinic.Portal()+path {
		t.Fatalf("landed at %s: %d %s", landed.url, landed.status, landed.body)
	}
	for _, want := range []string{`<dd id="user">` + name + `</dd>`, `<dd id="code">` + code} {
		if !strings.Contains(landed.body, want) {
			t.Errorf("the page lacks %s: %s", want, landed.body)
		}
	}
}

// wantSent checks the fields of the API's only call.
func (h *hospital) wantSent(t *testing.T, fields map[string]string) {
	t.Helper()
	calls := h.clinic.Requests()
	if len(calls) != 1 {
		t.Fatalf("%d calls of the API", len(calls))
	}
	for name, want := range fields {
		if got := calls[0].Fields[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// browser keeps cookies and follows redirects. The hospital's name leads to Traefik, every other name nowhere.
type browser struct {
	t        *testing.T
	hospital *hospital
	client   *http.Client
}

// page is what a browser shows.
type page struct {
	url    string
	status int
	header http.Header
	body   string
}

func (h *hospital) newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		switch {
		case err != nil:
			return nil, err
		case host == hospitalHost:
			address = h.address
		case !net.ParseIP(host).IsLoopback():
			return nil, errors.New("not on loopback: " + address)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, hospital: h, client: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
}

// get opens a path of the hospital. Header names go out in the case given.
func (b *browser) get(path string, header map[string][]string) page {
	b.t.Helper()
	return b.do(http.MethodGet, "http://"+hospitalHost+path, "", header)
}

func (b *browser) do(method, address, body string, header map[string][]string) page {
	b.t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header = http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{url: response.Request.URL.String(), status: response.StatusCode, header: response.Header, body: string(content)}
}

var (
	formPattern   = regexp.MustCompile(`(?is)<form method="(\w+)" action="([^"]*)".*?</form>`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// submit fills in the page's first form, whose hidden fields go along, and sends it.
func (b *browser) submit(p page, values url.Values) page {
	b.t.Helper()
	form := formPattern.FindStringSubmatch(p.body)
	base, err := url.Parse(p.url)
	if form == nil || err != nil {
		b.t.Fatalf("no form at %s: %d %s", p.url, p.status, p.body)
	}
	target, err := base.Parse(html.UnescapeString(form[2]))
	if err != nil {
		b.t.Fatal(err)
	}
	sent := url.Values{}
	for _, field := range hiddenPattern.FindAllStringSubmatch(form[0], -1) {
		sent.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	for name := range values {
		sent.Set(name, values.Get(name))
	}
	if strings.EqualFold(form[1], http.MethodPost) {
		return b.do(http.MethodPost, target.String(), sent.Encode(), nil)
	}
	target.RawQuery = sent.Encode()
	return b.do(http.MethodGet, target.String(), "", nil)
}

// openSignIn opens a path of the hospital and returns the OpenID provider's form, which must come first.
func (b *browser) openSignIn(path string) page {
	b.t.Helper()
	opened := b.get(path, nil)
	if !opened.isSignIn(b.hospital) {
		b.t.Fatalf("%s leads to %s: %d %s", path, opened.url, opened.status, opened.body)
	}
	if b.hospital.way.viaPage {
		opened = b.submit(opened, nil)
	}
	return opened
}

// signIn opens a path of the hospital, signs in, and returns where that leads.
func (b *browser) signIn(who authlayer.Person, path string) page {
	b.t.Helper()
	return b.submit(b.openSignIn(path), url.Values{"email": {who.Email}, "password": {who.Password}})
}

// isRefused reports whether the page is the plugin's, with that outcome.
func (p page) isRefused(outcome string) bool {
	return p.status == http.StatusForbidden && p.header.Get("Clinicpass-Outcome") == outcome
}

// isSignIn reports whether the page is where somebody who is not signed in should end.
func (p page) isSignIn(h *hospital) bool {
	if h.way.viaPage {
		return p.status == http.StatusUnauthorized && strings.Contains(p.body, `action="/oauth2/start"`)
	}
	return p.status == http.StatusOK && strings.HasPrefix(p.url, h.issuer+"/sign-in?")
}
