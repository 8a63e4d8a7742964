// Package clinicpass is a Traefik middleware plugin that signs a hospital's providers in to VSee Clinic.
//
// A request below the configured path prefix becomes a sign-in: the provider's identity is taken from the headers that
// the auth layer in front has set, VSee's API mints an SSO token for that provider, and the browser is redirected to the
// clinic's portal with next set from the rest of the path. Every other request goes to the next handler untouched.
//
// Data flows one way: request, identity, provider, token, location, answer. Each step is a file of this package, which
// holds the step's part of the configuration and its work: identity.go, provider.go, api.go, next.go, pages.go; signin.go
// runs them in order, and outcome.go lists everything that can come of it.
//
// The package is interpreted by Yaegi inside Traefik: Go 1.21 without its new builtins, the standard library up to Go
// 1.22, no goroutines, no error types. What runs for every sign-in is written as small functions, not methods: the
// interpreter allocates every variable of a function at each call, and builds a wrapper at each call of a method.
package clinicpass

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/vsee"
)

// Version is the plugin's version, sent to the API in User-Agent.
const Version = "0.1.0"

// CreateConfig returns the defaults. Lists have none here: Traefik's decoder lays a shorter list over a longer default
// and keeps the tail.
func CreateConfig() *Config {
	return &Config{
		PathPrefix: "/clinic",
		Portal:     PortalConfig{DefaultNext: "/providers/dashboard", KeepQuery: true},
		API:        APIConfig{Encoding: "multipart", Timeout: "10s"},
		Identity:   IdentityConfig{NameOrder: firstLast, Encoding: encodingAuto},
		Provider:   ProviderConfig{Code: "{id}", Type: "provider"},
		Room: RoomConfig{
			Slug: "provider-{hash}", Name: "{firstName} {lastName}", Assign: AssignConfig{Field: "room_id", Value: assignID},
		},
		Limits: LimitsConfig{SignIns: 10},
	}
}

// New builds the middleware. Traefik calls it for every router that uses the middleware and again on every reload of its
// configuration, so it only checks the configuration and reads its secrets; what must outlive a reload is kept by
// stateFor. ctx is not used: Traefik cancels it at the next reload, while the handler still serves.
//
// The error names every mistake in the configuration, one line each.
func New(ctx context.Context, next http.Handler, config *Config, name string) (handler http.Handler, err error) {
	// A panic here would end the goroutine that applies Traefik's configuration: nothing would be reloaded any more.
	defer func() {
		if p := recover(); p != nil {
			handler = nil
			err = fmt.Errorf("clinicpass: %s: internal error: %v", name, p)
		}
	}()
	var found problems
	s := newSignIn(config, name, &found)
	if len(found.lines) > 0 {
		return nil, found.err(name)
	}
	return mount(s, next, config), nil
}

// Check returns how New would reach the API, and what it would say of the configuration, a text for each mistake, beginning
// with the key. Like New it reads secrets and keys from the files and variables that the configuration names.
func Check(config *Config) (vsee.Config, []string) {
	var found problems
	_, target := checkConfig(config, "", &found)
	return target, found.lines
}

// mount puts the sign-in at its prefix and lets everything else through to next.
func mount(s *signIn, next http.Handler, config *Config) http.Handler {
	if s.prefix == "/" {
		return s
	}
	if config.ExactPassThrough {
		return &exactPath{signIn: s, next: next}
	}
	// The mux is compiled code: requests of the existing site never enter the interpreter.
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.Handle(s.prefix, s)
	mux.Handle(s.prefix+"/", s)
	return mux
}

// exactPath tells the sign-in's requests from the others without http.ServeMux, which redirects unclean paths.
type exactPath struct {
	signIn *signIn
	next   http.Handler
}

func (e *exactPath) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, e.signIn.prefix) && owns(e.signIn, r.URL.EscapedPath()) {
		e.signIn.ServeHTTP(w, r)
		return
	}
	e.next.ServeHTTP(w, r)
}

var prefixPattern = regexp.MustCompile(`^(/[A-Za-z0-9_~.-]+)+/?$`)

// checkPrefix returns the prefix without a final slash, and "/" for every path.
func checkPrefix(prefix string, found *problems) string {
	if prefix == "/" {
		return prefix
	}
	if !prefixPattern.MatchString(prefix) || !plainPath(prefix) {
		found.add("pathPrefix", "must start with / and consist of letters, digits, - _ . ~ and /, such as /clinic")
	}
	return strings.TrimSuffix(prefix, "/")
}

// owns reports whether the escaped path is the prefix or lies below it, segment by segment as http.ServeMux matches.
func owns(s *signIn, escapedPath string) bool {
	head := strings.TrimSuffix(escapedPath, rest(s, escapedPath))
	decoded, err := url.PathUnescape(head)
	return err == nil && decoded == s.prefix && strings.Count(head, "/") == s.segments
}

// rest returns what follows the prefix in the escaped path. It counts segments, because a client may escape the prefix's
// letters.
func rest(s *signIn, escapedPath string) string {
	left := escapedPath
	for i := 0; i < s.segments; i++ {
		next := strings.IndexByte(left[1:], '/')
		if next < 0 {
			return ""
		}
		left = left[1+next:]
	}
	return left
}
