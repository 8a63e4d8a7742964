// Package page writes the failure pages.
package page

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

const pageStyle = `:root{color-scheme:light dark;font:1.125rem/1.5 system-ui,sans-serif}` +
	`body{margin:0;padding:8vh 1rem 2rem;overflow-wrap:anywhere;color:#1c2530;background:#eef2f6}` +
	`main{max-width:32rem;margin:auto;padding:2rem;border:1px solid #d3dce6;border-radius:1rem;` +
	`background:#fff}h1{margin:0 0 1rem;font-size:1.6rem;line-height:1.25;text-wrap:balance}` +
	`a{color:#0b5cad}` +
	`.go{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.5rem 0}` +
	`.go a{display:flex;align-items:center;justify-content:center;min-height:2.75rem;` +
	`box-sizing:border-box;padding:.3rem 1.2rem;border:2px solid;border-radius:.5rem;` +
	`font-weight:600;text-align:center;text-decoration:none}` +
	`.go a:first-child{color:#fff;background:#0b5cad;border-color:#0b5cad}` +
	`a:focus-visible{outline:3px solid #e08600;outline-offset:2px}` +
	`.help{padding-top:1rem;border-top:1px solid #d3dce6}.help p{margin:0 0 .5rem}` +
	`code{font:600 1em ui-monospace,monospace;-webkit-user-select:all;user-select:all}` +
	`@media(max-width:30rem){body{padding:1rem .75rem}main{padding:1.25rem}.go a{width:100%}}` +
	`@media(prefers-color-scheme:dark){body{color:#e8edf2;background:#101418}` +
	`main{background:#1a2027;border-color:#333d48}.help{border-color:#333d48}a{color:#8ec5ff}` +
	`.go a:first-child{color:#0d1b2a;background:#8ec5ff;border-color:#8ec5ff}}`

// An empty href is the page's own address, so "Try again" cannot lead elsewhere. With target _top,
// the portal replaces the whole page around a frame.
var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Tag}}">
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
{{with .Wait}}<p>{{.}}</p>
{{end}}<p class="go">
{{if .Framed}}<a href="" target="_blank" rel="noopener">{{.Label.newtab}}</a>
{{end}}{{if .SignIn}}<a href="{{.Home}}" target="_top">{{.Label.signin}}</a>
{{end}}{{if .Again}}<a href="">{{.Label.again}}</a>
{{end}}{{if not .SignIn}}<a href="{{.Home}}" target="_top">{{.Label.home}}</a>
{{end}}</p>
{{if or .Ref .Contact}}<div class="help">
{{if .Ref}}<p>{{.Help}}</p>
<p class="ref">{{.Label.reference}}: <code>{{.Ref}}</code></p>
<p>{{.Label.time}}: <code>{{.Time}}</code></p>
{{end}}{{if .Contact}}<p>{{.Label.contact}}: {{if .Link -}}
<a href="{{.Link}}" target="_top">{{.Contact}}</a>{{else}}{{.Contact}}{{end}}</p>
{{end}}</div>
{{end}}</main>
</body>
</html>
`))

// Write answers with problem details (RFC 9457) if the client prefers JSON, else with an HTML page.
func Write(p *Pages, w http.ResponseWriter, r *http.Request, result *outcome.Result) {
	l := languageFor(p.languages, r.Header)
	text := l.pages[result.Outcome]
	w.Header().Set("Content-Language", l.Tag)
	var body []byte
	var err error
	if prefersJSON(r.Header) {
		w.Header().Set("Content-Type", "application/problem+json")
		details := map[string]interface{}{ // with two extension members
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
		body, err = html(p, l, r, result)
	}
	if err != nil {
		logs.Error("the page for " + string(result.Outcome) + " failed: " + err.Error())
		body = []byte(text.Title)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(outcome.Status(result))
	_, _ = w.Write(body)
}

// refOf returns the reference if support can find it: in the audit, or in Traefik's log at its
// default level. Otherwise it returns "".
func refOf(p *Pages, result *outcome.Result) string {
	if p.audited || outcome.ReplyTo(result.Outcome).Alarm {
		return result.Ref
	}
	return ""
}

func html(p *Pages, l *language, r *http.Request, result *outcome.Result) ([]byte, error) {
	var buffer bytes.Buffer
	reply := outcome.ReplyTo(result.Outcome)
	data := map[string]interface{}{
		"Tag": l.Tag, "Label": l.labels, "Words": l.pages[result.Outcome], "Home": p.home,
		"SignIn": result.Outcome == outcome.NoIdentity, "Again": reply.Again, "Wait": "",
		"Framed": inFrame(r.Header), "Ref": refOf(p, result), "Help": l.labels["helpagain"],
		"Time": result.Time.Format("2006-01-02 15:04 UTC"), "Contact": p.contactText,
		"Link": template.URL(p.contactLink), //nolint:gosec // checked by Parse
	}
	if seconds := outcome.Wait(result); reply.Again && seconds > 0 {
		data["Wait"] = wait(l, seconds)
	}
	if reply.Desk {
		data["Help"] = l.labels["help"]
	}
	if p.contactText == "" && p.contactLink != "" {
		data["Contact"] = l.labels["desk"]
	}
	err := pageTemplate.Execute(&buffer, data)
	return buffer.Bytes(), err
}

// wait returns the text with the time until the next try: seconds, or whole minutes from 2 minutes.
func wait(l *language, seconds int64) string {
	label, count := "seconds", seconds
	if seconds == 1 {
		label = "second"
	}
	if seconds >= 120 {
		label = "minutes"
		count = (seconds + 59) / 60
	}
	return strings.Replace(l.labels[label], "{}", strconv.FormatInt(count, 10), 1)
}

// inFrame reports whether the browser will show the page inside another page.
func inFrame(h http.Header) bool {
	switch h.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object":
		return true
	}
	return false
}

// prefersJSON reports whether the Accept header names JSON, and does not name HTML before it.
func prefersJSON(h http.Header) bool {
	beforeJSON, _, named := strings.Cut(strings.ToLower(h.Get("Accept")), "json")
	return named && !strings.Contains(beforeJSON, "html")
}
