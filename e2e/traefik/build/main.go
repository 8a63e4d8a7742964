// Command build builds what the tests need besides Go: the versions of Traefik given as arguments, by default all that every
// test run uses with the decoder of the newest, and oauth2-proxy.
package main

import (
	"fmt"
	"os"

	"github.com/clinicpass/clinicpass/e2e/authlayer"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

func main() {
	if err := build(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func build(versions []string) error {
	if len(versions) == 0 {
		var err error
		if versions, err = traefik.Versions(); err != nil {
			return err
		}
	}
	for _, version := range versions {
		if _, err := traefik.Build(version, os.Stdout); err != nil {
			return err
		}
	}
	if _, err := traefik.BuildDecoder(os.Stdout); err != nil {
		return err
	}
	_, err := authlayer.BuildOAuth2Proxy(os.Stdout)
	return err
}
