package interpreted

import (
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// BenchmarkImport loads the plugin, as Traefik does at its start.
func BenchmarkImport(b *testing.B) {
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	goPath := b.TempDir()
	if err := GoPath(goPath, root); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		if _, err := Load(goPath, nil, io.Discard, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParts runs the plugin's own benchmarks in the interpreter.
func BenchmarkParts(b *testing.B) {
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	goPath := b.TempDir()
	if err := GoPath(goPath, root); err != nil {
		b.Fatal(err)
	}
	i, err := NewInterpreter(goPath, os.Environ(), io.Discard, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	if err := i.Use(simulatedClinic); err != nil {
		b.Fatal(err)
	}
	b.Chdir(filepath.Join(goPath, "src", ImportPath))
	if err := i.EvalTest(ImportPath); err != nil {
		b.Fatal(err)
	}
	benchmarks := map[string]func(*testing.B){}
	names := []string{}
	for name, symbol := range i.Symbols(ImportPath)[ImportPath] {
		if benchmark, ok := symbol.Interface().(func(*testing.B)); ok && strings.HasPrefix(name, "Benchmark") {
			benchmarks[name] = benchmark
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		b.Run(strings.TrimPrefix(name, "Benchmark"), benchmarks[name])
	}
}
