package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mistake is a row of testdata/config.json.
type mistake struct {
	Desc   string         `json:"desc"`
	Config map[string]any `json:"config"` // laid over the base; null leaves a key out
	Want   []string       `json:"want"`   // lines of the error, or their beginnings
}

// TestConfigurationErrors: every mistake is named, all of them at once, where an operator sees it,
// and the other middlewares go on working.
func TestConfigurationErrors(t *testing.T) {
	rows := load[mistake](t, "config.json")
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "\n", "blank": "two words\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			middlewares := map[string]map[string]any{"sound": b.baseConfig()}
			for n, row := range rows {
				middlewares[rowName(n)] = withDir(overlay(b.baseConfig(), row.Config), dir)
			}
			running := e.start(t, b.site.URL, middlewares)
			click := request{path: "/clinic", header: defaultHeaders("x")}
			assert.Equal(t, http.StatusFound, running.send(t, "sound", click).status)
			for n, row := range rows {
				t.Run(row.Desc, func(t *testing.T) {
					got := mistakesOf(running.log(), rowName(n))
					assert.Len(t, got, len(row.Want))
					for _, want := range row.Want {
						want = strings.ReplaceAll(want, "$DIR", dir)
						begins := func(line string) bool { return strings.HasPrefix(line, want) }
						assert.True(t, slices.ContainsFunc(got, begins), "%q is not in %q", want, got)
					}
					answer := running.send(t, rowName(n), click)
					assert.Equal(t, http.StatusNotFound, answer.status)
				})
			}
		})
	}
}

// mistakesOf returns the mistakes that a log names for a middleware, each on a line of its own.
func mistakesOf(log, name string) []string {
	pattern := regexp.MustCompile("clinicpass: the configuration of " + regexp.QuoteMeta(name) +
		`@\w+ needs correction: ([a-z][A-Za-z.]*(?:"[^"]*")?: .*)`)
	found := []string{}
	for _, match := range pattern.FindAllStringSubmatch(strings.ReplaceAll(log, `\"`, `"`), -1) {
		if !slices.Contains(found, match[1]) {
			found = append(found, match[1])
		}
	}
	return found
}

// withDir fills $DIR in all texts of a configuration.
func withDir(config map[string]any, dir string) map[string]any {
	filled := maps.Clone(config)
	for key, value := range filled {
		switch v := value.(type) {
		case string:
			filled[key] = strings.ReplaceAll(v, "$DIR", dir)
		case map[string]any:
			filled[key] = withDir(v, dir)
		}
	}
	return filled
}

// sample is a row of testdata/presets.json: what an auth layer sends, and the user that VSee must
// get.
type sample struct {
	Preset   string              `json:"preset"`
	Desc     string              `json:"desc"`
	Identity map[string]any      `json:"identity"` // further keys of the identity section
	Headers  map[string][]string `json:"headers"`
	Token    *signedToken        `json:"token"` // one more header
	Want     map[string]string   `json:"want"`  // the fields that VSee gets, besides type
	Group    string              `json:"group"` // one of the groups in the headers
}

// TestPresets: what each auth layer sends becomes the right user of VSee.
func TestPresets(t *testing.T) {
	rows := load[sample](t, "presets.json")
	signer := newSigner(t)
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			middlewares := map[string]map[string]any{}
			for n, row := range rows {
				config := b.baseConfig()
				config["identity"] = overlay(map[string]any{"preset": row.Preset}, row.Identity)
				if row.Token != nil {
					config = overlay(config, keysAt(signer.url(row.Token)))
				}
				middlewares[rowName(n)] = config
				if row.Group != "" {
					middlewares["allowed-"+rowName(n)] = overlay(config, allow(row.Group))
					middlewares["others-"+rowName(n)] = overlay(config, allow(row.Group+"s"))
				}
			}
			running := e.start(t, b.site.URL, middlewares)
			for n, row := range rows {
				t.Run(row.Preset+" "+row.Desc, func(t *testing.T) {
					b.clinic.Reset()
					fill := func(text string) string {
						return strings.ReplaceAll(text, "$ID", fmt.Sprint("r", n))
					}
					r := request{path: "/clinic", header: map[string][]string{}}
					for name, values := range row.Headers {
						for _, value := range values {
							r.header[name] = append(r.header[name], fill(value))
						}
					}
					if row.Token != nil {
						r.header[row.Token.Header] = []string{signer.sign(t, row.Token, fill)}
					}
					want := map[string]string{"type": "400"}
					for name, value := range row.Want {
						want[name] = fill(value)
					}
					got := running.send(t, rowName(n), r)
					require.Equal(t, http.StatusFound, got.status, got.body)
					calls := b.clinic.Requests()
					require.NotEmpty(t, calls)
					assert.Equal(t, want, calls[0].Fields)
					if row.Token != nil { // by another key, and without the token
						forged := newSigner(t).sign(t, row.Token, fill)
						r.header[row.Token.Header] = []string{forged}
						got = running.send(t, rowName(n), r)
						assert.Equal(t, "identity_refused", got.outcome(), "a forged token")
						delete(r.header, row.Token.Header)
						got = running.send(t, rowName(n), r)
						assert.Equal(t, "no_identity", got.outcome(), "no token")
						r.header[row.Token.Header] = []string{signer.sign(t, row.Token, fill)}
					}
					if row.Group == "" {
						return
					}
					got = running.send(t, "allowed-"+rowName(n), r)
					assert.Equal(t, http.StatusFound, got.status, "in the allowed group")
					got = running.send(t, "others-"+rowName(n), r)
					assert.Equal(t, "not_allowed", got.outcome(), "in another group")
				})
			}
		})
	}
}

// keysAt is the part of a configuration that says where the keys of tokens are.
func keysAt(address string) map[string]any {
	return map[string]any{"identity": map[string]any{"jwt": map[string]any{"jwksURL": address}}}
}

func allow(group string) map[string]any {
	return map[string]any{"identity": map[string]any{"allowedGroups": []string{group}}}
}

// TestPresetsThroughForwardAuth: what an auth layer answers to Traefik's forwardAuth, header by
// header, signs in as whom it says, though the browser claims to be another in every one of these
// headers.
func TestPresetsThroughForwardAuth(t *testing.T) {
	rows := load[sample](t, "presets.json")
	traefikOnly(t, func(t *testing.T, start func(*testing.T, map[string]any) *running) {
		b := newBench(t)
		layer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
			if err != nil || n >= len(rows) {
				http.NotFound(w, r)
				return
			}
			maps.Copy(w.Header(), rows[n].Headers)
		}))
		t.Cleanup(layer.Close)
		routers := map[string]any{
			probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
		}
		middlewares := map[string]any{}
		for n, row := range rows {
			if row.Token != nil {
				continue // signed, and by layers that stand in front
			}
			name := rowName(n)
			config := b.baseConfig()
			config["identity"] = overlay(map[string]any{"preset": row.Preset}, row.Identity)
			middlewares[name] = map[string]any{"plugin": map[string]any{"clinicpass": config}}
			middlewares["auth-"+name] = map[string]any{"forwardAuth": map[string]any{
				"address":             fmt.Sprint(layer.URL, "/", n),
				"authResponseHeaders": slices.Collect(maps.Keys(row.Headers)),
			}}
			routers[name] = map[string]any{
				"rule":        "Host(`" + name + "`)",
				"service":     "noop@internal",
				"middlewares": []string{"auth-" + name, name},
			}
		}
		running := start(t, map[string]any{
			"routers":     routers,
			"middlewares": middlewares,
			"services":    siteService(b.site.URL),
		})
		for n, row := range rows {
			if row.Token != nil {
				continue
			}
			t.Run(row.Preset+" "+row.Desc, func(t *testing.T) {
				b.clinic.Reset()
				claims := map[string][]string{}
				for name := range row.Headers {
					claims[name] = []string{"somebody.else@example.com"}
				}
				got := running.send(t, rowName(n), request{path: "/clinic", header: claims})
				calls := b.clinic.Requests()
				require.Equal(t, http.StatusFound, got.status, got.body)
				require.Len(t, calls, 1)
				want := maps.Clone(row.Want)
				want["type"] = "400"
				assert.Equal(t, want, calls[0].Fields)
			})
		}
	})
}
