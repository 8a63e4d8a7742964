//go:build kubernetes

package e2e

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/kubernetes"
	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// fromModule returns the files that match in a module that the tested Traefik is built from, such
// as Traefik's own definitions for Kubernetes, as one manifest.
func fromModule(t *testing.T, module, pattern string) string {
	t.Helper()
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	version := traefik.Tested[len(traefik.Tested)-1]
	list.Dir = filepath.Join(traefik.Root(), "e2e", "traefik", version)
	list.Env = append(os.Environ(), "GOWORK=off")
	dir, err := list.Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files, "%s in %s", pattern, module)
	manifests := []string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		manifests = append(manifests, string(content))
	}
	return strings.Join(manifests, "\n---\n")
}

const (
	traefikModule = "github.com/traefik/traefik/v3"
	definitions   = "docs/content/reference/dynamic-configuration/"
	account       = "traefik-ingress-controller" // of Traefik's own manifests, in namespace default
)

// portalManifests are the portal without a clinic, and a probe. A Service cannot point to this
// machine but by a name.
const portalManifests = `
apiVersion: v1
kind: Service
metadata: {name: portal, namespace: portal}
spec:
  type: ExternalName
  externalName: localhost
  ports: [{name: site, port: PORT}, {name: example, port: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: oauth2-proxy, namespace: portal}
spec:
  type: ExternalName
  externalName: localhost
  ports: [{name: http, port: OAUTH2}]
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: portal, namespace: portal}
spec:
  entryPoints: [websecure]
  tls: {}
  routes:
    - kind: Rule
      match: Host("portal.example.com")
      services: [{name: portal, port: PORT}]
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: plain, namespace: portal}
spec:
  entryPoints: [web]
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
  listeners:
    - name: websecure
      protocol: HTTPS
      port: PORT
      tls: {certificateRefs: [{name: portal-tls}]}
`

// apiServer is one with Traefik's definitions, the rights that its manifests give, and the
// namespace of the portal.
type apiServer struct {
	*kubernetes.Cluster
	access string // what Traefik's providers need, YAML

	t *testing.T
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	started, err := kubernetes.Start(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(started.Stop)
	c := &apiServer{Cluster: started, t: t}
	const gatewayDefinitions = "config/crd/standard/gateway.networking.k8s.io_*.yaml"
	c.apply(fromModule(t, traefikModule, definitions+"kubernetes-crd-definition-v1.yml"))
	c.apply(fromModule(t, "sigs.k8s.io/gateway-api", gatewayDefinitions))
	c.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
	c.apply(fromModule(t, traefikModule, definitions+"kubernetes-crd-rbac.yml"))
	rights := fromModule(t, traefikModule, definitions+"kubernetes-gateway-rbac.yml")
	c.apply(strings.ReplaceAll(rights, "name: traefik-controller", "name: "+account))
	c.kubectl("create", "serviceaccount", account)
	c.kubectl("create", "namespace", "portal")
	c.access = `{endpoint: "` + c.URL + `", certAuthFilePath: "` + c.CA +
		`", token: "` + strings.TrimSpace(c.kubectl("create", "token", account)) + `"`
	return c
}

func (c *apiServer) apply(manifests string) {
	c.t.Helper()
	require.NoError(c.t, c.Apply(manifests))
}

func (c *apiServer) kubectl(arguments ...string) string {
	c.t.Helper()
	output, err := c.Kubectl("", arguments...)
	require.NoError(c.t, err)
	return output
}

// createCertificate puts a certificate into a Secret beside the portal.
func (c *apiServer) createCertificate(name string) {
	c.t.Helper()
	certificate, key, _ := certificatePEM(c.t)
	encode := base64.StdEncoding.EncodeToString
	c.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", namespace: portal}\n" +
		"type: kubernetes.io/tls\ndata: {tls.crt: " + encode(certificate) +
		", tls.key: " + encode(key) + "}\n")
}

// TestKubernetes: two Traefiks take the example's objects from a real API server, with the rights
// that Traefik's own manifests give, and the API key from a Secret; a Secret that is corrected
// takes effect at once, and one Traefik is enough.
func TestKubernetes(t *testing.T) {
	b := newBench(t)
	hospital := httptest.NewServer(portal.New())
	t.Cleanup(hospital.Close)
	c := newAPIServer(t)
	apply, kubectl := c.apply, c.kubectl
	u, err := url.Parse(hospital.URL)
	require.NoError(t, err)
	_, signInPort, _ := strings.Cut(strings.TrimPrefix(signInPages(t), "http://"), ":")
	apply(strings.NewReplacer("PORT", u.Port(), "OAUTH2", signInPort).Replace(portalManifests))
	fill := strings.NewReplacer(
		"port: 4180", "port: "+signInPort,
		"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
		"https://api-vclinic.vseepreview.com/vc/next/api_v3/", b.clinic.API(),
		"http://oauth2-proxy.portal.svc:4180/", hospital.URL+portal.ForwardAuthPath,
	).Replace
	apply(fill(example(t, "kubernetes/ingressroute.yml")))

	versions := traefikVersions()
	bin, err := traefik.Build(versions[len(versions)-1], os.Stderr)
	require.NoError(t, err)
	replicas := []*traefik.Instance{}
	for i := range 2 {
		secure, err := program.FreeAddress()
		require.NoError(t, err)
		provider := "kubernetesCRD: " + c.access + ", allowExternalNameServices: true}"
		if i == 0 {
			c.createCertificate("portal-tls")
			_, port, _ := strings.Cut(secure, ":")
			apply(strings.ReplaceAll(gatewayManifests, "PORT", port))
			provider += ", kubernetesGateway: " + c.access + "}"
		}
		instance, err := traefik.Start(traefik.Options{
			Binary: bin, Provider: provider, Probe: probe, Secure: true, SecureAddress: secure,
		})
		require.NoError(t, err)
		stopAfter(t, instance)
		replicas = append(replicas, instance)
	}

	cookieOf := func(who int) map[string][]string {
		t.Helper()
		id := portal.Providers[who].ID
		return map[string][]string{"Cookie": {signInAtPortal(t, hospital.URL, id)}}
	}
	cookie := cookieOf(0)
	ask := func(i int, path string, header map[string][]string) answer {
		t.Helper()
		replica := &running{url: replicas[i].SecureURL, log: replicas[i].Log}
		return replica.send(t, "portal.example.com", request{path: path, header: header})
	}
	const path = "/clinic/visits/7"
	want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=/visits/7"
	location := func(i int, header map[string][]string) string {
		t.Helper()
		return hideToken(ask(i, path, header).header.Get("Location"), b.clinic.Tokens())
	}
	// soon waits for a change of the objects to take effect, by fewer clicks than limits.signIns.
	soon := func(desc string, i, who int) {
		t.Helper()
		cookie, got := cookieOf(who), ""
		for pause := 50 * time.Millisecond; pause < 10*time.Second; pause *= 2 {
			if got = location(i, cookie); got == want {
				return
			}
			time.Sleep(pause)
		}
		assert.Equal(t, want, got, "%s: Traefik %d", desc, i+1)
	}
	holds := func(desc string, i, signInStatus int) {
		t.Helper()
		cookie := cookieOf(1)
		assert.Equal(t, want, location(i, cookie), desc)
		stranger := map[string][]string{"X-Auth-Request-User": {"somebody"}}
		assert.Empty(t, ask(i, "/clinic", stranger).outcome(), "%s: a stranger", desc)
		for path, status := range map[string]int{
			"/schedule": http.StatusOK,
			"/clinicx":  http.StatusNotFound,
		} {
			got := ask(i, path, cookie)
			assert.Equal(t, status, got.status, "%s: %s", desc, path)
			assert.Empty(t, got.outcome(), "%s: %s", desc, path)
		}
		got := ask(i, "/oauth2/callback", nil) // of a browser that has no session yet
		assert.Equal(t, signInStatus, got.status, "%s: the callback", desc)
	}

	// The Secret is still as it was copied.
	for i := range replicas {
		got := ask(i, path, cookie)
		assert.Equal(t, "credentials_refused", got.outcome(), "Traefik %d: %d", i+1, got.status)
	}
	calls := b.clinic.Requests()
	assert.NotEmpty(t, calls)
	for _, call := range calls {
		assert.Equal(t, "replace-with-your-api-key", call.Header.Get("X-ApiKey"))
	}
	secret, _, _ := strings.Cut(example(t, "kubernetes/ingressroute.yml"), "\n---\n")
	secret = strings.ReplaceAll(secret, "replace-with-your-api-key", vseetest.Key)
	apply(secret)
	for i := range replicas {
		soon("after the Secret was corrected", i, 0)
		assert.Contains(t, replicas[i].Log(), vseetest.Key,
			"docs/kubernetes.md says that Traefik shows the Secret's key in its log")
		holds("by the IngressRoute", i, http.StatusNoContent)
	}
	// The same by the Gateway API, of which only the first Traefik has the provider.
	kubectl("delete", "ingressroute", "clinic", "--namespace", "portal")
	assert.Eventually(t, func() bool { return location(0, cookie) == "" }, 5*time.Second, 50*time.Millisecond,
		"the IngressRoute is still in effect")
	apply(fill(example(t, "kubernetes/gateway.yml")))
	soon("by the HTTPRoute", 0, 2)
	// An HTTPRoute does not take a Service that is a name: 500, and 404 without the route.
	holds("by the HTTPRoute", 0, http.StatusInternalServerError)
	apply(strings.ReplaceAll(fill(example(t, "kubernetes/ingressroute.yml")),
		"replace-with-your-api-key", vseetest.Key))
	replicas[0].Kill()
	soon("the second Traefik alone", 1, 3)
	holds("the second Traefik alone", 1, http.StatusNoContent)
}
