package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestConcurrentSignIns: many providers at once, each ends with a token of their own, and the audit
// has every one.
func TestConcurrentSignIns(t *testing.T) {
	const providers, clicks = 40, 5
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			clinic := map[string]map[string]any{"clinic": b.baseConfig()}
			running := e.start(t, b.site.URL, clinic)
			var wait sync.WaitGroup
			for n := range providers {
				wait.Go(func() {
					id := fmt.Sprintf("provider-%d", n)
					for range clicks {
						r := request{path: "/clinic", header: defaultHeaders(id)}
						got := running.exchange(t, "clinic", r)
						location, err := url.Parse(got.header.Get("Location"))
						if !assert.NoError(t, err, id) ||
							!assert.Equal(t, http.StatusFound, got.status, id) {
							continue
						}
						user, known := b.clinic.UserOf(location.Query().Get("sso_token"))
						assert.True(t, known, "%s got no token of the clinic's", id)
						assert.Equal(t, id, user.Code)
					}
				})
			}
			wait.Wait()
			content, err := os.ReadFile(b.audit)
			require.NoError(t, err)
			lines := strings.Count(string(content), `"outcome":"signed_in"`)
			assert.Equal(t, providers*clicks, lines, "sign-ins in the audit")
		})
	}
}

// TestNothingSecretIsWritten: with secrets in files and Traefik at DEBUG, neither log nor audit nor
// page has a secret, a token, or anything about the provider, whatever happens.
func TestNothingSecretIsWritten(t *testing.T) {
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			dir := t.TempDir()
			config := b.baseConfig()
			for key, value := range map[string]string{
				"key": vseetest.Key, "secret": vseetest.Secret, "token": vseetest.AdminToken,
			} {
				file := filepath.Join(dir, key)
				require.NoError(t, os.WriteFile(file, []byte(value+"\n"), 0o600))
				config = overlay(config, map[string]any{"api": map[string]any{key: "file:" + file}})
			}
			proof := map[string]any{"header": "X-Clinicpass-Proof", "secret": "literal-proof"}
			running := e.start(t, b.site.URL, map[string]map[string]any{
				"clinic": config,
				"literal": overlay(b.baseConfig(), map[string]any{
					"api":      map[string]any{"key": "literal-key", "secret": "literal-secret"},
					"identity": map[string]any{"proof": proof},
				}),
			})
			running.waitForLog(t, 0, "warning: clinic@")
			running.waitForLog(t, 0, "nothing proves that your auth middleware set the identity headers")
			running.waitForLog(t, 0, "warning: literal@")
			running.waitForLog(t, 0, "api.secret is written in the configuration")
			running.waitForLog(t, 0, "identity.proof.secret is written in the configuration")
			running.waitForLog(t, 0, "\"key\":\"set\",\"secret\":\"set\",\"token\":\"unset\"")
			lines := pluginLines(running.log())
			assert.NotContains(t, lines, "literal-", "a secret")
			warnings := strings.Count(lines, "nothing proves")
			assert.Equal(t, 1, warnings, "warnings, the proven identity needs none: %s", lines)
			echo := `{"code":400,"message":"key ` + vseetest.Key + `, secret ` + vseetest.Secret +
				`, provider-secretive, Jane Doe, jane.doe@example.com"}`
			written := ""
			for _, fault := range []vseetest.Fault{
				{},
				{Status: 400, Body: echo},
				{Status: 401, Body: echo},
				{Status: 500, Body: echo},
				{Reset: true},
			} {
				b.clinic.Script(fault, fault, fault, fault)
				got := running.send(t, "clinic", request{
					path:   "/clinic/visits/secret-visit",
					header: defaultHeaders("provider-secretive"),
				})
				written += got.body
				if got.status != http.StatusFound {
					written += fmt.Sprint(got.header)
				}
			}
			require.NotEmpty(t, b.clinic.Tokens())
			running.waitForLog(t, 0, "api_unavailable")
			audit, err := os.ReadFile(b.audit)
			require.NoError(t, err)
			written += running.log() + string(audit)
			secrets := append(b.clinic.Tokens(), vseetest.Key, vseetest.Secret, vseetest.AdminToken,
				"provider-secretive", "Jane", "jane.doe", "secret-visit")
			for _, secret := range secrets {
				if at := strings.Index(written, secret); at >= 0 {
					around := written[max(at-150, 0):min(at+150, len(written))]
					assert.NotContains(t, around, secret)
				}
			}
		})
	}
}

// traefikStarter starts a Traefik with the HTTP part of a dynamic configuration.
type traefikStarter = func(t *testing.T, httpConfig map[string]any) *running

// traefikOnly runs a test in each Traefik, with a dynamic configuration made by hand.
func traefikOnly(t *testing.T, test func(t *testing.T, start traefikStarter)) {
	t.Helper()
	for _, version := range traefikVersions() {
		t.Run("traefik-"+version, func(t *testing.T) {
			test(t, func(t *testing.T, httpConfig map[string]any) *running {
				instance := runTraefik(t, version, "", httpConfig)
				return &running{url: instance.URL, log: instance.Log}
			})
		})
	}
}

// exampleUser is jdoe with the password "example", for Traefik's basicAuth.
const exampleUser = "jdoe:$2a$05$BFslGwAoBvb52rN8jDVPkeJE5Xcb6n1pAUPj//2IiOvfZLAiWB3Vy"

// TestBasicAuth: Traefik's basicAuth writes the user under the name just as configured, not in Go's
// canonical case.
func TestBasicAuth(t *testing.T) {
	traefikOnly(t, func(t *testing.T, start traefikStarter) {
		b := newBench(t)
		config := overlay(b.baseConfig(), map[string]any{"identity": nil})
		config["identity"] = map[string]any{"preset": "basic-auth"}
		running := start(t, map[string]any{
			"routers": map[string]any{
				probe: map[string]any{"rule": "Host(`probe`)", "service": "site"},
				"clinic": map[string]any{
					"rule":        "Host(`clinic`)",
					"service":     "site",
					"middlewares": []string{"auth", "clinic"},
				},
			},
			"middlewares": map[string]any{
				"auth": map[string]any{"basicAuth": map[string]any{
					"users": []string{exampleUser}, "headerField": "X-WebAuth-User",
				}},
				"clinic": map[string]any{"plugin": map[string]any{"clinicpass": config}},
			},
			"services": siteService(b.site.URL),
		})
		click := func(t *testing.T, header map[string][]string) answer {
			t.Helper()
			return running.send(t, "clinic", request{path: "/clinic", header: header})
		}
		credentials := base64.StdEncoding.EncodeToString([]byte("jdoe:example"))
		authorization := []string{"Basic " + credentials}
		got := click(t, map[string][]string{"Authorization": authorization})
		assert.Equal(t, http.StatusFound, got.status, got.body)
		calls := b.clinic.Requests()
		require.NotEmpty(t, calls)
		assert.Equal(t, "jdoe", calls[0].Fields["code"])
		for _, name := range []string{"X-WebAuth-User", "X-Webauth-User", "X_WebAuth_User"} {
			t.Run(name, func(t *testing.T) {
				b.clinic.Reset()
				got := click(t, map[string][]string{name: {"admin"}})
				assert.Equal(t, http.StatusUnauthorized, got.status, "from a stranger")
				assert.Empty(t, b.clinic.Requests(), "from a stranger")
				click(t, map[string][]string{"Authorization": authorization, name: {"admin"}})
				for _, call := range b.clinic.Requests() {
					assert.Equal(t, "jdoe", call.Fields["code"], "beside a sign-in")
				}
			})
		}
	})
}

// TestForwardAuth: the portal's forwardAuth says who clicks; what the browser claims about it does
// not count.
func TestForwardAuth(t *testing.T) {
	traefikOnly(t, func(t *testing.T, start traefikStarter) {
		b := newBench(t)
		hospital := httptest.NewServer(portal.New())
		t.Cleanup(hospital.Close)
		running := start(t, map[string]any{
			"routers": map[string]any{
				probe:    map[string]any{"rule": "Host(`probe`)", "service": "site"},
				"portal": map[string]any{"rule": "Host(`portal`)", "service": "site"},
				"clinic": map[string]any{
					"rule":        "Host(`portal`) && (Path(`/clinic`) || PathPrefix(`/clinic/`))",
					"service":     "noop@internal",
					"middlewares": []string{"auth", "clinic"},
				},
			},
			"middlewares": map[string]any{
				"auth": map[string]any{"forwardAuth": map[string]any{
					"address":             hospital.URL + portal.ForwardAuthPath,
					"authResponseHeaders": portal.IdentityHeaders,
				}},
				"clinic": map[string]any{"plugin": map[string]any{"clinicpass": b.baseConfig()}},
			},
			"services": siteService(hospital.URL),
		})
		got := running.send(t, "portal", request{
			path: "/clinic/visits/7",
			header: map[string][]string{
				"X-Auth-Request-User": {"u-1002"},
				"X-Auth-Request-Name": {"Somebody Else"},
			},
		})
		signIn := "http://portal/sign-in?to=%2Fclinic%2Fvisits%2F7"
		assert.Equal(t, signIn, got.header.Get("Location"), "a stranger: %d", got.status)
		assert.Empty(t, b.clinic.Requests(), "a stranger")
		jane := portal.Providers[0]
		got = running.send(t, "portal", request{
			method: http.MethodPost, path: "/sign-in?id=" + jane.ID,
		})
		assert.NotEqual(t, http.StatusSeeOther, got.status, "a sign-in from a query")
		got = running.send(t, "portal", request{
			path: "/clinic/visits/7",
			header: map[string][]string{
				"Cookie":              {signInAtPortal(t, hospital.URL, jane.ID)},
				"X-Auth-Request-User": {"u-1002"},
			},
		})
		require.Equal(t, http.StatusFound, got.status)
		calls := b.clinic.Requests()
		require.Len(t, calls, 1)
		assert.Subset(t, calls[0].Fields, map[string]string{
			"code": jane.ID, "first_name": "Jane", "email": jane.Email,
		})
	})
}

func signInAtPortal(t *testing.T, address, id string) string {
	t.Helper()
	response, err := client.PostForm(address+"/sign-in", url.Values{"id": {id}})
	require.NoError(t, err)
	defer response.Body.Close()
	require.NotEmpty(t, response.Cookies(), response.Status)
	return response.Cookies()[0].String()
}
