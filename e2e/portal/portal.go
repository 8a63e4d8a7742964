// Package portal is a hospital's existing web site for tests and the demo: a few pages, a sign-in, and an endpoint for
// Traefik's forwardAuth that says who is signed in, in the headers that oauth2-proxy uses. It knows nothing of the clinic
// but a few links.
package portal

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// ForwardAuthPath is where Traefik's forwardAuth asks.
const ForwardAuthPath = "/forward-auth"

// IdentityHeaders is what forwardAuth must list in authResponseHeaders.
var IdentityHeaders = []string{"X-Auth-Request-User", "X-Auth-Request-Name", "X-Auth-Request-Email", "X-Auth-Request-Groups"}

// Provider is somebody with an account at the portal.
type Provider struct {
	ID, Name, Email, Groups string
}

// Providers are all fictitious.
var Providers = []Provider{
	{ID: "u-1001", Name: "Jane Doe", Email: "jane.doe@example.com", Groups: "staff,clinicians"},
	{ID: "u-1002", Name: "José Ñandú", Email: "jose.nandu@example.com", Groups: "staff,clinicians"},
	{ID: "u-1003", Name: "Nguyễn Thị Mai", Email: "mai@example.com", Groups: "staff,clinicians"},
	{ID: "u-1004", Name: "Alex Roe", Email: "alex.roe@example.com", Groups: "staff"},
}

const cookieName = "portal_session"

// Portal serves the site.
type Portal struct {
	mux      *http.ServeMux
	mu       sync.Mutex
	sessions map[string]Provider
}

// New returns a portal where nobody is signed in.
func New() *Portal {
	p := &Portal{mux: http.NewServeMux(), sessions: map[string]Provider{}}
	p.mux.HandleFunc("GET /{$}", p.page("home"))
	p.mux.HandleFunc("GET /schedule", p.page("schedule"))
	p.mux.HandleFunc("GET /sign-in", p.page("signIn"))
	p.mux.HandleFunc("POST /sign-in", p.signIn)
	p.mux.HandleFunc("POST /sign-out", p.signOut)
	p.mux.HandleFunc("GET "+ForwardAuthPath, p.forwardAuth)
	return p
}

func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// forwardAuth answers Traefik: who is signed in, or where to sign in.
func (p *Portal) forwardAuth(w http.ResponseWriter, r *http.Request) {
	provider := p.signedIn(r)
	if provider == nil {
		// Traefik resolves a relative Location against this server's own address.
		site := r.Header.Get("X-Forwarded-Proto") + "://" + r.Header.Get("X-Forwarded-Host")
		http.Redirect(w, r, site+"/sign-in?to="+url.QueryEscape(r.Header.Get("X-Forwarded-Uri")), http.StatusFound)
		return
	}
	for i, value := range []string{provider.ID, provider.Name, provider.Email, provider.Groups} {
		w.Header().Set(IdentityHeaders[i], value)
	}
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request) {
	for _, provider := range Providers {
		if provider.ID == r.PostFormValue("id") {
			session := random()
			p.mu.Lock()
			p.sessions[session] = provider
			p.mu.Unlock()
			http.SetCookie(w, &http.Cookie{Name: cookieName, Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
			http.Redirect(w, r, ownPage(r.PostFormValue("to")), http.StatusSeeOther)
			return
		}
	}
	http.Error(w, "no such provider", http.StatusForbidden)
}

// ownPage returns the path to go to after signing in if it is one of this site.
func ownPage(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.ContainsAny(to, `\`) {
		return "/"
	}
	return u.RequestURI()
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		p.mu.Lock()
		delete(p.sessions, cookie.Value)
		p.mu.Unlock()
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (p *Portal) signedIn(r *http.Request) *Provider {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if provider, known := p.sessions[cookie.Value]; known {
		return &provider
	}
	return nil
}

func (p *Portal) page(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_ = pages.ExecuteTemplate(w, name, map[string]any{
			"User": p.signedIn(r), "Providers": Providers, "To": r.URL.Query().Get("to"),
		})
	}
}

func random() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	return hex.EncodeToString(raw)
}
