package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/clinicpass/clinicpass"
	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

func readme(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), "README.md"))
	require.NoError(t, err)
	return string(content)
}

// snippet returns the README's only YAML block that has the text.
func snippet(t *testing.T, text string) string {
	t.Helper()
	found := []string{}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	for _, block := range blocks {
		if strings.Contains(block[1], text) {
			found = append(found, block[1])
		}
	}
	require.Len(t, found, 1, "blocks of the README that have %q", text)
	return found[0]
}

// TestREADMEConfigurations: what the README shows works in Traefik as it stands, but for the
// addresses.
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
			for file, secret := range map[string]string{
				"vsee_key": vseetest.Key, "vsee_admin_token": vseetest.AdminToken,
			} {
				err := os.WriteFile(filepath.Join(secrets, file), []byte(secret+"\n"), 0o600)
				require.NoError(t, err)
			}
			fill := strings.NewReplacer(
				"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
				"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
				"http://oauth2-proxy:4180/", hospital.URL+portal.ForwardAuthPath,
				"/run/secrets", secrets,
			).Replace
			read := func(text string) map[string]any {
				var dynamic struct{ HTTP map[string]any }
				require.NoError(t, yaml.Unmarshal([]byte(fill(text)), &dynamic))
				return dynamic.HTTP
			}
			own, withRooms := read(ownRouter), read(rooms)
			const host, otherHost = "portal.example.com", "whole.example.com"
			config := overlay(own, read(strings.ReplaceAll(existingRouter, host, otherHost)))
			middlewares, _ := overlay(own, withRooms)["middlewares"].(map[string]any)
			config = overlay(config, map[string]any{
				"middlewares": map[string]any{"rooms": middlewares["clinic"]},
				"routers": map[string]any{"rooms": map[string]any{
					"rule":        "Host(`rooms.example.com`)",
					"service":     "portal",
					"middlewares": []string{"auth", "rooms"},
				}},
			})
			config["services"] = map[string]any{"portal": siteService(hospital.URL)["site"]}
			config = overlay(config, map[string]any{"routers": map[string]any{
				probe:  map[string]any{"rule": "Host(`probe`)", "service": "portal"},
				"site": map[string]any{"rule": "Host(`portal.example.com`)", "service": "portal"},
			}})
			instance := runTraefik(t, version, accessLog, config)
			running := &running{url: instance.URL, log: instance.Log}

			cookie := map[string][]string{
				"Cookie": {signInAtPortal(t, hospital.URL, portal.Providers[0].ID)},
			}
			for _, host := range []string{host, otherHost} {
				got := running.send(t, host, request{path: "/clinic/visits/7", header: cookie})
				want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=/visits/7"
				location := hideToken(got.header.Get("Location"), b.clinic.Tokens())
				assert.Equal(t, want, location, "%s: %d", host, got.status)
				for path, want := range map[string]int{
					"/schedule": http.StatusOK, "/clinicx": http.StatusNotFound,
				} {
					got := running.send(t, host, request{path: path, header: cookie})
					assert.Equal(t, want, got.status, host+path)
					assert.Empty(t, got.header.Get("Clinicpass-Outcome"), host+path)
				}
				stranger := map[string][]string{"X-Auth-Request-User": {"somebody"}}
				got = running.send(t, host, request{path: "/clinic", header: stranger})
				assert.Empty(t, got.header.Get("Clinicpass-Outcome"), "a stranger at %s", host)
			}
			got := running.send(t, "rooms.example.com", request{path: "/clinic", header: cookie})
			assert.Equal(t, http.StatusFound, got.status, "with rooms")
			made := b.clinic.Rooms()
			if assert.Len(t, made, 1) {
				assert.Equal(t, "jane doe", made[0].Name)
				assert.Len(t, made[0].Providers, 1)
			}
			log := running.log()
			assert.Contains(t, log, `"downstream_Clinicpass-Outcome":"signed_in"`)
			for _, token := range b.clinic.Tokens() {
				assert.NotContains(t, log, token)
			}
		})
	}
}

// TestREADMEIsComplete: the table names every outcome, and the version to load is this one.
func TestREADMEIsComplete(t *testing.T) {
	text := readme(t)
	assert.Contains(t, text, "version: v"+clinicpass.Version)
	for _, row := range load[behaviour](t, "behaviour.json") {
		if row.Want.Outcome != "" {
			assert.Contains(t, text, "| `"+row.Want.Outcome+"` |", "the table of outcomes")
		}
	}
	assert.LessOrEqual(t, strings.Count(text, "\n"), 250, "lines of the README")
}
