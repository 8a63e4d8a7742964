// Command build builds the versions of Traefik given as arguments, by default all that the tests use.
package main

import (
	"fmt"
	"os"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

func main() {
	versions := os.Args[1:]
	if len(versions) == 0 {
		versions = traefik.Tested
	}
	for _, version := range versions {
		if _, err := traefik.Build(version, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
