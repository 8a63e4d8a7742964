// Command install gets Chromium and axe-core for the tests in a browser.
package main

import (
	"fmt"
	"os"

	"github.com/clinicpass/clinicpass/e2e/browser"
)

func main() {
	err := browser.Prepare(os.Stdout)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	if !browser.Excused() {
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "Going on without the tests in a browser.")
}
