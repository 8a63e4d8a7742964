//go:build kubernetes

package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// project writes files into a folder by the steps of the kubelet's atomic writer: a new folder, a
// link to it that takes the other's place, links for what is new, and the old folder goes.
func project(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	data := filepath.Join(folder, "..data")
	before, _ := os.Readlink(data)
	next, err := os.MkdirTemp(folder, time.Now().UTC().Format("..2006_01_02_15_04_05."))
	require.NoError(t, err)
	require.NoError(t, os.Chmod(next, 0o755))
	for name, content := range files {
		write(t, content, next, name)
	}
	relink(t, filepath.Base(next), data)
	for name := range files {
		link := filepath.Join(folder, name)
		if _, err := os.Lstat(link); err != nil {
			require.NoError(t, os.Symlink("..data/"+name, link))
		}
	}
	if before != "" {
		require.NoError(t, os.RemoveAll(filepath.Join(folder, before)))
	}
}

// sync stands in for the kubelet: it brings a folder in step with a Secret beside Traefik.
func (c *apiServer) sync(secret, folder string) {
	c.t.Helper()
	object := c.kubectl("get", "secret", secret, "--namespace", "traefik", "-o", "json")
	var is struct{ Data map[string][]byte }
	require.NoError(c.t, json.Unmarshal([]byte(object), &is))
	files := map[string]string{}
	for name, content := range is.Data {
		files[name] = string(content)
	}
	require.NotEmpty(c.t, files, object)
	project(c.t, folder, files)
}

// changingKey is the clinic's API with a key that changes.
type changingKey struct {
	api http.Handler

	mu   sync.Mutex
	key  string
	sent []string // keys, since the last change
}

func (c *changingKey) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	if sent := r.Header.Get("X-ApiKey"); sent != "" {
		c.sent = append(c.sent, sent)
		if sent == c.key {
			r.Header.Set("X-ApiKey", vseetest.Key)
		}
	}
	c.mu.Unlock()
	c.api.ServeHTTP(w, r)
}

// change makes another key the right one.
func (c *changingKey) change(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key, c.sent = key, nil
}

// got returns the keys that came since the last call.
func (c *changingKey) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.sent = nil }()
	return c.sent
}

const mountedSecret = `
apiVersion: v1
kind: Secret
metadata: {name: vsee, namespace: traefik}
stringData: {key: KEY}
`

// TestKubernetesMountedSecret: Traefik takes the example's objects from a real API server, and the
// plugin the key from a Secret that is mounted. Its rotation needs no restart. What else is in
// Traefik's pod is refused at the start, and the routers beside it work.
func TestKubernetesMountedSecret(t *testing.T) {
	const first, second = "first-mounted-key", "second-mounted-key"
	b := newBench(t)
	hospital := httptest.NewServer(portal.New())
	t.Cleanup(hospital.Close)
	keys := &changingKey{api: b.clinic, key: first}
	api := httptest.NewServer(keys)
	t.Cleanup(api.Close)
	c := newAPIServer(t)
	c.kubectl("create", "namespace", "traefik")
	rotate := func(key string) { c.apply(strings.ReplaceAll(mountedSecret, "KEY", key)) }
	u, err := url.Parse(hospital.URL)
	require.NoError(t, err)
	c.apply(strings.NewReplacer("PORT", u.Port(), "OAUTH2", "4180").Replace(portalManifests))

	// What a pod has below /var/run/secrets.
	mounts := filepath.Join(t.TempDir(), "var", "run", "secrets")
	folder := filepath.Join(mounts, "vsee")
	of := filepath.Join(mounts, "kubernetes.io", "serviceaccount")
	token := strings.TrimSpace(c.kubectl("create", "token", account))
	project(t, of, map[string]string{"token": token, "namespace": "default"})
	rotate(first)
	c.sync("vsee", folder)

	rows := []struct{ name, key, says string }{
		{name: "clinic", key: "file:" + folder + "/key"},
		{name: "account", key: "file:" + of + "/token", says: "CLINICPASS_FILES"},
		{name: "data", key: "file:" + of + "/..data/token", says: "CLINICPASS_FILES"},
		{name: "upwards", key: "file:" + folder + "/../vsee/key", says: "CLINICPASS_FILES"},
		{name: "beside", key: "file:" + filepath.Dir(mounts) + "/key", says: "CLINICPASS_FILES"},
		{name: "variable", key: "env:OTHER_SECRET", says: "CLINICPASS_ENV"},
	}
	_, objects, _ := strings.Cut(example(t, "kubernetes/ingressroute.yml"), "\n---\n")
	for _, row := range rows {
		c.apply(strings.NewReplacer(
			"https://vclinic.vseepreview.com/vc/next/", b.clinic.Portal(),
			"https://api-vclinic.vseepreview.com/vc/next/api_v3/",
			strings.Replace(b.clinic.API(), b.clinic.URL, api.URL, 1),
			"http://oauth2-proxy.portal.svc:4180/", hospital.URL+portal.ForwardAuthPath,
			"urn:k8s:secret:vsee:key", row.key,
			"name: clinic", "name: "+row.name,
			"portal.example.com", row.name+".example.com",
		).Replace(objects))
	}

	versions := traefikVersions()
	bin, err := traefik.Build(versions[len(versions)-1], os.Stderr)
	require.NoError(t, err)
	instance, err := traefik.Start(traefik.Options{
		Binary:   bin,
		Provider: "kubernetesCRD: " + c.access + ", allowExternalNameServices: true}",
		Probe:    probe,
		Secure:   true,
		Env:      []string{"CLINICPASS_FILES=" + mounts, "OTHER_SECRET=" + foreign},
	})
	require.NoError(t, err)
	stopAfter(t, instance)
	replica := &running{url: instance.SecureURL, log: instance.Log}
	cookie := signInAtPortal(t, hospital.URL, portal.Providers[0].ID)
	click := func(name string) answer {
		t.Helper()
		header := map[string][]string{"Cookie": {cookie}}
		return replica.send(t, name+".example.com", request{path: "/clinic/visits/7", header: header})
	}
	signsIn := func(desc string) {
		t.Helper()
		got := click("clinic")
		want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=/visits/7"
		assert.Equal(t, want, hideToken(got.header.Get("Location"), b.clinic.Tokens()), desc)
	}

	signsIn("the first key")
	assert.Equal(t, []string{first}, keys.got())
	for _, row := range rows[1:] {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, http.StatusNotFound, click(row.name).status)
			problems := mistakesOf(instance.Log(), "portal-"+row.name)
			require.Len(t, problems, 1)
			_, source, _ := strings.Cut(row.key, ":")
			assert.Contains(t, problems[0], "api.key: cannot be used: "+source+" is ")
			assert.Contains(t, problems[0], row.says+" in the environment of Traefik")
		})
	}
	signsIn("beside what is refused")
	assert.Equal(t, []string{first}, keys.got())

	keys.change(second)
	rotate(second)
	assert.Equal(t, "credentials_refused", click("clinic").outcome(), "the kubelet is not there yet")
	assert.Equal(t, first, keys.got()[0])
	c.sync("vsee", folder)
	signsIn("after the rotation")
	assert.Equal(t, []string{first, second}, slices.Compact(keys.got()))
	signsIn("the second key")
	assert.Equal(t, []string{second}, keys.got())
	folders, err := filepath.Glob(filepath.Join(folder, "..20*"))
	require.NoError(t, err)
	assert.Len(t, folders, 1, "the folder of the first key is left")

	log := instance.Log()
	assert.Contains(t, log, "file:"+folder+"/key")
	for _, secret := range []string{first, second, token, foreign} {
		assert.NotContains(t, log, secret, "docs/kubernetes.md says that Traefik shows the path only")
	}
}
