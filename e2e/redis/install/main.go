// Command install gets Redis for the tests with several Traefiks.
package main

import (
	"fmt"
	"os"

	"github.com/clinicpass/clinicpass/e2e/redis"
)

func main() {
	if redis.Excused() {
		fmt.Println("Redis is not installed; if it is missing, its tests are skipped.")
		return
	}
	if err := redis.Prepare(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
