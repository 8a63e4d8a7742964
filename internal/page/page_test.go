package page

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	escapes "html"
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

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// parsed returns the pages of a valid configuration.
func parsed(t *testing.T, c *config.Config) *Pages {
	t.Helper()
	p := &config.Problems{}
	pages := Parse(c, p)
	require.Empty(t, p.Lines)
	return pages
}

func testPages(t *testing.T, contact string) *Pages {
	t.Helper()
	c := config.Default()
	c.Pages.Contact = contact
	return parsed(t, c)
}

// failures returns the outcomes that have a page, from the source of package outcome: all except
// signed_in.
func failures(t *testing.T) []outcome.Outcome {
	t.Helper()
	files, err := filepath.Glob("../outcome/*.go")
	require.NoError(t, err)
	list := []outcome.Outcome{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		pattern := regexp.MustCompile(`(?m)^\t\w+ +Outcome += "(\w+)"`)
		for _, match := range pattern.FindAllStringSubmatch(string(content), -1) {
			if match[1] != "signed_in" {
				list = append(list, outcome.Outcome(match[1]))
			}
		}
	}
	require.Len(t, list, 12)
	return list
}

// in returns the texts for a language tag.
func in(t *testing.T, tag string) *language {
	t.Helper()
	l := languageFor(languages, http.Header{"Accept-Language": {tag}})
	require.Equal(t, tag, l.Tag)
	return l
}

// get requests the page of a result.
func get(pages *Pages, result *outcome.Result, name, value string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/clinic", nil)
	r.Header.Set(name, value)
	w := httptest.NewRecorder()
	Write(pages, w, r, result)
	return w
}

// TestEveryOutcomeHasItsPage in every language, and every language every label.
func TestEveryOutcomeHasItsPage(t *testing.T) {
	list := failures(t)
	for _, tag := range []string{"en", "es", "vi"} {
		t.Run(tag, func(t *testing.T) {
			assert.Equal(t, len(list), len(in(t, tag).pages), "pages")
			for name := range languages["en"].labels {
				assert.NotEmpty(t, in(t, tag).labels[name], name)
			}
			assert.Equal(t, len(languages["en"].labels), len(in(t, tag).labels), "labels")
			for _, name := range list {
				t.Run(string(name), func(t *testing.T) { checkPage(t, tag, name) })
			}
		})
	}
	assert.Equal(t, 3, len(languages))
}

// checkPage checks that the page has each part once, in its language, and nothing forbidden.
func checkPage(t *testing.T, tag string, name outcome.Outcome) {
	t.Helper()
	result := &outcome.Result{
		Time:     time.Date(2026, 11, 26, 14, 5, 59, 0, time.UTC),
		Outcome:  name,
		Ref:      "0123456789",
		Why:      "secret reason",
		Location: "secret location",
	}
	w := get(testPages(t, "IT support, <room 5>"), result, "Accept-Language", tag)
	l := in(t, tag)
	text := l.pages[name]
	for _, part := range []string{text.Title, text.Text, text.Advice} {
		assert.NotEmpty(t, part, "a text is missing")
		assert.NotContains(t, part, "{}")
	}
	assert.Equal(t, outcome.ReplyTo(name).Status, w.Code)
	assert.Equal(t, tag, w.Header().Get("Content-Language"))
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	body := escapes.UnescapeString(w.Body.String())
	for _, part := range []string{
		`<html lang="` + tag + `">`,
		"<title>" + text.Title + "</title>",
		"<h1>" + text.Title + "</h1>",
		"<p>" + text.Text + "</p>",
		"<p>" + text.Advice + "</p>",
		l.labels["contact"] + ": IT support, <room 5>",
		`<a href="/" target="_top">`,
	} {
		assert.Equal(t, 1, strings.Count(body, part), part)
	}
	reply := outcome.ReplyTo(name)
	help := "helpagain"
	if reply.Desk {
		help = "help"
	}
	home := "home"
	if name == outcome.NoIdentity {
		home = "signin"
	}
	for part, want := range map[string]bool{
		`<a href="">` + l.labels["again"] + "</a>":               reply.Again,
		`target="_top">` + l.labels[home] + "</a>":               true,
		"<p>" + l.labels[help] + "</p>":                          reply.Alarm,
		l.labels["reference"] + ": <code>0123456789</code>":      reply.Alarm,
		l.labels["time"] + ": <code>2026-11-26 14:05 UTC</code>": reply.Alarm,
		`class="ref"`:               reply.Alarm,
		l.labels["newtab"] + "</a>": false,
		"<script":                   false,
		"secret":                    false,
	} {
		assert.Equal(t, want, strings.Contains(body, part), part)
	}
	assert.NotContains(t, w.Body.String(), "<room 5>")
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	hash := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'; "
	sent := w.Header().Get("Content-Security-Policy")
	assert.True(t, strings.HasPrefix(sent, policy), "policy %q, style %q", sent, style)
}

// TestReference: the page shows the reference only if it is in the audit, or in the log at
// Traefik's default level.
func TestReference(t *testing.T) {
	for _, row := range []struct {
		desc, audit string
		outcome     outcome.Outcome
		shown       bool
	}{
		{desc: "logged", outcome: outcome.NotAllowed, shown: true},
		{desc: "logged and in the audit", outcome: outcome.NotAllowed, audit: "stdout", shown: true},
		{desc: "in the audit only", outcome: outcome.MethodRefused, audit: "stdout", shown: true},
		{desc: "method, nowhere", outcome: outcome.MethodRefused},
		{desc: "navigation, nowhere", outcome: outcome.NotANavigation},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			c.Audit.File = row.audit
			pages := parsed(t, c)
			result := &outcome.Result{Outcome: row.outcome, Ref: "0123456789"}
			for _, accept := range []string{"text/html", "application/json"} {
				body := get(pages, result, "Accept", accept).Body.String()
				assert.Equal(t, row.shown, strings.Contains(body, "0123456789"), accept)
				assert.Equal(t, row.shown, strings.Contains(strings.ToLower(body), `reference":`) ||
					strings.Contains(body, "Reference: "), accept)
			}
		})
	}
}

// TestFramePolicy: a page of the same origin may show a failure page in a frame. With allowFrame
// any page may.
func TestFramePolicy(t *testing.T) {
	for _, row := range []struct {
		desc       string
		allowFrame bool
		want       string // the end of the policy
	}{
		{desc: "frames forbidden", want: "; form-action 'none'; frame-ancestors 'self'"},
		{desc: "frames allowed", allowFrame: true, want: "; form-action 'none'"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			c.Portal.AllowFrame = row.allowFrame
			result := &outcome.Result{Outcome: outcome.NoIdentity}
			w := get(parsed(t, c), result, "Accept", "text/html")
			policy := w.Header().Get("Content-Security-Policy")
			assert.True(t, strings.HasSuffix(policy, row.want), policy)
			assert.Empty(t, w.Header().Get("X-Frame-Options"))
		})
	}
}

// TestNewTab: in a frame, the page has a link that opens the address in a new tab.
func TestNewTab(t *testing.T) {
	const link = `<a href="" target="_blank" rel="noopener">Open in a new tab</a>`
	for _, row := range []struct {
		desc, dest string
		want       bool
	}{
		{desc: "unknown", dest: ""},
		{desc: "tab", dest: "document"},
		{desc: "script", dest: "empty"},
		{desc: "image", dest: "image"},
		{desc: "iframe", dest: "iframe", want: true},
		{desc: "frame", dest: "frame", want: true},
		{desc: "embed", dest: "embed", want: true},
		{desc: "object", dest: "object", want: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			for _, name := range []outcome.Outcome{outcome.NotANavigation, outcome.APIError} {
				result := &outcome.Result{Outcome: name}
				body := get(testPages(t, ""), result, "Sec-Fetch-Dest", row.dest).Body.String()
				assert.Equal(t, row.want, strings.Contains(body, link), body)
			}
		})
	}
}

// TestWait: the page shows the seconds or minutes until the next try.
func TestWait(t *testing.T) {
	for _, row := range []struct {
		desc, tag string
		wait      time.Duration
		outcome   outcome.Outcome
		want      string
	}{
		{desc: "not known", tag: "en", outcome: outcome.TooMany, want: ""},
		{
			desc:    "less than a second",
			tag:     "en",
			wait:    time.Millisecond,
			outcome: outcome.TooMany,
			want:    "You can try again in 1 second.",
		},
		{
			desc:    "seconds are rounded up",
			tag:     "en",
			wait:    4001 * time.Millisecond,
			outcome: outcome.APIUnavailable,
			want:    "You can try again in 5 seconds.",
		},
		{
			desc:    "the most seconds",
			tag:     "en",
			wait:    119 * time.Second,
			outcome: outcome.KeysUnavailable,
			want:    "You can try again in 119 seconds.",
		},
		{
			desc:    "two minutes",
			tag:     "en",
			wait:    2 * time.Minute,
			outcome: outcome.APIUnavailable,
			want:    "You can try again in 2 minutes.",
		},
		{
			desc:    "minutes are rounded up",
			tag:     "en",
			wait:    121 * time.Second,
			outcome: outcome.APIUnavailable,
			want:    "You can try again in 3 minutes.",
		},
		{
			desc:    "Spanish second",
			tag:     "es",
			wait:    time.Second,
			outcome: outcome.TooMany,
			want:    "Puede intentarlo de nuevo en 1 segundo.",
		},
		{
			desc:    "Spanish seconds",
			tag:     "es",
			wait:    42 * time.Second,
			outcome: outcome.TooMany,
			want:    "Puede intentarlo de nuevo en 42 segundos.",
		},
		{
			desc:    "Vietnamese seconds",
			tag:     "vi",
			wait:    42 * time.Second,
			outcome: outcome.TooMany,
			want:    "Quý vị có thể thử lại sau 42 giây.",
		},
		{
			desc:    "Vietnamese minutes",
			tag:     "vi",
			wait:    10 * time.Minute,
			outcome: outcome.TooMany,
			want:    "Quý vị có thể thử lại sau 10 phút.",
		},
		{
			desc:    "where trying again cannot help",
			tag:     "en",
			wait:    time.Minute,
			outcome: outcome.CredentialsRefused,
			want:    "",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			result := &outcome.Result{Outcome: row.outcome, RetryAfter: row.wait}
			body := get(testPages(t, ""), result, "Accept-Language", row.tag).Body.String()
			advice := in(t, row.tag).pages[row.outcome].Advice
			want := "<p>" + advice + "</p>\n<p class=\"go\">"
			if row.want != "" {
				want = "<p>" + advice + "</p>\n<p>" + row.want + "</p>\n<p class=\"go\">"
			}
			assert.Contains(t, body, want)
		})
	}
}

func TestProblemDetails(t *testing.T) {
	result := &outcome.Result{
		Outcome:    outcome.APIUnavailable,
		Ref:        "0123456789",
		Why:        "secret reason",
		Location:   "secret location",
		RetryAfter: time.Second,
	}
	w := get(testPages(t, "IT support"), result, "Accept", "application/json")
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	assert.Equal(t, "en", w.Header().Get("Content-Language"))
	text := in(t, "en").pages[outcome.APIUnavailable]
	want := map[string]interface{}{
		"type":      "https://github.com/clinicpass/clinicpass#outcomes",
		"title":     text.Title,
		"status":    503.0,
		"detail":    text.Text + " " + text.Advice,
		"outcome":   "api_unavailable",
		"reference": "0123456789",
	}
	got := map[string]interface{}{}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	assert.Equal(t, want, got)
}

func TestPrefersJSON(t *testing.T) {
	for _, row := range []struct {
		desc, accept string
		want         bool
	}{
		{desc: "nothing", accept: ""},
		{desc: "anything", accept: "*/*"},
		{desc: "HTML", accept: "text/html"},
		{
			desc:   "browser",
			accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		},
		{desc: "JSON", accept: "application/json", want: true},
		{desc: "problem details", accept: "application/problem+json", want: true},
		{desc: "script library", accept: "APPLICATION/JSON, text/plain, */*", want: true},
		{desc: "HTML first", accept: "text/html, application/json;q=0.5"},
		{desc: "JSON first", accept: "application/json, text/html;q=0.5", want: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, prefersJSON(http.Header{"Accept": {row.accept}}))
		})
	}
	assert.False(t, prefersJSON(http.Header{}))
}
