package main

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// TestDemo: the README's first command works.
func TestDemo(t *testing.T) {
	demo := exec.Command("make", "--no-print-directory", "demo")
	demo.Dir = traefik.Root()
	demo.Env = append(os.Environ(), "DEMO_SMOKE=1")
	output, err := demo.CombinedOutput()
	const want = "\nThe provider landed on: Dashboard of Jane Doe - Simulated VSee Clinic\n"
	assert.NoError(t, err, string(output))
	assert.Regexp(t, regexp.QuoteMeta(want)+"$", string(output))
}
