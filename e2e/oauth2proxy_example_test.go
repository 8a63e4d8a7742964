package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/clinicpass/clinicpass/e2e/authlayer"
	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

const (
	fictitiousProof = "fictitious-proof"
)

// installSnippet returns the block of YAML in docs/install.md that has the text.
func installSnippet(t *testing.T, text string) string {
	t.Helper()
	for _, block := range yamlPattern.FindAllStringSubmatch(document(t, "install.md"), -1) {
		if strings.Contains(block[1], text) {
			return block[1]
		}
	}
	require.Fail(t, "no block of docs/install.md has "+text)
	return ""
}

// secretFiles writes the secrets that the example's containers read below /run/secrets.
func secretFiles(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, secret := range map[string]string{
		"vsee_key":         vseetest.Key,
		"client_secret":    authlayer.ClientSecret,
		"cookie_secret":    "0123456789abcdef0123456789abcdef",
		"clinicpass_proof": fictitiousProof + "\n", // as openssl writes it
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(secret), 0o600))
	}
	return folder
}

// composeFlags returns the command of the example's oauth2-proxy, but for the address of the file.
func composeFlags(t *testing.T) []string {
	t.Helper()
	var compose struct {
		Services map[string]struct{ Command []string }
	}
	require.NoError(t, yaml.Unmarshal([]byte(example(t, "docker/compose.yml")), &compose))
	flags := compose.Services["oauth2-proxy"].Command
	count := len(flags)
	flags = slices.DeleteFunc(flags, func(flag string) bool {
		return strings.HasPrefix(flag, "--alpha-config=")
	})
	require.Len(t, flags, count-1)
	return flags
}

// startExampleProxy runs oauth2-proxy as examples/docker does. The proof is what docs/install.md
// shows.
func startExampleProxy(
	t *testing.T, provider *authlayer.OpenIDProvider, secrets string,
) *authlayer.OAuth2Proxy {
	t.Helper()
	binary, err := oauth2ProxyBinary()
	require.NoError(t, err)
	address, err := program.FreeAddress()
	require.NoError(t, err)
	content := example(t, "docker/oauth2-proxy.yml")
	proof := installSnippet(t, "injectResponseHeaders:\n  # ... the other headers")
	_, header, found := strings.Cut(proof, "# ... the other headers\n")
	require.True(t, found, proof)
	require.Contains(t, content, header)
	fill := strings.NewReplacer(
		"0.0.0.0:4180", address, "https://idp.example.com", provider.Issuer, "/run/secrets", secrets,
		"172.16.0.0/12", "127.0.0.0/8", // the network of Traefik
	).Replace
	file := filepath.Join(t.TempDir(), "oauth2-proxy.yml")
	require.NoError(t, os.WriteFile(file, []byte(fill(content)), 0o600))
	flags := composeFlags(t)
	for i := range flags {
		flags[i] = fill(flags[i])
	}
	proxy, err := authlayer.StartStructured(binary, address, file, flags...)
	require.NoError(t, err)
	t.Cleanup(func() {
		proxy.Stop()
		if t.Failed() && os.Getenv("SHOW_LOG") != "" {
			t.Log(proxy.Log())
		}
	})
	return proxy
}

// TestOAuth2ProxyExample: the examples sign a provider in over TLS by a real oauth2-proxy, with the
// names of the claims given_name and family_name. In examples/docker, nobody gets in by a router that
// lacks the auth middleware, because of the proof, which is what docs/install.md shows.
func TestOAuth2ProxyExample(t *testing.T) {
	for _, row := range []struct {
		file, format string
		proven       bool // by a proof
	}{
		{file: "docker/compose.yml", format: "labels", proven: true},
		{file: "file/clinic.yml", format: "dynamic.yml"},
		{file: "existing-router/clinic.yml", format: "dynamic.yml"},
	} {
		t.Run(row.file, func(t *testing.T) {
			b := newBench(t)
			callback := "https://" + hospitalHost + authlayer.CallbackPath
			provider, err := authlayer.NewOpenIDProvider(callback, jose, alex)
			require.NoError(t, err)
			t.Cleanup(provider.Close)
			secrets := secretFiles(t)
			proxy := startExampleProxy(t, provider, secrets)

			content := example(t, row.file)
			if row.format == "labels" {
				content = pairs(t, composeLabels(t, content))
			}
			fill := strings.NewReplacer(
				"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
				"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
				"http://oauth2-proxy:4180", proxy.URL, "/run/secrets", secrets,
			).Replace
			var decoded struct{ HTTP map[string]any }
			decodedJSON := fill(string(decodeAsTraefik(t, row.format, content)))
			require.NoError(t, json.Unmarshal([]byte(decodedJSON), &decoded))
			if row.proven {
				sameProof(t, decoded.HTTP, fill(installSnippet(t, "# ... the other headers, and")))
			}
			config := overlay(decoded.HTTP, map[string]any{
				"services": map[string]any{
					"portal": siteService(b.site.URL)["site"], "oauth2": siteService(proxy.URL)["site"],
				},
				"routers": map[string]any{
					probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "portal"},
					"forgotten": map[string]any{ // without the auth middleware
						"rule": "Host(`forgotten.example.com`)", "service": "portal",
						"entryPoints": []string{"websecure"}, "tls": map[string]any{},
						"middlewares": []string{"clinic"},
					},
				},
			})
			version := traefik.Tested[len(traefik.Tested)-1]
			instance := runWith(t, version, config, traefik.Options{Secure: true})
			h := &hospital{
				bench: b, issuer: provider.Issuer,
				scheme: "https", address: strings.TrimPrefix(instance.SecureURL, "https://"),
			}

			landed := h.newBrowser(t).signIn(t, alex, "/clinic/visits/7")
			h.wantPage(t, landed, "visits/7", "Alex Roe", alex.Subject)
			h.wantSent(t, map[string]string{
				"code": alex.Subject, "email": alex.Email, "first_name": "Alex", "last_name": "Roe",
			})
			if !row.proven {
				return
			}
			assert.NotContains(t, instance.Log(), "nothing proves")
			running := &running{url: instance.SecureURL, log: instance.Log}
			forged := map[string][]string{"X-Auth-Request-User": {alex.Subject}}
			got := running.send(t, "forgotten.example.com", request{path: "/clinic", header: forged})
			assert.Equal(t, "identity_refused", got.outcome())
			assert.Equal(t, http.StatusForbidden, got.status)
			assert.Len(t, b.clinic.Requests(), 1)
		})
	}
}

// sameProof checks that the example's middlewares have the proof of docs/install.md.
func sameProof(t *testing.T, example map[string]any, shown string) {
	t.Helper()
	type proven struct {
		HTTP struct {
			Middlewares struct {
				Auth struct {
					ForwardAuth struct {
						Headers []string `json:"authResponseHeaders" yaml:"authResponseHeaders"`
					} `json:"forwardAuth" yaml:"forwardAuth"`
				}
				Clinic struct {
					Plugin struct {
						Clinicpass struct {
							Identity struct{ Proof map[string]string }
						}
					}
				}
			}
		}
	}
	var want, got proven
	require.NoError(t, yaml.Unmarshal([]byte(shown), &want))
	content, err := json.Marshal(map[string]any{"http": example})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &got))
	auth, clinic := &want.HTTP.Middlewares.Auth, &want.HTTP.Middlewares.Clinic
	require.Equal(t, []string{"X-Clinicpass-Proof"}, auth.ForwardAuth.Headers)
	require.Len(t, clinic.Plugin.Clinicpass.Identity.Proof, 2)
	headers := got.HTTP.Middlewares.Auth.ForwardAuth.Headers
	assert.Contains(t, headers, auth.ForwardAuth.Headers[0])
	proof := got.HTTP.Middlewares.Clinic.Plugin.Clinicpass.Identity.Proof
	assert.Equal(t, clinic.Plugin.Clinicpass.Identity.Proof, proof)
}

// TestProofByHeaders: the chain of docs/install.md for an auth layer that cannot add a header. Only
// a router with the whole chain signs in, whatever the browser sends.
func TestProofByHeaders(t *testing.T) {
	b := newBench(t)
	auth := httptest.NewServer(authService())
	t.Cleanup(auth.Close)
	secrets := t.TempDir()
	file := filepath.Join(secrets, "clinicpass_proof")
	require.NoError(t, os.WriteFile(file, []byte(fictitiousProof+"\n"), 0o600))
	fill := strings.NewReplacer("/run/secrets", secrets, "the-secret", fictitiousProof).Replace
	var shown struct{ HTTP map[string]any }
	snippet := installSnippet(t, "customRequestHeaders:")
	require.NoError(t, yaml.Unmarshal([]byte(fill(snippet)), &shown))
	router := func(host string, chain ...string) map[string]any {
		return map[string]any{
			"rule": "Host(`" + host + "`)", "service": "site", "middlewares": chain,
		}
	}
	version := traefik.Tested[len(traefik.Tested)-1]
	instance := runTraefik(t, version, "", overlay(shown.HTTP, map[string]any{
		"routers": map[string]any{
			probe:       map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
			"portal":    router("portal", "signed-in", "clinic"),
			"forgotten": router("forgotten", "clinic"),
		},
		"middlewares": map[string]any{
			"auth": map[string]any{"forwardAuth": map[string]any{
				"address": auth.URL,
				"authResponseHeaders": []string{
					"X-Auth-Request-User", "X-Auth-Request-Preferred-Username",
				},
			}},
			"clinic": map[string]any{"plugin": map[string]any{"clinicpass": b.baseConfig()}},
		},
		"services": siteService(b.site.URL),
	}))
	running := &running{url: instance.URL, log: instance.Log}
	for _, row := range []struct {
		desc, host, header, value, outcome string
	}{
		{desc: "signed in", host: "portal", outcome: "signed_in"},
		{
			desc: "a proof of the browser's", host: "portal",
			header: "X-Clinicpass-Proof", value: "guess", outcome: "signed_in",
		},
		{
			desc: "a proof under an alias", host: "portal",
			header: "X_Clinicpass_Proof", value: "guess", outcome: "identity_refused",
		},
		{desc: "the chain is missing", host: "forgotten", outcome: "identity_refused"},
		{
			desc: "the chain is missing, a wrong proof", host: "forgotten",
			header: "X-Clinicpass-Proof", value: "guess", outcome: "identity_refused",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			header := defaultHeaders("u-17")
			header["Cookie"] = []string{"who=u-17"}
			if row.header != "" {
				header[row.header] = []string{row.value}
			}
			got := running.send(t, row.host, request{path: "/clinic", header: header})
			assert.Equal(t, row.outcome, got.outcome())
		})
	}
	assert.NotContains(t, instance.Log(), "nothing proves")
}
