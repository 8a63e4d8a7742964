package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// check returns what is found in the files.
func (c *checkCommand) check() ([]finding, error) {
	k, err := c.inspect()
	if err != nil {
		return nil, err
	}
	return k.found, nil
}

// TestBroken: each file says in its first line what is to be found in it, and nothing else may be.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 30)
	examples := map[string]bool{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			first, rest, _ := strings.Cut(string(content), "\n")
			want, ok := strings.CutPrefix(first, "# finds: ")
			require.True(t, ok, "the first line does not say what is to be found")
			found, err := (&checkCommand{Files: []string{file}, Plugin: "clinicpass"}).check()
			require.NoError(t, err)
			ids := map[string]bool{}
			for _, f := range found {
				ids[f.ID] = true
				assert.Equal(t, file, f.File, "%+v", f)
				assert.NotEmpty(t, f.Object, "%+v", f)
				if filepath.Ext(file) != ".toml" {
					assert.GreaterOrEqual(t, f.Line, 2, "%+v", f)
					assert.LessOrEqual(t, f.Line, 1+strings.Count(rest, "\n"), "%+v", f)
				}
				assert.NotContains(t, f.Message, "not-a-real", "a secret is printed")
			}
			expected := strings.Fields(want)
			for _, id := range expected {
				examples[id] = true
			}
			assert.ElementsMatch(t, expected, slices.Collect(maps.Keys(ids)), "%+v", found)
		})
	}
	for _, site := range publishedSites(t) {
		for _, id := range site.Finds {
			examples[id] = true
		}
	}
	delete(examples, unreadable)
	documentation, err := os.ReadFile("../../docs/checking.md")
	require.NoError(t, err)
	documented := []string{}
	rows := regexp.MustCompile("(?m)^\\| (`.*?) \\|")
	for _, row := range rows.FindAllStringSubmatch(string(documentation), -1) {
		documented = append(documented, strings.Split(strings.Trim(row[1], "`"), "`, `")...)
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(examples)), documented,
		"A has what the files are examples of, B what docs/checking.md lists")
}

// TestExamples: nothing is found in what we recommend. For a trial, basicAuth may tell only an id.
// The files of a folder are one site, those of auth-layers one each.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/[a-z]*/*")
	require.NoError(t, err)
	sites := map[string][]string{}
	for _, file := range files {
		folder := filepath.Base(filepath.Dir(file))
		switch {
		case folder == "auth-layers":
			sites[folder+"/"+filepath.Base(file)] = []string{file}
		case slices.Contains([]string{".yml", ".toml", ".hcl"}, filepath.Ext(file)):
			sites[folder] = append(sites[folder], file)
		default: // commands, and a key
		}
	}
	assert.GreaterOrEqual(t, len(sites), 23)
	for name, files := range sites {
		t.Run(name, func(t *testing.T) {
			if name == "try" { // as README.md starts it
				t.Setenv("CLINICPASS_FILES", ".")
			}
			found, err := (&checkCommand{Files: files, Plugin: "clinicpass"}).check()
			require.NoError(t, err)
			ids := []string{}
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			if name == "try" || name == "auth-layers/basic-auth.yml" {
				assert.Equal(t, []string{"no-name"}, ids)
				return
			}
			assert.Empty(t, found)
		})
	}
}

// Parts of the examples, which tests replace.
const (
	clinicRule  = "(Path(`/clinic`) || PathPrefix(`/clinic/`))"
	clinicChain = "[auth, clinic]"
	oauth2Proxy = "preset: oauth2-proxy\n            headers: " +
		"{firstName: X-Auth-Request-Given-Name, lastName: X-Auth-Request-Family-Name}"
	listedByName = "authResponseHeaders: [X-Auth-Request-User, X-Auth-Request-Email, " +
		"X-Auth-Request-Preferred-Username, X-Auth-Request-Groups,\n          " +
		"X-Auth-Request-Given-Name, X-Auth-Request-Family-Name]"

	// What follows stands before other middlewares, or inside the plugin's configuration.
	authStart   = "    auth:\n"
	pluginStart = "clinicpass:\n"
)

// edits are rows of tests that change an example to one that is unusual and right.
type edits []struct {
	desc string
	edit []string // texts and what replaces them
}

// findNothing runs each row, in whose edited example nothing may be found.
func (rows edits) findNothing(t *testing.T, example string) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.desc, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join("../../examples", example))
			require.NoError(t, err)
			for i := 0; i < len(row.edit); i += 2 {
				require.Contains(t, string(content), row.edit[i])
			}
			edited := strings.NewReplacer(row.edit...).Replace(string(content))
			require.NotEqual(t, string(content), edited, "nothing was changed")
			file := filepath.Join(t.TempDir(), "clinic.yml")
			require.NoError(t, os.WriteFile(file, []byte(edited), 0o600))
			found, err := (&checkCommand{Files: []string{file}, Plugin: "clinicpass"}).check()
			require.NoError(t, err)
			assert.Empty(t, found)
		})
	}
}

// TestSafe: configurations that are unusual and right.
func TestSafe(t *testing.T) {
	edits{
		{
			desc: "groups that nobody reads",
			edit: []string{", X-Auth-Request-Groups", ""},
		},
		{
			desc: "a proof",
			edit: []string{
				clinicChain, "[clinic]",
				oauth2Proxy, "preset: oauth2-proxy\n            " +
					"proof: {header: X-Clinicpass-Proof, secret: file:/run/secrets/proof}",
			},
		},
		{
			desc: "a host of its own",
			edit: []string{
				"`portal.example.com`) && " + clinicRule, "`clinic.example.com`)",
				pluginStart, "clinicpass:\n          pathPrefix: /\n",
			},
		},
		{
			desc: "every path, said so",
			edit: []string{
				clinicRule, "PathPrefix(`/`)",
				pluginStart, "clinicpass:\n          pathPrefix: /\n",
			},
		},
		{
			desc: "a wide rule to the site",
			edit: []string{clinicRule, "PathPrefix(`/clinic`)"},
		},
		{
			desc: "groups, one an item",
			edit: []string{
				oauth2Proxy, oauth2Proxy + "\n            allowedGroups: " +
					`["cn=clinicians,ou=groups,o=example", "Physicians, Cardiology"]`,
			},
		},
		{
			desc: "only an id and an e-mail address",
			edit: []string{
				oauth2Proxy, "headers: {id: X-Auth-Request-User, email: X-Auth-Request-Email}",
			},
		},
		{
			desc: "keys in another case",
			edit: []string{"accountCode:", "ACCOUNTCODE:", "preset:", "Preset:"},
		},
		{
			desc: "headers by a pattern",
			edit: []string{listedByName, "authResponseHeadersRegex: ^X-Auth-Request-"},
		},
		{
			desc: "auth of another provider",
			edit: []string{clinicChain, "[sso@docker, clinic]"},
		},
		{
			desc: "a chain",
			edit: []string{
				clinicChain, "[both]",
				authStart, "    both:\n      chain:\n" +
					"        middlewares: [auth, clinic]\n    auth:\n",
			},
		},
		{
			desc: "a signed token",
			edit: []string{
				clinicChain, "[clinic]",
				oauth2Proxy, "preset: pomerium\n" +
					"            jwt: {issuer: portal.example.com, audience: portal.example.com}",
			},
		},
		{
			desc: "an auth layer in front",
			edit: []string{clinicChain, "[clinic]", oauth2Proxy, "preset: tailscale"},
		},
		{
			desc: "another prefix is stripped",
			edit: []string{
				clinicChain, "[auth, strip, clinic]",
				authStart, "    strip:\n      stripPrefix:\n" +
					"        prefixes: [/other]\n    auth:\n",
			},
		},
		{
			desc: "chains in chains",
			edit: []string{
				clinicChain, "[both]",
				authStart, "    both:\n      chain:\n        middlewares: [inner, clinic]\n" +
					"    inner:\n      chain:\n        middlewares: [auth]\n    auth:\n",
			},
		},
		{
			desc: "auth of another plugin",
			edit: []string{
				clinicChain, "[login, clinic]",
				authStart, "    login:\n      plugin:\n        traefik-oidc-auth:\n" +
					"          secret: x\n    auth:\n",
			},
		},
		{
			desc: "a path by a pattern",
			edit: []string{clinicRule, "PathRegexp(`^/clinic(/.*)?$`)"},
		},
		{
			desc: "letters of matchers",
			edit: []string{"Path(`/clinic`) || PathPrefix", "path(`/clinic`) || pathprefix"},
		},
		{
			desc: "all but some paths",
			edit: []string{clinicRule, "!PathPrefix(`/api`)"},
		},
		{
			desc: "an internal service",
			edit: []string{"service: portal               #", "service: noop@internal   #"},
		},
		{
			desc: "an internal service in access log and metrics",
			edit: []string{
				"service: portal               #", "service: noop@internal   #",
				"# Dynamic", "accessLog: {addInternals: true}\n" +
					"metrics: {prometheus: {}, addInternals: true}\n" +
					"entryPoints: {websecure: {address: \":443\"}}\n" +
					"experimental: {abortOnPluginFailure: true, localPlugins: " +
					"{clinicpass: {moduleName: github.com/clinicpass/clinicpass}}}\n---\n# Dynamic",
			},
		},
		{
			desc: "two auth layers",
			edit: []string{
				clinicChain, "[ban, auth, clinic]",
				authStart, "    ban:\n      forwardAuth:\n" +
					"        address: http://ban:8080/\n    auth:\n",
			},
		},
		{
			desc: "a section without keys",
			edit: []string{"          identity:\n", "          room:\n          identity:\n"},
		},
		{
			desc: "a prefix with a slash",
			edit: []string{pluginStart, "clinicpass:\n          pathPrefix: /clinic/\n"},
		},
		{
			desc: "a pattern of headers",
			edit: []string{
				listedByName, "authResponseHeadersRegex: ^X-Authentik-",
				oauth2Proxy, "preset: authentik",
			},
		},
		{
			desc: "auth at the entry point",
			edit: []string{
				"# Dynamic", "entryPoints: " +
					"{websecure: {address: \":443\", http: {middlewares: [auth@file]}}}\n" +
					"experimental: {abortOnPluginFailure: true, localPlugins: " +
					"{clinicpass: {moduleName: github.com/clinicpass/clinicpass}}}\n" +
					"---\n# Dynamic",
				clinicChain, "[clinic]",
			},
		},
		{
			desc: "keys from a file",
			edit: []string{
				oauth2Proxy, "preset: pomerium\n            " +
					"jwt: {issuer: a.example.com, audience: b, jwks: file:/etc/clinicpass/nowhere.json}",
			},
		},
		{
			desc: "texts of failure pages from a file",
			edit: []string{
				pluginStart, "clinicpass:\n          pages: {texts: file:/etc/clinicpass/texts.json}\n",
			},
		},
	}.findNothing(t, "file/clinic.yml")
	edits{
		{
			desc: "a local plugin that the chart mounts",
			edit: []string{
				"  plugins:\n", "  localPlugins:\n",
				"      version: v0.1.0\n", "      mountPath: /plugins-local/src/github.com/" +
					"clinicpass/clinicpass\n      type: hostPath\n      hostPath: /opt/clinicpass\n",
			},
		},
	}.findNothing(t, "kubernetes/values.yml")
	edits{
		{
			desc: "the site's prefix is stripped behind ours",
			edit: []string{
				clinicChain, "[auth, clinic, strip]",
				authStart, "    strip:\n      stripPrefix:\n" +
					"        prefixes: [/portal]\n    auth:\n",
			},
		},
		{
			desc: "the site's prefix is stripped, exactly",
			edit: []string{
				clinicChain, "[auth, strip, clinic]",
				authStart, "    strip:\n      stripPrefix:\n" +
					"        prefixes: [/portal]\n    auth:\n",
				pluginStart, "clinicpass:\n          exactPassThrough: true\n",
			},
		},
	}.findNothing(t, "existing-router/clinic.yml")
	const routeStart = "---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute"
	edits{
		{
			desc: "a chain",
			edit: []string{
				"        - name: auth\n        - name: clinic\n", "        - name: both\n",
				routeStart, "---\napiVersion: traefik.io/v1alpha1\nkind: Middleware\n" +
					"metadata:\n  name: both\n  namespace: portal\n" +
					"spec:\n  chain:\n    middlewares:\n" +
					"      - name: auth\n      - name: clinic\n" +
					routeStart,
			},
		},
		{
			desc: "another namespace",
			edit: []string{
				"name: auth\n  namespace: portal", "name: auth\n  namespace: shared",
				"- name: auth", "- name: auth\n          namespace: shared",
			},
		},
		{
			desc: "the default",
			edit: []string{
				"  namespace: portal\n", "",
				"        - name: auth\n", "        - name: default-auth@kubernetescrd\n",
			},
		},
		{
			desc: "somebody else's auth",
			edit: []string{"- name: auth", "- name: sso-oidc@file"},
		},
	}.findNothing(t, "kubernetes/ingressroute.yml")
}

// TestSafeLabels: labels and tags that are unusual and right.
func TestSafeLabels(t *testing.T) {
	const image = "    image: registry.example.com/portal:1\n"
	const key = "      traefik.http.middlewares.clinic.plugin.clinicpass."
	const preset = key + "identity.preset: oauth2-proxy\n"
	edits{
		{
			desc: "the container's own service",
			edit: []string{"      traefik.http.routers.portal.service: portal\n", ""},
		},
		{
			desc: "a command of another kind",
			edit: []string{
				image, image + `    command: ` +
					`["npm", "run", "--", "--match [a-z.0-9]", "--config ../x"]` + "\n",
			},
		},
		{
			desc: "groups with an index",
			edit: []string{
				preset, preset + key + "identity.allowedGroups[0]: cn=clinicians,ou=groups\n" +
					key + "identity.allowedGroups[1]: staff\n",
			},
		},
		{
			desc: "groups in a text",
			edit: []string{
				preset, preset + key + "identity.allowedGroups: cn=clinicians%2Cou=groups,staff\n",
			},
		},
		{
			desc: "a flag without a value",
			edit: []string{"abortOnPluginFailure=true", "abortOnPluginFailure"},
		},
	}.findNothing(t, "docker/compose.yml")
}

// TestOperatorsVariables: what Traefik's container gets decides which files, variables, hosts and
// audits a configuration may name.
func TestOperatorsVariables(t *testing.T) {
	const clinic = `
http:
  middlewares:
    clinic:
      plugin:
        clinicpass:
          portal: {url: https://clinic.example.com/}
          api:
            url: https://api.example.com/
            accountCode: vclinic
            key: KEY
          identity: {preset: pomerium, jwt: {issuer: a.example.com, audience: b}}
          audit: {file: AUDIT}
  routers:
    clinic:
      rule: Path(` + "`/clinic`) || PathPrefix(`/clinic/`" + `)
      middlewares: [clinic]
      service: noop@internal
`
	const (
		compose    = "services:\n  traefik:\n    environment:\n"
		helm       = "env:\n"
		deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: traefik}\n" +
			"spec:\n  template:\n    spec:\n      containers:\n        - name: traefik\n          env:\n"
	)
	for _, row := range []struct {
		desc, key, audit, traefik string
		want                      string // a part of the only finding
	}{
		{desc: "defaults", key: "file:/run/secrets/key", audit: "/var/log/audit.jsonl"},
		{desc: "a variable by default", key: "env:VSEE_KEY"},
		{desc: "another folder", key: "file:/secrets/key", want: "CLINICPASS_FILES"},
		{desc: "another variable", key: "env:CF_DNS_API_TOKEN", want: "CLINICPASS_ENV"},
		{desc: "out of the folder", key: "file:/run/secrets/../../etc/key", want: "CLINICPASS_FILES"},
		{
			desc: "Traefik's service account",
			key:  "file:/var/run/secrets/kubernetes.io/serviceaccount/token",
			want: "CLINICPASS_FILES",
		},
		{desc: "another audit", key: "env:VSEE_KEY", audit: "/acme.json", want: "CLINICPASS_AUDIT"},
		{
			desc:    "a folder by Compose, as a map",
			key:     "file:/secrets/key",
			traefik: compose + "      CLINICPASS_FILES: /secrets\n",
		},
		{
			desc:    "a folder by Compose, as a list",
			key:     "file:/secrets/key",
			traefik: compose + "      - CLINICPASS_FILES=/other:/secrets\n",
		},
		{
			desc:    "no longer the default",
			key:     "file:/run/secrets/key",
			traefik: compose + "      - CLINICPASS_FILES=/secrets\n",
			want:    "CLINICPASS_FILES",
		},
		{
			desc:    "a folder by Helm's values",
			key:     "file:/secrets/key",
			traefik: helm + "  - {name: CLINICPASS_FILES, value: /secrets}\n",
		},
		{
			desc:    "a folder by a Deployment",
			key:     "file:/secrets/key",
			traefik: deployment + "            - {name: CLINICPASS_FILES, value: /secrets}\n",
		},
		{
			desc:    "an audit by a Deployment",
			key:     "env:VSEE_KEY",
			audit:   "/audits/clinic.jsonl",
			traefik: deployment + "            - {name: CLINICPASS_AUDIT, value: /audits}\n",
		},
		{
			desc:    "a host that is allowed",
			key:     "env:VSEE_KEY",
			traefik: compose + "      CLINICPASS_HOSTS: API.example.com\n",
		},
		{
			desc:    "a host that is not",
			key:     "env:VSEE_KEY",
			traefik: compose + "      CLINICPASS_HOSTS: api-vclinic.example.com\n",
			want:    "CLINICPASS_HOSTS",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			dir := t.TempDir()
			content := strings.NewReplacer("KEY", row.key, "AUDIT", `"`+row.audit+`"`).Replace(clinic)
			files := []string{filepath.Join(dir, "clinic.yml")}
			require.NoError(t, os.WriteFile(files[0], []byte(content), 0o600))
			if row.traefik != "" {
				files = append(files, filepath.Join(dir, "traefik.yml"))
				require.NoError(t, os.WriteFile(files[1], []byte(row.traefik), 0o600))
			}
			found, err := (&checkCommand{Files: files, Plugin: "clinicpass"}).check()
			require.NoError(t, err)
			if row.want == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, "invalid", found[0].ID)
			assert.Contains(t, found[0].Message, row.want)
		})
	}
}

// TestPatientsApart: providers and patients whom nothing confuses.
func TestPatientsApart(t *testing.T) {
	const providersAccount = "accountCode: vclinic\n" +
		"            key: file:/run/secrets/vsee_key\n" +
		"          identity:\n            " + oauth2Proxy + "\n          provider:"
	edits{
		{
			desc: "one auth layer and groups",
			edit: []string{
				"[patients-auth, visit]", "[auth, visit]",
				oauth2Proxy + "\n", oauth2Proxy + "\n" +
					"            allowedGroups: [staff]\n",
			},
		},
		{
			desc: "codes of another kind",
			edit: []string{"patient-{id}  ", `"{email}"  `},
		},
		{
			desc: "another account",
			edit: []string{
				"patient-{id}  ", `"{id}"  `,
				providersAccount, strings.Replace(providersAccount, "vclinic", "other", 1),
			},
		},
	}.findNothing(t, "patients/clinic.yml")
}

// TestReadSecrets: what Traefik could not read is found where Traefik runs, and only there.
func TestReadSecrets(t *testing.T) {
	for _, row := range []struct {
		desc string
		read bool
		want int
	}{
		{desc: "elsewhere", read: false, want: 0},
		{desc: "where Traefik runs", read: true, want: 1},
	} {
		t.Run(row.desc, func(t *testing.T) {
			found, err := (&checkCommand{
				Files:       []string{"../../examples/file/clinic.yml"},
				Plugin:      "clinicpass",
				ReadSecrets: row.read,
			}).check()
			require.NoError(t, err)
			assert.Len(t, found, row.want)
		})
	}
}

// TestUnreadable: what cannot be checked is an error and not a clean result.
func TestUnreadable(t *testing.T) {
	for _, row := range []struct{ desc, file, finds, content string }{
		{desc: "torn YAML", file: "torn.yml", finds: "syntax", content: "http: ["},
		{desc: "empty", file: "empty.yml", finds: "no-clinicpass", content: ""},
		{desc: "a list", file: "list.yml", finds: "syntax", content: "- a"},
		{desc: "torn TOML", file: "torn.toml", finds: "syntax", content: "[http"},
		{
			desc:    "nothing of ours in YAML",
			file:    "nothing.yml",
			finds:   "no-clinicpass",
			content: "http: {}\n",
		},
		{
			desc:    "nothing of ours in HCL",
			file:    "nothing.hcl",
			finds:   "no-clinicpass",
			content: "job {}",
		},
		{
			desc:    "a label with a bracket",
			file:    "bracket.yml",
			finds:   "syntax",
			content: `services: {a: {labels: ["traefik.http.x]=1"]}}`,
		},
		{desc: "a scalar", file: "scalar.yml", finds: "syntax", content: "not-a-real-key"},
		{
			desc:    "a value without quotes",
			file:    "unquoted.toml",
			finds:   "syntax",
			content: "[http.middlewares.clinic.plugin.clinicpass.api]\nkey = notAReal",
		},
		{
			desc:    "a key twice",
			file:    "twice.yml",
			finds:   "syntax",
			content: "http: {a: not-a-real-key, a: b}",
		},
		{
			desc:  "a misspelled key",
			file:  "indented.yml",
			finds: "unknown-key",
			content: "entryPoints: {}\n---\n" +
				"http: {middlewares: {clinic: {plugins: {clinicpass: {}}}}}\n",
		},
		{
			desc:    "a label without a name",
			file:    "label.yml",
			finds:   "syntax",
			content: "services: {a: {labels: [traefik..x=1]}}",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), row.file)
			require.NoError(t, os.WriteFile(file, []byte(row.content), 0o600))
			found, err := (&checkCommand{Files: []string{file}, Plugin: "clinicpass"}).check()
			require.NoError(t, err)
			ids := []string{}
			for _, f := range found {
				ids = append(ids, f.ID)
				assert.NotContains(t, f.Message, "not-a-real")
				assert.NotContains(t, f.Message, "notAReal")
			}
			assert.Contains(t, ids, row.finds)
		})
	}
	t.Run("another format", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "other.txt")
		require.NoError(t, os.WriteFile(file, []byte("http: {}"), 0o600))
		_, err := (&checkCommand{Files: []string{file}, Plugin: "clinicpass"}).check()
		assert.ErrorContains(t, err, "only .yaml, .yml, .json, .toml, .hcl, .nomad files")
	})
}
