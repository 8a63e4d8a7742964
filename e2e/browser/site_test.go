package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

const (
	// patience is how long anything may take that a test waits for.
	patience = 20 * time.Second
	// tick is the time between two looks at whether it is there.
	tick = 10 * time.Millisecond
)

// world is what all tests of this package share: a browser, Traefik with the portal behind it, and
// the clinic. A test gets cookies of its own with each tab, and a prefix of its own where it would
// be in another one's way.
type world struct {
	browser context.Context // of chromedp
	clinic  *vseetest.Server
	portal  string // Traefik's origin, which is the portal's
	pages   *pageServer
	audits  string // a folder with an audit file for each prefix

	closers []func()
}

// unsigned is a token until 2100 that names a key, which is then looked for.
const unsigned = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ." +
	"eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwiYXVkIjoicG9ydGFs" +
	"IiwiZXhwIjo0MTAyNDQ0ODAwfQ.AAAA"

var (
	shared = sync.OnceValues(newWorld)
	closer = func() {} // of the shared world, once there is one
)

func TestMain(m *testing.M) {
	code := m.Run()
	closer()
	os.Exit(code)
}

// open returns the shared world with a clinic that has seen nothing yet.
func open(t *testing.T) *world {
	t.Helper()
	if _, err := Chromium(); err != nil {
		missing(t, err)
	}
	w, err := shared()
	require.NoError(t, err)
	w.clinic.Reset()
	return w
}

// missing ends a test that lacks a program.
func missing(t *testing.T, err error) {
	t.Helper()
	if Excused() {
		t.Skip(err)
	}
	require.NoError(t, err)
}

func (w *world) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
}

func newWorld() (*world, error) {
	w := &world{}
	if err := w.start(); err != nil {
		w.close()
		return nil, err
	}
	closer = w.close
	return w, nil
}

func (w *world) start() error {
	var err error
	if w.audits, err = os.MkdirTemp("", "clinicpass-browser-"); err != nil {
		return err
	}
	w.closers = append(w.closers, func() { _ = os.RemoveAll(w.audits) })
	w.clinic = vseetest.NewServer()
	w.closers = append(w.closers, w.clinic.Close)
	hospital := httptest.NewServer(portal.New())
	w.closers = append(w.closers, hospital.Close)
	w.pages = newPageServer()
	w.closers = append(w.closers, w.pages.Close)

	binary, err := traefik.Build(traefik.Tested[len(traefik.Tested)-1], os.Stderr)
	if err != nil {
		return err
	}
	dynamic, err := json.Marshal(w.dynamic(hospital.URL))
	if err != nil {
		return err
	}
	instance, err := traefik.Start(traefik.Options{
		Binary:  binary,
		Dynamic: string(dynamic),
		Probe:   "127.0.0.1",
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, instance.Stop)
	w.portal = instance.URL
	return w.startBrowser()
}

// startBrowser starts Chromium so that it talks to this machine only: what it does by itself is
// switched off, and no name but localhost has an address.
func (w *world) startBrowser() error {
	path, err := Chromium()
	if err != nil {
		return err
	}
	profile, err := os.MkdirTemp("", "clinicpass-chromium-")
	if err != nil {
		return err
	}
	w.closers = append(w.closers, func() { _ = os.RemoveAll(profile) })
	allocator, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.Env("HOME="+profile),
		chromedp.Headless,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("no-sandbox", os.Geteuid() == 0), // root cannot have the sandbox
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-breakpad", true),
		chromedp.Flag("disable-dev-shm-usage", true), // it is small in containers
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("host-resolver-rules",
			"MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.WindowSize(1280, 900),
	)
	w.closers = append(w.closers, cancel)
	var cancelBrowser context.CancelFunc
	w.browser, cancelBrowser = chromedp.NewContext(allocator)
	w.closers = append(w.closers, cancelBrowser)
	return chromedp.Do(w.browser)
}

type object = map[string]any

// Where the clinic is found at the portal. Each prefix is a middleware with a configuration of its
// own.
const (
	clinicPrefix   = "/clinic"
	badgePrefix    = "/badge-clinic"     // no cookie is needed, so foreign pages have the identity
	framedPrefix   = "/framed-clinic"    // likewise, and frames are allowed
	limitedPrefix  = "/limited-clinic"   // one sign-in a minute
	slowPrefix     = "/impatient-clinic" // a fraction of a second for the API
	strangerPrefix = "/open-clinic"      // no auth middleware
	unprovenPrefix = "/unproven-clinic"  // the auth middleware does not add the proof
	keylessPrefix  = "/keyless-clinic"   // the keys of signed tokens are out of reach
	patientPrefix  = "/visit"            // for patients
)

// dynamic is the portal as it was, the pages of the tests as a part of it, and the clinics.
func (w *world) dynamic(hospital string) object {
	routers := object{
		"portal": object{"rule": "PathPrefix(`/`)", "service": "portal", "priority": 1},
		"pages": object{
			"rule":     "PathPrefix(`" + pagesPath + "`)",
			"service":  "pages",
			"priority": 10,
		},
	}
	middlewares := object{
		"portal-auth": object{"forwardAuth": object{
			"address":             hospital + portal.ForwardAuthPath,
			"authResponseHeaders": portal.IdentityHeaders,
		}},
		"badge-auth": object{"headers": object{"customRequestHeaders": object{
			"X-Auth-Request-User":   "u-2001",
			"X-Auth-Request-Name":   "Robin Loe",
			"X-Auth-Request-Groups": "clinicians",
		}}},
		"patient-auth": object{"headers": object{"customRequestHeaders": object{
			"X-Auth-Request-User":   "7001",
			"X-Auth-Request-Name":   "Pat Sample",
			"X-Auth-Request-Groups": "patients",
		}}},
		"token-auth": object{"headers": object{"customRequestHeaders": object{
			"X-Token": unsigned,
		}}},
	}
	for prefix, special := range map[string]struct {
		auth   string
		config object
	}{
		clinicPrefix: {auth: "portal-auth"},
		badgePrefix:  {auth: "badge-auth"},
		framedPrefix: {
			auth: "badge-auth",
			config: object{
				"portal": object{"url": w.clinic.Portal(), "allowFrame": true},
			},
		},
		limitedPrefix: {
			auth:   "portal-auth",
			config: object{"limits": object{"signIns": 1}},
		},
		slowPrefix: {
			auth:   "portal-auth",
			config: object{"api": w.api("200ms")},
		},
		strangerPrefix: {},
		unprovenPrefix: {
			auth: "portal-auth",
			config: object{"identity": object{
				"preset": "oauth2-proxy",
				"proof":  object{"header": "X-Proof", "secret": "simulated-proof"},
			}},
		},
		keylessPrefix: {
			auth: "token-auth",
			config: object{"identity": object{
				"preset": "custom",
				"jwt": object{
					"header":   "X-Token",
					"issuer":   "https://id.example.com",
					"audience": "portal",
					"jwksURL":  "http://127.0.0.1:1/keys",
				},
			}},
		},
		patientPrefix: {
			auth: "patient-auth",
			config: object{
				"portal": object{
					"url":         w.clinic.Portal(),
					"defaultNext": "/u/clinic",
					"allowedNext": []string{"/u", "/visits"},
				},
				"provider": object{"type": "patient", "code": "patient-{id}"},
				"identity": object{
					"preset":        "oauth2-proxy",
					"headers":       object{"name": "X-Auth-Request-Name"},
					"allowedGroups": []string{"patients"},
				},
			},
		},
	} {
		name := strings.TrimPrefix(prefix, "/")
		chain := []string{name}
		if special.auth != "" {
			chain = []string{special.auth, name}
		}
		routers[name] = object{
			"rule":        "Path(`" + prefix + "`) || PathPrefix(`" + prefix + "/`)",
			"service":     "noop@internal",
			"middlewares": chain,
			"priority":    10,
		}
		config := object{
			"pathPrefix": prefix,
			"portal":     object{"url": w.clinic.Portal()},
			"api":        w.api("10s"),
			"identity": object{
				"preset":        "oauth2-proxy",
				"headers":       object{"name": "X-Auth-Request-Name"},
				"allowedGroups": []string{"clinicians"},
			},
			"limits": object{"signIns": 0},
			"audit":  object{"file": w.auditFile(prefix)},
			"pages": object{
				"contact": "mailto:information.technology@hospital.example.com",
			},
		}
		for key, value := range special.config {
			config[key] = value
		}
		middlewares[name] = object{"plugin": object{"clinicpass": config}}
	}
	return object{"http": object{
		"routers":     routers,
		"middlewares": middlewares,
		"services":    object{"portal": service(hospital), "pages": service(w.pages.URL)},
	}}
}

func service(address string) object {
	return object{"loadBalancer": object{"servers": []any{object{"url": address}}}}
}

func (w *world) api(timeout string) object {
	return object{
		"url":         w.clinic.API(),
		"accountCode": vseetest.AccountCode,
		"key":         vseetest.Key,
		"timeout":     timeout,
	}
}

func (w *world) auditFile(prefix string) string {
	return filepath.Join(w.audits, strings.TrimPrefix(prefix, "/")+".jsonl")
}

// outcomes returns what became of all requests below the prefix so far: the plugin's own witness
// that a request arrived.
func (w *world) outcomes(t *testing.T, prefix string) []string {
	t.Helper()
	file, err := os.Open(w.auditFile(prefix))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	defer file.Close()
	var found []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var entry struct{ Outcome string }
		if err := json.Unmarshal(lines.Bytes(), &entry); err == nil {
			found = append(found, entry.Outcome)
		}
	}
	return found
}

// waitForOutcome waits until a request below the prefix, after those that were there before, came
// to the outcome.
func (w *world) waitForOutcome(t *testing.T, prefix string, before int, want string) {
	t.Helper()
	found := w.outcomesUntil(t, prefix, before, want, func() bool { return false })
	require.Contains(t, found, want, "outcomes at %s", prefix)
}

// outcomesUntil waits until a request below the prefix, after those that were there before, came
// to the outcome, or until waiting on is useless. It returns what the requests came to.
func (w *world) outcomesUntil(
	t *testing.T, prefix string, before int, want string, useless func() bool,
) []string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		late := time.Now().After(deadline)
		found := w.outcomes(t, prefix)[before:]
		// After a sign-in that should not have been, waiting on is useless too.
		over := slices.Contains(found, want) || slices.Contains(found, "signed_in")
		if over || late || useless() {
			return found
		}
	}
}

// calls fails the test unless the clinic's API was called just so often.
func (w *world) calls(t *testing.T, want int, when string) {
	t.Helper()
	assert.Len(t, w.clinic.Requests(), want, "calls to the API "+when)
}

const (
	pagesPath = "/test/"
	redirect  = "redirect" // in place of a media type: the text is an address to go to
)

// pageServer serves pages that tests make up. The same page is to be had from three places: as a
// part of the portal, from another origin of the same site (another port), and from another site
// (localhost instead of 127.0.0.1).
type pageServer struct {
	*httptest.Server

	mu    sync.Mutex
	pages map[string]content
}

type content struct{ mediaType, text string }

func newPageServer() *pageServer {
	p := &pageServer{pages: map[string]content{}}
	p.Server = httptest.NewServer(p)
	return p
}

func (p *pageServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	found, known := p.pages[strings.TrimPrefix(r.URL.Path, pagesPath)]
	p.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	if found.mediaType == redirect {
		http.Redirect(w, r, found.text, http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", found.mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Service-Worker-Allowed", "/")
	_, _ = fmt.Fprint(w, found.text)
}

// add publishes a page and returns its path.
func (p *pageServer) add(name, mediaType, text string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[name] = content{mediaType, text}
	return pagesPath + name
}

// html publishes a page with the given head and body.
func (p *pageServer) html(name, head, body string) string {
	return p.add(name, "text/html; charset=utf-8", "<!doctype html><html lang=en>"+
		"<head><title>"+name+"</title>"+head+"</head><body>"+body+"</body></html>")
}

// otherSite is the page server under another host name.
func (p *pageServer) otherSite() string {
	return strings.Replace(p.URL, "127.0.0.1", "localhost", 1)
}
