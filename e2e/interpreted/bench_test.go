package interpreted

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkImport loads the plugin, as Traefik does at its start.
func BenchmarkImport(b *testing.B) {
	root, err := filepath.Abs("../..")
	require.NoError(b, err)
	goPath := b.TempDir()
	require.NoError(b, GoPath(goPath, root))
	b.ResetTimer()
	for range b.N {
		_, err := Load(goPath, nil, io.Discard, io.Discard)
		require.NoError(b, err)
	}
}

// BenchmarkParts runs the plugin's own benchmarks in the interpreter.
func BenchmarkParts(b *testing.B) {
	folders := packages(b)
	here, err := filepath.Abs(".")
	require.NoError(b, err)
	ran := map[string]bool{}
	for _, folder := range folders {
		b.Chdir(here)
		functions := evalTests(b, folder)
		names := []string{}
		for name, function := range functions {
			if _, ok := function.(func(*testing.B)); ok && strings.HasPrefix(name, "Benchmark") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			require.False(b, ran[name], "two benchmarks have the name %s", name)
			ran[name] = true
			b.Run(strings.TrimPrefix(name, "Benchmark"), functions[name].(func(*testing.B)))
		}
	}
}
