package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	all := map[string]bool{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, rest, _ := strings.Cut(string(content), "\n")
			want, ok := strings.CutPrefix(first, "# finds: ")
			if !ok {
				t.Fatal("the first line does not say what is to be found")
			}
			found, err := (&checkCommand{Files: []string{file}, Plugin: "clinicpass"}).check()
			if err != nil {
				t.Fatal(err)
			}
			ids := []string{}
			for _, f := range found {
				ids = append(ids, f.ID)
				if f.File != file || f.Object == "" || (f.Line < 2 || f.Line > 1+strings.Count(rest, "\n")) && filepath.Ext(file) != ".toml" {
					t.Errorf("it is not told where: %+v", f)
				}
				if strings.Contains(f.Message, "not-a-real") {
					t.Errorf("a secret is printed: %s", f.Message)
				}
			}
			slices.Sort(ids)
			expected := strings.Fields(want)
			slices.Sort(expected)
			for _, id := range expected {
				all[id] = true
			}
			if !slices.Equal(slices.Compact(ids), expected) {
				t.Errorf("found %+v, want %v", found, expected)
			}
		})
	}
	documentation, err := os.ReadFile("../../docs/checking.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(string(documentation), -1) {
		for _, id := range strings.Split(strings.Trim(row[1], "`"), "`, `") {
			if !all[id] {
				t.Errorf("docs/checking.md has %s, which no file is an example of", id)
			}
			delete(all, id)
		}
	}
	if len(all) > 0 {
		t.Errorf("docs/checking.md lacks %v", all)
	}
}

// TestExamples: nothing is found in what we recommend. The files of a folder are one site, those of auth-layers one each.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/[a-z]*/*")
	if err != nil {
		t.Fatal(err)
	}
	sites := map[string][]string{}
	for _, file := range files {
		folder := filepath.Base(filepath.Dir(file))
		switch {
		case folder == "auth-layers":
			sites[folder+"/"+filepath.Base(file)] = []string{file}
		case slices.Contains([]string{".yml", ".toml", ".hcl"}, filepath.Ext(file)): // others are commands, and a key
			sites[folder] = append(sites[folder], file)
		}
	}
	if len(sites) < 23 {
		t.Errorf("only %d sites", len(sites))
	}
	for name, files := range sites {
		t.Run(name, func(t *testing.T) {
			found, err := (&checkCommand{Files: files, Plugin: "clinicpass"}).check()
			if err != nil || len(found) > 0 {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// TestSafe: configurations that are unusual and right.
func TestSafe(t *testing.T) {
	for desc, edit := range map[string]*strings.Replacer{
		"groups that nobody reads":   strings.NewReplacer(", X-Auth-Request-Groups", ""),
		"a proof":                    strings.NewReplacer("[auth, clinic]", "[clinic]", "preset: oauth2-proxy", "preset: oauth2-proxy\n            proof: {header: X-Clinicpass-Proof, secret: file:/run/secrets/proof}"),
		"a host of its own":          strings.NewReplacer("`portal.example.com`) && (Path(`/clinic`) || PathPrefix(`/clinic/`))", "`clinic.example.com`)", "clinicpass:\n", "clinicpass:\n          pathPrefix: /\n"),
		"every path, said so":        strings.NewReplacer("(Path(`/clinic`) || PathPrefix(`/clinic/`))", "PathPrefix(`/`)", "clinicpass:\n", "clinicpass:\n          pathPrefix: /\n"),
		"a wide rule to the site":    strings.NewReplacer("(Path(`/clinic`) || PathPrefix(`/clinic/`))", "PathPrefix(`/clinic`)", "noop@internal", "portal"),
		"keys in another case":       strings.NewReplacer("accountCode:", "ACCOUNTCODE:", "preset:", "Preset:"),
		"headers by a pattern":       strings.NewReplacer("authResponseHeaders: [X-Auth-Request-User, X-Auth-Request-Email, X-Auth-Request-Preferred-Username, X-Auth-Request-Groups]", "authResponseHeadersRegex: ^X-Auth-Request-"),
		"auth of another provider":   strings.NewReplacer("[auth, clinic]", "[sso@docker, clinic]"),
		"a chain":                    strings.NewReplacer("[auth, clinic]", "[both]", "    auth:\n", "    both:\n      chain:\n        middlewares: [auth, clinic]\n    auth:\n"),
		"a signed token":             strings.NewReplacer("[auth, clinic]", "[clinic]", "preset: oauth2-proxy", "preset: pomerium\n            jwt: {issuer: portal.example.com, audience: portal.example.com}"),
		"an auth layer in front":     strings.NewReplacer("[auth, clinic]", "[clinic]", "preset: oauth2-proxy", "preset: tailscale"),
		"another prefix is stripped": strings.NewReplacer("[auth, clinic]", "[auth, strip, clinic]", "    auth:\n", "    strip:\n      stripPrefix:\n        prefixes: [/other]\n    auth:\n"),
		"chains in chains":           strings.NewReplacer("[auth, clinic]", "[both]", "    auth:\n", "    both:\n      chain:\n        middlewares: [inner, clinic]\n    inner:\n      chain:\n        middlewares: [auth]\n    auth:\n"),
		"auth of another plugin":     strings.NewReplacer("[auth, clinic]", "[login, clinic]", "    auth:\n", "    login:\n      plugin:\n        traefik-oidc-auth:\n          secret: x\n    auth:\n"),
		"a path by a pattern":        strings.NewReplacer("(Path(`/clinic`) || PathPrefix(`/clinic/`))", "PathRegexp(`^/clinic(/.*)?$`)"),
		"letters of matchers":        strings.NewReplacer("Path(`/clinic`) || PathPrefix", "path(`/clinic`) || pathprefix"),
		"all but some paths":         strings.NewReplacer("(Path(`/clinic`) || PathPrefix(`/clinic/`))", "!PathPrefix(`/api`)", "noop@internal", "portal"),
		"two auth layers":            strings.NewReplacer("[auth, clinic]", "[ban, auth, clinic]", "    auth:\n", "    ban:\n      forwardAuth:\n        address: http://ban:8080/\n    auth:\n"),
		"a section without keys":     strings.NewReplacer("          identity:\n", "          room:\n          identity:\n"),
		"a prefix with a slash":      strings.NewReplacer("clinicpass:\n", "clinicpass:\n          pathPrefix: /clinic/\n"),
		"a pattern of headers":       strings.NewReplacer("authResponseHeaders: [X-Auth-Request-User, X-Auth-Request-Email, X-Auth-Request-Preferred-Username, X-Auth-Request-Groups]", "authResponseHeadersRegex: ^X-Authentik-", "preset: oauth2-proxy", "preset: authentik"),
		"auth at the entry point":    strings.NewReplacer("# Dynamic", "entryPoints: {websecure: {address: \":443\", http: {middlewares: [auth@file]}}}\nexperimental: {abortOnPluginFailure: true, localPlugins: {clinicpass: {moduleName: github.com/clinicpass/clinicpass}}}\n---\n# Dynamic", "[auth, clinic]", "[clinic]"),
		"keys from a file":           strings.NewReplacer("preset: oauth2-proxy", "preset: pomerium\n            jwt: {issuer: a.example.com, audience: b, jwks: file:/nowhere.json}"),
	} {
		t.Run(desc, func(t *testing.T) {
			expectNothing(t, "file/clinic.yml", edit)
		})
	}
	for desc, edit := range map[string]*strings.Replacer{
		"the site's prefix is stripped behind ours": strings.NewReplacer("[auth, clinic]", "[auth, clinic, strip]", "    auth:\n", "    strip:\n      stripPrefix:\n        prefixes: [/portal]\n    auth:\n"),
		"the site's prefix is stripped, exactly":    strings.NewReplacer("[auth, clinic]", "[auth, strip, clinic]", "    auth:\n", "    strip:\n      stripPrefix:\n        prefixes: [/portal]\n    auth:\n", "clinicpass:\n", "clinicpass:\n          exactPassThrough: true\n"),
	} {
		t.Run(desc, func(t *testing.T) { expectNothing(t, "existing-router/clinic.yml", edit) })
	}
	for desc, edit := range map[string]*strings.Replacer{
		"a chain":              strings.NewReplacer("        - name: auth\n        - name: clinic\n", "        - name: both\n", "---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute", "---\napiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata:\n  name: both\n  namespace: portal\nspec:\n  chain:\n    middlewares:\n      - name: auth\n      - name: clinic\n---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute"),
		"another namespace":    strings.NewReplacer("name: auth\n  namespace: portal", "name: auth\n  namespace: shared", "- name: auth", "- name: auth\n          namespace: shared"),
		"the default":          strings.NewReplacer("  namespace: portal\n", "", "        - name: auth\n", "        - name: default-auth@kubernetescrd\n"),
		"somebody else's auth": strings.NewReplacer("- name: auth", "- name: sso-oidc@file"),
	} {
		t.Run(desc, func(t *testing.T) { expectNothing(t, "kubernetes/ingressroute.yml", edit) })
	}
}

// TestSafeLabels: labels and tags that are unusual and right.
func TestSafeLabels(t *testing.T) {
	for desc, edit := range map[string]*strings.Replacer{
		"the container's own service": strings.NewReplacer("      traefik.http.routers.portal.service: portal\n", ""),
		"a command of another kind":   strings.NewReplacer("    image: registry.example.com/portal:1\n", "    image: registry.example.com/portal:1\n    command: [\"npm\", \"run\", \"--\", \"--match [a-z.0-9]\", \"--config ../x\"]\n"),
		"a flag without a value":      strings.NewReplacer("abortOnPluginFailure=true", "abortOnPluginFailure"),
	} {
		t.Run(desc, func(t *testing.T) { expectNothing(t, "docker/compose.yml", edit) })
	}
}

// TestPatientsApart: providers and patients whom nothing confuses.
func TestPatientsApart(t *testing.T) {
	for desc, edit := range map[string]*strings.Replacer{
		"one auth layer and groups": strings.NewReplacer("[patients-auth, visit]", "[auth, visit]", "            preset: oauth2-proxy\n", "            preset: oauth2-proxy\n            allowedGroups: [staff]\n"),
		"codes of another kind":     strings.NewReplacer("patient-{id}  ", "\"{email}\"  "),
		"another account":           strings.NewReplacer("patient-{id}  ", "\"{id}\"  ", "accountCode: vclinic\n            key: file:/run/secrets/vsee_key\n          identity:\n            preset: oauth2-proxy\n          provider:", "accountCode: other\n            key: file:/run/secrets/vsee_key\n          identity:\n            preset: oauth2-proxy\n          provider:"),
	} {
		t.Run(desc, func(t *testing.T) { expectNothing(t, "patients/clinic.yml", edit) })
	}
}

// expectNothing edits an example, in which then nothing may be found.
func expectNothing(t *testing.T, example string, edit *strings.Replacer) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../examples", example))
	if err != nil {
		t.Fatal(err)
	}
	edited := edit.Replace(string(content))
	if edited == string(content) {
		t.Fatal("nothing was changed")
	}
	file := filepath.Join(t.TempDir(), "clinic.yml")
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := (&checkCommand{Files: []string{file}, Plugin: "clinicpass"}).check(); err != nil || len(found) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestReadSecrets: what Traefik could not read is found where Traefik runs, and only there.
func TestReadSecrets(t *testing.T) {
	for read, want := range map[bool]int{false: 0, true: 1} {
		found, err := (&checkCommand{Files: []string{"../../examples/file/clinic.yml"}, Plugin: "clinicpass", ReadSecrets: read}).check()
		if err != nil || len(found) != want {
			t.Errorf("%v: %+v, %v", read, found, err)
		}
	}
}

// TestUnreadable: what cannot be checked is an error and not a clean result.
func TestUnreadable(t *testing.T) {
	for name, content := range map[string]string{
		"torn.yml": "http: [", "empty.yml": "", "list.yml": "- a", "other.txt": "http: {}", "torn.toml": "[http", "nothing.yml": "http: {}\n",
		"nothing.hcl": "job {}", "bracket.yml": "services: {a: {labels: [\"traefik.http.x]=1\"]}}", "scalar.yml": "not-a-real-key",
		"unquoted.toml": "[http.middlewares.clinic.plugin.clinicpass.api]\nkey = notAReal", "twice.yml": "http: {a: not-a-real-key, a: b}",
		"indented.yml": "entryPoints: {}\n---\nhttp: {middlewares: {clinic: {plugins: {clinicpass: {}}}}}\n",
		"label.yml":    "services: {a: {labels: [traefik..x=1]}}",
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := (&checkCommand{Files: []string{file}, Plugin: "clinicpass"}).check(); err == nil || strings.Contains(err.Error(), "not-a-real") || strings.Contains(err.Error(), "notAReal") {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}
