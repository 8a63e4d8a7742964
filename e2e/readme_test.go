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

// TestREADMEConfigurations: what the README shows works on a site with TLS, but for the addresses.
func TestREADMEConfigurations(t *testing.T) {
	ownRouter := snippet(t, "service: portal")
	accessLog := snippet(t, "accessLog:")
	for _, version := range traefikVersions() {
		t.Run("traefik-"+version, func(t *testing.T) {
			b := newBench(t)
			hospital := httptest.NewServer(portal.New())
			t.Cleanup(hospital.Close)
			secrets := t.TempDir()
			err := os.WriteFile(filepath.Join(secrets, "vsee_key"), []byte(vseetest.Key+"\n"), 0o600)
			require.NoError(t, err)
			fill := strings.NewReplacer(
				"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
				"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
				"http://oauth2-proxy:4180/", hospital.URL+portal.ForwardAuthPath,
				"/run/secrets", secrets,
			).Replace
			var dynamic struct{ HTTP map[string]any }
			require.NoError(t, yaml.Unmarshal([]byte(fill(ownRouter)), &dynamic))
			const host = "portal.example.com"
			config := overlay(dynamic.HTTP, map[string]any{
				"services": map[string]any{"portal": siteService(hospital.URL)["site"]},
				"routers": map[string]any{
					probe: map[string]any{"rule": "Host(`probe`)", "service": "portal"},
					"portal": map[string]any{ // as an ordinary site has it
						"rule": "Host(`portal.example.com`)", "service": "portal",
						"entryPoints": []string{"websecure"}, "tls": map[string]any{},
					},
				},
			})
			instance := runWith(t, version, config, traefik.Options{Static: accessLog, Secure: true})
			running := &running{url: instance.SecureURL, log: instance.Log}

			cookie := map[string][]string{
				"Cookie": {signInAtPortal(t, hospital.URL, portal.Providers[0].ID)},
			}
			got := running.send(t, host, request{path: "/clinic/visits/7", header: cookie})
			want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=/visits/7"
			location := hideToken(got.header.Get("Location"), b.clinic.Tokens())
			assert.Equal(t, want, location, got.status)
			for path, want := range map[string]int{
				"/schedule": http.StatusOK, "/clinicx": http.StatusNotFound,
			} {
				got := running.send(t, host, request{path: path, header: cookie})
				assert.Equal(t, want, got.status, path)
				assert.Empty(t, got.header.Get("Clinicpass-Outcome"), path)
			}
			stranger := map[string][]string{"X-Auth-Request-User": {"somebody"}}
			got = running.send(t, host, request{path: "/clinic", header: stranger})
			assert.Empty(t, got.header.Get("Clinicpass-Outcome"), "a stranger")

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
	for _, row := range load[behavior](t, "behavior.json") {
		if row.Want.Outcome != "" {
			assert.Contains(t, text, "| `"+row.Want.Outcome+"` |", "the table of outcomes")
		}
	}
	assert.Less(t, strings.Count(text, "\n"), 250, "lines of the README")
}
