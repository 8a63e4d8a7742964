package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// makeDemo is the README's first command, with a Traefik that the tests have built.
func makeDemo(t *testing.T, environment ...string) *exec.Cmd {
	t.Helper()
	versions, err := traefik.Versions()
	require.NoError(t, err)
	binary, err := traefik.Build(versions[len(versions)-1], t.Output())
	require.NoError(t, err)
	return demoWith(binary, environment...)
}

func demoWith(binary string, environment ...string) *exec.Cmd {
	demo := exec.Command("make", "--no-print-directory", "demo", "TRAEFIK="+binary)
	demo.Dir = traefik.Root()
	demo.Env = append(os.Environ(), environment...)
	return demo
}

// TestDemo: the demo signs a provider in.
func TestDemo(t *testing.T) {
	output, err := makeDemo(t, "DEMO_SMOKE=1").CombinedOutput()
	const want = "\nThe provider landed on: Dashboard of Jane Doe - Simulated VSee Clinic\n"
	assert.NoError(t, err, string(output))
	assert.Regexp(t, "^Using Traefik v3", string(output))
	assert.Regexp(t, regexp.QuoteMeta(want)+"$", string(output))
}

// TestDemoStops: Ctrl-C in a terminal ends the demo, and make calls it a success.
func TestDemoStops(t *testing.T) {
	slow := filepath.Join(t.TempDir(), "traefik")
	require.NoError(t, os.WriteFile(slow, []byte("#!/bin/sh\n"+
		"echo Asked. > /dev/tty\nexec sleep 60\n"), 0o700))
	for _, row := range []struct {
		desc, says string
		demo       *exec.Cmd
	}{
		{desc: "while it runs", says: "Press Ctrl-C to stop.", demo: makeDemo(t)},
		{desc: "before it runs", says: "Asked.", demo: demoWith(slow)},
	} {
		t.Run(row.desc, func(t *testing.T) {
			terminal, err := pty.Start(row.demo)
			require.NoError(t, err)
			t.Cleanup(func() { _ = terminal.Close() })
			said := &buffer{}
			go func() { _, _ = io.Copy(said, terminal) }()
			require.Eventually(t, func() bool { return bytes.Contains(said.get(), []byte(row.says)) },
				time.Minute, 50*time.Millisecond)
			_, err = terminal.Write([]byte{3}) // Ctrl-C
			require.NoError(t, err)
			assert.NoError(t, row.demo.Wait(), string(said.get()))
			assert.Contains(t, string(said.get()), "Stopped.")
		})
	}
}

// buffer may be read while it is written.
type buffer struct {
	mu      sync.Mutex
	content []byte
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.content = append(b.content, p...)
	return len(p), nil
}

func (b *buffer) get() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.content)
}
