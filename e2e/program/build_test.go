package program

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBuild: a binary is built once for a source, and again when the source differs.
func TestBuild(t *testing.T) {
	module := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(content), 0o600))
	}
	write("go.mod", "module example.com/hello\n")
	write("go.sum", "")
	write("main.go", "package main\n\nfunc main() {}\n")
	source := Source{Name: "Hello", Module: module, Package: "./", Binary: filepath.Join(t.TempDir(), "hello")}
	build := func() string {
		var said strings.Builder
		require.NoError(t, Build(source, &said))
		return said.String()
	}
	assert.Contains(t, build(), "Hello: built in ")
	assert.FileExists(t, source.Binary)
	assert.Empty(t, build(), "it is built again")
	write("main.go", "package main\n\nfunc main() { println() }\n")
	assert.Contains(t, build(), "Hello: built in ", "another source")
	source.LDFlags = "-X main.x=1"
	assert.Contains(t, build(), "Hello: built in ", "other flags")
	require.NoError(t, os.Remove(source.Binary))
	assert.Contains(t, build(), "Hello: built in ", "no binary")

	write("main.go", "package main\n\nfunc main() { undefined() }\n")
	err := Build(source, t.Output())
	require.ErrorContains(t, err, "building Hello")
	require.ErrorContains(t, err, "undefined: undefined")
	source.Prepare = func(string) error { return errors.New("no disk") }
	require.EqualError(t, Build(source, t.Output()), "building Hello: no disk")
}

func TestEstimate(t *testing.T) {
	for _, row := range []struct {
		desc      string
		done, all int
		want      string
	}{
		{desc: "a quarter", done: 100, all: 400, want: "100 of 400 packages after 10s, about 30s left"},
		{desc: "none yet", done: 0, all: 5, want: "0 of 5 packages after 10s, about 50s left"},
		{desc: "more than was listed", done: 6, all: 5, want: "6 of 5 packages after 10s, about 0s left"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, estimate(row.done, row.all, 10*time.Second))
		})
	}
}
