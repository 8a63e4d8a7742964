// Command install gets Chromium and axe-core for the tests in a browser.
package main

import (
	"fmt"
	"os"

	"github.com/clinicpass/clinicpass/e2e/browser"
)

func main() {
	if browser.Excused() {
		fmt.Println("Nothing is installed for the tests in a browser; what is missing is skipped.")
		return
	}
	if err := browser.Prepare(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
