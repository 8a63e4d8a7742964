package portal

import "html/template"

var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.}} - Example Hospital portal</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif;
  --ink: #17242c; --soft: #51626c; --page: #f2f5f4; --card: #fff; --line: #d9e1de; --brand: #1f5b45; --button: #1f6b50; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e7eeea; --soft: #a7b6b0; --page: #121816; --card: #1b2421; --line: #30403a; --brand: #17362b; --button: #2c8263; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--page); }
header { background: var(--brand); color: #fff; }
header div, main { max-width: 60rem; margin: auto; padding: 1rem 1.5rem; }
header div { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1.5rem; }
header strong { font-size: 1.15rem; margin-right: auto; } header a { color: #fff; text-decoration: none; }
header a:hover { text-decoration: underline; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 1rem 0 .3rem; } h2 { font-size: 1.1rem; margin: 0 0 .4rem; }
p { margin: 0 0 1rem; } .soft { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; margin: 1.2rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1.2rem; }
.card > :last-child { margin-bottom: 0; }
button, .button { display: inline-flex; align-items: center; min-height: 44px; font: inherit; font-weight: 600;
  padding: .4rem 1.1rem; border: 0; border-radius: .5rem; color: #fff; background: var(--button);
  text-decoration: none; cursor: pointer; }
.quiet { color: inherit; background: transparent; border: 1px solid var(--line); font-weight: 400; }
table { width: 100%; border-collapse: collapse; } td { padding: .45rem .6rem .45rem 0; border-top: 1px solid var(--line); }
footer { max-width: 60rem; margin: auto; padding: 0 1.5rem 2rem; font-size: .9rem; color: var(--soft); }
</style></head><body>
<header><div><strong>Example Hospital</strong><a href="/">Home</a><a href="/schedule">Schedule</a></div></header>
<main><h1>{{.}}</h1>{{end}}

{{define "foot"}}</main><footer>A fictitious hospital. Nobody on these pages exists.</footer></body></html>{{end}}

{{define "today"}}<table>
<tr><td>09:00</td><td>Follow-up</td><td class="soft">video visit</td></tr>
<tr><td>10:30</td><td>New patient</td><td class="soft">room 12</td></tr>
<tr><td>13:15</td><td>Lab results</td><td class="soft">video visit</td></tr>
</table>{{end}}

{{define "home"}}{{template "head" "Home"}}
{{with .User}}<p class="soft">You are signed in as {{.Name}}.</p>
<div class="cards">
<div class="card"><h2>VSee Clinic</h2><p>See your patients by video.</p>
<p><a class="button" id="clinic" href="/clinic/">Open clinic</a></p>
<p><a id="visit" href="/clinic/visits/7?tab=notes">Open the notes of visit 7</a></p></div>
<div class="card"><h2>Family clinic</h2><p>Every provider has a waiting room there.</p>
<p><a class="button" id="family" href="/family-clinic/">Open family clinic</a></p></div>
<div class="card"><h2>Today</h2>{{template "today"}}</div>
</div>
<form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>
{{else}}<p class="soft">You are not signed in.</p>
<div class="cards">
<div class="card"><h2>Staff</h2><p>Sign in to see your schedule.</p><p><a class="button" href="/sign-in">Sign in</a></p></div>
<div class="card"><h2>VSee Clinic</h2><p>The portal asks you to sign in first.</p>
<p><a class="button" href="/clinic/">Open clinic</a></p></div>
</div>{{end}}
{{template "foot"}}{{end}}

{{define "schedule"}}{{template "head" "Schedule"}}
<p class="soft">A page of the existing site. Clinicpass does not touch it.</p>
<div class="cards"><div class="card">{{template "today"}}</div></div>{{template "foot"}}{{end}}

{{define "signIn"}}{{template "head" "Sign in"}}
<p class="soft">Choose who you are.</p>
<div class="cards">{{range .Providers}}<form class="card" method="post" action="/sign-in"><input type="hidden" name="to" value="{{$.To}}">
<input type="hidden" name="id" value="{{.ID}}"><h2>{{.Name}}</h2><p class="soft">Groups: {{.Groups}}</p>
<button>Sign in as {{.Name}}</button></form>
{{end}}</div>{{template "foot"}}{{end}}
`))
