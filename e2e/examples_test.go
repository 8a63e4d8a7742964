package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

var decoder = sync.OnceValues(func() (string, error) { return traefik.BuildDecoder(os.Stderr) })

// decodeAsTraefik returns what Traefik's own code makes of a configuration.
func decodeAsTraefik(t *testing.T, kind, content string) []byte {
	t.Helper()
	binary, err := decoder()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), binary, kind)
	command.Stdin = strings.NewReader(content)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	decoded, err := command.Output()
	require.NoError(t, err, "%s: %s", kind, complaint.String())
	return decoded
}

func example(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), "examples", name))
	require.NoError(t, err)
	return string(content)
}

// pairs returns labels or keys as a JSON object.
func pairs(t *testing.T, all map[string]string) string {
	t.Helper()
	require.GreaterOrEqual(t, len(all), 10, "labels or keys")
	content, err := json.Marshal(all)
	require.NoError(t, err)
	return string(content)
}

// composeLabels returns the labels of all services of a Compose file or stack.
func composeLabels(t *testing.T, content string) map[string]string {
	t.Helper()
	var stack struct {
		Services map[string]struct {
			Labels map[string]string
			Deploy struct{ Labels map[string]string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(content), &stack))
	all := map[string]string{}
	for _, service := range stack.Services {
		for _, labels := range []map[string]string{service.Labels, service.Deploy.Labels} {
			for key, value := range labels {
				all[key] = value
			}
		}
	}
	return all
}

// matches returns what the pattern's two groups find.
func matches(pattern, content string) map[string]string {
	all := map[string]string{}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(content, -1) {
		all[match[1]] = match[2]
	}
	return all
}

// TestExamples: each example, decoded by Traefik's own code, signs a provider in through Traefik
// over TLS, turns strangers away, and lets the portal's other traffic through.
func TestExamples(t *testing.T) {
	asItStands := func(_ *testing.T, content string) string { return content }
	labels := func(t *testing.T, content string) string {
		t.Helper()
		return pairs(t, composeLabels(t, content))
	}
	matched := func(pattern string) func(*testing.T, string) string {
		return func(t *testing.T, content string) string {
			t.Helper()
			return pairs(t, matches(pattern, content))
		}
	}
	for _, row := range []struct {
		desc string // the file
		kind string // for decodeAsTraefik
		read func(t *testing.T, content string) string
	}{
		{desc: "file/clinic.yml", kind: "dynamic.yml", read: asItStands},
		{desc: "toml/clinic.toml", kind: "dynamic.toml", read: asItStands},
		{desc: "existing-router/clinic.yml", kind: "dynamic.yml", read: asItStands},
		{desc: "two-clinics/clinic.yml", kind: "dynamic.yml", read: asItStands},
		{desc: "docker/compose.yml", kind: "labels", read: labels},
		{desc: "swarm/stack.yml", kind: "labels", read: labels},
		{
			desc: "nomad/portal.nomad.hcl",
			kind: "labels",
			read: matched(`"(traefik\.[^"=]+)=([^"]*)"`),
		},
		{
			desc: "consul/configure.sh",
			kind: "kv",
			read: matched(`consul kv put '(traefik/[^']+)' '([^']*)'`),
		},
		{
			desc: "replicas/keys.redis",
			kind: "kv",
			read: matched(`(?m)^SET (traefik/\S+) "?(.*?)"?$`),
		},
		{desc: "patients/clinic.yml", kind: "dynamic.yml", read: asItStands},
	} {
		t.Run(row.desc, func(t *testing.T) {
			content := row.read(t, example(t, row.desc))
			runExample(t, row.desc, decodeAsTraefik(t, row.kind, content))
		})
	}
}

// runExample starts Traefik with a decoded example, in which only the addresses are others.
func runExample(t *testing.T, file string, decoded []byte) {
	t.Helper()
	b := newBench(t)
	site := portal.New()
	hospital := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, portal.ForwardAuthPath) {
			w.Header().Set("X-Clinicpass-Proof", fictitiousProof) // as docker/oauth2-proxy.yml
		}
		site.ServeHTTP(w, r)
	}))
	t.Cleanup(hospital.Close)
	signIn := signInPages(t)
	secrets := t.TempDir()
	for name, secret := range map[string]string{
		"vsee_key":           vseetest.Key,
		"vsee_admin_token":   vseetest.AdminToken,
		"clinicpass_proof":   fictitiousProof,
		"family_key":         vseetest.Key,
		"family_admin_token": vseetest.AdminToken,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(secrets, name), []byte(secret+"\n"), 0o600))
	}
	filled := strings.NewReplacer(
		"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
		"https://family.vseepreview.com/vc/next/", b.clinic.Portal(),
		"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
		"https://api-family.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
		`"accountCode":"family"`, `"accountCode":"vclinic"`,
		"http://patients-oauth2-proxy:4180/", hospital.URL+portal.ForwardAuthPath,
		"http://oauth2-proxy:4180/", hospital.URL+portal.ForwardAuthPath,
		"file:/run/secrets", "file:"+secrets,
		"file:/secrets", "file:"+secrets,
	).Replace(string(decoded))
	var config struct{ HTTP map[string]any }
	require.NoError(t, json.Unmarshal([]byte(filled), &config))
	// Where the portal is, its container or its own configuration says.
	service := siteService(hospital.URL)["site"]
	services := map[string]any{"portal": service}
	declared, _ := config.HTTP["services"].(map[string]any)
	for name := range declared {
		services[name] = service
		if strings.Contains(name, "oauth2") {
			services[name] = siteService(signIn)["site"]
		}
	}
	config.HTTP["services"] = services
	added := map[string]any{probe: map[string]any{"rule": "Host(`probe`)", "service": "portal"}}
	if routers, _ := config.HTTP["routers"].(map[string]any); routers["portal"] == nil {
		added["portal"] = map[string]any{ // as an ordinary site has it
			"rule": "Host(`portal.example.com`)", "service": "portal",
			"entryPoints": []string{"websecure"}, "tls": map[string]any{},
		}
	}
	version := traefik.Tested[len(traefik.Tested)-1]
	dynamic := overlay(config.HTTP, map[string]any{"routers": added})
	static := accessLogOf(t, file)
	instance := runWith(t, version, dynamic, traefik.Options{Static: static, Secure: true})
	running := &running{url: instance.SecureURL, log: instance.Log}
	host := "portal.example.com"
	id := portal.Providers[0].ID
	cookie := map[string][]string{"Cookie": {signInAtPortal(t, hospital.URL, id)}}
	prefixes, callbacks := []string{"/clinic"}, []string{"/oauth2/callback"}
	users, rooms := [][2]string{{"400", id}}, 0 // types and codes
	switch file {
	case "two-clinics/clinic.yml":
		prefixes, rooms = append(prefixes, "/family-clinic"), 1
	case "replicas/keys.redis":
		rooms = 1
	case "patients/clinic.yml":
		prefixes = append(prefixes, "/visit")
		callbacks = append(callbacks, "/patients-oauth2/callback")
		users = append(users, [2]string{"200", "patient-" + id})
	}
	stranger := map[string][]string{"X-Auth-Request-User": {"somebody"}}
	for _, prefix := range prefixes {
		got := running.send(t, host, request{path: prefix + "/visits/7", header: cookie})
		want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=/visits/7"
		location := hideToken(got.header.Get("Location"), b.clinic.Tokens())
		assert.Equal(t, want, location, "%s: %d", prefix, got.status)
		got = running.send(t, host, request{path: prefix, header: stranger})
		assert.Empty(t, got.outcome(), "%s: a stranger", prefix)
	}
	for _, path := range callbacks { // of a browser that has no session yet
		got := running.send(t, host, request{path: path})
		assert.Equal(t, http.StatusNoContent, got.status, path)
	}
	assert.Len(t, b.clinic.Rooms(), rooms)
	signedIn := [][2]string{}
	for _, user := range b.clinic.Users() {
		signedIn = append(signedIn, [2]string{user.Type, user.Code})
	}
	assert.Equal(t, users, signedIn)
	for path, want := range map[string]int{
		"/schedule": http.StatusOK,
		"/clinicx":  http.StatusNotFound,
	} {
		got := running.send(t, host, request{path: path, header: cookie})
		assert.Equal(t, want, got.status, path)
		assert.Empty(t, got.outcome(), path)
	}
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		count := strings.Count(instance.Log(), `"downstream_Clinicpass-Outcome":"signed_in"`)
		assert.Equal(c, len(prefixes), count, "sign-ins in the access log")
	}, 3*time.Second, 5*time.Millisecond)
	unproven := 0
	if warnsAtStart(example(t, file)) {
		unproven = len(prefixes)
	}
	wantErrors(t, instance.Log(), unproven)
}

// signInPages returns the address of what stands for oauth2-proxy's own pages, which are for browsers
// without a session.
func signInPages(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// accessLogOf returns a static configuration with an access log, which takes in internal services
// if the example sets that.
func accessLogOf(t *testing.T, file string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(traefik.Root(), "examples", filepath.Dir(file), "*"))
	require.NoError(t, err)
	internals := "false"
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			continue
		}
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(content), "ccessLog.addInternals") ||
			strings.Contains(string(content), "addInternals: true") {
			internals = "true"
		}
	}
	return "accessLog: {format: json, addInternals: " + internals +
		", fields: {headers: {names: {Clinicpass-Outcome: keep, Location: drop}}}}"
}

// warnsAtStart reports whether an example says that nothing proves its identity.
func warnsAtStart(content string) bool {
	return strings.Contains(content, "Clinicpass logs a warning at startup")
}

var errorPattern = regexp.MustCompile(`(?m)^\S+ ERR .*$`)

// wantErrors checks that Traefik's log has so many warnings of Clinicpass that nothing proves the
// identity, which are at the level ERROR, and no error.
func wantErrors(t *testing.T, log string, unproven int) {
	t.Helper()
	count, others := 0, []string{}
	for _, line := range errorPattern.FindAllString(log, -1) {
		if strings.Contains(line, "nothing proves that your auth middleware") {
			count++
			continue
		}
		others = append(others, line)
	}
	assert.Equal(t, unproven, count, "warnings that nothing proves the identity")
	assert.Empty(t, others)
}

// certificatePEM returns a certificate for example.com, its key, and who trusts it.
func certificatePEM(t *testing.T) (certificate, key []byte, trusted *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Close()
	transport, _ := server.Client().Transport.(*http.Transport)
	der, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	block := pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	keyBlock := pem.Block{Type: "PRIVATE KEY", Bytes: der}
	return pem.EncodeToMemory(&block), pem.EncodeToMemory(&keyBlock),
		transport.TLSClientConfig.RootCAs
}

// TestExampleCertificate: browsers trust a site with docker/certificate.yml.
func TestExampleCertificate(t *testing.T) {
	certificate, key, roots := certificatePEM(t)
	folder, secrets := t.TempDir(), t.TempDir()
	config := strings.ReplaceAll(example(t, "docker/certificate.yml"), "/run/secrets", secrets)
	for file, content := range map[string][]byte{
		filepath.Join(secrets, "certificate"):     certificate,
		filepath.Join(secrets, "certificate_key"): key,
		filepath.Join(folder, "certificate.yml"):  []byte(config),
		filepath.Join(folder, "probe.yml"): []byte("http: {routers: {probe: {rule: Host(`" +
			probe + "`), service: noop@internal}}}"),
	} {
		require.NoError(t, os.WriteFile(file, content, 0o600))
	}
	version := traefik.Tested[len(traefik.Tested)-1]
	instance := runWith(t, version, nil, traefik.Options{
		Provider: `file: {directory: "` + folder + `"}`, Secure: true,
	})
	address := strings.TrimPrefix(instance.SecureURL, "https://")
	connection, err := tls.Dial("tcp", address, &tls.Config{
		RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12,
	})
	require.NoError(t, err)
	assert.NoError(t, connection.Close())
	wantErrors(t, instance.Log(), 0)
}

// TestExamplesOfLoading: Traefik's code takes the static configurations as they are meant.
func TestExamplesOfLoading(t *testing.T) {
	for _, row := range []struct {
		desc string // the file
		kind string // for decodeAsTraefik, or values of the chart
	}{
		{desc: "try/traefik.yml", kind: "static.yml"},
		{desc: "file/traefik.yml", kind: "static.yml"},
		{desc: "toml/traefik.toml", kind: "static.toml"},
		{desc: "local-plugin/traefik.yml", kind: "static.yml"},
		{desc: "replicas/traefik.yml", kind: "static.yml"},
		{desc: "kubernetes/values.yml", kind: "values"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			kind, content := row.kind, example(t, row.desc)
			if kind == "values" { // the chart passes this section on
				var values struct{ Experimental map[string]any }
				require.NoError(t, yaml.Unmarshal([]byte(content), &values))
				section, err := yaml.Marshal(map[string]any{"experimental": values.Experimental})
				require.NoError(t, err)
				kind, content = "static.yml", string(section)
			}
			type plugin struct{ ModuleName, Version string }
			var loaded struct {
				AbortOnPluginFailure  bool
				Plugins, LocalPlugins map[string]plugin
			}
			require.NoError(t, json.Unmarshal(decodeAsTraefik(t, kind, content), &loaded))
			assert.True(t, loaded.AbortOnPluginFailure)
			const module = "github.com/clinicpass/clinicpass"
			if got := loaded.Plugins["clinicpass"]; got.ModuleName != "" {
				assert.Equal(t, plugin{ModuleName: module, Version: "v0.1.0"}, got)
				return
			}
			assert.Equal(t, plugin{ModuleName: module}, loaded.LocalPlugins["clinicpass"])
		})
	}
}

// TestExamplesForKubernetes: every field of the manifests is one of Traefik's, the Gateway API's or
// Kubernetes' own.
func TestExamplesForKubernetes(t *testing.T) {
	for _, row := range []struct {
		desc    string // the file
		objects int
	}{
		{desc: "kubernetes/ingressroute.yml", objects: 4},
		{desc: "kubernetes/gateway.yml", objects: 1},
	} {
		t.Run(row.desc, func(t *testing.T) {
			var objects []any
			decoded := decodeAsTraefik(t, "kubernetes", example(t, row.desc))
			require.NoError(t, json.Unmarshal(decoded, &objects))
			assert.Len(t, objects, row.objects)
		})
	}
}
