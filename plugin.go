// Package clinicpass is a Traefik middleware plugin that signs a hospital's providers in to VSee
// Clinic.
//
// A request below the configured path prefix becomes a sign-in: the provider's identity is taken
// from the headers that the auth layer in front has set, VSee's API mints an SSO token for that
// provider, and the browser is redirected to the clinic's portal with next set from the rest of the
// path. Every other request goes to the next handler untouched.
//
// This file is the contract with Traefik. The sign-in itself is internal/signin, which runs one
// package for each step; vsee is the client of the clinic's API. All of it is interpreted by Yaegi
// inside Traefik; CONTRIBUTING.md says what that asks for.
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

// New builds the middleware. Traefik calls it for every router that uses the middleware and again
// on every reload of its configuration, so it only checks the configuration and reads its secrets.
// The context is not used: Traefik cancels it at the next reload, while the handler still serves.
// The error names every mistake in the configuration, one line each.
func New(_ context.Context, next http.Handler, c *Config, name string) (h http.Handler, err error) {
	// A panic would end the goroutine that applies Traefik's configuration: no reload any more.
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

// mount puts the sign-in at its prefix and lets everything else through to next.
func mount(h *signin.Handler, next http.Handler, exact bool) http.Handler {
	if h.Prefix.Path == "" {
		return h
	}
	if exact {
		return &exactPath{signIn: h, next: next}
	}
	// The mux is compiled code: requests of the existing site never enter the interpreter.
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.Handle(h.Prefix.Path, h)
	mux.Handle(h.Prefix.Path+"/", h)
	return mux
}

// exactPath tells the sign-in's requests from the others without http.ServeMux, which redirects
// unclean paths.
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
