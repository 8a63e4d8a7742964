// Command bench measures what the plugin costs, side by side with its alternatives: other middlewares for the
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
	role := flag.String("role", "", "role of this process: floor, service, or empty for the measurement")
	address := flag.String("address", "", "listening address of floor or service")
	upstream := flag.String("upstream", "", "address of the site behind floor, or of the API behind service")
	config := flag.String("config", "", "configuration of the middleware in floor, as JSON")
	rounds := flag.Int("rounds", 15, "number of rounds; each round measures every variant")
	output := flag.String("o", filepath.Join(traefik.Root(), "docs", "benchmarks.md"), "page whose tables are replaced")
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
