package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// behavior is a row of testdata/behavior.json: one request, what the API does, and what must come
// of it.
type behavior struct {
	Desc    string              `json:"desc"`
	Config  map[string]any      `json:"config"`  // laid over baseConfig
	Method  string              `json:"method"`  // GET when empty
	Path    string              `json:"path"`    // as it stands in the request
	Headers map[string][]string `json:"headers"` // defaultHeaders when absent
	Add     map[string]string   `json:"add"`     // to defaultHeaders
	Times   int                 `json:"times"`   // so often it is sent; the last answer counts
	Faults  []fault             `json:"faults"`
	Want    struct {
		Status   int               `json:"status"`
		Outcome  string            `json:"outcome"`
		Location string            `json:"location"`
		Header   map[string]string `json:"header"`
		Present  []string          `json:"present"` // header names
		Body     []string          `json:"body"`    // parts of the body; a single "" means no body
		Absent   []string          `json:"absent"`  // from the body
		Calls    int               `json:"calls"`   // requests that reached the API
		Sent     map[string]string `json:"sent"`    // the fields of the last of them
		Log      []string          `json:"log"`     // in new lines of the plugin's log
		Unlogged []string          `json:"unlogged"`
		Audit    map[string]any    `json:"audit"` // in the last audit entry
	} `json:"want"`
}

type fault struct {
	Status   int               `json:"status"`
	Header   map[string]string `json:"header"`
	Body     string            `json:"body"`
	Raw      string            `json:"raw"`
	Reset    bool              `json:"reset"`
	Truncate bool              `json:"truncate"`
	DelayMS  int               `json:"delayMs"`
	DripMS   int               `json:"dripMs"`
}

// bench is what a behavior needs beside the plugin.
type bench struct {
	clinic *vseetest.Server
	site   *httptest.Server
	other  *otherHost
	audit  string // file
}

// otherHost is where a redirect would take the credentials.
type otherHost struct {
	*httptest.Server
	requests chan string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{clinic: vseetest.NewServer(), audit: filepath.Join(t.TempDir(), "audit.jsonl")}
	t.Cleanup(func() {
		written.addTokens(b.clinic.Tokens())
		b.clinic.Close()
		audits, _ := filepath.Glob(b.audit + "*")
		for _, audit := range audits {
			if content, err := os.ReadFile(audit); err == nil {
				written.add(t.Name(), "an audit", string(content))
			}
		}
	})
	b.site = httptest.NewServer(site())
	t.Cleanup(b.site.Close)
	b.other = &otherHost{requests: make(chan string, 100)}
	note := func(_ http.ResponseWriter, r *http.Request) { b.other.requests <- r.URL.Path }
	b.other.Server = httptest.NewServer(http.HandlerFunc(note))
	t.Cleanup(b.other.Close)
	return b
}

// site is the hospital's existing site.
func site() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the site: %s %s", r.Method, r.RequestURI)
	})
}

// baseConfig is the smallest configuration that works, with a budget that keeps the tests short.
func (b *bench) baseConfig() map[string]any {
	return map[string]any{
		"portal": map[string]any{"url": b.clinic.Portal()},
		"api": map[string]any{
			"url":         b.clinic.API(),
			"accountCode": vseetest.AccountCode,
			"key":         vseetest.Key,
			"timeout":     "5s",
		},
		"identity": map[string]any{
			"preset":  "oauth2-proxy",
			"headers": map[string]any{"name": "X-Auth-Request-Name"},
		},
		"audit": map[string]any{"file": b.audit},
	}
}

func defaultHeaders(id string) map[string][]string {
	return map[string][]string{
		"X-Auth-Request-User":  {id},
		"X-Auth-Request-Name":  {"Jane Doe"},
		"X-Auth-Request-Email": {"jane.doe@example.com"},
	}
}

// overlay lays b over a, level by level. nil takes a key out, and the section with it when that
// leaves it empty.
func overlay(a, b map[string]any) map[string]any {
	merged := maps.Clone(a)
	for key, value := range b {
		old, wasSection := merged[key].(map[string]any)
		section, isSection := value.(map[string]any)
		if wasSection && isSection {
			value = overlay(old, section)
		}
		merged[key] = value
		if left, ok := value.(map[string]any); value == nil || (ok && len(left) == 0) {
			delete(merged, key)
		}
	}
	return merged
}

func load[T any](t *testing.T, file string) []T {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), "testdata", file))
	require.NoError(t, err)
	var rows []T
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&rows), file)
	require.NotEmpty(t, rows, file)
	return rows
}

func TestBehavior(t *testing.T) {
	rows := load[behavior](t, "behavior.json")
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			middlewares := map[string]map[string]any{}
			for n, row := range rows {
				middlewares[rowName(n)] = overlay(b.baseConfig(), row.Config)
			}
			running := e.start(t, b.site.URL, middlewares)
			for n, row := range rows {
				t.Run(row.Desc, func(t *testing.T) {
					row.check(t, b, running, rowName(n))
				})
			}
		})
	}
}

func rowName(n int) string { return fmt.Sprintf("row-%d", n) }

// check sends the row's request and compares everything that came of it.
func (row behavior) check(t *testing.T, b *bench, running *running, name string) {
	t.Helper()
	id := fmt.Sprintf("provider-%s", name)
	fill := strings.NewReplacer(
		"$ID", id,
		"$PORTAL", b.clinic.Portal(),
		"$API", b.clinic.API(),
		"$OTHER", b.other.URL+"/",
		"$LONG", strings.Repeat("x", 1025),
		"$10MB", `{"data":"`+strings.Repeat("x", 10<<20)+`"}`,
	).Replace
	b.clinic.Reset()
	b.clinic.Script(row.script(fill)...)
	logged := len(running.log())

	var got answer
	for range max(row.Times, 1) {
		got = running.send(t, name, row.request(id, fill))
	}

	assert.Equal(t, row.Want.Status, got.status, got.body)
	assert.Equal(t, row.Want.Outcome, got.outcome())
	if want := fill(row.Want.Location); want != "" {
		assert.Equal(t, want, hideToken(got.header.Get("Location"), b.clinic.Tokens()))
	}
	row.checkParts(t, got, fill)
	row.checkCalls(t, b, fill)
	row.checkLog(t, running, logged, fill)
	row.checkAudit(t, b, got)
}

func (row behavior) request(id string, fill func(string) string) request {
	r := request{method: row.Method, path: row.Path, header: map[string][]string{}}
	headers := row.Headers
	if headers == nil {
		headers = defaultHeaders(id)
	}
	for name, values := range headers {
		for _, value := range values {
			r.header[name] = append(r.header[name], fill(value))
		}
	}
	for name, value := range row.Add {
		r.header[name] = []string{fill(value)}
	}
	return r
}

func (row behavior) script(fill func(string) string) []vseetest.Fault {
	faults := []vseetest.Fault{}
	for _, f := range row.Faults {
		scripted := vseetest.Fault{
			Status:   f.Status,
			Header:   map[string]string{},
			Body:     fill(f.Body),
			Raw:      f.Raw,
			Reset:    f.Reset,
			Truncate: f.Truncate,
			Delay:    time.Duration(f.DelayMS) * time.Millisecond,
			Drip:     time.Duration(f.DripMS) * time.Millisecond,
		}
		for name, value := range f.Header {
			scripted.Header[name] = fill(value)
		}
		faults = append(faults, scripted)
	}
	return faults
}

func (row behavior) checkParts(t *testing.T, got answer, fill func(string) string) {
	t.Helper()
	for name, want := range row.Want.Header {
		assert.Equal(t, want, got.header.Get(name), name)
	}
	for _, name := range row.Want.Present {
		assert.NotEmpty(t, got.header.Get(name), name)
	}
	for _, part := range row.Want.Body {
		if part == "" {
			assert.Empty(t, got.body)
			continue
		}
		assert.Contains(t, got.body, fill(part))
	}
	for _, part := range row.Want.Absent {
		assert.NotContains(t, got.body, part)
	}
}

func (row behavior) checkCalls(t *testing.T, b *bench, fill func(string) string) {
	t.Helper()
	calls := b.clinic.Requests()
	assert.Len(t, calls, row.Want.Calls)
	select {
	case path := <-b.other.requests:
		assert.Fail(t, "A redirect was followed", path)
	default:
	}
	if row.Want.Sent == nil || len(calls) == 0 {
		return
	}
	last := calls[len(calls)-1]
	want := map[string]string{}
	for name, value := range row.Want.Sent {
		want[name] = fill(value)
	}
	assert.Equal(t, want, last.Fields)
	assert.Equal(t, "users/sso", last.Path)
	assert.Empty(t, last.Header.Get("Cookie"))
	assert.Empty(t, last.Header.Get("Authorization"))
}

func (row behavior) checkLog(
	t *testing.T, running *running, logged int, fill func(string) string,
) {
	t.Helper()
	for _, part := range row.Want.Log {
		running.waitForLog(t, logged, fill(part))
	}
	lines := pluginLines(running.log()[logged:])
	for _, part := range row.Want.Unlogged {
		assert.NotContains(t, lines, part)
	}
}

// pluginLines leaves out what Traefik itself logs at DEBUG.
func pluginLines(log string) string {
	lines := []string{}
	for line := range strings.Lines(log) {
		if strings.Contains(line, "clinicpass: ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func (row behavior) checkAudit(t *testing.T, b *bench, got answer) {
	t.Helper()
	if row.Want.Outcome == "" {
		return
	}
	entry := lastAudit(t, b.audit)
	want := map[string]any{"outcome": row.Want.Outcome, "clinic": vseetest.AccountCode}
	maps.Copy(want, row.Want.Audit)
	for key, value := range want {
		assert.Equal(t, value, entry[key], "%s in %v", key, entry)
	}
	for _, key := range []string{"time", "ref", "calls", "ms"} {
		assert.NotNil(t, entry[key], "%s in %v", key, entry)
	}
	if got.status >= 400 && got.body != "" {
		assert.Contains(t, got.body, fmt.Sprint(entry["ref"]))
	}
}

func lastAudit(t *testing.T, file string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	entry := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &entry))
	return entry
}

var tokenParameter = regexp.MustCompile(`sso_token=[0-9a-f]{32}`)

// hideToken replaces a token that was really minted.
func hideToken(location string, minted []string) string {
	for _, token := range minted {
		if strings.Contains(location, "sso_token="+token) {
			return tokenParameter.ReplaceAllString(location, "sso_token=$$TOKEN")
		}
	}
	return location
}
