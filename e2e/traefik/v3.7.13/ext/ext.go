// Package ext stands in for a folder that Traefik v3.7 keeps in its own repository and leaves out of its module:
// two empty extension points of Traefik's dynamic configuration, without which its packages do not compile elsewhere.
package ext

// HTTP is the extension point of Traefik's HTTP configuration.
type HTTP struct{}

// Router is the extension point of Traefik's router configuration.
type Router struct{}
