package page

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	_ "github.com/clinicpass/clinicpass/internal/config/configtest"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

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
			l := languageFor(languages, http.Header{"Accept-Language": {row.header}})
			assert.Equal(t, row.want, l.Tag)
		})
	}
	assert.Equal(t, "en", languageFor(languages, http.Header{}).Tag)
}

// withTexts returns a configuration with own texts in a file.
func withTexts(t *testing.T, content string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "texts.json")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	c := config.Default()
	c.Pages.Texts = "file:" + file
	return c
}

// TestOwnTexts: the operator's texts replace the built-in ones, and nothing else changes.
func TestOwnTexts(t *testing.T) {
	pages := parsed(t, withTexts(t, `{
		"en": {
			"not_allowed": {"title": "Access <needed>", "advice": "Ask the \u0022unit\u0022."},
			"api_error": {"text": "Use the phone."}
		},
		"vi": {"not_allowed": {"title": "Xin chào"}},
		"es": {}
	}`))
	for _, row := range []struct {
		desc, tag string
		outcome   outcome.Outcome
		want      words
	}{
		{
			desc:    "title and advice",
			tag:     "en",
			outcome: outcome.NotAllowed,
			want: words{
				Title:  "Access <needed>",
				Text:   in(t, "en").pages[outcome.NotAllowed].Text,
				Advice: `Ask the "unit".`,
			},
		},
		{
			desc:    "text",
			tag:     "en",
			outcome: outcome.APIError,
			want: words{
				Title:  in(t, "en").pages[outcome.APIError].Title,
				Text:   "Use the phone.",
				Advice: in(t, "en").pages[outcome.APIError].Advice,
			},
		},
		{
			desc:    "another outcome",
			tag:     "en",
			outcome: outcome.TooMany,
			want:    in(t, "en").pages[outcome.TooMany],
		},
		{
			desc:    "another language",
			tag:     "vi",
			outcome: outcome.NotAllowed,
			want: words{
				Title:  "Xin chào",
				Text:   in(t, "vi").pages[outcome.NotAllowed].Text,
				Advice: in(t, "vi").pages[outcome.NotAllowed].Advice,
			},
		},
		{
			desc:    "a language without own texts",
			tag:     "es",
			outcome: outcome.NotAllowed,
			want:    in(t, "es").pages[outcome.NotAllowed],
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			result := &outcome.Result{Outcome: row.outcome}
			body := get(pages, result, "Accept-Language", row.tag).Body.String()
			escape := strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")
			assert.Contains(t, body, "<h1>"+escape.Replace(row.want.Title)+"</h1>")
			assert.Contains(t, body, "<p>"+escape.Replace(row.want.Text)+"</p>")
			assert.Contains(t, body, "<p>"+escape.Replace(row.want.Advice)+"</p>")
		})
	}
	result := &outcome.Result{Outcome: outcome.NotAllowed}
	got := map[string]interface{}{}
	answer := get(pages, result, "Accept", "application/json").Body.Bytes()
	require.NoError(t, json.Unmarshal(answer, &got))
	assert.Equal(t, "Access <needed>", got["title"])
	text := in(t, "en").pages[outcome.NotAllowed].Text
	assert.Equal(t, text+` Ask the "unit".`, got["detail"])
	assert.NotEqual(t, "Access <needed>", in(t, "en").pages[outcome.NotAllowed].Title,
		"the texts of one configuration must not reach another")
}

func TestOwnTextsRefused(t *testing.T) {
	long := strings.Repeat("x", 501)
	for _, row := range []struct {
		desc, content string
		want          []string
	}{
		{desc: "empty", content: "\n", want: []string{"cannot be used: the file "}},
		{desc: "no JSON", content: "s3cret", want: []string{"the file is not valid JSON"}},
		{desc: "list", content: `[]`, want: []string{"the file must be of the form"}},
		{
			desc:    "number",
			content: `{"en": {"not_allowed": {"title": 53737}}}`,
			want:    []string{"the file must be of the form"},
		},
		{
			desc:    "too few levels",
			content: `{"en": {"not_allowed": "s3cret"}}`,
			want:    []string{"the file must be of the form"},
		},
		{
			desc:    "too long",
			content: `{"en": {"not_allowed": {"title": "x"}}}` + strings.Repeat(" ", 64<<10),
			want:    []string{"the file has over 64 KiB"},
		},
		{
			desc:    "language",
			content: `{"fr": {"not_allowed": {"title": "s3cret"}}}`,
			want:    []string{"fr is not a known language; use en, es or vi"},
		},
		{
			desc:    "outcome",
			content: `{"en": {"signed_in": {"title": "s3cret"}}}`,
			want:    []string{"en.signed_in is not a known outcome; docs/pages.md lists them"},
		},
		{
			desc:    "field",
			content: `{"en": {"not_allowed": {"titel": "s3cret"}}}`,
			want: []string{
				"en.not_allowed.titel is not a known text; use title, text or advice",
			},
		},
		{
			desc:    "only spaces",
			content: `{"es": {"not_allowed": {"title": " "}}}`,
			want:    []string{"es.not_allowed.title is empty"},
		},
		{
			desc:    "null",
			content: `{"es": {"not_allowed": {"title": null}}}`,
			want:    []string{"es.not_allowed.title is empty"},
		},
		{
			desc:    "long text",
			content: `{"en": {"not_allowed": {"text": "` + long + `"}}}`,
			want:    []string{"en.not_allowed.text has over 500 bytes"},
		},
		{
			desc:    "line break",
			content: `{"en": {"not_allowed": {"text": "s3\ncret"}}}`,
			want:    []string{"en.not_allowed.text has a line break"},
		},
		{
			desc:    "name that would be two lines",
			content: `{"a\nportal.url: b": {}}`,
			want:    []string{`a\nportal.url: b is not a known language`},
		},
		{
			desc:    "long name",
			content: `{"` + long + `": {}}`,
			want:    []string{strings.Repeat("x", 40) + " is not a known language"},
		},
		{
			desc: "several, in order",
			content: `{"fr": {}, "en": {"x": {}, "not_allowed": {"b": "", "a": "s3cret"}},
				"de": {}}`,
			want: []string{
				"de is not a known language",
				"en.not_allowed.a is not a known text",
				"en.not_allowed.b is empty",
				"en.not_allowed.b is not a known text",
				"en.x is not a known outcome",
				"fr is not a known language",
			},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			p := &config.Problems{}
			Parse(withTexts(t, row.content), p)
			require.Len(t, p.Lines, len(row.want), "%q", p.Lines)
			for i, want := range row.want {
				begins := strings.HasPrefix(p.Lines[i], "pages.texts: "+want)
				assert.True(t, begins, "%q instead of %q", p.Lines[i], want)
				assert.NotContains(t, p.Lines[i], "s3cret")
				assert.NotContains(t, p.Lines[i], "53737")
				assert.NotContains(t, p.Lines[i], "\n")
			}
		})
	}
}

// TestOwnTextsLimits: a file and a text of maximum size are accepted.
func TestOwnTextsLimits(t *testing.T) {
	text := `{"en": {"not_allowed": {"text": "` + strings.Repeat("x", 500) + `"}}}`
	parsed(t, withTexts(t, text+strings.Repeat(" ", 64<<10-len(text))))
}

// TestOwnTextsSource: the texts come from a file that Traefik's operator allows.
func TestOwnTextsSource(t *testing.T) {
	for _, row := range []struct{ desc, source, want string }{
		{desc: "literal", source: "{}", want: "must be file:PATH"},
		{desc: "variable", source: "env:VSEE_TEXTS", want: "must be file:PATH"},
		{desc: "path alone", source: "/run/secrets/texts.json", want: "must be file:PATH"},
		{
			desc:   "folder that is not allowed",
			source: "file:/proc/self/environ",
			want:   "cannot be used: /proc/self/environ is in none of the directories",
		},
		{
			desc:   "no file",
			source: "file:" + os.TempDir() + "/clinicpass-missing.json",
			want:   "cannot be used: stat ",
		},
		{desc: "folder", source: "file:" + os.TempDir(), want: "cannot be used: "},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := config.Default()
			c.Pages.Texts = row.source
			p := &config.Problems{}
			Parse(c, p)
			require.Len(t, p.Lines, 1)
			assert.Contains(t, p.Lines[0], "pages.texts: "+row.want)
		})
	}
}

// TestDocumentedTexts: the example in docs/pages.md is valid, and its table has the titles.
func TestDocumentedTexts(t *testing.T) {
	content, err := os.ReadFile("../../docs/pages.md")
	require.NoError(t, err)
	_, example, _ := strings.Cut(string(content), "```json\n")
	example, _, found := strings.Cut(example, "```")
	require.True(t, found, "no example")
	pages := parsed(t, withTexts(t, example))
	for _, tag := range []string{"en", "es", "vi"} {
		own := pages.languages[tag].pages[outcome.NotAllowed]
		assert.NotEqual(t, in(t, tag).pages[outcome.NotAllowed], own, tag)
	}
	for _, name := range failures(t) {
		row := "| `" + string(name) + "` | " + in(t, "en").pages[name].Title + " | "
		assert.Equal(t, 1, strings.Count(string(content), row), row)
	}
	for _, contact := range []string{
		"IT support, extension 5555",
		"tel:+1-555-0100",
		"mailto:it@hospital.example.com",
		"https://it.hospital.example.com/help",
		"Service desk <https://it.hospital.example.com/help>",
	} {
		assert.Contains(t, string(content), "`"+contact+"`")
		testPages(t, contact)
	}
}
