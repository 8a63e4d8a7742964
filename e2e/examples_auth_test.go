package e2e

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// samples returns the first of testdata/presets.json for each preset.
func samples(t *testing.T) map[string]sample {
	t.Helper()
	first := map[string]sample{}
	for _, row := range load[sample](t, "presets.json") {
		if _, known := first[row.Preset]; !known && row.Preset != "" {
			first[row.Preset] = row
		}
	}
	return first
}

// fillSample fills in a sample's $ID.
func fillSample(text string) string { return strings.ReplaceAll(text, "$ID", "r1") }

// authLayers answers forwardAuth at a path for each preset as that auth layer does, to whom it
// knows by a cookie.
func authLayers(t *testing.T, rows map[string]sample) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for name, values := range rows[strings.TrimPrefix(r.URL.Path, "/")].Headers {
			for _, value := range values {
				w.Header().Add(name, fillSample(value))
			}
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// renamed returns the names of a preset's middlewares without those of another provider.
func renamed(preset string, names any) []any {
	list, _ := names.([]any)
	all := []any{}
	for _, name := range list {
		if text, _ := name.(string); !strings.Contains(text, "@") {
			all = append(all, preset+"-"+text)
		}
	}
	return all
}

// TestExamplesOfAuthLayers: the example of each preset, decoded by Traefik's own code, makes the
// right user of what that auth layer sends, and turns strangers away where Traefik is to ask. With
// a proof, nobody gets in by a router that lacks the auth middleware.
func TestExamplesOfAuthLayers(t *testing.T) {
	b := newBench(t)
	rows := samples(t)
	signer := newSigner(t)
	layers := authLayers(t, rows)
	dir := t.TempDir()
	hash := sha1.Sum([]byte("password")) // as an htpasswd file has it
	for name, content := range map[string]string{
		"vsee_key":         vseetest.Key,
		"clinicpass_proof": fictitiousProof,
		"users":            "jdoe-r1:{SHA}" + base64.StdEncoding.EncodeToString(hash[:]),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content+"\n"), 0o600))
	}
	routers := map[string]any{
		probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "noop@internal"},
	}
	middlewares := map[string]any{}
	asked := map[string]bool{}  // by Traefik
	secure := map[string]bool{} // over TLS
	proven := map[string]bool{} // by a proof
	unproven := 0
	for preset, row := range rows {
		content := example(t, "auth-layers/"+preset+".yml")
		if warnsAtStart(content) {
			unproven++
		}
		decoded := decodeAsTraefik(t, "dynamic.yml", content)
		filled := strings.NewReplacer(
			"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
			"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
			"/run/secrets", dir,
			"portal.example.com`)", preset+".example.com`)",
		).Replace(string(decoded))
		var config struct {
			HTTP struct {
				Routers     map[string]map[string]any
				Middlewares map[string]map[string]map[string]any
			}
		}
		require.NoError(t, json.Unmarshal([]byte(filled), &config), preset)
		if auth := config.HTTP.Middlewares["auth"]; auth != nil {
			asked[preset] = true
			if auth["forwardAuth"] != nil {
				auth["forwardAuth"]["address"] = layers.URL + "/" + preset
			}
		}
		clinic, _ := config.HTTP.Middlewares["clinic"]["plugin"]["clinicpass"].(map[string]any)
		identity, _ := clinic["identity"].(map[string]any)
		if row.Token != nil {
			jwt, _ := identity["jwt"].(map[string]any)
			row.Token.use(jwt)
			clinic = overlay(clinic, keysAt(signer.url(row.Token)))
		}
		if proof, _ := identity["proof"].(map[string]any); proof != nil {
			proven[preset] = true
			if header, _ := proof["header"].(string); config.HTTP.Middlewares["proof"] == nil {
				row.Headers[header] = []string{fictitiousProof} // the auth layer adds it
			}
		}
		config.HTTP.Middlewares["clinic"]["plugin"]["clinicpass"] = clinic
		for name, middleware := range config.HTTP.Middlewares {
			if chain := middleware["chain"]; chain != nil {
				chain["middlewares"] = renamed(preset, chain["middlewares"])
			}
			middlewares[preset+"-"+name] = middleware
		}
		router := config.HTTP.Routers["clinic"]
		router["middlewares"] = renamed(preset, router["middlewares"])
		secure[preset] = router["tls"] != nil
		routers[preset] = router
		routers["forgotten-"+preset] = overlay(router, map[string]any{
			"rule":        "Host(`forgotten-" + preset + ".example.com`)",
			"middlewares": renamed(preset, []any{"clinic"}),
		})
	}
	version := traefik.Tested[len(traefik.Tested)-1]
	instance := runWith(t, version, map[string]any{
		"routers": routers, "middlewares": middlewares,
		"services": map[string]any{"portal": siteService(b.site.URL)["site"]},
	}, traefik.Options{
		Secure: true, Env: []string{"CLINICPASS_SECRET_PROOF=" + fictitiousProof},
	})
	wantErrors(t, instance.Log(), unproven)
	for preset, row := range rows {
		t.Run(preset, func(t *testing.T) {
			running := &running{url: instance.URL, log: instance.Log}
			if secure[preset] {
				running.url = instance.SecureURL
			}
			host := preset + ".example.com"
			credentials := base64.StdEncoding.EncodeToString([]byte("jdoe-r1:password"))
			header := map[string][]string{
				"Cookie":        {"session=portal"},
				"Authorization": {"Basic " + credentials},
			}
			sent := map[string][]string{}
			for name, values := range row.Headers {
				for _, value := range values {
					sent[name] = append(sent[name], fillSample(value))
				}
			}
			if row.Token != nil {
				sent[row.Token.Header] = []string{signer.sign(t, row.Token, fillSample)}
			}
			if asked[preset] {
				got := running.send(t, host, request{path: "/clinic", header: sent})
				assert.Empty(t, got.outcome(), "a stranger")
			} else {
				maps.Copy(header, sent)
			}
			if proven[preset] {
				forged := maps.Clone(sent)
				forged["X-Clinicpass-Proof"] = []string{"guess"}
				host := "forgotten-" + host
				got := running.send(t, host, request{path: "/clinic", header: forged})
				assert.Equal(t, "identity_refused", got.outcome(), "without the auth middleware")
			}
			b.clinic.Reset()
			got := running.send(t, host, request{path: "/clinic/visits/7", header: header})
			want := map[string]string{"type": "400"}
			for name, value := range row.Want {
				want[name] = fillSample(value)
			}
			fields := []map[string]string{}
			for _, call := range b.clinic.Requests() {
				fields = append(fields, call.Fields)
			}
			assert.Equal(t, http.StatusFound, got.status, got.outcome())
			assert.Equal(t, []map[string]string{want}, fields)
		})
	}
}
