package clinicpass

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
)

const maxContact = 200 // bytes

// pages writes what a provider sees when the sign-in fails.
type pages struct {
	contactText string
	contactLink string // "" for a contact that is only text
	policy      string // Content-Security-Policy
}

// page is what the template shows.
type page struct {
	Lang                string
	Title, Text, Advice string
	Again               string // the link's text; "" for no link
	Contact, Reference  string // labels
	ContactText         string
	ContactLink         template.URL
	Ref                 string
}

const pageStyle = `:root{color-scheme:light dark;font:1.125rem/1.5 system-ui,sans-serif}` +
	`body{margin:0;padding:10vh 1.5rem 2rem;overflow-wrap:anywhere;color:#1c2530;background:#f6f8fa}` +
	`main{max-width:34rem;margin:auto}h1{font-size:1.6rem;line-height:1.25}a{color:#0b5cad}` +
	`.ref{font-size:.9rem;color:#4a5563}` +
	`@media(prefers-color-scheme:dark){body{color:#e8edf2;background:#14181d}a{color:#8ec5ff}.ref{color:#b4bec9}}`

// An empty href is the page's own address, so "Try again" can lead nowhere else.
var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>` + pageStyle + `</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
<p>{{.Advice}}</p>
{{with .Again}}<p><a href="">{{.}}</a></p>
{{end}}{{if .ContactText}}<p>{{.Contact}}: {{if .ContactLink}}<a href="{{.ContactLink}}">{{.ContactText}}</a>{{else}}{{.ContactText}}{{end}}</p>
{{end}}<p class="ref">{{.Reference}}: {{.Ref}}</p>
</main>
</body>
</html>
`))

func newPages(c *Config, found *problems) *pages {
	styleHash := sha256.Sum256([]byte(pageStyle))
	p := &pages{policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(styleHash[:]) +
		"'; base-uri 'none'; form-action 'none'"}
	if !c.Portal.AllowFrame {
		p.policy += "; frame-ancestors 'none'"
	}
	p.setContact(strings.TrimSpace(c.Pages.Contact), found)
	return p
}

// setContact takes a text, or a mailto:, tel: or https: link, which shows without its scheme.
func (p *pages) setContact(contact string, found *problems) {
	if len(contact) > maxContact || strings.IndexFunc(contact, unicode.IsControl) >= 0 {
		found.add("pages.contact", "must be one line of at most %d bytes", maxContact)
	}
	p.contactText = contact
	for _, scheme := range []string{"mailto:", "tel:", "https://"} {
		if text, isLink := strings.CutPrefix(contact, scheme); isLink {
			p.contactText, _, _ = strings.Cut(text, "?")
			p.contactLink = contact
			if p.contactText == "" || strings.Contains(text, " ") {
				found.add("pages.contact", "is not a complete link: no blanks, and something after %s", scheme)
			}
		}
	}
	if strings.HasPrefix(contact, "http:") || strings.HasPrefix(contact, "javascript:") {
		found.add("pages.contact", "must be a text or a mailto:, tel: or https: link")
	}
}

// write answers with problem details where the client prefers JSON, else with a page.
func (p *pages) write(w http.ResponseWriter, r *http.Request, status int, a *attempt) {
	l := languageFor(r.Header)
	w.Header().Set("Content-Language", l.tag)
	var body []byte
	var err error
	if prefersJSON(r.Header) {
		w.Header().Set("Content-Type", "application/problem+json")
		body, err = problemDetails(status, l.pages[a.outcome], a)
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", p.policy)
		body, err = p.html(l, a)
	}
	if err != nil {
		logError("the page for " + a.outcome + " failed: " + err.Error())
		body = []byte(l.pages[a.outcome].title)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (p *pages) html(l *language, a *attempt) ([]byte, error) {
	var buffer bytes.Buffer
	text := l.pages[a.outcome]
	again := ""
	if replies[a.outcome].again {
		again = l.again
	}
	err := pageTemplate.Execute(&buffer, &page{
		Lang:        l.tag,
		Title:       text.title,
		Text:        text.text,
		Advice:      text.advice,
		Again:       again,
		Contact:     l.contact,
		Reference:   l.reference,
		ContactText: p.contactText,
		ContactLink: template.URL(p.contactLink), //nolint:gosec // from the configuration, and checked by setContact
		Ref:         a.entry.Ref,
	})
	return buffer.Bytes(), err
}

// problemDetails is the body that RFC 9457 describes, with the outcome and the reference as extension members.
func problemDetails(status int, text words, a *attempt) ([]byte, error) {
	return json.Marshal(map[string]interface{}{
		"type":      "https://github.com/clinicpass/clinicpass#outcomes",
		"title":     text.title,
		"status":    status,
		"detail":    text.text + " " + text.advice,
		"outcome":   a.outcome,
		"reference": a.entry.Ref,
	})
}

// prefersJSON reports whether the Accept header names JSON and does not name HTML before it.
func prefersJSON(h http.Header) bool {
	beforeJSON, _, named := strings.Cut(strings.ToLower(h.Get("Accept")), "json")
	return named && !strings.Contains(beforeJSON, "html")
}
