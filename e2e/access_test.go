package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// foreign is what stands in files and variables that no configuration may read.
const foreign = "foreign-secret-that-nobody-may-read"

// operate makes the environments that start later those of an operator who allows the folder only,
// and sets further variables (name=value). It returns the folder and one beside it.
func operate(t *testing.T, variables ...string) (allowed, elsewhere string) {
	t.Helper()
	root := t.TempDir()
	allowed = filepath.Join(root, "allowed")
	elsewhere = filepath.Join(root, "elsewhere")
	require.NoError(t, os.Mkdir(allowed, 0o700))
	require.NoError(t, os.Mkdir(elsewhere, 0o700))
	t.Setenv("TMPDIR", allowed) // by which traefik.Places goes
	for _, variable := range append(traefik.Places(), variables...) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	before := config.Allowed
	config.Allowed = config.AllowedBy(os.Getenv)
	t.Cleanup(func() { config.Allowed = before })
	return allowed, elsewhere
}

// write makes a file and its folder.
func write(t *testing.T, content string, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
}

// hangs reports whether something waited for a FIFO for too long: it is then let go on, so that a
// test fails instead of waiting, too.
func hangs(t *testing.T, fifo string) func() bool {
	t.Helper()
	var late atomic.Bool
	timer := time.AfterFunc(40*time.Second, func() {
		late.Store(true)
		if file, err := os.OpenFile(fifo, os.O_RDWR, 0); err == nil {
			time.Sleep(100 * time.Millisecond)
			_ = file.Close()
		}
	})
	t.Cleanup(func() { timer.Stop() })
	return late.Load
}

// section is a configuration with one value: its keys, the value.
func section(value any, keys ...string) map[string]any {
	for i := len(keys) - 1; i > 0; i-- {
		value = map[string]any{keys[i]: value}
	}
	return map[string]any{keys[0]: value}
}

// TestEscapes: whoever may write a configuration reaches nothing but what Traefik's operator
// allows. The start says which key it is and how the operator would allow it, and nothing of what
// is there. The routers beside it work at once.
func TestEscapes(t *testing.T) {
	allowed, elsewhere := operate(t, "OTHER_SECRET="+foreign)
	const account = "var/run/secrets/kubernetes.io/serviceaccount/token"
	write(t, vseetest.Key, allowed, "key")
	write(t, foreign, allowed, account)
	write(t, foreign, elsewhere, "key")
	write(t, strings.Repeat(foreign, 1<<15), allowed, "big")
	for name, target := range map[string]string{
		"link":    "../elsewhere/key",
		"full":    elsewhere + "/key",
		"folder":  "../elsewhere",
		"account": filepath.Dir(account),
		"zero":    "/dev/zero",
		"environ": "/proc/self/environ",
		"audit":   "../elsewhere/audit",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(allowed, name)))
	}
	fifo := filepath.Join(allowed, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	const (
		files  = "CLINICPASS_FILES in the environment of Traefik"
		audits = "CLINICPASS_AUDIT in the environment of Traefik"
		names  = "CLINICPASS_ENV in the environment of Traefik"
		none   = "is not a regular file"
	)
	rows := []struct {
		desc, key, value string
		says             string
	}{
		{
			desc:  "service account",
			key:   "api.key",
			value: "file:" + allowed + "/" + account,
			says:  files,
		},
		{
			desc:  "service account in its mount",
			key:   "api.key",
			value: "file:/var/run/secrets/kubernetes.io/serviceaccount/token",
			says:  files,
		},
		{
			desc:  "role at AWS in its mount",
			key:   "api.key",
			value: "file:/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
			says:  files,
		},
		{
			desc:  "service account through a link",
			key:   "api.key",
			value: "file:" + allowed + "/account/token",
			says:  files,
		},
		{desc: "another variable", key: "api.key", value: "env:OTHER_SECRET", says: names},
		{desc: "a variable of all", key: "api.token", value: "env:PATH", says: names},
		{
			desc:  "the process's variables",
			key:   "api.secret",
			value: "file:/proc/self/environ",
			says:  files,
		},
		{
			desc:  "the process's variables through a link",
			key:   "api.secret",
			value: "file:" + allowed + "/environ",
			says:  files,
		},
		{desc: "elsewhere", key: "api.key", value: "file:" + elsewhere + "/key", says: files},
		{desc: "missing", key: "api.key", value: "file:" + elsewhere + "/missing", says: files},
		{desc: "link", key: "api.key", value: "file:" + allowed + "/link", says: files},
		{desc: "full link", key: "api.key", value: "file:" + allowed + "/full", says: files},
		{desc: "linked folder", key: "api.key", value: "file:" + allowed + "/folder/key", says: files},
		{desc: "..", key: "api.key", value: "file:" + allowed + "/../elsewhere/key", says: files},
		{
			desc:  "proof",
			key:   "identity.proof.secret",
			value: "file:" + elsewhere + "/key",
			says:  files,
		},
		{desc: "FIFO", key: "api.key", value: "file:" + fifo, says: none},
		{desc: "endless device", key: "api.key", value: "file:/dev/zero", says: files},
		{
			desc:  "link to an endless device",
			key:   "api.key",
			value: "file:" + allowed + "/zero",
			says:  files,
		},
		{desc: "folder", key: "api.key", value: "file:" + allowed, says: none},
		{desc: "too big", key: "api.key", value: "file:" + allowed + "/big", says: none},
		{desc: "audit elsewhere", key: "audit.file", value: elsewhere + "/audit", says: audits},
		{
			desc:  "audit by ..",
			key:   "audit.file",
			value: allowed + "/../elsewhere/audit",
			says:  audits,
		},
		{
			desc:  "audit in a linked folder",
			key:   "audit.file",
			value: allowed + "/folder/audit",
			says:  audits,
		},
		{
			desc:  "audit of a link",
			key:   "audit.file",
			value: allowed + "/audit",
			says:  audits,
		},
		{
			desc:  "audit over another file",
			key:   "audit.file",
			value: elsewhere + "/key",
			says:  audits,
		},
		{desc: "audit of a device", key: "audit.file", value: "/dev/null", says: audits},
		{desc: "audit of a FIFO", key: "audit.file", value: fifo, says: "must be a regular file"},
	}
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		hung := hangs(t, fifo)
		sound := section("file:"+allowed+"/key", "api", "key")
		middlewares := map[string]map[string]any{"sound": overlay(b.baseConfig(), sound)}
		for n, row := range rows {
			escape := section(row.value, strings.Split(row.key, ".")...)
			if row.key == "identity.proof.secret" {
				escape = overlay(escape, section("X-Proof", "identity", "proof", "header"))
			}
			middlewares[rowName(n)] = overlay(b.baseConfig(), escape)
		}
		running := start(middlewares)
		click := request{path: "/clinic", header: defaultHeaders("x")}
		assert.Equal(t, http.StatusFound, running.send(t, "sound", click).status)
		assert.False(t, hung(), "the start waits for a FIFO")
		for n, row := range rows {
			t.Run(row.desc, func(t *testing.T) {
				problems := mistakesOf(running.log(), rowName(n))
				require.Len(t, problems, 1)
				assert.Regexp(t, "^"+row.key+": ", problems[0])
				assert.Contains(t, problems[0], row.says)
				assert.Equal(t, http.StatusNotFound, running.send(t, rowName(n), click).status)
			})
		}
		assert.NotContains(t, running.log(), foreign)
	})
	left, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	assert.Len(t, left, 1, "an audit was begun elsewhere")
	content, err := os.ReadFile(filepath.Join(elsewhere, "key"))
	require.NoError(t, err)
	assert.Equal(t, foreign, string(content))
}

// TestAuditThatIsReplaced: what stands in the audit's place later is not written. It is reported
// once, and sign-ins go on at once.
func TestAuditThatIsReplaced(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		folder := t.TempDir()
		audit := filepath.Join(folder, "audit.jsonl")
		theirs := filepath.Join(folder, "theirs")
		write(t, foreign, theirs)
		config := overlay(b.baseConfig(), section(audit, "audit", "file"))
		running := start(map[string]map[string]any{
			"clinic": overlay(config, section(0, "limits", "signIns")),
		})
		for _, row := range []struct {
			desc    string
			replace func() error
		}{
			{desc: "FIFO", replace: func() error { return syscall.Mkfifo(audit, 0o600) }},
			{desc: "link", replace: func() error { return os.Symlink(theirs, audit) }},
			{desc: "link to nothing", replace: func() error { return os.Symlink(theirs+"2", audit) }},
			{desc: "device", replace: func() error { return os.Symlink("/dev/null", audit) }},
			{desc: "folder", replace: func() error { return os.Mkdir(audit, 0o700) }},
		} {
			t.Run(row.desc, func(t *testing.T) {
				hung := hangs(t, audit)
				clicks(t, running, "clinic", 1)
				require.Len(t, entries(t, audit), 1)
				require.NoError(t, os.Remove(audit))
				require.NoError(t, row.replace())
				logged := len(running.log())
				clicks(t, running, "clinic", 5)
				assert.False(t, hung(), "sign-ins wait for the audit")
				running.waitForLog(t, logged, audit+" must be a regular file")
				running.checkReports(t, logged, 5, 1)
				require.NoError(t, os.Remove(audit))
				clicks(t, running, "clinic", 1)
				assert.Len(t, entries(t, audit), 1, "after it was put right")
				require.NoError(t, os.Remove(audit))
			})
		}
		content, err := os.ReadFile(theirs)
		require.NoError(t, err)
		assert.Equal(t, foreign, string(content))
		assert.NoFileExists(t, theirs+"2")
	})
}

// mount lays a secret out as Kubernetes mounts it, in a folder of its own, and switches to it.
func mount(t *testing.T, folder, version, content string) {
	t.Helper()
	write(t, content+"\n", folder, version, "key")
	key := filepath.Join(folder, "key")
	if _, err := os.Lstat(key); err != nil {
		require.NoError(t, os.Symlink("..data/key", key))
	}
	relink(t, version, filepath.Join(folder, "..data"))
}

// relink makes a link point elsewhere, without a moment in which there is none.
func relink(t *testing.T, target, link string) {
	t.Helper()
	require.NoError(t, os.Symlink(target, link+"_tmp"))
	require.NoError(t, os.Rename(link+"_tmp", link))
}

// TestMountedSecret: a secret that Kubernetes mounts is read through its links, and its rotation
// needs no restart. A rotation does not lead out of the directory either.
func TestMountedSecret(t *testing.T) {
	allowed, elsewhere := operate(t)
	write(t, vseetest.Key, elsewhere, "key")
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		folder := filepath.Join(allowed, filepath.Base(t.Name()), "clinic")
		mount(t, folder, "..2026_11_25_17", "old-key")
		running := start(map[string]map[string]any{
			"clinic": overlay(b.baseConfig(), section("file:"+folder+"/key", "api", "key")),
		})
		click := request{path: "/clinic", header: defaultHeaders("x")}
		got := running.send(t, "clinic", click)
		assert.Equal(t, "credentials_refused", got.outcome(), "the old key")
		assert.Equal(t, "old-key", b.clinic.Requests()[0].Header.Get("X-ApiKey"))

		logged := len(running.log())
		relink(t, elsewhere, filepath.Join(folder, "..data"))
		got = running.send(t, "clinic", click)
		assert.Equal(t, "credentials_refused", got.outcome(), "a key from elsewhere")
		running.waitForLog(t, logged, "reading them again failed: api.key: ")
		running.waitForLog(t, logged, "CLINICPASS_FILES in the environment of Traefik")

		mount(t, folder, "..2026_11_25_18", vseetest.Key)
		assert.Equal(t, http.StatusFound, running.send(t, "clinic", click).status, "the new key")
	})
}

// TestRelativePaths: they begin in the folder where Traefik was started.
func TestRelativePaths(t *testing.T) {
	allowed, _ := operate(t)
	write(t, vseetest.Key, allowed, "secrets", "key")
	relative := section("file:secrets/key", "api", "key")
	click := request{path: "/clinic", header: defaultHeaders("x")}
	for _, e := range environments()[:2] {
		t.Run(e.name, func(t *testing.T) {
			t.Chdir(allowed)
			b := newBench(t)
			running := e.start(t, b.site.URL, map[string]map[string]any{
				"clinic": overlay(b.baseConfig(), relative),
			})
			assert.Equal(t, http.StatusFound, running.send(t, "clinic", click).status)
		})
	}
	t.Run("traefik", func(t *testing.T) {
		b := newBench(t)
		r := newReloading(t, b, map[string]map[string]any{
			"clinic": overlay(b.baseConfig(), relative),
		})
		require.Equal(t, http.StatusNotFound, r.running.send(t, "clinic", click).status)
		started, err := filepath.Glob(filepath.Join(allowed, "clinicpass-traefik-*"))
		require.NoError(t, err)
		require.Len(t, started, 1, "the folder that Traefik was started in")
		write(t, vseetest.Key, started[0], "secrets", "key")
		r.reload(t)
		assert.Equal(t, http.StatusFound, r.running.send(t, "clinic", click).status)
	})
}

// TestHosts: the API's secrets go to the operator's hosts only, and keys do not come from this
// machine unless the operator says so.
func TestHosts(t *testing.T) {
	operate(t, "CLINICPASS_HOSTS=clinic.example.com,127.0.0.1")
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		const host = "CLINICPASS_HOSTS in the environment of Traefik"
		local := strings.Replace(b.clinic.API(), "127.0.0.1", "localhost", 1)
		require.NotEqual(t, b.clinic.API(), local)
		keys := func(address string) map[string]any {
			return map[string]any{"identity": map[string]any{"jwt": map[string]any{
				"header": "X-Token", "issuer": "i", "audience": "a", "jwksURL": address,
			}}}
		}
		rows := []struct {
			desc, key string // "" for what is allowed
			config    map[string]any
			outcome   string
		}{
			{desc: "API", config: nil, outcome: "signed_in"},
			{
				desc:    "portal on another host",
				config:  section("https://portal.example.org/", "portal", "url"),
				outcome: "signed_in",
			},
			{
				desc:    "keys on another host",
				config:  keys("https://keys.example.org/jwks"),
				outcome: "no_identity",
			},
			{
				desc:    "keys on a named loopback",
				config:  keys("http://127.0.0.1:8080/jwks"),
				outcome: "no_identity",
			},
			{
				desc:   "API on another host",
				key:    "api.url",
				config: section("https://api.example.org/", "api", "url"),
			},
			{
				desc:   "API below the host",
				key:    "api.url",
				config: section("https://api.clinic.example.com/", "api", "url"),
			},
			{
				desc:   "API on another name of loopback",
				key:    "api.url",
				config: section(local, "api", "url"),
			},
			{
				desc:   "keys on loopback",
				key:    "identity.jwt.jwksURL",
				config: keys("http://localhost:8080/api/rawdata"),
			},
		}
		middlewares := map[string]map[string]any{}
		for n, row := range rows {
			middlewares[rowName(n)] = overlay(b.baseConfig(), row.config)
		}
		running := start(middlewares)
		for n, row := range rows {
			t.Run(row.desc, func(t *testing.T) {
				click := request{path: "/clinic", header: defaultHeaders("x")}
				got := running.send(t, rowName(n), click)
				if row.key == "" {
					assert.Equal(t, row.outcome, got.outcome(), got.body)
					return
				}
				assert.Equal(t, http.StatusNotFound, got.status)
				problems := mistakesOf(running.log(), rowName(n))
				require.Len(t, problems, 1)
				assert.Regexp(t, "^"+row.key+": names a host", problems[0])
				assert.Contains(t, problems[0], host)
			})
		}
	})
}

// TestCodesOfPeople: no two people get one code, which is one account at the clinic.
func TestCodesOfPeople(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		code := func(template string) map[string]any {
			return overlay(b.baseConfig(), section(template, "provider", "code"))
		}
		running := start(map[string]map[string]any{
			"staff":  code("staff-{email}"),
			"email":  code("{email}"),
			"id":     code("{id}"),
			"prefix": code("h-{id}"),
		})
		person := func(id string, address ...string) request {
			header := map[string][]string{"X-Auth-Request-User": {id}}
			if len(address) > 0 {
				header["X-Auth-Request-Email"] = address
			}
			return request{path: "/clinic", header: header}
		}
		for _, host := range []string{"staff", "email"} {
			t.Run(host+" without an address", func(t *testing.T) {
				b.clinic.Reset()
				for _, r := range []request{
					person("jane"),
					person("john", ""),
					person("jim", "jim@github"),
					person("joan", "   "),
					person("staff-{email}"),
				} {
					assert.Equal(t, "no_identity", running.send(t, host, r).outcome(), r.header)
				}
				assert.Empty(t, b.clinic.Requests())
			})
		}
		t.Run("with addresses", func(t *testing.T) {
			for id, address := range map[string]string{
				"jane": "jane@example.com", "john": "john@example.com",
			} {
				b.clinic.Reset()
				got := running.send(t, "staff", person(id, address))
				assert.Equal(t, "signed_in", got.outcome())
				require.Len(t, b.clinic.Requests(), 1)
				assert.Equal(t, "staff-"+address, b.clinic.Requests()[0].Fields["code"])
			}
		})
		t.Run("hashed", func(t *testing.T) {
			sum := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
			long := strings.Repeat("x", 200)
			short := "h-" + sum(long)
			users := len(b.clinic.Users())
			owners := map[string]string{} // of the codes that the clinic got
			for _, row := range []struct{ desc, host, id, code string }{
				{desc: "long id", host: "id", id: long, code: short},
				{desc: "its hash as an id", host: "id", id: short, code: "h-" + sum(short)},
				{
					desc: "and the hash of that",
					host: "id",
					id:   "h-" + sum(short),
					code: "h-" + sum("h-"+sum(short)),
				},
				{desc: "nothing like it", host: "id", id: sum(long), code: sum(long)},
				{
					desc: "a text that makes a hash of an id",
					host: "prefix",
					id:   sum("another"),
					code: "h-" + sum("h-"+sum("another")),
				},
			} {
				b.clinic.Reset()
				got := running.send(t, row.host, person(row.id, "x@example.com"))
				require.Equal(t, "signed_in", got.outcome(), row.desc)
				require.Len(t, b.clinic.Requests(), 1)
				sent := b.clinic.Requests()[0].Fields["code"]
				assert.Equal(t, row.code, sent, row.desc)
				assert.Empty(t, owners[sent], row.desc)
				owners[sent] = row.desc
			}
			assert.Len(t, b.clinic.Users(), users+len(owners), "accounts at the clinic")
		})
	})
}
