package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/clinicpass/clinicpass"
	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

func readme(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// snippet returns the README's only YAML block that has the text.
func snippet(t *testing.T, text string) string {
	t.Helper()
	found := []string{}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		if strings.Contains(block[1], text) {
			found = append(found, block[1])
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d blocks of the README have %q", len(found), text)
	}
	return found[0]
}

// TestREADMEConfigurations: what the README shows works in Traefik as it stands, but for the addresses.
func TestREADMEConfigurations(t *testing.T) {
	ownRouter := snippet(t, "noop@internal")
	existingRouter := snippet(t, "service: portal")
	rooms := snippet(t, "vsee_admin_token")
	accessLog := snippet(t, "accessLog:")
	for _, version := range traefikVersions() {
		t.Run("traefik-"+version, func(t *testing.T) {
			b := newBench(t)
			hospital := httptest.NewServer(portal.New())
			t.Cleanup(hospital.Close)
			secrets := t.TempDir()
			for file, secret := range map[string]string{"vsee_key": vseetest.Key, "vsee_admin_token": vseetest.AdminToken} {
				if err := os.WriteFile(filepath.Join(secrets, file), []byte(secret+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			fill := strings.NewReplacer(
				"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
				"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
				"http://oauth2-proxy:4180/", hospital.URL+portal.ForwardAuthPath,
				"/run/secrets", secrets,
			).Replace
			var own, existing, withRooms struct{ HTTP map[string]any }
			if err := yaml.Unmarshal([]byte(fill(rooms)), &withRooms); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal([]byte(fill(ownRouter)), &own); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal([]byte(fill(strings.ReplaceAll(existingRouter, "portal.example.com", "whole.example.com"))), &existing); err != nil {
				t.Fatal(err)
			}
			config := overlay(own.HTTP, existing.HTTP)
			middlewares, _ := overlay(own.HTTP, withRooms.HTTP)["middlewares"].(map[string]any)
			config = overlay(config, map[string]any{
				"middlewares": map[string]any{"rooms": middlewares["clinic"]},
				"routers":     map[string]any{"rooms": map[string]any{"rule": "Host(`rooms.example.com`)", "service": "portal", "middlewares": []string{"auth", "rooms"}}},
			})
			config["services"] = map[string]any{"portal": siteService(hospital.URL)["site"]}
			config = overlay(config, map[string]any{"routers": map[string]any{
				probe:  map[string]any{"rule": "Host(`probe`)", "service": "portal"},
				"site": map[string]any{"rule": "Host(`portal.example.com`)", "service": "portal"},
			}})
			instance := runTraefik(t, version, accessLog, config)
			running := &running{url: instance.URL, log: instance.Log}

			cookie := map[string][]string{"Cookie": {signInAtPortal(t, hospital.URL, portal.Providers[0].ID)}}
			for _, host := range []string{"portal.example.com", "whole.example.com"} {
				got := running.send(t, host, request{path: "/clinic/visits/7", header: cookie})
				want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=/visits/7"
				if location := hideToken(got.header.Get("Location"), b.clinic.Tokens()); location != want {
					t.Errorf("%s: %d to %s, want %s", host, got.status, location, want)
				}
				for path, want := range map[string]int{"/schedule": http.StatusOK, "/clinicx": http.StatusNotFound} {
					if got := running.send(t, host, request{path: path, header: cookie}); got.status != want || got.header.Get("Clinicpass-Outcome") != "" {
						t.Errorf("%s%s: %d %v", host, path, got.status, got.header)
					}
				}
				if got := running.send(t, host, request{path: "/clinic", header: map[string][]string{"X-Auth-Request-User": {"somebody"}}}); got.header.Get("Clinicpass-Outcome") != "" {
					t.Errorf("%s: a stranger is answered %s", host, got.header.Get("Clinicpass-Outcome"))
				}
			}
			got := running.send(t, "rooms.example.com", request{path: "/clinic", header: cookie})
			if made := b.clinic.Rooms(); got.status != http.StatusFound || len(made) != 1 || made[0].Name != "jane doe" || len(made[0].Providers) != 1 {
				t.Errorf("with rooms: %d, %+v", got.status, made)
			}
			if log := running.log(); !strings.Contains(log, `"downstream_Clinicpass-Outcome":"signed_in"`) {
				t.Error("the access log lacks the outcome")
			}
			for _, token := range b.clinic.Tokens() {
				if strings.Contains(running.log(), token) {
					t.Error("the access log has a token")
				}
			}
		})
	}
}

// TestREADMEIsComplete: the table names every outcome, and the version to load is this one.
func TestREADMEIsComplete(t *testing.T) {
	text := readme(t)
	if want := "version: v" + clinicpass.Version; !strings.Contains(text, want) {
		t.Errorf("the README lacks %q", want)
	}
	for _, row := range load[behaviour](t, "behaviour.json") {
		if row.Want.Outcome != "" && !strings.Contains(text, "| `"+row.Want.Outcome+"` |") {
			t.Errorf("the table of outcomes lacks %s", row.Want.Outcome)
		}
	}
	if lines := strings.Count(text, "\n"); lines > 250 {
		t.Errorf("the README has %d lines", lines)
	}
}
