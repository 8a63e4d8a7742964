package interpreted

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packages are the folders of the plugin's packages that have unit tests, "." for the root.
func packages(t testing.TB) []string {
	t.Helper()
	folders := []string{".", "vsee"}
	internal, err := filepath.Glob("../../internal/*")
	require.NoError(t, err)
	for _, folder := range internal {
		tests, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		require.NoError(t, err)
		if len(tests) > 0 {
			folders = append(folders, filepath.Join("internal", filepath.Base(folder)))
		}
	}
	return folders
}

// TestUnits runs the unit tests of the plugin's packages once more, in the interpreter.
func TestUnits(t *testing.T) {
	folders := packages(t)
	require.Greater(t, len(folders), 10)
	for _, folder := range folders {
		t.Run(filepath.Join("clinicpass", folder), func(t *testing.T) {
			run := 0
			for name, symbol := range evalTests(t, folder) {
				if test, ok := symbol.(func(*testing.T)); ok && strings.HasPrefix(name, "Test") {
					run++
					t.Run(name, test)
				}
			}
			assert.Equal(t, countTests(t, folder), run, "tests that ran")
		})
	}
}

// evalTests loads a package's tests into the interpreter and returns its functions by name. It
// changes the working directory to the package's folder.
func evalTests(t testing.TB, folder string) map[string]any {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	goPath := t.TempDir()
	require.NoError(t, GoPath(goPath, root))
	i, err := NewInterpreter(goPath, os.Environ(), io.Discard, io.Discard)
	require.NoError(t, err)
	require.NoError(t, i.Use(simulatedClinic))
	require.NoError(t, i.Use(testify))
	path := filepath.Join(ImportPath, folder)
	t.Chdir(filepath.Join(goPath, "src", path))
	require.NoError(t, i.EvalTest(path))
	functions := map[string]any{}
	for name, symbol := range i.Symbols(path)[path] {
		functions[name] = symbol.Interface()
	}
	return functions
}

// countTests counts the test functions in a package's files.
func countTests(t *testing.T, folder string) int {
	t.Helper()
	files, err := filepath.Glob("*_test.go") // evalTests went there
	require.NoError(t, err)
	require.NotEmpty(t, files, folder)
	count := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		count += strings.Count(string(content), "\nfunc Test")
	}
	return count
}
