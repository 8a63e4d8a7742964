// Package page writes what somebody sees when a sign-in fails.
package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

const maxContact = 200 // bytes

// Pages are the failure pages of one configuration.
type Pages struct {
	contactText string
	contactLink string // "" for a contact that is only text
	policy      string // Content-Security-Policy
	audited     bool   // every answer's reference is in the audit
}

const pageStyle = `:root{color-scheme:light dark;font:1.125rem/1.5 system-ui,sans-serif}` +
	`body{margin:0;padding:10vh 1.5rem 2rem;overflow-wrap:anywhere;color:#1c2530;background:#f6f8fa}` +
	`main{max-width:34rem;margin:auto}h1{font-size:1.6rem;line-height:1.25}a{color:#0b5cad}` +
	`.ref{font-size:.9rem;color:#4a5563}` +
	`@media(prefers-color-scheme:dark){body{color:#e8edf2;background:#14181d}` +
	`a{color:#8ec5ff}.ref{color:#b4bec9}}`

// An empty href is the page's own address, so "Try again" can lead nowhere else.
var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Language.Tag}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Words.Title}}</title>
<style>` + pageStyle + `</style>
</head>
<body>
<main>
<h1>{{.Words.Title}}</h1>
<p>{{.Words.Text}}</p>
<p>{{.Words.Advice}}</p>
{{if .Again}}<p><a href="">{{.Language.Again}}</a></p>
{{end}}{{with .ContactText}}<p>{{$.Language.Contact}}: {{if $.ContactLink -}}
<a href="{{$.ContactLink}}">{{.}}</a>{{else}}{{.}}{{end}}</p>
{{end}}{{with .Ref}}<p class="ref">{{$.Language.Reference}}: {{.}}</p>
{{end}}</main>
</body>
</html>
`))

// Parse checks the section pages. The contact is a text, or a mailto:, tel: or https: link, which
// shows without its scheme.
func Parse(c *config.Config, p *config.Problems) *Pages {
	styleHash := sha256.Sum256([]byte(pageStyle))
	pages := &Pages{audited: c.Audit.File != "", policy: "default-src 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(styleHash[:]) + "'; base-uri 'none'; form-action 'none'"}
	if !c.Portal.AllowFrame {
		pages.policy += "; frame-ancestors 'none'"
	}
	contact := strings.TrimSpace(c.Pages.Contact)
	oneLine := len(contact) <= maxContact && strings.IndexFunc(contact, unicode.IsControl) < 0
	p.Require(oneLine, "pages.contact", "must be one line of at most %d bytes", maxContact)
	pages.contactText = contact
	for _, scheme := range []string{"mailto:", "tel:", "https://"} {
		if text, isLink := strings.CutPrefix(contact, scheme); isLink {
			pages.contactText, _, _ = strings.Cut(text, "?")
			pages.contactLink = contact
			p.Require(pages.contactText != "" && !strings.Contains(text, " "), "pages.contact",
				"is not a complete link: no blanks, and something after %s", scheme)
		}
	}
	unsafe := strings.HasPrefix(contact, "http:") || strings.HasPrefix(contact, "javascript:")
	p.Require(!unsafe, "pages.contact", "must be a text or a mailto:, tel: or https: link")
	return pages
}

// Write answers with problem details where the client prefers JSON, else with a page.
func Write(p *Pages, w http.ResponseWriter, r *http.Request, result *outcome.Result) {
	l := languageFor(r.Header)
	text := l.pages[result.Outcome]
	w.Header().Set("Content-Language", l.Tag)
	var body []byte
	var err error
	if prefersJSON(r.Header) {
		w.Header().Set("Content-Type", "application/problem+json")
		details := map[string]interface{}{ // RFC 9457, and two members of our own
			"type": "https://github.com/clinicpass/clinicpass#outcomes", "title": text.Title,
			"status": outcome.Status(result), "detail": text.Text + " " + text.Advice,
			"outcome": string(result.Outcome),
		}
		if ref := refOf(p, result); ref != "" {
			details["reference"] = ref
		}
		body, err = json.Marshal(details)
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", p.policy)
		body, err = html(p, l, text, result)
	}
	if err != nil {
		logs.Error("the page for " + string(result.Outcome) + " failed: " + err.Error())
		body = []byte(text.Title)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(outcome.Status(result))
	_, _ = w.Write(body)
}

// refOf returns the reference where somebody who is told it can find it, in Traefik's log at its
// default level or in the audit, else "".
func refOf(p *Pages, result *outcome.Result) string {
	if p.audited || outcome.ReplyTo(result.Outcome).Alarm {
		return result.Ref
	}
	return ""
}

func html(p *Pages, l *language, text words, result *outcome.Result) ([]byte, error) {
	var buffer bytes.Buffer
	err := pageTemplate.Execute(&buffer, map[string]interface{}{
		"Language": l, "Words": text, "Again": outcome.ReplyTo(result.Outcome).Again,
		"ContactText": p.contactText, "Ref": refOf(p, result),
		"ContactLink": template.URL(p.contactLink), //nolint:gosec // checked by Parse
	})
	return buffer.Bytes(), err
}

// prefersJSON reports whether the Accept header names JSON and does not name HTML before it.
func prefersJSON(h http.Header) bool {
	beforeJSON, _, named := strings.Cut(strings.ToLower(h.Get("Accept")), "json")
	return named && !strings.Contains(beforeJSON, "html")
}
