package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// collector looks through everything that the tests of this package made the system write, for
// secrets and for tokens that were minted. Tokens are known when a test ends only, so whatever
// looks like one is kept until then.
type collector struct {
	mu     sync.Mutex
	like   map[string]string // what looks like a token: where it was seen
	tokens []string
	leaks  []string
	bytes  int
}

var written = &collector{like: map[string]string{}}

// secrets that the tests configure, by what they are.
var secrets = map[string]string{
	"api.key":               vseetest.Key,
	"api.secret":            vseetest.Secret,
	"api.token":             vseetest.AdminToken,
	"identity.proof.secret": "proof-of-the-auth-layer",
}

var likeToken = regexp.MustCompile(`[0-9a-f]{32,}`)

// Traefik itself prints the whole configuration at DEBUG, literal secrets included; README.md says
// so.
const printsConfiguration = "Configuration received"

// add takes in what was written, by a test and to a place.
func (c *collector) add(test, place, content string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.Lines(content) {
		c.bytes += len(line)
		if strings.Contains(line, printsConfiguration) {
			continue
		}
		for name, secret := range secrets {
			if strings.Contains(line, secret) {
				c.leaks = append(c.leaks, fmt.Sprintf("%s: %s is in %s", test, name, place))
			}
		}
		for _, found := range likeToken.FindAllString(line, -1) {
			for i := 0; i+32 <= len(found); i++ {
				c.like[found[i:i+32]] = test + ": in " + place
			}
		}
	}
}

// addAnswer takes in an answer, but for the redirect's address, which must have the token.
func (c *collector) addAnswer(test string, a answer) {
	for name, values := range a.header {
		if name != "Location" {
			c.add(test, "header "+name, strings.Join(values, "\n"))
		}
	}
	c.add(test, "a body", a.body)
}

// addTokens takes in the tokens that were minted.
func (c *collector) addTokens(tokens []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens = append(c.tokens, tokens...)
}

// problems returns what must not have been written, without the secret.
func (c *collector) problems() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := append([]string(nil), c.leaks...)
	for _, token := range c.tokens {
		if where, leaked := c.like[token]; leaked {
			list = append(list, where+" is a token")
		}
	}
	return list
}

// TestMain runs the tests and then looks through all that they made the system write.
func TestMain(m *testing.M) {
	for _, variable := range traefik.Places() {
		name, value, _ := strings.Cut(variable, "=")
		_ = os.Setenv(name, value) // for the interpreted plugin
	}
	config.Allowed = config.AllowedBy(os.Getenv) // for the compiled one
	code := m.Run()
	problems := written.problems()
	for i, problem := range problems {
		if i == 20 {
			fmt.Println("and more")
			break
		}
		fmt.Println("LEAK:", problem)
	}
	if len(problems) > 0 && code == 0 {
		code = 1
	}
	fmt.Printf("looked for %d secrets and %d tokens in %d KB of answers, logs and audits\n",
		len(secrets), len(written.tokens), written.bytes>>10)
	os.Exit(code)
}

// TestCollector: a leak is found wherever it is.
func TestCollector(t *testing.T) {
	const token = "0123456789abcdef0123456789abcdef"
	newCollector := func() *collector {
		return &collector{like: map[string]string{}, tokens: []string{token}}
	}
	for _, row := range []struct{ desc, content string }{
		{desc: "a key", content: "x " + vseetest.Key + " y"},
		{desc: "a token", content: "sso_token=" + token + "&next"},
		{desc: "a token in a longer digit", content: "f" + token + "0"},
		{desc: "in a later line", content: printsConfiguration + "\n" + token},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := newCollector()
			c.add("test", "log", row.content)
			problems := c.problems()
			assert.NotEmpty(t, problems)
			report := strings.Join(problems, "")
			assert.NotContains(t, report, token)
			assert.NotContains(t, report, vseetest.Key)
		})
	}
	t.Run("nothing without need", func(t *testing.T) {
		c := newCollector()
		header := http.Header{"Location": {"?sso_token=" + token}}
		c.addAnswer("test", answer{header: header})
		c.add("test", "log", printsConfiguration+" "+vseetest.Key)
		assert.Empty(t, c.problems())
	})
}

// TestFileSecretsStaySecret: with secrets in files, nothing that Traefik shows has them: not its
// log, its API behind the dashboard, its metrics or its access log.
func TestFileSecretsStaySecret(t *testing.T) {
	for _, version := range traefikVersions() {
		t.Run("traefik-"+version, func(t *testing.T) {
			b := newBench(t)
			folder := t.TempDir()
			api := map[string]any{}
			for key, secret := range map[string]string{
				"key": vseetest.Key, "secret": vseetest.Secret, "token": vseetest.AdminToken,
			} {
				file := filepath.Join(folder, key)
				require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
				api[key] = "file:" + file
			}
			access := filepath.Join(folder, "access.log")
			static := "api: {debug: true}\n" +
				"metrics: {prometheus: {manualRouting: true}}\n" +
				"accessLog: {filePath: " + access + ", format: json, " +
				"fields: {headers: {defaultMode: keep, names: {Location: drop}}}}\n"
			plugin := map[string]any{
				"clinicpass": overlay(b.roomConfig(nil), map[string]any{"api": api}),
			}
			instance := runTraefik(t, version, static, map[string]any{
				"routers": map[string]any{
					probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
					"clinic": map[string]any{
						"rule":        "Host(`clinic`)",
						"service":     "site",
						"middlewares": []string{"clinic"},
					},
					"api": map[string]any{"rule": "Host(`api`)", "service": "api@internal"},
					"metrics": map[string]any{
						"rule": "Host(`metrics`)", "service": "prometheus@internal",
					},
				},
				"middlewares": map[string]any{"clinic": map[string]any{"plugin": plugin}},
				"services":    siteService(b.site.URL),
			})
			running := &running{url: instance.URL, log: instance.Log}
			clicks(t, running, "clinic", 3)
			b.clinic.Script(vseetest.Fault{
				Status: 403, Body: `{"code":403,"message":"` + vseetest.Key + `"}`,
			})
			refused := request{path: "/clinic", header: defaultHeaders("refused")}
			running.send(t, "clinic", refused)
			shown := map[string]string{"the log": instance.Log()}
			for _, row := range []struct {
				desc, host, path string
				sources          bool // whether it shows where secrets come from
			}{
				{desc: "rawdata", host: "api", path: "/api/rawdata", sources: true},
				{desc: "middlewares", host: "api", path: "/api/http/middlewares", sources: true},
				{desc: "metrics", host: "metrics", path: "/metrics"},
			} {
				got := running.send(t, row.host, request{path: row.path})
				require.Equal(t, http.StatusOK, got.status, row.desc)
				if row.sources {
					require.Contains(t, got.body, "file:", row.desc)
				}
				shown[row.desc] = got.body
			}
			content, err := os.ReadFile(access)
			require.NoError(t, err)
			require.Contains(t, string(content), "signed_in", "the access log")
			shown["the access log"] = string(content)
			tokens := b.clinic.Tokens()
			require.NotEmpty(t, tokens)
			for place, content := range shown {
				for name, secret := range secrets {
					assert.NotContains(t, content, secret, "%s is in %s", name, place)
				}
				for _, token := range tokens {
					assert.NotContains(t, content, token, "a token is in %s", place)
				}
			}
		})
	}
}
