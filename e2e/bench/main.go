// Command bench measures what the plugin costs, side by side with what stands in its place: other middlewares for the
// traffic that passes, and for sign-ins the same plugin compiled and a service behind forwardAuth. It writes the tables of
// docs/benchmarks.md.
//
// All variants take turns in every round of one run, so what disturbs the machine disturbs all of them; figures are medians
// over the rounds. Cost is processor time of Traefik, and of the service where there is one, from /proc: the load generator
// and the simulated API do not count. All traffic stays on the loopback interface.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

func main() {
	role := flag.String("role", "", "what this process is: floor, service, or nothing for the measurement itself")
	address := flag.String("address", "", "where floor or service listens")
	upstream := flag.String("upstream", "", "the site behind floor, the API behind service")
	config := flag.String("config", "", "the middleware's configuration in floor, as JSON")
	rounds := flag.Int("rounds", 15, "rounds in which the variants take turns")
	output := flag.String("o", filepath.Join(traefik.Root(), "docs", "benchmarks.md"), "the file whose tables are replaced")
	flag.Parse()

	var err error
	switch *role {
	case "floor":
		err = floor(*address, *upstream, *config)
	case "service":
		err = service(*address, *upstream)
	default:
		err = measure(*rounds, *output)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
