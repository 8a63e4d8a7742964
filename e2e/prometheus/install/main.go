// Command install gets Prometheus for the tests of alerts and dashboard.
package main

import (
	"fmt"
	"os"

	"github.com/clinicpass/clinicpass/e2e/prometheus"
)

func main() {
	if prometheus.Excused() {
		fmt.Println("Prometheus is not installed; if it is missing, its tests are skipped.")
		return
	}
	if err := prometheus.Prepare(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
