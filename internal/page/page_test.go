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

func testPages(t *testing.T, contact string) *Pages {
	t.Helper()
	c := config.Default()
	c.Pages.Contact = contact
	p := &config.Problems{}
	pages := Parse(c, p)
	require.Empty(t, p.Lines)
	return pages
}

// failures returns the outcomes that have a page, as the source of package outcome names them: all
// but signed_in.
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
	l := languageFor(http.Header{"Accept-Language": {tag}})
	require.Equal(t, tag, l.Tag)
	return l
}

// get asks for the page of a result.
func get(pages *Pages, result *outcome.Result, name, value string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/clinic", nil)
	r.Header.Set(name, value)
	w := httptest.NewRecorder()
	Write(pages, w, r, result)
	return w
}

// TestEveryOutcomeHasItsPage in every language.
func TestEveryOutcomeHasItsPage(t *testing.T) {
	list := failures(t)
	for _, tag := range []string{"en", "es", "vi"} {
		t.Run(tag, func(t *testing.T) {
			assert.Equal(t, len(list), len(in(t, tag).pages), "pages")
			for _, name := range list {
				t.Run(string(name), func(t *testing.T) { checkPage(t, tag, name) })
			}
		})
	}
}

// checkPage: the page has everything once, in its language, and nothing that must not be there.
func checkPage(t *testing.T, tag string, name outcome.Outcome) {
	t.Helper()
	result := &outcome.Result{
		Outcome:  name,
		Ref:      "0123456789",
		Why:      "secret reason",
		Location: "secret location",
	}
	w := get(testPages(t, "IT support, <room 5>"), result, "Accept-Language", tag)
	l := in(t, tag)
	text := l.pages[name]
	for _, part := range []string{
		text.Title, text.Text, text.Advice, l.Again, l.Contact, l.Reference,
	} {
		assert.NotEmpty(t, part, "a text is missing")
	}
	assert.Equal(t, outcome.ReplyTo(name).Status, w.Code)
	assert.Equal(t, tag, w.Header().Get("Content-Language"))
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	body := escapes.UnescapeString(w.Body.String())
	again := strings.Contains(body, `<a href="">`+l.Again+"</a>")
	assert.Equal(t, outcome.ReplyTo(name).Again, again, "the page offers to try again")
	for _, part := range []string{
		`<html lang="` + tag + `">`,
		"<title>" + text.Title + "</title>",
		"<h1>" + text.Title + "</h1>",
		"<p>" + text.Text + "</p>",
		"<p>" + text.Advice + "</p>",
		l.Contact + ": IT support, <room 5>",
	} {
		assert.Equal(t, 1, strings.Count(body, part), part)
	}
	logged := outcome.ReplyTo(name).Alarm
	assert.Equal(t, logged, strings.Contains(body, l.Reference+": 0123456789"), "reference")
	assert.Equal(t, logged, strings.Contains(body, `class="ref"`), "an empty reference")
	assert.NotContains(t, body, "<script")
	assert.NotContains(t, body, "secret")
	assert.NotContains(t, w.Body.String(), "<room 5>")
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	hash := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'; "
	sent := w.Header().Get("Content-Security-Policy")
	assert.True(t, strings.HasPrefix(sent, policy), "policy %q, style %q", sent, style)
}

// TestReference: it is shown where it can be found, in the audit or in the log at Traefik's default
// level.
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
			p := &config.Problems{}
			pages := Parse(c, p)
			require.Empty(t, p.Lines)
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

// TestFramePolicy: a failure page may stand in a frame where the clinic itself may.
func TestFramePolicy(t *testing.T) {
	for _, row := range []struct {
		desc       string
		allowFrame bool
	}{
		{desc: "frames forbidden"},
		{desc: "frames allowed", allowFrame: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			c.Portal.AllowFrame = row.allowFrame
			p := &config.Problems{}
			pages := Parse(c, p)
			require.Empty(t, p.Lines)
			result := &outcome.Result{Outcome: outcome.NoIdentity}
			w := get(pages, result, "Accept", "text/html")
			policy := w.Header().Get("Content-Security-Policy")
			assert.NotEmpty(t, policy)
			forbids := strings.Contains(policy, "; frame-ancestors 'none'")
			assert.Equal(t, !row.allowFrame, forbids, policy)
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

func TestLanguage(t *testing.T) {
	for _, row := range []struct{ desc, header, want string }{
		{desc: "nothing", header: "", want: "en"},
		{desc: "any", header: "*", want: "en"},
		{desc: "English", header: "en-US,en;q=0.9", want: "en"},
		{desc: "Spanish", header: "es-MX,es;q=0.9,en;q=0.8", want: "es"},
		{desc: "capitals", header: "ES", want: "es"},
		{desc: "Vietnamese", header: "vi", want: "vi"},
		{desc: "region and quality", header: "vi-VN;q=1", want: "vi"},
		{desc: "the third", header: "de-DE,de;q=0.9,vi;q=0.8,en;q=0.7", want: "vi"},
		{desc: "none of ours", header: "fr", want: "en"},
		{desc: "empty items", header: ",,;q=1, es", want: "es"},
		{desc: "longer tag", header: "esx", want: "en"},
		{desc: "too many", header: strings.Repeat("x,", 100) + "es", want: "en"},
		{desc: "the twentieth", header: strings.Repeat("x,", 19) + "es", want: "es"},
		{desc: "the twenty-first", header: strings.Repeat("x,", 20) + "es", want: "en"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			l := languageFor(http.Header{"Accept-Language": {row.header}})
			assert.Equal(t, row.want, l.Tag)
		})
	}
	assert.Equal(t, "en", languageFor(http.Header{}).Tag)
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

func TestContact(t *testing.T) {
	for _, row := range []struct{ desc, contact, want string }{
		{desc: "nothing"},
		{desc: "blanks", contact: "  "},
		{
			desc:    "text",
			contact: "IT support, room 5",
			want:    "<p>Contact: IT support, room 5</p>",
		},
		{
			desc:    "text with a colon",
			contact: "Phone: 555-0100",
			want:    "<p>Contact: Phone: 555-0100</p>",
		},
		{
			desc:    "telephone",
			contact: "tel:555-0100",
			want:    `<p>Contact: <a href="tel:555-0100">555-0100</a></p>`,
		},
		{
			desc:    "e-mail",
			contact: " mailto:it@example.com?cc=x ",
			want:    `<p>Contact: <a href="mailto:it@example.com?cc=x">it@example.com</a></p>`,
		},
		{
			desc:    "link",
			contact: "https://example.com/help?<>",
			want: `<p>Contact: ` +
				`<a href="https://example.com/help?%3c%3e">example.com/help</a></p>`,
		},
		{
			desc:    "the longest text",
			contact: strings.Repeat("x", 200),
			want:    "<p>Contact: " + strings.Repeat("x", 200) + "</p>",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			result := &outcome.Result{Outcome: outcome.NoIdentity}
			body := get(testPages(t, row.contact), result, "Accept", "text/html").Body.String()
			if row.want == "" {
				assert.NotContains(t, body, "Contact")
			} else {
				assert.Contains(t, body, row.want)
			}
		})
	}
}

func TestContactRefused(t *testing.T) {
	for _, row := range []struct{ desc, contact, want string }{
		{desc: "two lines", contact: "IT\nsupport", want: "must be one line"},
		{desc: "too long", contact: strings.Repeat("x", 201), want: "must be one line"},
		{desc: "no address", contact: "mailto:", want: "is not a complete link"},
		{desc: "no number", contact: "tel:?x", want: "is not a complete link"},
		{desc: "blank in a link", contact: "https://example.com/ a", want: "is not a complete"},
		{desc: "http", contact: "http://example.com/help", want: "must be a text or a mailto:"},
		{desc: "script", contact: "javascript:alert(1)", want: "must be a text or a mailto:"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			c.Pages.Contact = row.contact
			p := &config.Problems{}
			Parse(c, p)
			require.Len(t, p.Lines, 1)
			assert.Contains(t, p.Lines[0], "pages.contact: "+row.want)
		})
	}
}
