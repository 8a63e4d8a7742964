//go:build kubernetes

package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clinicpass/clinicpass/e2e/kubernetes"
	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// fromModule returns the files that match in a module that the tested Traefik is built from, such as Traefik's own definitions
// for Kubernetes, as one manifest.
func fromModule(t *testing.T, module, pattern string) string {
	t.Helper()
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	list.Dir = filepath.Join(traefik.Root(), "e2e", "traefik", traefik.Tested[len(traefik.Tested)-1])
	list.Env = append(os.Environ(), "GOWORK=off")
	dir, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing matches %s in %s: %v", pattern, module, err)
	}
	manifests := []string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		manifests = append(manifests, string(content))
	}
	return strings.Join(manifests, "\n---\n")
}

const (
	traefikModule = "github.com/traefik/traefik/v3"
	definitions   = "docs/content/reference/dynamic-configuration/"
	account       = "traefik-ingress-controller" // of Traefik's own manifests, in the namespace default
)

// portalManifests are the portal without a clinic, and a probe. A Service cannot point to this machine but by a name.
const portalManifests = `
apiVersion: v1
kind: Service
metadata: {name: portal, namespace: portal}
spec: {type: ExternalName, externalName: localhost, ports: [{port: PORT}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: portal, namespace: portal}
spec:
  routes:
    - kind: Rule
      match: Host("portal.example.com")
      services: [{name: portal, port: PORT}]
    - kind: Rule
      match: Host("probe")
      services: [{name: noop@internal, kind: TraefikService}]
`

const gatewayManifests = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: traefik}
spec: {controllerName: traefik.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: traefik, namespace: portal}
spec:
  gatewayClassName: traefik
  listeners: [{name: web, protocol: HTTP, port: PORT}]
`

// TestKubernetes: two Traefiks take the example's objects from a real API server, with the rights that Traefik's own manifests
// give, and the API key from a Secret; a Secret that is corrected takes effect at once, and one Traefik is enough.
func TestKubernetes(t *testing.T) {
	b := newBench(t)
	hospital := httptest.NewServer(portal.New())
	t.Cleanup(hospital.Close)
	cluster, err := kubernetes.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	apply := func(manifests string) {
		t.Helper()
		if err := cluster.Apply(manifests); err != nil {
			t.Fatal(err)
		}
	}
	apply(fromModule(t, traefikModule, definitions+"kubernetes-crd-definition-v1.yml"))
	apply(fromModule(t, "sigs.k8s.io/gateway-api", "config/crd/standard/gateway.networking.k8s.io_*.yaml"))
	if _, err := cluster.Kubectl("", "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"); err != nil {
		t.Fatal(err)
	}
	apply(fromModule(t, traefikModule, definitions+"kubernetes-crd-rbac.yml"))
	apply(strings.ReplaceAll(fromModule(t, traefikModule, definitions+"kubernetes-gateway-rbac.yml"), "name: traefik-controller", "name: "+account))
	for _, arguments := range [][]string{{"create", "serviceaccount", account}, {"create", "namespace", "portal"}} {
		if _, err := cluster.Kubectl("", arguments...); err != nil {
			t.Fatal(err)
		}
	}
	token, err := cluster.Kubectl("", "create", "token", account)
	if err != nil {
		t.Fatal(err)
	}

	u, err := url.Parse(hospital.URL)
	if err != nil {
		t.Fatal(err)
	}
	apply(strings.ReplaceAll(portalManifests, "PORT", u.Port()))
	fill := strings.NewReplacer(
		"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
		"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
		"http://oauth2-proxy.portal.svc:4180/", hospital.URL+portal.ForwardAuthPath,
	).Replace
	apply(fill(example(t, "kubernetes/ingressroute.yml")))

	versions := traefikVersions()
	bin, err := traefik.Build(versions[len(versions)-1], os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	access := `{endpoint: "` + cluster.URL + `", certAuthFilePath: "` + cluster.CA + `", token: "` + strings.TrimSpace(token) + `"`
	replicas := []*traefik.Instance{}
	for i := range 2 {
		address, err := program.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		provider := "kubernetesCRD: " + access + ", allowExternalNameServices: true}"
		if i == 0 {
			_, port, _ := strings.Cut(address, ":")
			apply(strings.ReplaceAll(gatewayManifests, "PORT", port))
			provider += ", kubernetesGateway: " + access + "}"
		}
		instance, err := traefik.Start(traefik.Options{Binary: bin, Address: address, Provider: provider, Probe: probe})
		if err != nil {
			t.Fatal(err)
		}
		stopAfter(t, instance)
		replicas = append(replicas, instance)
	}

	cookie := map[string][]string{"Cookie": {signInAtPortal(t, hospital.URL, portal.Providers[0].ID)}}
	ask := func(i int, path string, header map[string][]string) answer {
		return (&running{url: replicas[i].URL, log: replicas[i].Log}).send(t, "portal.example.com", request{path: path, header: header})
	}
	const path = "/clinic/visits/7"
	want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=/visits/7"
	location := func(i int, header map[string][]string) string {
		return hideToken(ask(i, path, header).header.Get("Location"), b.clinic.Tokens())
	}
	// soon waits for a change of the objects to take effect, by fewer clicks than limits.signIns.
	soon := func(desc string, i, who int) {
		t.Helper()
		cookie := map[string][]string{"Cookie": {signInAtPortal(t, hospital.URL, portal.Providers[who].ID)}}
		got := ""
		for pause := 50 * time.Millisecond; pause < 10*time.Second; pause *= 2 {
			if got = location(i, cookie); got == want {
				return
			}
			time.Sleep(pause)
		}
		t.Errorf("%s: Traefik %d redirects to %q, want %q", desc, i+1, got, want)
	}
	holds := func(desc string, i int) {
		t.Helper()
		who := map[string][]string{"Cookie": {signInAtPortal(t, hospital.URL, portal.Providers[1].ID)}}
		if got := location(i, who); got != want {
			t.Errorf("%s: redirected to %q, want %q", desc, got, want)
		}
		if got := ask(i, "/clinic", map[string][]string{"X-Auth-Request-User": {"somebody"}}); got.header.Get("Clinicpass-Outcome") != "" {
			t.Errorf("%s: a stranger is answered %s", desc, got.header.Get("Clinicpass-Outcome"))
		}
		for path, status := range map[string]int{"/schedule": http.StatusOK, "/clinicx": http.StatusNotFound} {
			if got := ask(i, path, who); got.status != status || got.header.Get("Clinicpass-Outcome") != "" {
				t.Errorf("%s: %s is answered %d %v", desc, path, got.status, got.header)
			}
		}
	}

	// The Secret is still as it was copied.
	for i := range replicas {
		if got := ask(i, path, cookie); got.header.Get("Clinicpass-Outcome") != "credentials_refused" {
			t.Errorf("with the key of the example, Traefik %d answers %d %v", i+1, got.status, got.header)
		}
	}
	for _, call := range b.clinic.Requests() {
		if key := call.Header.Get("X-ApiKey"); key != "replace-with-your-api-key" {
			t.Errorf("the key that was sent is not the Secret's, it is %q", key)
		}
	}
	secret, _, _ := strings.Cut(example(t, "kubernetes/ingressroute.yml"), "\n---\n")
	apply(strings.ReplaceAll(secret, "replace-with-your-api-key", vseetest.Key))
	for i := range replicas {
		soon("after the Secret was corrected", i, 0)
		if !strings.Contains(replicas[i].Log(), vseetest.Key) {
			t.Errorf("Traefik %d does not show the Secret's key in its log: docs/kubernetes.md says that it does", i+1)
		}
		holds("by the IngressRoute", i)
	}
	// The same by the Gateway API, of which only the first Traefik has the provider.
	if _, err := cluster.Kubectl("", "delete", "ingressroute", "clinic", "--namespace", "portal"); err != nil {
		t.Fatal(err)
	}
	apply(example(t, "kubernetes/gateway.yml"))
	soon("by the HTTPRoute", 0, 2)
	holds("by the HTTPRoute", 0)
	apply(fill(example(t, "kubernetes/ingressroute.yml")))
	apply(strings.ReplaceAll(secret, "replace-with-your-api-key", vseetest.Key))
	replicas[0].Kill()
	soon("the second Traefik alone", 1, 3)
	holds("the second Traefik alone", 1)
}
