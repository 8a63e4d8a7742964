package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// content of the files in these tests. No error may quote it.
const content = "k3y-of-somebody"

// operate sets what the operator allows, until the test ends.
func operate(t *testing.T, operator *Operator) {
	t.Helper()
	before := Allowed
	Allowed = operator
	t.Cleanup(func() { Allowed = before })
}

// tree creates files with the same content and links (name: target) in a new folder. It returns the
// folder.
func tree(t *testing.T, files []string, links map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range files {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	}
	for name, target := range links {
		link := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o700))
		require.NoError(t, os.Symlink(target, link))
	}
	return root
}

// readSoon calls ReadSecret and fails if it blocks.
func readSoon(t *testing.T, source string) (string, error) {
	t.Helper()
	var value string
	var err error
	done := make(chan bool, 1)
	go func() {
		value, err = ReadSecret(source)
		done <- true
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "The reader hangs")
	}
	return value, err
}

// foldersOf returns the paths of folders in a tree.
func foldersOf(root string, names []string) []string {
	folders := []string{}
	for _, name := range names {
		if !filepath.IsAbs(name) && name != "" && name != "." {
			name = root + "/" + name
		}
		folders = append(folders, name)
	}
	return folders
}

func TestAllowedBy(t *testing.T) {
	var (
		files = []string{"/run/secrets", "/var/run/secrets", "/etc/clinicpass"}
		logs  = []string{"/var/log"}
		names = []string{"VSEE_*", "CLINICPASS_SECRET_*"}
	)
	for _, row := range []struct {
		desc, name, value string
		want              *Operator
	}{
		{
			desc: "nothing said",
			want: &Operator{Files: files, Audit: logs, Env: names},
		},
		{
			desc:  "one directory of secrets",
			name:  "CLINICPASS_FILES",
			value: "/srv/secrets",
			want:  &Operator{Files: []string{"/srv/secrets"}, Audit: logs, Env: names},
		},
		{
			desc:  "directories of secrets",
			name:  "CLINICPASS_FILES",
			value: "/srv/secrets:/run/secrets",
			want:  &Operator{Files: []string{"/srv/secrets", "/run/secrets"}, Audit: logs, Env: names},
		},
		{
			desc:  "directories of audits",
			name:  "CLINICPASS_AUDIT",
			value: "/var/log/traefik:/data",
			want:  &Operator{Files: files, Audit: []string{"/var/log/traefik", "/data"}, Env: names},
		},
		{
			desc:  "variables",
			name:  "CLINICPASS_ENV",
			value: "KEY,CLINIC_*",
			want:  &Operator{Files: files, Audit: logs, Env: []string{"KEY", "CLINIC_*"}},
		},
		{
			desc:  "one host",
			name:  "CLINICPASS_HOSTS",
			value: "api.example.com",
			want: &Operator{
				Files: files, Audit: logs, Env: names, Hosts: []string{"api.example.com"},
			},
		},
		{
			desc:  "hosts in capitals",
			name:  "CLINICPASS_HOSTS",
			value: "API.example.com,LocalHost",
			want: &Operator{
				Files: files, Audit: logs, Env: names,
				Hosts: []string{"api.example.com", "localhost"},
			},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			asked := []string{}
			got := AllowedBy(func(name string) string {
				asked = append(asked, name)
				if name == row.name {
					return row.value
				}
				return ""
			})
			assert.Equal(t, row.want.Files, got.Files)
			assert.Equal(t, row.want.Audit, got.Audit)
			assert.Equal(t, row.want.Env, got.Env)
			assert.Equal(t, row.want.Hosts, got.Hosts)
			assert.ElementsMatch(t, []string{
				"CLINICPASS_FILES", "CLINICPASS_AUDIT", "CLINICPASS_ENV", "CLINICPASS_HOSTS",
			}, asked)
		})
	}
}

// TestFilesThatAreRead in the operator's directories, also through links.
func TestFilesThatAreRead(t *testing.T) {
	root := tree(t, []string{
		"own/key",
		"own/deep/er/key",
		"own/..key",
		"own/mounted/..2026_11_25/key",
		"own/run/secrets/kubernetes.io/serviceaccount/token",
		"own/run/secrets/kubernetes.io-like/key",
		"second/key",
	}, map[string]string{
		"own/link":           "key",
		"own/toSecond":       "../second/key",
		"own/mounted/..data": "..2026_11_25",
		"own/mounted/key":    "..data/key",
		"linked":             "own",
		"account":            "own/run/secrets/kubernetes.io/serviceaccount",
	})
	const account = "own/run/secrets/kubernetes.io/serviceaccount"
	for _, row := range []struct {
		desc    string
		allowed []string // below the root; "own" if nil
		path    string
	}{
		{desc: "file", path: "own/key"},
		{desc: "file further down", path: "own/deep/er/key"},
		{desc: "name that begins with dots", path: "own/..key"},
		{desc: "path with needless parts", path: "own//deep/./er/key"},
		{desc: "link to a neighbor", path: "own/link"},
		{desc: "mounted by Kubernetes", path: "own/mounted/key"},
		{desc: "mounted by Kubernetes, all the way", path: "own/mounted/..data/key"},
		{desc: "one of several", allowed: []string{"own", "second"}, path: "second/key"},
		{desc: "link to another", allowed: []string{"own", "second"}, path: "own/toSecond"},
		{desc: "beside a missing one", allowed: []string{"missing", "own"}, path: "own/key"},
		{desc: "directory that is a link", allowed: []string{"linked"}, path: "linked/key"},
		{desc: "directory with a slash", allowed: []string{"own/"}, path: "own/key"},
		{desc: "directory with a detour", allowed: []string{"second/../own"}, path: "own/key"},
		{desc: "the whole machine", allowed: []string{"/"}, path: "own/key"},
		{desc: "only one file is allowed", allowed: []string{"own/key"}, path: "own/key"},
		{
			desc: "folder that is only named like the service account's",
			path: "own/run/secrets/kubernetes.io-like/key",
		},
		{
			desc:    "the service account's folder, named",
			allowed: []string{account},
			path:    account + "/token",
		},
		{
			desc:    "the folder above the service account's, named",
			allowed: []string{filepath.Dir(account)},
			path:    account + "/token",
		},
		{
			desc:    "the service account's folder, named by a link",
			allowed: []string{"account"},
			path:    "account/token",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			if row.allowed == nil {
				row.allowed = []string{"own"}
			}
			operate(t, &Operator{Files: foldersOf(root, row.allowed)})
			assert.NoError(t, Permitted("file:"+root+"/"+row.path))
			value, err := ReadSecret("file:" + root + "/" + row.path)
			require.NoError(t, err)
			assert.Equal(t, content, value)
		})
	}
}

// TestRelativePaths are relative to Traefik's working directory.
func TestRelativePaths(t *testing.T) {
	root := tree(t, []string{"here/deep/key", "key"}, nil)
	before, err := os.Getwd()
	require.NoError(t, err)
	require.NoError(t, os.Chdir(filepath.Join(root, "here")))
	t.Cleanup(func() { _ = os.Chdir(before) })
	for _, row := range []struct {
		desc, allowed, path string
		refused             bool
	}{
		{desc: "directory by its full name", allowed: root + "/here/deep", path: "deep/key"},
		{desc: "directory by its relative name", allowed: "deep", path: "deep/key"},
		{desc: "where Traefik was started", allowed: ".", path: "deep/key"},
		{desc: "full path", allowed: "deep", path: root + "/here/deep/key"},
		{desc: "with a dot before it", allowed: "deep", path: "./deep/key"},
		{desc: "upwards", allowed: root, path: "../key", refused: true},
		{desc: "another directory", allowed: "/run/secrets", path: "deep/key", refused: true},
		{desc: "no directory is not all of them", allowed: "", path: "deep/key", refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			operate(t, &Operator{Files: []string{row.allowed}})
			value, err := ReadSecret("file:" + row.path)
			if row.refused {
				assert.ErrorContains(t, err, row.path+" is in none of the directories")
				assert.Empty(t, value)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, content, value)
		})
	}
}

// TestFilesOutside: the author of a configuration cannot read other files. Every path gets the same
// error, whether the file exists or not.
func TestFilesOutside(t *testing.T) {
	root := tree(t, []string{
		"own/key",
		"own/run/secrets/kubernetes.io/serviceaccount/token",
		"own/var/run/secrets/kubernetes.io/key",
		"own/run/secrets/eks.amazonaws.com/serviceaccount/token",
		"own/run/secrets/azure/tokens/azure-identity-token",
		"own/run/secrets/tokens/vault-token",
		"own/run/secrets/ack.alibabacloud.com/rrsa-tokens/token",
		"own/run/secrets/codeengine.cloud.ibm.com/compute-resource-token/token",
		"own/run/secrets/workload-spiffe-credentials/private_key.pem",
		"own-too/key",
		"ownkey",
		"elsewhere/key",
		"elsewhere/deep/key",
	}, map[string]string{
		"own/link":       "../elsewhere/key",
		"own/full":       "/proc/self/environ",
		"own/folder":     "../elsewhere",
		"own/up":         "..",
		"own/chain":      "second",
		"own/second":     "../elsewhere/key",
		"own/token":      "run/secrets/kubernetes.io/serviceaccount/token",
		"own/account":    "run/secrets/kubernetes.io",
		"elsewhere/back": "../own/key",
	})
	for _, row := range []struct {
		desc    string
		allowed []string // below the root; "own" if nil
		path    string   // below the root if relative
	}{
		{desc: "elsewhere", path: "elsewhere/key"},
		{desc: "elsewhere, and missing", path: "elsewhere/missing"},
		{desc: "folder elsewhere", path: "elsewhere/deep"},
		{desc: "below a file elsewhere", path: "elsewhere/key/key"},
		{desc: "a link back from elsewhere", path: "elsewhere/back"},
		{desc: "the process's variables", path: "/proc/self/environ"},
		{desc: "a name that only begins the same", path: "own-too/key"},
		{desc: "a name that only begins the same, without a slash", path: "ownkey"},
		{desc: "the root", path: "/"},
		{desc: "nothing", path: ""},
		{desc: "..", path: "own/../elsewhere/key"},
		{desc: ".. that stays", path: "own/run/../key"},
		{desc: ".. at the end", path: "own/run/.."},
		{desc: ".. through a link", path: "own/folder/../own/key"},
		{desc: "link", path: "own/link"},
		{desc: "link with a full path", path: "own/full"},
		{desc: "link to a link", path: "own/chain"},
		{desc: "linked folder", path: "own/folder/key"},
		{desc: "nothing in a linked folder", path: "own/folder/missing"},
		{desc: "below a file in a linked folder", path: "own/folder/key/key"},
		{desc: "folder in a linked folder", path: "own/folder/deep"},
		{desc: "link upwards", path: "own/up/elsewhere/key"},
		{desc: "no directory", allowed: []string{}, path: "own/key"},
		{desc: "a directory without a name", allowed: []string{""}, path: "own/key"},
		{desc: "another directory", allowed: []string{"elsewhere"}, path: "own/key"},
		{desc: "below an allowed file", allowed: []string{"ownkey"}, path: "ownkey/../own/key"},
		{
			desc: "the service account",
			path: "own/run/secrets/kubernetes.io/serviceaccount/token",
		},
		{
			desc:    "the service account, on the whole machine",
			allowed: []string{"/"},
			path:    "own/run/secrets/kubernetes.io/serviceaccount/token",
		},
		{
			desc:    "the service account in its mount",
			allowed: []string{"/", "/run/secrets", "/var/run/secrets"},
			path:    "/var/run/secrets/kubernetes.io/serviceaccount/token",
		},
		{
			desc:    "the service account in its mount, without the link",
			allowed: []string{"/", "/run/secrets", "/var/run/secrets"},
			path:    "/run/secrets/kubernetes.io/serviceaccount/token",
		},
		{
			desc: "a missing file of the service account",
			path: "own/run/secrets/kubernetes.io/serviceaccount/missing",
		},
		{
			desc: "another of Kubernetes' folders",
			path: "own/var/run/secrets/kubernetes.io/key",
		},
		{desc: "the service account's folder", path: "own/run/secrets/kubernetes.io"},
		{desc: "a role at AWS", path: "own/run/secrets/eks.amazonaws.com/serviceaccount/token"},
		{desc: "an identity at Azure", path: "own/run/secrets/azure/tokens/azure-identity-token"},
		{desc: "a projected token", path: "own/run/secrets/tokens/vault-token"},
		{desc: "a role at Alibaba", path: "own/run/secrets/ack.alibabacloud.com/rrsa-tokens/token"},
		{
			desc: "a profile at IBM",
			path: "own/run/secrets/codeengine.cloud.ibm.com/compute-resource-token/token",
		},
		{desc: "a SPIFFE key", path: "own/run/secrets/workload-spiffe-credentials/private_key.pem"},
		{desc: "the service account through a link", path: "own/token"},
		{desc: "the service account through a folder", path: "own/account/serviceaccount/token"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			if row.allowed == nil {
				row.allowed = []string{"own"}
			}
			folders := foldersOf(root, row.allowed)
			operate(t, &Operator{Files: folders})
			path := row.path
			if !filepath.IsAbs(path) && path != "" {
				path = root + "/" + path
			}
			value, err := readSoon(t, "file:"+path)
			assert.Empty(t, value)
			assert.EqualError(t, err, path+outside(folders))
			assert.EqualError(t, Permitted("file:"+path), path+outside(folders))
		})
	}
}

// outside returns the error after the path of any file outside the operator's directories.
func outside(folders []string) string {
	return " is in none of the directories that Traefik's operator allows (" +
		strings.Join(folders, ", ") + "); CLINICPASS_FILES in the environment of Traefik sets them"
}

// TestFilesThatAreNone: a file that could block or cannot be a secret is refused at once, also in
// an allowed directory.
func TestFilesThatAreNone(t *testing.T) {
	root := tree(t, []string{"folder/key"}, map[string]string{"zero": "/dev/zero"})
	for name, size := range map[string]int64{
		"most": 1 << 20, "more": 1<<20 + 1, "far more": 1 << 40,
	} {
		file, err := os.Create(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, file.Truncate(size)) // a sparse file
		require.NoError(t, file.Close())
	}
	const none = " is not a regular file, or is over 1 MiB"
	for _, row := range []struct{ desc, path, problem string }{
		{desc: "folder", path: root + "/folder", problem: none},
		{desc: "the allowed directory", path: root, problem: none},
		{desc: "the allowed directory, with a slash", path: root + "/", problem: none},
		{desc: "device without an end", path: "/dev/zero", problem: none},
		{desc: "device without a content", path: "/dev/null", problem: none},
		{desc: "link to a device", path: root + "/zero", problem: none},
		{desc: "too big by one byte", path: root + "/more", problem: none},
		{desc: "far too big", path: root + "/far more", problem: none},
		{desc: "the biggest", path: root + "/most"},
		{desc: "missing", path: root + "/missing", problem: ": no such file or directory"},
		{desc: "below a file", path: root + "/folder/key/key", problem: ": not a directory"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			operate(t, &Operator{Files: []string{root, "/dev"}})
			value, err := readSoon(t, "file:"+row.path)
			if row.problem == "" {
				require.NoError(t, err)
				assert.Equal(t, 1<<20, len(value))
				return
			}
			assert.Empty(t, value)
			assert.ErrorContains(t, err, row.path+row.problem)
		})
	}
}

// TestVariables: only variables that the operator allows.
func TestVariables(t *testing.T) {
	const none = " is none of the variables that Traefik's operator allows ("
	values := map[string]string{
		"VSEE_KEY": content, "VSEE_": content, "VSEE": content, "MY_VSEE_KEY": content,
		"vsee_key": content, "KEY": content, "key": content, "KEYS": content, "VSEE_EMPTY": "",
	}
	for name, value := range values {
		require.NoError(t, os.Setenv(name, value)) // see TestCheckSecret
	}
	t.Cleanup(func() {
		for name := range values {
			_ = os.Unsetenv(name)
		}
	})
	for _, row := range []struct {
		desc    string
		allowed []string
		name    string
		problem string // its beginning, after the name
	}{
		{desc: "by its beginning", allowed: []string{"VSEE_*"}, name: "VSEE_KEY"},
		{desc: "nothing behind its beginning", allowed: []string{"VSEE_*"}, name: "VSEE_"},
		{desc: "by its name", allowed: []string{"KEY"}, name: "KEY"},
		{desc: "second", allowed: []string{"VSEE_*", "KEY"}, name: "KEY"},
		{desc: "all", allowed: []string{"*"}, name: "MY_VSEE_KEY"},

		{desc: "another", allowed: []string{"VSEE_*", "MY_*"}, name: "KEY", problem: none},
		{desc: "shorter than its beginning", allowed: []string{"VSEE_*"}, name: "VSEE", problem: none},
		{desc: "beginning inside", allowed: []string{"VSEE_*"}, name: "MY_VSEE_KEY", problem: none},
		{desc: "other case", allowed: []string{"KEY"}, name: "key", problem: none},
		{desc: "beginning in another case", allowed: []string{"VSEE_*"}, name: "vsee_key", problem: none},
		{desc: "a name is no beginning", allowed: []string{"KEY"}, name: "KEYS", problem: none},
		{desc: "a beginning is no end", allowed: []string{"*KEY"}, name: "VSEE_KEY", problem: none},
		{desc: "a star inside", allowed: []string{"VSEE_*Y"}, name: "VSEE_KEY", problem: none},
		{desc: "no name", allowed: []string{"VSEE_*"}, name: "", problem: none},
		{desc: "nothing allowed", allowed: []string{""}, name: "KEY", problem: none},
		{desc: "unset elsewhere", allowed: []string{"VSEE_*"}, name: "UNSET", problem: none},
		{
			desc:    "empty",
			allowed: []string{"VSEE_*"},
			name:    "VSEE_EMPTY",
			problem: " is empty or unset in Traefik's process",
		},
		{
			desc:    "unset",
			allowed: []string{"VSEE_*"},
			name:    "VSEE_UNSET",
			problem: " is empty or unset in Traefik's process",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			operate(t, &Operator{Env: row.allowed})
			value, err := ReadSecret("env:" + row.name)
			if row.problem == "" {
				require.NoError(t, err)
				assert.Equal(t, content, value)
				return
			}
			assert.Empty(t, value)
			if row.problem == none {
				want := row.name + none + strings.Join(row.allowed, ", ") +
					"); CLINICPASS_ENV in the environment of Traefik sets them"
				assert.EqualError(t, err, want)
				assert.EqualError(t, Permitted("env:"+row.name), want)
				return
			}
			assert.EqualError(t, err, "the environment variable "+row.name+row.problem)
			assert.NoError(t, Permitted("env:"+row.name))
		})
	}
}

// TestPermitted reads nothing. It always permits a literal value.
func TestPermitted(t *testing.T) {
	operate(t, &Operator{})
	assert.NoError(t, Permitted(""))
	assert.NoError(t, Permitted(content))
	assert.NoError(t, Permitted("FILE:/etc/passwd"))
	assert.ErrorContains(t, Permitted("file:/etc/passwd"), "CLINICPASS_FILES")
	assert.ErrorContains(t, Permitted("env:PATH"), "CLINICPASS_ENV")
	operate(t, &Operator{Files: []string{"/missing"}, Env: []string{"MISSING"}})
	assert.NoError(t, Permitted("file:/missing/file"))
	assert.NoError(t, Permitted("env:MISSING"))
}

// TestHosts: secrets go only to the operator's hosts, and Clinicpass fetches nothing from Traefik's
// own API.
func TestHosts(t *testing.T) {
	const api, keys, portal = "api.url", "identity.jwt.jwksURL", "portal.url"
	for _, row := range []struct {
		desc, key, value, hosts string
		refused                 bool
	}{
		{desc: "API, any host", key: api, value: "https://a.example.com/"},
		{desc: "API, any loopback", key: api, value: "http://127.0.0.1:8080/"},
		{desc: "keys, any host", key: keys, value: "https://a.example.com/"},
		{desc: "keys, any loopback", key: keys, value: "http://[::1]:8080/"},

		{desc: "API", key: api, value: "https://a.example.com/", hosts: "a.example.com"},
		{desc: "API's port", key: api, value: "https://a.example.com:8443/", hosts: "a.example.com"},
		{desc: "API, second", key: api, value: "https://a.example.com/", hosts: "b, a.example.com"},
		{desc: "API in capitals", key: api, value: "https://A.example.com/", hosts: "a.Example.com"},
		{desc: "API on loopback", key: api, value: "http://127.0.0.1/", hosts: "127.0.0.1"},
		{desc: "API on IPv6", key: api, value: "http://[::1]/", hosts: "::1"},
		{desc: "keys elsewhere", key: keys, value: "https://b.example.com/", hosts: "a.example.com"},
		{desc: "keys on loopback", key: keys, value: "http://localhost/", hosts: "a,localhost"},
		{desc: "portal elsewhere", key: portal, value: "https://b.example.com/", hosts: "a"},
		{desc: "portal on loopback", key: portal, value: "http://localhost/", hosts: "a"},

		{
			desc:    "API elsewhere",
			key:     api,
			value:   "https://b.example.com/",
			hosts:   "a.example.com",
			refused: true,
		},
		{
			desc:    "API below the host",
			key:     api,
			value:   "https://b.a.example.com/",
			hosts:   "a.example.com",
			refused: true,
		},
		{
			desc:    "API above the host",
			key:     api,
			value:   "https://example.com/",
			hosts:   "a.example.com",
			refused: true,
		},
		{
			desc:    "API with the host's beginning",
			key:     api,
			value:   "https://a.example.com.evil.example/",
			hosts:   "a.example.com",
			refused: true,
		},
		{
			desc:    "API with the host as a user",
			key:     api,
			value:   "https://a.example.com@evil.example/",
			hosts:   "a.example.com",
			refused: true,
		},
		{
			desc:    "API on loopback, not named",
			key:     api,
			value:   "http://127.0.0.1/",
			hosts:   "a.example.com",
			refused: true,
		},
		{
			desc:    "API on another name of loopback",
			key:     api,
			value:   "http://localhost/",
			hosts:   "127.0.0.1",
			refused: true,
		},
		{
			desc:    "keys on loopback, not named",
			key:     keys,
			value:   "http://localhost:8080/",
			hosts:   "a.example.com",
			refused: true,
		},
		{
			desc:    "keys on another address of loopback",
			key:     keys,
			value:   "http://127.8.8.8/",
			hosts:   "127.0.0.1",
			refused: true,
		},
		{
			desc:    "keys on IPv6's loopback",
			key:     keys,
			value:   "https://[::1]/",
			hosts:   "127.0.0.1",
			refused: true,
		},
		{
			desc:    "keys on IPv4's loopback in IPv6",
			key:     keys,
			value:   "https://[::ffff:127.0.0.1]/",
			hosts:   "127.0.0.1",
			refused: true,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			operate(t, AllowedBy(func(name string) string {
				if name == "CLINICPASS_HOSTS" {
					return row.hosts
				}
				return ""
			}))
			p := &Problems{}
			u := URL(row.key, row.value, p)
			if row.refused {
				assert.True(t, u == nil, "an address beside the problem")
				assert.Equal(t, []string{row.key + ": names a host that Traefik's operator does not " +
					"allow; CLINICPASS_HOSTS in the environment of Traefik sets them"}, p.Lines)
				return
			}
			require.Empty(t, p.Lines)
			assert.Equal(t, strings.ToLower(row.value), strings.ToLower(u.String()))
		})
	}
}
