package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"html"
	"io"
	"maps"
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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/authlayer"
)

const hospitalHost = "portal.example.com"

// The preferred_username is a whole name at one provider and a login at the next; oauth2-proxy
// passes on no other name.
var (
	jose = authlayer.Person{
		Subject:  "5b0c-jose",
		Email:    "jose.nandu@example.com",
		Password: "jose's password",
		Name:     "José Ñandú",
		Username: "José Ñandú",
		Groups:   []string{"staff", "clinicians"},
	}
	alex = authlayer.Person{
		Subject:   "77e1-alex",
		Email:     "alex.roe@example.com",
		Password:  "alex's password",
		Name:      "Alex Roe",
		FirstName: "Alex",
		LastName:  "Roe",
		Username:  "aroe",
	}
)

// oauth2ProxyBinary builds oauth2-proxy once.
var oauth2ProxyBinary = sync.OnceValues(func() (string, error) {
	return authlayer.BuildOAuth2Proxy(os.Stderr)
})

// oauth2ProxyWay is one of the two ways in which oauth2-proxy's guide connects it to Traefik.
type oauth2ProxyWay struct {
	desc        string
	address     string // path that forwardAuth asks
	middlewares []string
	flags       []string
	viaPage     bool // a page of oauth2-proxy's comes before the OpenID provider's
}

var oauth2ProxyWays = []oauth2ProxyWay{
	// The guide has the sign-in page replace 402 and 403 too, which would hide the plugin's
	// refusals and end the session.
	{
		desc:        "errors page",
		address:     "/oauth2/auth",
		middlewares: []string{"errors", "auth"},
		viaPage:     true,
	},
	{
		desc:        "static upstream",
		address:     "/",
		middlewares: []string{"auth"},
		flags:       []string{"--upstream=static://202", "--skip-provider-button"},
	},
}

// TestOAuth2Proxy: people sign in at an OpenID provider, by way of a real oauth2-proxy, and end in
// the clinic as nobody but themselves. Everybody may open /visitors, only clinicians may open
// /clinic.
func TestOAuth2Proxy(t *testing.T) {
	traefikOnly(t, func(t *testing.T, start traefikStarter) {
		for _, way := range oauth2ProxyWays {
			t.Run(way.desc, func(t *testing.T) {
				hospital := startHospital(t, newBench(t), way, start)
				t.Run("sign in", hospital.signIn)
				t.Run("groups", hospital.groups)
				t.Run("strangers", hospital.strangers)
				t.Run("impostors", hospital.impostors)
			})
		}
	})
}

// hospital is a site behind Traefik and oauth2-proxy, with the plugin.
type hospital struct {
	*bench
	way     oauth2ProxyWay
	issuer  string
	scheme  string // of the site
	address string // of Traefik
}

func startHospital(t *testing.T, b *bench, way oauth2ProxyWay, start traefikStarter) *hospital {
	t.Helper()
	binary, err := oauth2ProxyBinary()
	require.NoError(t, err)
	callback := "http://" + hospitalHost + authlayer.CallbackPath
	provider, err := authlayer.NewOpenIDProvider(callback, jose, alex)
	require.NoError(t, err)
	t.Cleanup(provider.Close)
	proxy, err := authlayer.StartOAuth2Proxy(binary, hospitalHost, provider, way.flags...)
	require.NoError(t, err)
	t.Cleanup(func() {
		proxy.Stop()
		if t.Failed() && os.Getenv("SHOW_LOG") != "" {
			t.Log(proxy.Log())
		}
	})
	visitors := overlay(b.baseConfig(), map[string]any{"pathPrefix": "/visitors"})
	visitors["identity"] = map[string]any{"preset": "oauth2-proxy"}
	clinicians := overlay(b.baseConfig(), map[string]any{})
	clinicians["identity"] = map[string]any{
		"preset": "oauth2-proxy", "allowedGroups": []string{"clinicians"},
	}
	services := siteService(b.site.URL)
	services["oauth2-proxy"] = siteService(proxy.URL)["site"]
	running := start(t, map[string]any{
		"routers": map[string]any{
			probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
			"oauth2-proxy": map[string]any{
				"rule":    "Host(`" + hospitalHost + "`) && PathPrefix(`/oauth2/`)",
				"service": "oauth2-proxy",
			},
			"clinic":   way.router("/clinic", "clinic"),
			"visitors": way.router("/visitors", "visitors"),
		},
		"middlewares": map[string]any{
			"errors": map[string]any{"errors": map[string]any{
				"status":  []string{"401"},
				"service": "oauth2-proxy",
				"query":   "/oauth2/sign_in?rd={url}",
			}},
			"auth": map[string]any{"forwardAuth": map[string]any{
				"address":             proxy.URL + way.address,
				"authResponseHeaders": authlayer.IdentityHeaders,
			}},
			"clinic":   map[string]any{"plugin": map[string]any{"clinicpass": clinicians}},
			"visitors": map[string]any{"plugin": map[string]any{"clinicpass": visitors}},
		},
		"services": services,
	})
	return &hospital{
		bench:   b,
		way:     way,
		issuer:  provider.Issuer,
		scheme:  "http",
		address: strings.TrimPrefix(running.url, "http://"),
	}
}

func (w oauth2ProxyWay) router(prefix, plugin string) map[string]any {
	return map[string]any{
		"rule": "Host(`" + hospitalHost + "`) && (Path(`" + prefix + "`) || " +
			"PathPrefix(`" + prefix + "/`))",
		"middlewares": append(append([]string{}, w.middlewares...), plugin),
		"service":     "noop@internal",
	}
}

// signIn: the way there, what the API gets, and that a wrong password and a second click do what
// they must.
func (h *hospital) signIn(t *testing.T) {
	h.clinic.Reset()
	browser := h.newBrowser(t)
	form := browser.openSignIn(t, "/clinic/visits/7?tab=notes")
	wrong := url.Values{"email": {jose.Email}, "password": {alex.Password}}
	refused := browser.submit(t, form, wrong)
	assert.Equal(t, http.StatusForbidden, refused.status, "a wrong password")
	assert.Empty(t, h.clinic.Requests(), "a wrong password")
	right := url.Values{"email": {jose.Email}, "password": {jose.Password}}
	landed := browser.submit(t, form, right)
	h.wantPage(t, landed, "visits/7?tab=notes", "José Ñandú", jose.Subject)
	h.wantSent(t, map[string]string{
		"code":       jose.Subject,
		"email":      jose.Email,
		"first_name": "José",
		"last_name":  "Ñandú",
		"type":       "400",
	})
	landed = browser.get(t, "/clinic", nil)
	h.wantPage(t, landed, "providers/dashboard", "José Ñandú", "")

	h.clinic.Reset()
	landed = h.newBrowser(t).signIn(t, alex, "/visitors/visits/8")
	h.wantPage(t, landed, "visits/8", "aroe -", alex.Subject)
	h.wantSent(t, map[string]string{
		"code":       alex.Subject,
		"email":      alex.Email,
		"first_name": "aroe",
		"last_name":  "-",
		"type":       "400",
	})
}

// groups: who is in no allowed group gets no further, whatever groups the browser claims.
func (h *hospital) groups(t *testing.T) {
	h.clinic.Reset()
	browser := h.newBrowser(t)
	browser.signIn(t, alex, "/clinic/visits/7").wantRefused(t, "not_allowed")
	for _, row := range []struct {
		desc    string // the header that claims a group
		outcome string
	}{
		{desc: "X-Auth-Request-Groups", outcome: "not_allowed"},
		{desc: "x-auth-request-groups", outcome: "not_allowed"},
		{desc: "X_Auth_Request_Groups", outcome: "identity_refused"},
		{desc: "X.Auth-Request-Groups", outcome: "identity_refused"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			header := map[string][]string{row.desc: {"clinicians"}}
			browser.get(t, "/clinic/visits/7", header).wantRefused(t, row.outcome)
		})
	}
	assert.Empty(t, h.clinic.Requests())
}

// identityClaims are the spellings in which a browser might claim to be somebody.
var identityClaims = []string{
	"X-Auth-Request-User",
	"x-auth-request-user",
	"X_Auth_Request_User",
	"X-Auth_Request-User",
	"X.Auth.Request.User",
}

// strangers: whoever has not signed in ends at the sign-in, whatever the browser claims.
func (h *hospital) strangers(t *testing.T) {
	h.clinic.Reset()
	for _, claim := range identityClaims {
		for _, cookie := range []string{"", "_oauth2_proxy=" + jose.Subject} {
			t.Run(claim+", cookie "+cookie, func(t *testing.T) {
				header := map[string][]string{
					claim: {jose.Subject}, "X-Auth-Request-Groups": {"clinicians"},
				}
				if cookie != "" {
					header["Cookie"] = []string{cookie}
				}
				landed := h.newBrowser(t).get(t, "/clinic/visits/7", header)
				h.wantSignIn(t, landed)
				assert.Empty(t, landed.header.Get("Clinicpass-Outcome"))
			})
		}
	}
	assert.Empty(t, h.clinic.Requests())
}

// impostors: whoever has signed in stays who they are, or is refused when another program might
// take them for another.
func (h *hospital) impostors(t *testing.T) {
	browser := h.newBrowser(t)
	browser.signIn(t, alex, "/visitors")
	for _, claim := range identityClaims {
		t.Run(claim, func(t *testing.T) {
			h.clinic.Reset()
			header := map[string][]string{claim: {jose.Subject}}
			landed := browser.get(t, "/visitors/visits/9", header)
			if http.CanonicalHeaderKey(claim) == "X-Auth-Request-User" {
				h.wantPage(t, landed, "visits/9", "aroe -", alex.Subject)
				h.wantSent(t, map[string]string{"code": alex.Subject, "email": alex.Email})
				return
			}
			landed.wantRefused(t, "identity_refused")
			assert.Empty(t, h.clinic.Requests())
		})
	}
}

// wantPage checks that the browser landed on the clinic's page, as whom.
func (h *hospital) wantPage(t *testing.T, landed page, path, name, code string) {
	t.Helper()
	require.Equal(t, h.clinic.Portal()+path, landed.url, landed.body)
	require.Equal(t, http.StatusOK, landed.status, landed.body)
	assert.Contains(t, landed.body, `<dd id="user">`+name+`</dd>`)
	assert.Contains(t, landed.body, `<dd id="code">`+code)
}

// wantSignIn checks that the page is where somebody who is not signed in should end.
func (h *hospital) wantSignIn(t *testing.T, p page) {
	t.Helper()
	about := p.url + ": " + p.body
	if h.way.viaPage {
		require.Equal(t, http.StatusUnauthorized, p.status, about)
		require.Contains(t, p.body, `action="/oauth2/start"`, p.url)
		return
	}
	require.Equal(t, http.StatusOK, p.status, about)
	require.Regexp(t, "^"+regexp.QuoteMeta(h.issuer+"/sign-in?"), p.url, p.body)
}

// wantSent checks the fields of the API's only call.
func (h *hospital) wantSent(t *testing.T, fields map[string]string) {
	t.Helper()
	calls := h.clinic.Requests()
	require.Len(t, calls, 1)
	assert.Subset(t, calls[0].Fields, fields)
}

// browser keeps cookies and follows redirects. The hospital's name leads to Traefik, every other
// name nowhere.
type browser struct {
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
	require.NoError(t, err)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
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
	}
	transport := &http.Transport{
		DialContext:     dial,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // Traefik's own
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{
		hospital: h,
		client:   &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute},
	}
}

// get opens a path of the hospital. Header names go out in the case given.
func (b *browser) get(t *testing.T, path string, header map[string][]string) page {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, b.hospital.scheme+"://"+hospitalHost+path, nil)
	require.NoError(t, err)
	return b.do(t, request, header)
}

func (b *browser) do(t *testing.T, request *http.Request, header map[string][]string) page {
	t.Helper()
	request.Header.Set("Accept", "text/html")
	request.Header.Set("Sec-Fetch-Mode", "navigate")
	request.Header.Set("Sec-Fetch-Dest", "document")
	maps.Copy(request.Header, header)
	response, err := b.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return page{
		url:    response.Request.URL.String(),
		status: response.StatusCode,
		header: response.Header,
		body:   string(content),
	}
}

var (
	formPattern   = regexp.MustCompile(`(?is)<form method="(\w+)" action="([^"]*)".*?</form>`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// submit fills in the page's first form, whose hidden fields go along, and sends it.
func (b *browser) submit(t *testing.T, p page, values url.Values) page {
	t.Helper()
	form := formPattern.FindStringSubmatch(p.body)
	require.NotNil(t, form, "no form at %s: %d %s", p.url, p.status, p.body)
	base, err := url.Parse(p.url)
	require.NoError(t, err)
	target, err := base.Parse(html.UnescapeString(form[2]))
	require.NoError(t, err)
	sent := url.Values{}
	for _, field := range hiddenPattern.FindAllStringSubmatch(form[0], -1) {
		sent.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	for name := range values {
		sent.Set(name, values.Get(name))
	}
	method, body := http.MethodGet, ""
	if strings.EqualFold(form[1], http.MethodPost) {
		method, body = http.MethodPost, sent.Encode()
	} else {
		target.RawQuery = sent.Encode()
	}
	request, err := http.NewRequest(method, target.String(), strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.do(t, request, nil)
}

// openSignIn opens a path of the hospital and returns the OpenID provider's form, which must come
// first.
func (b *browser) openSignIn(t *testing.T, path string) page {
	t.Helper()
	opened := b.get(t, path, nil)
	b.hospital.wantSignIn(t, opened)
	if b.hospital.way.viaPage {
		opened = b.submit(t, opened, nil)
	}
	return opened
}

// signIn opens a path of the hospital, signs in, and returns where that leads.
func (b *browser) signIn(t *testing.T, who authlayer.Person, path string) page {
	t.Helper()
	form := b.openSignIn(t, path)
	return b.submit(t, form, url.Values{"email": {who.Email}, "password": {who.Password}})
}

// wantRefused checks that the page is the plugin's, with that outcome.
func (p page) wantRefused(t *testing.T, outcome string) {
	t.Helper()
	assert.Equal(t, http.StatusForbidden, p.status, p.url)
	assert.Equal(t, outcome, p.header.Get("Clinicpass-Outcome"), p.url)
}
