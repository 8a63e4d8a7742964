package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inputs are a check's findings by their ids, for what is given as FILE.
func inputs(t *testing.T, stdin string, names ...string) ([]string, error) {
	t.Helper()
	c := &checkCommand{Files: names, Plugin: "clinicpass", in: strings.NewReader(stdin)}
	found, err := c.check()
	ids := []string{}
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	return ids, err
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/sites/" + name)
	require.NoError(t, err)
	return string(content)
}

// TestInputs: folders, standard input and lists of objects are read as files are.
func TestInputs(t *testing.T) {
	file := testdata(t, "file.yml")
	forged := strings.Replace(file, "[auth, clinic]", "[clinic]", 1)
	require.NotEqual(t, file, forged)
	t.Run("folder", func(t *testing.T) {
		folder := t.TempDir()
		for name, content := range map[string]string{
			"conf.d/clinic.yml":  forged,
			"conf.d/README.md":   "# no configuration",
			".git/clinic.yml":    "torn: [",
			"conf.d/.hidden.yml": "torn: [",
		} {
			path := filepath.Join(folder, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		}
		ids, err := inputs(t, "", folder)
		require.NoError(t, err)
		assert.Equal(t, []string{"no-auth"}, ids)
	})
	t.Run("too many files", func(t *testing.T) {
		folder := t.TempDir()
		for i := range maxFiles + 1 {
			path := filepath.Join(folder, strconv.Itoa(i)+".yml")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}
		_, err := inputs(t, "", folder)
		assert.ErrorContains(t, err, "has over 1000 files")
	})
	t.Run("missing", func(t *testing.T) {
		_, err := inputs(t, "", filepath.Join(t.TempDir(), "missing.yml"))
		assert.ErrorIs(t, err, os.ErrNotExist)
	})
	for _, row := range []struct{ desc, content, finds string }{
		{desc: "YAML", content: file},
		{desc: "YAML with a mistake", content: forged, finds: "no-auth"},
		{desc: "a byte order mark", content: "\xef\xbb\xbf" + file},
		{
			desc:    "several documents",
			content: "---\nlog: {level: INFO}\n---\n" + file,
			finds:   "not-loaded",
		},
		{desc: "Compose", content: testdata(t, "compose.yml")},
		{desc: "a list of objects", content: asList(testdata(t, "kubernetes.yml"))},
		{desc: "JSON", content: testdata(t, "raw.json")},
	} {
		t.Run("standard input: "+row.desc, func(t *testing.T) {
			ids, err := inputs(t, row.content, "-")
			require.NoError(t, err)
			assert.ElementsMatch(t, strings.Fields(row.finds), ids)
		})
	}
}

// asList makes a list of objects, as kubectl prints it, of YAML documents.
func asList(documents string) string {
	list := "apiVersion: v1\nkind: List\nitems:\n"
	for _, document := range strings.Split(documents, "---\n") {
		lines := strings.Split(strings.TrimSpace(document), "\n")
		list += "- " + strings.Join(lines, "\n  ") + "\n"
	}
	return list
}

// TestRunningTraefik: its API is asked for what it runs, and only where nobody can listen.
func TestRunningTraefik(t *testing.T) {
	asked := []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch r.URL.Path {
		case "/api/rawdata":
			_, _ = w.Write([]byte(testdata(t, "raw.json")))
		case "/moved/api/rawdata":
			http.Redirect(w, r, "/api/rawdata", http.StatusFound)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	for _, path := range []string{"", "/", "/api/rawdata"} {
		ids, err := inputs(t, "", server.URL+path)
		require.NoError(t, err)
		assert.Empty(t, ids)
	}
	assert.Equal(t, []string{"/api/rawdata", "/api/rawdata", "/api/rawdata"}, asked)
	for _, row := range []struct{ desc, address, says string }{
		{desc: "another page", address: server.URL + "/other", says: "answers HTTP 404"},
		{desc: "a redirect", address: server.URL + "/moved", says: "answers HTTP 302"},
		{desc: "nobody", address: "http://127.0.0.1:1", says: "does not answer"},
		{desc: "plain HTTP elsewhere", address: "http://traefik.example.com/", says: "or use https://"},
		{
			desc:    "a name like this machine's",
			address: "http://localhost.example.com/",
			says:    "or use https://",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, err := inputs(t, "", row.address)
			assert.ErrorContains(t, err, row.says)
		})
	}
}

// TestAssumed: what the verdict rests on and no file shows is said by name.
func TestAssumed(t *testing.T) {
	file := strings.Replace(testdata(t, "file.yml"), "[auth, clinic]", "[sso@docker, clinic]", 1)
	for _, asJSON := range []bool{false, true} {
		out := bytes.Buffer{}
		c := &checkCommand{
			Files: []string{"-"}, Plugin: "clinicpass", JSON: asJSON,
			in: strings.NewReader(file), out: &out,
		}
		require.NoError(t, c.Run())
		assert.Contains(t, out.String(), "sso@docker is the auth middleware before clinic@file. No given file defines it.")
	}
}

// TestCallback: the verdict rests on a way to oauth2-proxy's callback if the site's router leads back
// to the auth middleware.
func TestCallback(t *testing.T) {
	const portal = "      rule: Host(`portal.example.com`)\n"
	const own = "    oauth2:\n      rule: Host(`portal.example.com`) && PathPrefix(`/oauth2/`)\n      service: portal\n"
	other := strings.NewReplacer("/oauth2/", "/o", "oauth2", "sign-in").Replace(own)
	for _, row := range []struct {
		desc     string
		old, new string
		loops    bool
	}{
		{desc: "no router for it", loops: true},
		{desc: "a router for it", old: "    portal:\n" + portal, new: own + "    portal:\n" + portal},
		{desc: "a service for it", old: "  services:\n", new: "  services:\n    oauth2-proxy: {}\n"},
		{desc: "another auth layer", old: "preset: oauth2-proxy", new: "preset: authentik"},
		{desc: "a portal for everybody", old: "middlewares: [auth]\n", new: "middlewares: []\n"},
		{
			desc: "a portal with an auth middleware of its own",
			old:  "middlewares: [auth]\n", new: "middlewares: [other]\n",
		},
		{desc: "a router by another name", old: "  routers:\n", new: "  routers:\n" + other},
		{
			desc: "a router for it on a host of its own", old: "  routers:\n",
			new: "  routers:\n" + strings.ReplaceAll(own, "portal.example.com", "auth.example.com"),
		},
		{desc: "a portal on another host", old: portal, new: "      rule: Host(`other.example.com`)\n"},
		{
			desc: "a rule that depends on a header", old: "  routers:\n",
			new: "  routers:\n" + strings.Replace(other, "PathPrefix(`/o`)", "Header(`X-Site`, `a`)", 1),
		},
		{desc: "a portal of HTTPS alone", old: portal, new: portal + "      tls: {}\n"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			file := testdata(t, "file.yml")
			if row.old != "" {
				require.Equal(t, 1, strings.Count(file, row.old))
				file = strings.Replace(file, row.old, row.new, 1)
			}
			file = strings.Replace(file, "    clinic:\n      plugin", "    other: {forwardAuth: {address: http://other/}}\n    clinic:\n      plugin", 1)
			c := &checkCommand{
				Files: []string{"-"}, Plugin: "clinicpass", in: strings.NewReader(file),
			}
			k, err := c.inspect()
			require.NoError(t, err)
			want := []string{}
			if row.loops {
				want = append(want, "/oauth2/callback of oauth2-proxy is on another host or has a router in another file. "+
					"Router portal@file sends it through auth@file, so sign-ins would loop.")
			}
			assert.Equal(t, want, k.assumptions())
		})
	}
}
