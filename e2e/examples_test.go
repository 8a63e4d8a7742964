package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

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
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), binary, kind)
	command.Stdin = strings.NewReader(content)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	decoded, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", kind, err, complaint.String())
	}
	return decoded
}

func example(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// pairs returns labels or keys as a JSON object.
func pairs(t *testing.T, all map[string]string) string {
	t.Helper()
	if len(all) < 10 {
		t.Fatalf("only %d labels or keys", len(all))
	}
	content, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
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
	if err := yaml.Unmarshal([]byte(content), &stack); err != nil {
		t.Fatal(err)
	}
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

// TestExamples: each example, decoded by Traefik's own code, signs a provider in through Traefik, turns strangers away, and lets
// the portal's other traffic through.
func TestExamples(t *testing.T) {
	for _, tt := range []struct {
		file string
		read func(t *testing.T, content string) []byte
	}{
		{"file/clinic.yml", func(t *testing.T, content string) []byte { return decodeAsTraefik(t, "dynamic.yml", content) }},
		{"toml/clinic.toml", func(t *testing.T, content string) []byte { return decodeAsTraefik(t, "dynamic.toml", content) }},
		{"existing-router/clinic.yml", func(t *testing.T, content string) []byte { return decodeAsTraefik(t, "dynamic.yml", content) }},
		{"two-clinics/clinic.yml", func(t *testing.T, content string) []byte { return decodeAsTraefik(t, "dynamic.yml", content) }},
		{"docker/compose.yml", func(t *testing.T, content string) []byte {
			return decodeAsTraefik(t, "labels", pairs(t, composeLabels(t, content)))
		}},
		{"swarm/stack.yml", func(t *testing.T, content string) []byte {
			return decodeAsTraefik(t, "labels", pairs(t, composeLabels(t, content)))
		}},
		{"nomad/portal.nomad.hcl", func(t *testing.T, content string) []byte {
			return decodeAsTraefik(t, "labels", pairs(t, matches(`"(traefik\.[^"=]+)=([^"]*)"`, content)))
		}},
		{"consul/configure.sh", func(t *testing.T, content string) []byte {
			return decodeAsTraefik(t, "kv", pairs(t, matches(`consul kv put '(traefik/[^']+)' '([^']*)'`, content)))
		}},
		{"patients/clinic.yml", func(t *testing.T, content string) []byte { return decodeAsTraefik(t, "dynamic.yml", content) }},
	} {
		t.Run(tt.file, func(t *testing.T) { runExample(t, tt.file, tt.read(t, example(t, tt.file))) })
	}
}

// runExample starts Traefik with a decoded example, in which only the addresses are others.
func runExample(t *testing.T, file string, decoded []byte) {
	b := newBench(t)
	hospital := httptest.NewServer(portal.New())
	t.Cleanup(hospital.Close)
	secrets := t.TempDir()
	for name, secret := range map[string]string{
		"vsee_key": vseetest.Key, "family_key": vseetest.Key, "family_admin_token": vseetest.AdminToken,
	} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	filled := strings.NewReplacer(
		"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(), "https://family.vseepreview.com/vc/next/", b.clinic.Portal(),
		"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
		"https://api-family.vseepreview.com/vc/next/api_v3/", b.clinic.API(), `"accountCode":"family"`, `"accountCode":"vclinic"`,
		"http://patients-oauth2-proxy:4180/", hospital.URL+portal.ForwardAuthPath,
		"http://oauth2-proxy:4180/", hospital.URL+portal.ForwardAuthPath, "file:/run/secrets", "file:"+secrets, "file:/secrets", "file:"+secrets,
	).Replace(string(decoded))
	var config struct{ HTTP map[string]any }
	if err := json.Unmarshal([]byte(filled), &config); err != nil {
		t.Fatal(err)
	}
	// Where the portal is, its container or its own configuration says.
	config.HTTP["services"] = map[string]any{"portal": siteService(hospital.URL)["site"]}
	added := map[string]any{probe: map[string]any{"rule": "Host(`probe`)", "service": "portal"}}
	if routers, _ := config.HTTP["routers"].(map[string]any); routers["portal"] == nil {
		added["portal"] = map[string]any{"rule": "Host(`portal.example.com`)", "service": "portal"}
	}
	instance := runTraefik(t, traefik.Tested[len(traefik.Tested)-1], "", overlay(config.HTTP, map[string]any{"routers": added}))
	running := &running{url: instance.URL, log: instance.Log}
	host := "portal.example.com"
	cookie := map[string][]string{"Cookie": {signInAtPortal(t, hospital.URL, portal.Providers[0].ID)}}
	prefixes := []string{"/clinic"}
	id := portal.Providers[0].ID
	users, rooms := fmt.Sprint([][2]string{{"400", id}}), 0
	switch file {
	case "two-clinics/clinic.yml":
		prefixes, rooms = append(prefixes, "/family-clinic"), 1
	case "patients/clinic.yml":
		prefixes, users = append(prefixes, "/visit"), fmt.Sprint([][2]string{{"400", id}, {"200", "patient-" + id}})
	}
	for _, prefix := range prefixes {
		got := running.send(t, host, request{path: prefix + "/visits/7", header: cookie})
		want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=/visits/7"
		if location := hideToken(got.header.Get("Location"), b.clinic.Tokens()); location != want {
			t.Errorf("%s: %d to %s, want %s", prefix, got.status, location, want)
		}
		got = running.send(t, host, request{path: prefix, header: map[string][]string{"X-Auth-Request-User": {"somebody"}}})
		if got.header.Get("Clinicpass-Outcome") != "" {
			t.Errorf("%s: a stranger is answered %s", prefix, got.header.Get("Clinicpass-Outcome"))
		}
	}
	if got := len(b.clinic.Rooms()); got != rooms {
		t.Errorf("%d rooms, want %d", got, rooms)
	}
	signedIn := [][2]string{}
	for _, user := range b.clinic.Users() {
		signedIn = append(signedIn, [2]string{user.Type, user.Code})
	}
	if got := fmt.Sprint(signedIn); got != users {
		t.Errorf("signed in %s, want %s", got, users)
	}
	for path, want := range map[string]int{"/schedule": http.StatusOK, "/clinicx": http.StatusNotFound} {
		if got := running.send(t, host, request{path: path, header: cookie}); got.status != want || got.header.Get("Clinicpass-Outcome") != "" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
}

// TestExamplesOfLoading: Traefik's code takes the static configurations as they are meant.
func TestExamplesOfLoading(t *testing.T) {
	for file, kind := range map[string]string{
		"try/traefik.yml": "static.yml", "file/traefik.yml": "static.yml", "toml/traefik.toml": "static.toml", "local-plugin/traefik.yml": "static.yml", "replicas/traefik.yml": "static.yml", "kubernetes/values.yml": "values",
	} {
		content := example(t, file)
		var experimental struct {
			AbortOnPluginFailure  bool
			Plugins, LocalPlugins map[string]struct{ ModuleName, Version string }
		}
		var decoded []byte
		if kind == "values" { // the chart passes this section on
			var values struct{ Experimental map[string]any }
			if err := yaml.Unmarshal([]byte(content), &values); err != nil {
				t.Fatal(err)
			}
			section, err := yaml.Marshal(map[string]any{"experimental": values.Experimental})
			if err != nil {
				t.Fatal(err)
			}
			decoded = decodeAsTraefik(t, "static.yml", string(section))
		} else {
			decoded = decodeAsTraefik(t, kind, content)
		}
		if err := json.Unmarshal(decoded, &experimental); err != nil {
			t.Fatal(err)
		}
		want := "{github.com/clinicpass/clinicpass v0.1.0} true"
		loaded := experimental.Plugins["clinicpass"]
		if loaded.ModuleName == "" {
			want = "{github.com/clinicpass/clinicpass } true"
			loaded = experimental.LocalPlugins["clinicpass"]
		}
		if got := fmt.Sprint(loaded, experimental.AbortOnPluginFailure); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

// TestExamplesForKubernetes: every field of the manifests is one of Traefik's, the Gateway API's or Kubernetes' own.
func TestExamplesForKubernetes(t *testing.T) {
	for file, want := range map[string]int{"kubernetes/ingressroute.yml": 4, "kubernetes/gateway.yml": 1} {
		var objects []any
		if err := json.Unmarshal(decodeAsTraefik(t, "kubernetes", example(t, file)), &objects); err != nil || len(objects) != want {
			t.Errorf("%s: %d objects, %v", file, len(objects), err)
		}
	}
}
