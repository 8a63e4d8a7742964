// Command clinicpass helps whoever runs the Clinicpass plugin: it finds mistakes in a Traefik configuration before Traefik
// does, and simulates a clinic to try a portal with.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/clinicpass/clinicpass"
)

// errFindings ends a check that found something, which has been printed.
var errFindings = errors.New("findings")

type cli struct {
	Check    checkCommand     `cmd:"" help:"Find mistakes in Traefik's configuration."`
	Probe    probeCommand     `cmd:"" help:"Ask an address as a forger would."`
	Simulate simulateCommand  `cmd:"" help:"Run a simulated VSee Clinic, its API and its portal."`
	Version  kong.VersionFlag `help:"Print the version and exit."`
}

func main() {
	context := kong.Parse(&cli{Check: checkCommand{in: os.Stdin, out: os.Stdout}, Probe: probeCommand{out: os.Stdout}}, kong.Name("clinicpass"), kong.Vars{"version": clinicpass.Version},
		kong.Description("Signs providers in to VSee Clinic through Traefik: https://github.com/clinicpass/clinicpass"))
	err := context.Run()
	if errors.Is(err, errFindings) {
		os.Exit(1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "clinicpass:", err)
		os.Exit(2)
	}
}
