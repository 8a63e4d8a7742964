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

	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// comparedSites are sites of clinicpass check's tests that are one dynamic file, and whose mistakes
// can be seen from outside.
var comparedSites = []string{
	"file: base", "file: order", "file: no auth", "file: id header", "file: strip",
	"file: no service", "file: middleware typo", "file: auth typo", "file: suffix auth",
	"file: plugin beside", "file: no plugin", "file: middleware singular", "file: noop file",
	"file: service typo", "file: rule without backticks", "file: rule unbalanced",
	"file: rule v2 args", "file: rule precedence", "file: rule path only", "file: rule wide",
	"file: prefix mismatch", "file: priority", "file: errors 401 403", "file: header removed",
	"file: chain order", "file: two kinds in one",
	"rule: not path", "rule: not path api", "rule: not clinic", "rule: or api",
	"rule: double quotes", "rule: method", "rule: strip after", "rule: redirectregex before",
	"site: router without ours", "site: entryPoint singular", "site: priorty",
	"site: router singular", "site: services loadbalancers", "site: v1 forward",
	"site: strip of short", "site: strip of longer", "site: strip label map",
	"site: addprefix", "site: replacepathregex other",
	"site: parentRefs",
}

// session is the cookie of somebody whom the auth layer knows.
const session = "session=jane"

// standInAuth is an auth layer that answers Traefik's forwardAuth.
func standInAuth(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != session {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Auth-Request-User", "jane")
		w.Header().Set("X-Auth-Request-Email", "jane@example.com")
		w.Header().Set("X-Auth-Request-Preferred-Username", "jane")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestSitesInTraefik: what clinicpass check says of a site is what a real Traefik does with it.
func TestSitesInTraefik(t *testing.T) {
	const folder = "../cmd/clinicpass/testdata/"
	content, err := os.ReadFile(folder + "sites.json")
	require.NoError(t, err)
	sites := []struct {
		Desc  string
		Files map[string]struct {
			Base string
			Edit []string
		}
		Finds []string
	}{}
	require.NoError(t, json.Unmarshal(content, &sites))
	allowed, _ := operate(t)
	key := filepath.Join(allowed, "vsee_key")
	write(t, vseetest.Key, key)
	b := newBench(t)
	auth := standInAuth(t)
	probes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{\"http\": {\"routers\": {\"probe\": " +
			"{\"rule\": \"Host(`probe`)\", \"service\": \"noop@internal\"}}}}"))
	}))
	t.Cleanup(probes.Close)
	versions := traefikVersions()
	bin, err := traefik.Build(versions[len(versions)-1], os.Stderr)
	require.NoError(t, err)
	compared := 0
	for _, site := range sites {
		if !slices.Contains(comparedSites, site.Desc) {
			continue
		}
		compared++
		t.Run(site.Desc, func(t *testing.T) {
			require.Len(t, site.Files, 1)
			file := site.Files["clinic.yml"]
			base, err := os.ReadFile(folder + "sites/" + file.Base)
			require.NoError(t, err)
			dynamic := string(base)
			for i := 0; i < len(file.Edit); i += 2 {
				dynamic = strings.Replace(dynamic, file.Edit[i], file.Edit[i+1], 1)
			}
			dynamic = strings.NewReplacer(
				"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
				"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
				"http://oauth2-proxy:4180/", auth,
				"http://portal:8080", b.site.URL,
				"/run/secrets/vsee_key", key,
			).Replace(dynamic)
			written := filepath.Join(t.TempDir(), "clinic.yml")
			write(t, dynamic, written)
			instance, err := traefik.Start(traefik.Options{
				Binary: bin, Probe: probe,
				Provider: "file: {filename: " + written + "}, http: {endpoint: " + probes.URL + "}",
			})
			require.NoError(t, err)
			stopAfter(t, instance)
			assert.Equal(t, len(site.Finds) == 0, works(t, instance.URL),
				"check finds %v; Traefik's log:\n%s", site.Finds, problemsIn(instance.Log()))
		})
	}
	assert.Equal(t, len(comparedSites), compared, "sites that are in the table")
}

// works reports whether the clinic opens for whom the auth layer knows and for nobody else, and the
// site is there as without it.
func works(t *testing.T, address string) bool {
	t.Helper()
	ask := func(host, path string, header map[string]string) (int, string) {
		r, err := http.NewRequest(http.MethodGet, address+path, nil)
		require.NoError(t, err)
		r.Host = host
		for name, value := range header {
			r.Header.Set(name, value)
		}
		response, err := client.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode, response.Header.Get("Clinicpass-Outcome")
	}
	const host = "portal.example.com"
	known := map[string]string{"Cookie": session}
	forged := map[string]string{
		"X-Auth-Request-User": "joan", "X-Auth-Request-Email": "joan@example.com",
	}
	ahead := map[string]string{"Cookie": session, "Sec-Purpose": "prefetch"}
	ok := true
	for _, path := range []string{"/clinic", "/clinic/any/page"} {
		_, outcome := ask(host, path, known)
		_, stranger := ask(host, path, forged)
		_, elsewhere := ask("other.example.com", path, known)
		ok = ok && outcome == "signed_in" && stranger == "" && elsewhere == ""
	}
	_, failure := ask(host, "/clinic", ahead)
	ok = ok && failure == "not_a_navigation"
	for _, path := range []string{"/", "/clinicx"} {
		status, _ := ask(host, path, known)
		ok = ok && status == http.StatusOK
	}
	return ok
}

// problemsIn returns the log's errors.
func problemsIn(log string) string {
	lines := []string{}
	for _, line := range strings.Split(log, "\n") {
		if strings.Contains(line, " ERR ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
