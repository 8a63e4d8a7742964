// Package donothing is the smallest Traefik plugin there can be: what the interpreter costs a request without any work.
package donothing

import (
	"context"
	"net/http"
)

// Config has nothing to configure.
type Config struct{}

// CreateConfig returns it.
func CreateConfig() *Config { return &Config{} }

// New returns a handler that calls next.
func New(_ context.Context, next http.Handler, _ *Config, _ string) (http.Handler, error) {
	return &handler{next: next}, nil
}

type handler struct {
	next http.Handler
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.next.ServeHTTP(w, r)
}
