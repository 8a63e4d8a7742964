package interpreted

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/traefik/yaegi/interp"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestUnits runs the unit tests of the plugin's packages once more, in the interpreter.
func TestUnits(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{".", "vsee"} {
		t.Run(filepath.Join("clinicpass", folder), func(t *testing.T) {
			goPath := t.TempDir()
			if err := GoPath(goPath, root); err != nil {
				t.Fatal(err)
			}
			i, err := NewInterpreter(goPath, os.Environ(), os.Stdout, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			// The simulated clinic is no part of the plugin and stays compiled.
			if err := i.Use(simulatedClinic); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(ImportPath, folder)
			t.Chdir(filepath.Join(goPath, "src", path))
			if err := i.EvalTest(path); err != nil {
				t.Fatal(err)
			}
			run := 0
			for name, symbol := range i.Symbols(path)[path] {
				if test, ok := symbol.Interface().(func(*testing.T)); ok && strings.HasPrefix(name, "Test") {
					run++
					t.Run(name, test)
				}
			}
			if want := countTests(t, filepath.Join(root, folder)); run != want {
				t.Errorf("%d tests ran, the files have %d", run, want)
			}
		})
	}
}

// countTests counts the test functions in a folder's files.
func countTests(t *testing.T, folder string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", folder, err)
	}
	count := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		count += strings.Count(string(content), "\nfunc Test")
	}
	return count
}

var simulatedClinic = interp.Exports{
	ImportPath + "/vsee/vseetest/vseetest": {
		"NewServer":   reflect.ValueOf(vseetest.NewServer),
		"AccountCode": reflect.ValueOf(vseetest.AccountCode),
		"Key":         reflect.ValueOf(vseetest.Key),
		"Secret":      reflect.ValueOf(vseetest.Secret),
		"AdminToken":  reflect.ValueOf(vseetest.AdminToken),
		"Server":      reflect.ValueOf((*vseetest.Server)(nil)),
		"Fault":       reflect.ValueOf((*vseetest.Fault)(nil)),
		"Request":     reflect.ValueOf((*vseetest.Request)(nil)),
		"Quirks":      reflect.ValueOf((*vseetest.Quirks)(nil)),
		"User":        reflect.ValueOf((*vseetest.User)(nil)),
		"Room":        reflect.ValueOf((*vseetest.Room)(nil)),
	},
}
