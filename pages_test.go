package clinicpass

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func testPages(t *testing.T, contact string) *pages {
	t.Helper()
	c := CreateConfig()
	c.Pages.Contact = contact
	var found problems
	p := newPages(c, &found)
	if len(found.lines) > 0 {
		t.Fatal(found.lines)
	}
	return p
}

// TestEveryOutcomeHasItsPage: an outcome without a row in replies would be answered with status 0.
func TestEveryOutcomeHasItsPage(t *testing.T) {
	statuses := map[string]int{
		signedIn: 302, noIdentity: 401, identityRefused: 403, notAllowed: 403, methodRefused: 405, notANavigation: 403, tooMany: 429,
		credentialsRefused: 502, apiError: 502, apiUnavailable: 502, apiTimeout: 504, keysUnavailable: 503, clientClosed: 499,
	}
	if len(statuses) != len(replies) {
		t.Errorf("%d outcomes, %d replies", len(statuses), len(replies))
	}
	for outcome, status := range statuses {
		if replies[outcome].status != status {
			t.Errorf("%s: status %d, want %d", outcome, replies[outcome].status, status)
		}
	}
	for tag, l := range languages {
		for outcome := range statuses {
			if outcome != signedIn {
				checkPage(t, tag, l, outcome)
			}
		}
	}
}

// checkPage: the page has everything once, in its language, and nothing that must not be there.
func checkPage(t *testing.T, tag string, l *language, outcome string) {
	t.Helper()
	r := httptest.NewRequest("GET", "/clinic", nil)
	r.Header.Set("Accept-Language", tag)
	w := httptest.NewRecorder()
	testPages(t, "IT support, <room 5>").write(w, r, replies[outcome].status, &attempt{outcome: outcome, entry: &auditEntry{Ref: "0123456789"}, why: "secret reason"})
	body := html.UnescapeString(w.Body.String())
	text := l.pages[outcome]
	for _, part := range []string{text.title, text.text, text.advice, l.contact, l.reference} {
		if part == "" {
			t.Errorf("%s in %s: a text is missing", outcome, tag)
		}
	}
	if again := strings.Contains(body, "<a href=\"\">"+l.again+"</a>"); again != replies[outcome].again {
		t.Errorf("%s in %s: the page offers to try again: %v", outcome, tag, again)
	}
	if language := w.Header().Get("Content-Language"); language != tag {
		t.Errorf("%s in %s: the language is %q", outcome, tag, language)
	}
	for _, part := range []string{
		"<html lang=\"" + tag + "\">", "<h1>" + text.title + "</h1>", "<p>" + text.text + "</p>", "<p>" + text.advice + "</p>",
		l.contact + ": IT support, <room 5>", l.reference + ": 0123456789",
	} {
		if strings.Count(body, part) != 1 {
			t.Errorf("%s: the page has %q %d times", outcome, part, strings.Count(body, part))
		}
	}
	if strings.Contains(body, "<script") || strings.Contains(body, "secret reason") || strings.Contains(w.Body.String(), "<room 5>") {
		t.Errorf("%s: the page has what it must not have: %s", outcome, body)
	}
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	hash := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; "
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, want) {
		t.Errorf("%s: policy %q", outcome, policy)
	}
}

// TestFramePolicy: a failure page may stand in a frame where the clinic itself may.
func TestFramePolicy(t *testing.T) {
	for _, allowFrame := range []bool{false, true} {
		c := CreateConfig()
		c.Portal.AllowFrame = allowFrame
		if forbids := strings.Contains(newPages(c, &problems{}).policy, "; frame-ancestors 'none'"); forbids == allowFrame {
			t.Errorf("allowFrame %v: frames are forbidden: %v", allowFrame, forbids)
		}
	}
}

func TestProblemDetails(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/clinic", nil)
	r.Header.Set("Accept", "application/json")
	testPages(t, "").write(w, r, 503, &attempt{outcome: apiUnavailable, entry: &auditEntry{Ref: "0123456789"}, retryAfter: time.Second})
	var got map[string]interface{}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["status"] != 503.0 || got["outcome"] != apiUnavailable || got["reference"] != "0123456789" || got["title"] != english.pages[apiUnavailable].title {
		t.Errorf("got %v", got)
	}
	if contentType := w.Header().Get("Content-Type"); contentType != "application/problem+json" {
		t.Errorf("content type %q", contentType)
	}
}

func TestLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "*": "en", "en-US,en;q=0.9": "en", "es-MX,es;q=0.9,en;q=0.8": "es", "ES": "es", "vi": "vi", "vi-VN;q=1": "vi",
		"de-DE,de;q=0.9,vi;q=0.8,en;q=0.7": "vi", "fr": "en", ",,;q=1, es": "es", "esx": "en", strings.Repeat("x,", 100) + "es": "en",
	} {
		if got := languageFor(http.Header{"Accept-Language": {header}}).tag; got != want {
			t.Errorf("Accept-Language %q: %s, want %s", header, got, want)
		}
	}
}

func TestPrefersJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "text/html": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false,
		"application/json": true, "application/problem+json": true, "APPLICATION/JSON, text/plain, */*": true,
		"text/html, application/json;q=0.5": false, "application/json, text/html;q=0.5": true,
	} {
		if got := prefersJSON(http.Header{"Accept": {accept}}); got != want {
			t.Errorf("Accept %q: %v", accept, got)
		}
	}
}

func TestContact(t *testing.T) {
	for contact, want := range map[string]string{
		"":                            "",
		"IT support, room 5":          "<p>Contact: IT support, room 5</p>",
		"Phone: 555-0100":             "<p>Contact: Phone: 555-0100</p>",
		"tel:555-0100":                `<p>Contact: <a href="tel:555-0100">555-0100</a></p>`,
		"mailto:it@example.com?cc=x":  `<p>Contact: <a href="mailto:it@example.com?cc=x">it@example.com</a></p>`,
		"https://example.com/help?<>": `<p>Contact: <a href="https://example.com/help?%3c%3e">example.com/help</a></p>`,
	} {
		w := httptest.NewRecorder()
		testPages(t, contact).write(w, httptest.NewRequest("GET", "/clinic", nil), 401, &attempt{outcome: noIdentity, entry: &auditEntry{}})
		if body := w.Body.String(); !strings.Contains(body, want) || (want == "" && strings.Contains(body, "Contact")) {
			t.Errorf("contact %q: the page lacks %s: %s", contact, want, body)
		}
	}
}
