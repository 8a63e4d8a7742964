package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// identityGroup is what testdata/identity/*.json list: rows that differ in little.
type identityGroup struct {
	About string        `json:"about"`
	Rows  []identityRow `json:"rows"`
	identityInput
}

type identityRow struct {
	Desc string `json:"desc"`
	identityInput

	id string // what $ID stands for
}

// identityInput is what an auth layer is configured for and sends, and what must come of it. A row
// is laid over its group.
type identityInput struct {
	Identity  map[string]any    `json:"identity"` // the section
	Headers   map[string]any    `json:"headers"`  // a text, or a list of texts for several lines
	Token     map[string]any    `json:"token"`    // laid over baseToken; one more header
	Keys      []any             `json:"keys"`     // the issuer's; the token's key when absent
	Set       map[string]any    `json:"set"`      // beside the keys
	Principal map[string]any    `json:"principal"`
	Want      map[string]string `json:"want"` // see wantedMembers
	Log       string            `json:"log"`  // in new lines of the plugin's log
}

// wantedMembers are the outcome, signed_in when absent; a part of the configuration error that must
// be logged; and fields that VSee gets of those who are signed in.
var wantedMembers = []string{"outcome", "config", "code", "first_name", "last_name", "email"}

// over lays a row over its group. nil takes a member out.
func (row identityRow) over(group identityGroup) identityRow {
	laid := row
	laid.Headers = layers(group.Headers, row.Headers)
	laid.Identity = layers(group.Identity, row.Identity)
	if group.Token != nil || row.Token != nil {
		laid.Token = layers(baseToken(), group.Token, row.Token)
		laid.Identity = layers(tokenIdentity(), group.Identity, row.Identity)
	}
	if row.Keys == nil {
		laid.Keys = group.Keys
	}
	if laid.Keys == nil && laid.Token != nil {
		laid.Keys = []any{tokenKey(laid.Token)}
	}
	if group.Principal != nil || row.Principal != nil {
		laid.Principal = layers(group.Principal, row.Principal)
	}
	laid.Want = map[string]string{"outcome": "signed_in"}
	maps.Copy(laid.Want, group.Want)
	maps.Copy(laid.Want, row.Want)
	if row.Log == "" {
		laid.Log = group.Log
	}
	return laid
}

// layers lays each map over those before it.
func layers(maps ...map[string]any) map[string]any {
	laid := map[string]any{}
	for _, layer := range maps {
		laid = overlay(laid, layer)
	}
	return laid
}

// identityFile is the rows of one file, each laid over its group.
type identityFile struct {
	name string
	rows []identityRow
}

func loadIdentityFiles(t *testing.T) []identityFile {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(traefik.Root(), "testdata", "identity", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	files := []identityFile{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		decoder := json.NewDecoder(bytes.NewReader(content))
		decoder.DisallowUnknownFields()
		decoder.UseNumber() // a number is signed as it stands
		groups := []identityGroup{}
		require.NoError(t, decoder.Decode(&groups), path)
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		file := identityFile{name: name}
		for _, group := range groups {
			require.NotEmpty(t, group.About, path)
			require.NotEmpty(t, group.Rows, "%s: %s", path, group.About)
			for _, row := range group.Rows {
				require.NotEmpty(t, row.Desc, "%s: %s", path, group.About)
				laid := row.over(group)
				laid.id = name + "-" + strconv.Itoa(len(file.rows))
				for member := range laid.Want {
					require.Contains(t, wantedMembers, member, row.Desc)
				}
				file.rows = append(file.rows, laid)
			}
		}
		files = append(files, file)
	}
	return files
}

// TestIdentityRows: whatever form an auth layer gives to an identity, the right person signs in, or
// nobody.
func TestIdentityRows(t *testing.T) {
	files := loadIdentityFiles(t)
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			issuers := serveKeys(t, files)
			middlewares := map[string]map[string]any{}
			for _, file := range files {
				for _, row := range file.rows {
					middlewares[row.id] = row.config(t, b, issuers)
				}
			}
			running := e.start(t, b.site.URL, middlewares)
			for _, file := range files {
				t.Run(file.name, func(t *testing.T) {
					for _, row := range file.rows {
						t.Run(row.Desc, func(t *testing.T) { row.check(t, b, running) })
					}
				})
			}
		})
	}
}

// config is the configuration of the row's middleware. issuers is the address of serveKeys.
func (row identityRow) config(t *testing.T, b *bench, issuers string) map[string]any {
	t.Helper()
	fill := strings.NewReplacer(
		"$JWKS", issuers+"/"+row.id+keySetPath,
		"$KEYS", issuers+"/"+row.id,
	).Replace
	section, ok := expand(row.Identity, fill).(map[string]any)
	require.True(t, ok)
	config := b.baseConfig()
	config["identity"] = section
	return config
}

// check sends the row's request and compares what VSee got.
func (row identityRow) check(t *testing.T, b *bench, running *running) {
	t.Helper()
	b.clinic.Reset()
	logged := len(running.log())
	got := running.send(t, row.id, row.request(t))

	if want := row.Want["config"]; want != "" {
		assert.Equal(t, http.StatusNotFound, got.status, "the configuration is not refused")
		assert.Contains(t, strings.Join(mistakesOf(running.log(), row.id), "\n"), want)
		return
	}
	if !assert.NotEqual(t, http.StatusNotFound, got.status, "the configuration is refused") {
		t.Log(mistakesOf(running.log(), row.id))
		return
	}
	asWanted := assert.Equal(t, row.Want["outcome"], got.outcome())
	if asWanted && got.outcome() == "signed_in" {
		assert.Equal(t, row.wantedFields(), row.sentFields(t, b))
	}
	if row.Log != "" {
		running.waitForLog(t, logged, row.Log)
	}
	if t.Failed() {
		t.Log(pluginLines(running.log()[logged:]))
	}
}

func (row identityRow) request(t *testing.T) request {
	t.Helper()
	r := request{path: "/clinic", header: map[string][]string{}}
	for name, value := range row.Headers {
		lines, several := value.([]any)
		if !several {
			lines = []any{value}
		}
		for _, line := range lines {
			text, ok := line.(string)
			require.True(t, ok, "header %s", name)
			r.header[name] = append(r.header[name], unescape(row.fill(text)))
		}
	}
	if row.Token != nil {
		name, value := row.signedHeader(t)
		r.header[name] = []string{value}
	}
	if row.Principal != nil {
		r.header["X-Ms-Client-Principal"] = []string{row.principalHeader(t)}
	}
	return r
}

// fill fills in what may stand in headers, tokens, principals and wanted fields.
func (row identityRow) fill(text string) string {
	return strings.NewReplacer(
		"$ID", row.id,
		"$LONG", strings.Repeat("group-with-a-long-name,", 400),
	).Replace(text)
}

var escapedByte = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// unescape puts the byte in the place of \xHH, which JSON cannot hold.
func unescape(text string) string {
	return escapedByte.ReplaceAllStringFunc(text, func(escaped string) string {
		value, _ := strconv.ParseUint(escaped[2:], 16, 8)
		return string([]byte{byte(value)})
	})
}

func (row identityRow) wantedFields() map[string]string {
	fields := map[string]string{}
	for name, value := range row.Want {
		if name != "outcome" {
			fields[name] = row.fill(value)
		}
	}
	return fields
}

// sentFields are those of the wanted fields that VSee got.
func (row identityRow) sentFields(t *testing.T, b *bench) map[string]string {
	t.Helper()
	fields := map[string]string{}
	calls := b.clinic.Requests()
	if !assert.NotEmpty(t, calls, "no request reached the API") {
		return fields
	}
	last := calls[len(calls)-1]
	assert.Equal(t, "users/sso", last.Path)
	for name := range row.wantedFields() {
		fields[name] = last.Fields[name]
	}
	return fields
}
