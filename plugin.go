// Package clinicpass is a Traefik middleware plugin that signs a hospital's providers in to VSee
// Clinic.
//
// A request at or below the path prefix is a sign-in. Clinicpass reads the provider's identity from
// the headers that the auth layer set, and gets an SSO token from VSee's API. It then redirects the
// browser to the clinic's portal, with the rest of the path as next. All other requests go to the
// next handler unchanged.
//
// This file is the contract with Traefik. internal/signin runs the sign-in, with one package for
// each step. vsee is the client of VSee's API. Yaegi interprets all of it inside Traefik;
// CONTRIBUTING.md has the rules of the interpreter.
package clinicpass

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/request"
	"github.com/clinicpass/clinicpass/internal/signin"
)

// Version is the plugin's version, sent to the API in User-Agent.
const Version = "0.1.0"

// Config is the middleware's configuration; see docs/configuration.md.
type Config = config.Config

// CreateConfig returns the defaults.
func CreateConfig() *Config { return config.Default() }

// New builds the middleware. Traefik calls it for every router that uses the middleware, and again
// at every reload. So it only checks the configuration and reads its secrets. It ignores the
// context: Traefik cancels it at the next reload, while the handler still serves. The error lists
// every mistake in the configuration, one per line.
func New(_ context.Context, next http.Handler, c *Config, name string) (h http.Handler, err error) {
	// A panic would end the goroutine that applies Traefik's configuration, and so all reloads.
	defer func() {
		if p := recover(); p != nil {
			h = nil
			err = fmt.Errorf("clinicpass: %s: internal error: %v", name, p)
		}
	}()
	signIn, err := signin.New(c, name, Version)
	if err != nil {
		return nil, err
	}
	return mount(signIn, next, c.ExactPassThrough), nil
}

// mount passes requests at the prefix to the sign-in, and all others to next.
func mount(h *signin.Handler, next http.Handler, exact bool) http.Handler {
	if h.Prefix.Path == "" {
		return h
	}
	if exact {
		return &exactPath{signIn: h, next: next}
	}
	// http.ServeMux is compiled: the existing site's requests never enter the interpreter.
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.Handle(h.Prefix.Path, h)
	mux.Handle(h.Prefix.Path+"/", h)
	return mux
}

// exactPath does the same as mount's http.ServeMux, but does not redirect unclean paths.
type exactPath struct {
	signIn *signin.Handler
	next   http.Handler
}

func (e *exactPath) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	prefix := &e.signIn.Prefix
	if strings.HasPrefix(r.URL.Path, prefix.Path) && request.Owns(prefix, r.URL.EscapedPath()) {
		e.signIn.ServeHTTP(w, r)
		return
	}
	e.next.ServeHTTP(w, r)
}
