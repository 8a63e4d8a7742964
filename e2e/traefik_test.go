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

	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestConcurrentSignIns: many providers at once, each ends with a token of their own, and the audit has every one.
func TestConcurrentSignIns(t *testing.T) {
	const providers, clicks = 40, 5
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			running := e.start(t, b.site.URL, map[string]map[string]any{"clinic": b.baseConfig()})
			var wait sync.WaitGroup
			for n := range providers {
				wait.Go(func() {
					id := fmt.Sprintf("provider-%d", n)
					for range clicks {
						got := running.send(t, "clinic", request{path: "/clinic", header: defaultHeaders(id)})
						location, err := url.Parse(got.header.Get("Location"))
						if err != nil || got.status != http.StatusFound {
							t.Errorf("%s: %d %v", id, got.status, err)
							continue
						}
						if user, known := b.clinic.UserOf(location.Query().Get("sso_token")); !known || user.Code != id {
							t.Errorf("%s got the token of %q", id, user.Code)
						}
					}
				})
			}
			wait.Wait()
			content, err := os.ReadFile(b.audit)
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(string(content), `"outcome":"signed_in"`); lines != providers*clicks {
				t.Errorf("the audit has %d sign-ins, want %d", lines, providers*clicks)
			}
		})
	}
}

// TestNothingSecretIsWritten: with secrets in files and Traefik at DEBUG, neither log nor audit nor page has a secret, a
// token, or anything about the provider, whatever happens.
func TestNothingSecretIsWritten(t *testing.T) {
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			dir := t.TempDir()
			config := b.baseConfig()
			for key, value := range map[string]string{"key": vseetest.Key, "secret": vseetest.Secret, "token": vseetest.AdminToken} {
				file := filepath.Join(dir, key)
				if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				config = overlay(config, map[string]any{"api": map[string]any{key: "file:" + file}})
			}
			running := e.start(t, b.site.URL, map[string]map[string]any{"clinic": config, "literal": overlay(b.baseConfig(),
				map[string]any{
					"api":      map[string]any{"key": "literal-key", "secret": "literal-secret"},
					"identity": map[string]any{"proof": map[string]any{"header": "X-Clinicpass-Proof", "secret": "literal-proof"}},
				})})
			running.waitForLog(t, 0, "warning: clinic@")
			running.waitForLog(t, 0, "nothing proves that the auth layer set them")
			running.waitForLog(t, 0, "warning: literal@")
			running.waitForLog(t, 0, "api.secret stands in the configuration itself")
			running.waitForLog(t, 0, "identity.proof.secret stands in the configuration itself")
			running.waitForLog(t, 0, "\"key\":\"set\",\"secret\":\"set\",\"token\":\"unset\"")
			if lines := pluginLines(running.log()); strings.Contains(lines, "literal-") || strings.Count(lines, "nothing proves") != 1 {
				t.Errorf("the plugin logs a secret, or warns of the proven identity: %s", lines)
			}
			echo := `{"code":400,"message":"key ` + vseetest.Key + `, secret ` + vseetest.Secret + `, provider-secretive, Jane Doe, jane.doe@example.com"}`
			written := ""
			for _, fault := range []vseetest.Fault{{}, {Status: 400, Body: echo}, {Status: 401, Body: echo}, {Status: 500, Body: echo}, {Reset: true}} {
				b.clinic.Script(fault, fault, fault, fault)
				got := running.send(t, "clinic", request{path: "/clinic/visits/secret-visit", header: defaultHeaders("provider-secretive")})
				written += got.body
				if got.status != http.StatusFound {
					written += fmt.Sprint(got.header)
				}
			}
			if len(b.clinic.Tokens()) == 0 {
				t.Fatal("no token was minted")
			}
			running.waitForLog(t, 0, "api_unavailable")
			audit, err := os.ReadFile(b.audit)
			if err != nil {
				t.Fatal(err)
			}
			written += running.log() + string(audit)
			secrets := append(b.clinic.Tokens(), vseetest.Key, vseetest.Secret, vseetest.AdminToken,
				"provider-secretive", "Jane", "jane.doe", "secret-visit")
			for _, secret := range secrets {
				if at := strings.Index(written, secret); at >= 0 {
					t.Errorf("%q was written: ...%s...", secret, written[max(at-150, 0):min(at+150, len(written))])
				}
			}
		})
	}
}

// traefikOnly runs a test in each Traefik, with a dynamic configuration made by hand.
func traefikOnly(t *testing.T, test func(t *testing.T, start func(t *testing.T, httpConfig map[string]any) *running)) {
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

// TestBasicAuth: Traefik's basicAuth writes the user under the name just as configured, not in Go's canonical case. The
// bcrypt hash is of "example".
func TestBasicAuth(t *testing.T) {
	traefikOnly(t, func(t *testing.T, start func(*testing.T, map[string]any) *running) {
		b := newBench(t)
		config := overlay(b.baseConfig(), map[string]any{"identity": nil})
		config["identity"] = map[string]any{"preset": "basic-auth"}
		running := start(t, map[string]any{
			"routers": map[string]any{
				probe:    map[string]any{"rule": "Host(`probe`)", "service": "site"},
				"clinic": map[string]any{"rule": "Host(`clinic`)", "service": "site", "middlewares": []string{"auth", "clinic"}},
			},
			"middlewares": map[string]any{
				"auth": map[string]any{"basicAuth": map[string]any{
					"users": []string{"jdoe:$2a$05$BFslGwAoBvb52rN8jDVPkeJE5Xcb6n1pAUPj//2IiOvfZLAiWB3Vy"}, "headerField": "X-WebAuth-User",
				}},
				"clinic": map[string]any{"plugin": map[string]any{"clinicpass": config}},
			},
			"services": siteService(b.site.URL),
		})
		authorization := []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("jdoe:example"))}
		got := running.send(t, "clinic", request{path: "/clinic", header: map[string][]string{"Authorization": authorization}})
		if got.status != http.StatusFound || b.clinic.Requests()[0].Fields["code"] != "jdoe" {
			t.Errorf("signed in: %d %s", got.status, got.body)
		}
		for _, name := range []string{"X-WebAuth-User", "X-Webauth-User", "X_WebAuth_User"} {
			b.clinic.Reset()
			got = running.send(t, "clinic", request{path: "/clinic", header: map[string][]string{name: {"admin"}}})
			if got.status != http.StatusUnauthorized || len(b.clinic.Requests()) != 0 {
				t.Errorf("%s from a stranger: %d", name, got.status)
			}
			running.send(t, "clinic", request{path: "/clinic", header: map[string][]string{"Authorization": authorization, name: {"admin"}}})
			for _, call := range b.clinic.Requests() {
				if call.Fields["code"] != "jdoe" {
					t.Errorf("%s beside a sign-in made somebody %s", name, call.Fields["code"])
				}
			}
		}
	})
}

// TestForwardAuth: the portal's forwardAuth says who clicks; what the browser claims about it does not count.
func TestForwardAuth(t *testing.T) {
	traefikOnly(t, func(t *testing.T, start func(*testing.T, map[string]any) *running) {
		b := newBench(t)
		hospital := httptest.NewServer(portal.New())
		t.Cleanup(hospital.Close)
		running := start(t, map[string]any{
			"routers": map[string]any{
				probe:    map[string]any{"rule": "Host(`probe`)", "service": "site"},
				"portal": map[string]any{"rule": "Host(`portal`)", "service": "site"},
				"clinic": map[string]any{"rule": "Host(`portal`) && (Path(`/clinic`) || PathPrefix(`/clinic/`))", "service": "noop@internal", "middlewares": []string{"auth", "clinic"}},
			},
			"middlewares": map[string]any{
				"auth":   map[string]any{"forwardAuth": map[string]any{"address": hospital.URL + portal.ForwardAuthPath, "authResponseHeaders": portal.IdentityHeaders}},
				"clinic": map[string]any{"plugin": map[string]any{"clinicpass": b.baseConfig()}},
			},
			"services": siteService(hospital.URL),
		})
		claims := map[string][]string{"X-Auth-Request-User": {"u-1002"}, "X-Auth-Request-Name": {"Somebody Else"}}
		got := running.send(t, "portal", request{path: "/clinic/visits/7", header: claims})
		if want := "http://portal/sign-in?to=%2Fclinic%2Fvisits%2F7"; got.header.Get("Location") != want || len(b.clinic.Requests()) != 0 {
			t.Errorf("a stranger: %d to %s, want %s", got.status, got.header.Get("Location"), want)
		}
		jane := portal.Providers[0]
		got = running.send(t, "portal", request{method: "POST", path: "/sign-in?id=" + jane.ID})
		if got.status == http.StatusSeeOther {
			t.Error("the portal takes a sign-in from a query")
		}
		cookie := signInAtPortal(t, hospital.URL, jane.ID)
		got = running.send(t, "portal", request{path: "/clinic/visits/7", header: map[string][]string{"Cookie": {cookie}, "X-Auth-Request-User": {"u-1002"}}})
		calls := b.clinic.Requests()
		if got.status != http.StatusFound || len(calls) != 1 {
			t.Fatalf("signed in: %d, %d calls", got.status, len(calls))
		}
		if fields := calls[0].Fields; fields["code"] != jane.ID || fields["first_name"] != "Jane" || fields["email"] != jane.Email {
			t.Errorf("sent %v", fields)
		}
	})
}

func signInAtPortal(t *testing.T, address, id string) string {
	t.Helper()
	response, err := client.PostForm(address+"/sign-in", url.Values{"id": {id}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if len(response.Cookies()) == 0 {
		t.Fatalf("the portal set no cookie: %s", response.Status)
	}
	return response.Cookies()[0].String()
}
