package vseetest

import (
	"html/template"
	"net/http"
	"strings"
	"time"
)

const patientType = "200" // of a User

// page has the content of a portal page.
type page struct {
	Title string
	Path  string // below the portal's base path, with a leading slash
	Query string
	User  *User
	Rooms []Room
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} - Simulated VSee Clinic</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif;
  --ink: #16222e; --soft: #51606e; --page: #f1f4f8; --card: #fff; --line: #d6dee7; --brand: #0b4f7d; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e6edf4; --soft: #a4b3c1; --page: #10161c; --card: #18212a; --line: #2d3b49; --brand: #0a3553; } }
body { margin: 0; color: var(--ink); background: var(--page); }
header { background: var(--brand); color: #fff; }
header div, main { max-width: 60rem; margin: auto; padding: 1rem 1.5rem; }
header strong { font-size: 1.15rem; margin-right: 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 1rem 0; }
dl { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: .4rem 1.2rem 1.2rem; }
dt { color: var(--soft); margin-top: .8rem; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
</style>
</head>
<body>
<header><div><strong>Simulated VSee Clinic</strong> not a real clinic</div></header>
<main>
<h1>{{.Title}}</h1>
{{with .User}}<dl>
<dt>Signed in as</dt><dd id="user">{{.FirstName}} {{.LastName}}</dd>
<dt>Code</dt><dd id="code">{{.Code}}</dd>
<dt>Page</dt><dd id="path">{{$.Path}}</dd>
{{with $.Query}}<dt>Query</dt><dd id="query">{{.}}</dd>{{end}}
<dt>Waiting rooms</dt><dd id="rooms">{{range $.Rooms}}{{.Name}} (/u/{{.Slug}}) {{else}}none{{end}}</dd>
</dl>{{else}}<p>You are not signed in to this clinic, or your sign-in link has expired.</p>{{end}}
</main>
</body>
</html>
`))

func (s *Server) servePortal(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	path, inside := strings.CutPrefix(r.URL.Path, portalPath)
	switch {
	case !inside:
		http.NotFound(w, r)
	case path == "auth":
		s.authenticate(w, r)
	default:
		s.show(w, r, "/"+path)
	}
}

// authenticate serves {portal_base_url}auth: it turns a token into a session and redirects to next.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) {
	if to := s.bounceTo(); to != "" {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
		return
	}
	query := r.URL.Query()
	session := s.newSession(query.Get("sso_token"))
	if session == "" {
		render(w, http.StatusUnauthorized, page{Title: "Sign in"})
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie, Value: session, Path: portalPath, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	// VSee resolves next under the portal's base path, never against the host (User API).
	w.Header().Set("Location", portalPath+strings.TrimLeft(query.Get("next"), `/\`))
	w.WriteHeader(http.StatusFound)
}

func (s *Server) bounceTo() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quirks.BounceTo
}

// newSession returns a session cookie for the token's user, or "" if the token is unknown or
// expired.
func (s *Server) newSession(ssoToken string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, known := s.state.tokens[ssoToken]
	if !known || time.Now().After(t.expiry) {
		return ""
	}
	session := random()
	s.state.sessions[session] = t.userID
	return session
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, path string) {
	user, rooms := s.signedIn(r)
	if user == nil {
		render(w, http.StatusUnauthorized, page{Title: "Sign in"})
		return
	}
	title := "Page " + path
	slug, isRoom := strings.CutPrefix(path, "/u/")
	switch {
	case strings.HasPrefix(path, "/providers/") && user.Type == patientType:
		render(w, http.StatusForbidden, page{Title: "For providers only", Path: path, User: user})
		return
	case path == "/providers/dashboard":
		title = "Dashboard of " + user.FirstName + " " + user.LastName
	case isRoom:
		title = "Waiting room " + slug
	}
	render(w, http.StatusOK, page{Title: title, Path: path, Query: r.URL.RawQuery, User: user, Rooms: rooms})
}

// signedIn returns copies of the session's user and of the rooms assigned to them.
func (s *Server) signedIn(r *http.Request) (*User, []Room) {
	cookie, err := r.Cookie(s.cookie)
	if err != nil {
		return nil, nil
	}
	s.mu.Lock()
	user := s.userByID(s.state.sessions[cookie.Value])
	s.mu.Unlock()
	if user == nil {
		return nil, nil
	}
	copied := *user
	rooms := []Room{}
	for _, room := range s.Rooms() {
		for _, id := range room.Providers {
			if id == user.ID {
				rooms = append(rooms, room)
			}
		}
	}
	return &copied, rooms
}

func render(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, p)
}
