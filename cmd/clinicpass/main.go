// Command clinicpass is for operators of the Clinicpass plugin. It finds mistakes in a Traefik configuration before you deploy
// it, tests a site from outside with forged identity headers, and simulates a clinic to test a portal with.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // where the system has no certificates, as in the image
)

// version is the release, which the release's build sets.
var version string

// errFindings ends a check that found something, which has been printed.
var errFindings = errors.New("findings")

type cli struct {
	Check    checkCommand     `cmd:"" help:"Find mistakes in Traefik's configuration."`
	Probe    probeCommand     `cmd:"" help:"Test from outside whether a site accepts forged identity headers."`
	Simulate simulateCommand  `cmd:"" help:"Run a simulated VSee Clinic with its API and its portal."`
	Version  kong.VersionFlag `help:"Print the version and exit."`
}

func main() {
	context := kong.Parse(&cli{Check: checkCommand{in: os.Stdin, out: os.Stdout}, Probe: probeCommand{out: os.Stdout}}, kong.Name("clinicpass"), kong.Vars{"version": versionText()}, kong.Exit(exit),
		kong.Description("Checks and tests the Clinicpass plugin for Traefik, which signs providers in to VSee Clinic. Documentation: https://github.com/clinicpass/clinicpass"))
	err := context.Run()
	if errors.Is(err, errFindings) {
		os.Exit(1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "clinicpass:", err)
		os.Exit(2)
	}
}

// exit ends the program. A misused command line ends with 2, which is no result of any command.
func exit(code int) {
	if code != 0 {
		code = 2
	}
	os.Exit(code)
}

// versionText returns the release, or the version of the module that go install or go run took.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
