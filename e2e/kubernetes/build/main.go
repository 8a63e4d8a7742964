// Command build builds Kubernetes' API server and kubectl and installs etcd, for make e2e-kubernetes.
package main

import (
	"fmt"
	"os"

	"github.com/clinicpass/clinicpass/e2e/kubernetes"
)

func main() {
	if err := kubernetes.Build(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
