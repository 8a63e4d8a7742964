package e2e

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/interpreted"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// floors are the plugin's packages from the top to the ground. A package imports only packages of
// lower floors, so that nothing reaches back up. Below all of them is the standard library.
var floors = [][]string{
	{"."},
	{"internal/signin"},
	{"internal/page", "internal/audit", "internal/clinic"},
	{"internal/provider"},
	{"internal/identity"},
	{"internal/portal"},
	{"internal/request", "internal/jwt", "internal/memory"},
	{"internal/outcome", "internal/logs", "internal/config"},
	{"vsee"},
}

// onlyFor names the one package that may import another.
var onlyFor = map[string]string{"vsee": "internal/clinic", "internal/signin": "."}

// testTools are packages for tests alone. They have no floor, so that the plugin cannot import them.
var testTools = []string{"vsee/vseetest", "internal/config/configtest"}

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath string
	Standard   bool
	GoFiles    []string
	Imports    []string
}

// listPackages runs go list in the root module.
func listPackages(t *testing.T, arguments ...string) []goPackage {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-json"}, arguments...)...)
	command.Dir = traefik.Root()
	output, err := command.Output()
	require.NoError(t, err)
	packages := []goPackage{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if err == io.EOF {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
}

// folderOf returns a package's folder in this repository, or "" for a package of somebody else.
func folderOf(importPath string) string {
	if importPath == interpreted.ImportPath {
		return "."
	}
	folder, ours := strings.CutPrefix(importPath, interpreted.ImportPath+"/")
	if !ours {
		return ""
	}
	return folder
}

func floorOf(folder string) int {
	holds := func(floor []string) bool { return slices.Contains(floor, folder) }
	return slices.IndexFunc(floors, holds)
}

// TestDependencies: what Traefik interprets is the plugin's own packages and the standard library.
func TestDependencies(t *testing.T) {
	packages := listPackages(t, "-deps", ".")
	require.Greater(t, len(packages), 50)
	for _, p := range packages {
		assert.True(t, p.Standard || folderOf(p.ImportPath) != "", "%s is a dependency", p.ImportPath)
	}
}

// TestImportDirections: imports go one way.
func TestImportDirections(t *testing.T) {
	packages := listPackages(t, "./...")
	found := 0
	for _, p := range packages {
		folder := folderOf(p.ImportPath)
		if slices.Contains(testTools, folder) {
			continue
		}
		found++
		require.NotEqual(t, -1, floorOf(folder), "%s has no floor", folder)
		for _, problem := range wrongImports(folder, p.Imports) {
			assert.Fail(t, problem)
		}
	}
	assert.Equal(t, len(slices.Concat(floors...)), found, "packages")

	// The check sees what it is for.
	up := []string{interpreted.ImportPath + "/internal/signin", interpreted.ImportPath + "/vsee"}
	assert.Len(t, wrongImports("internal/page", up), 3)
}

func wrongImports(folder string, imports []string) []string {
	problems := []string{}
	for _, path := range imports {
		imported := folderOf(path)
		if imported == "" {
			continue
		}
		if floorOf(imported) <= floorOf(folder) {
			problems = append(problems, folder+" imports "+imported+", which is not below it")
		}
		if only := onlyFor[imported]; only != "" && only != folder {
			problems = append(problems, folder+" imports "+imported+", which only "+only+" may")
		}
	}
	return problems
}

// TestSize: nobody has to read more than a few screens to know a file, or an evening for all.
func TestSize(t *testing.T) {
	const maxFile, maxAll = 250, 4950 // lines
	root, err := filepath.Glob(filepath.Join(traefik.Root(), "*.go"))
	require.NoError(t, err)
	isTest := func(name string) bool { return strings.HasSuffix(name, "_test.go") }
	root = slices.DeleteFunc(root, isTest)
	assert.LessOrEqual(t, len(root), 3, "files of the root package")
	all := 0
	for _, name := range pluginFiles(t) {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		lines := strings.Count(string(content), "\n")
		assert.LessOrEqual(t, lines, maxFile, name)
		all += lines
	}
	assert.LessOrEqual(t, all, maxAll)
}

// pluginFiles are the files that Traefik interprets.
func pluginFiles(t *testing.T) []string {
	t.Helper()
	files := []string{}
	for _, p := range listPackages(t, "-deps", ".") {
		for _, name := range p.GoFiles {
			if folder := folderOf(p.ImportPath); folder != "" {
				files = append(files, filepath.Join(traefik.Root(), folder, name))
			}
		}
	}
	require.Greater(t, len(files), 20)
	return files
}

// TestInterpreterTraps: the plugin has nothing that the interpreter gets silently wrong and that
// compilers and linters accept. TestKnownBugs in package interpreted shows each of them.
func TestInterpreterTraps(t *testing.T) {
	for _, name := range pluginFiles(t) {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, trap := range trapsIn(t, name, string(content)) {
			assert.Fail(t, trap)
		}
	}
	for _, test := range []struct {
		desc, body string
	}{
		{"a list of conditions", "switch { case a, b: }"},
		{"a go statement", "go f(a)"},
		{"a deferred call with arguments", "defer f(a)"},
		{"a deferred variable", "d := func() {}; defer d()"},
		{"a range over a number", "for range 3 { f(a) }"},
		{"a range over a number with a variable", "for i := range 3 { _ = i }"},
		{"a type switch on an interface", "var x any; switch x.(type) { case error: }"},
		{"a call and an index in one assignment", "c, d := f(a), l[0]; _, _ = c, d"},
		{"a call and a field in one assignment", "x.c, x.d = a, f(a)"},
		{"a method expression", "_ = (*T).m"},
	} {
		t.Run(test.desc, func(t *testing.T) {
			source := "package p\nfunc g(a, b bool, l []int) {\n" + test.body + "\n}\n"
			assert.Len(t, trapsIn(t, "p.go", source), 1, source)
		})
	}
	for _, test := range []struct {
		desc, source string
	}{
		{"a build line", "//go:build linux\n\npackage p\n"},
		{"an embedded type", "package p\ntype a struct{ b }\n"},
		{"an unnamed parameter", "package p\nfunc (r t) f(int) {}\n"},
		{"an unnamed receiver", "package p\nfunc (t) f(a int) {}\n"},
		{"two values for a package's variable", "package p\nvar u, _ = f()\n"},
		{"an unexported field in JSON", "package p\ntype a struct{ b string `json:\"b\"` }\n"},
	} {
		t.Run(test.desc, func(t *testing.T) {
			assert.Len(t, trapsIn(t, "p.go", test.source), 1)
		})
	}
	fine := "package p\nfunc g(a bool, k int) {\n" +
		"switch k { case 1, 2: }\nswitch { case a || k > 1: }\n" +
		"defer func() { f(a) }()\ndefer x.Close()\nfor i := range l { _ = i }\n}\n"
	assert.Empty(t, trapsIn(t, "p.go", fine))
}

// trapsIn returns what the interpreter would get wrong in a file.
func trapsIn(t *testing.T, name, source string) []string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.ParseComments)
	require.NoError(t, err)
	traps := []string{}
	add := func(at token.Pos, what string) {
		traps = append(traps, fmt.Sprintf("%s: %s", set.Position(at), what))
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//go:build") {
				add(comment.Pos(), "the interpreter ignores //go:build")
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		for _, what := range trapsOf(node) {
			add(node.Pos(), what)
		}
		return true
	})
	return traps
}

// trapsOf returns what is wrong with one node.
func trapsOf(node ast.Node) []string {
	switch node := node.(type) {
	case *ast.SwitchStmt:
		for _, clause := range node.Body.List {
			if node.Tag == nil && len(clause.(*ast.CaseClause).List) > 1 {
				return []string{"without a tag, `case a, b` tests only a: write a || b"}
			}
		}
	case *ast.GoStmt:
		return []string{"a panic in a goroutine ends Traefik"}
	case *ast.DeferStmt:
		_, literal := node.Call.Fun.(*ast.FuncLit)
		if len(node.Call.Args) > 0 {
			return []string{"arguments of defer are evaluated when it runs"}
		}
		if called, ok := node.Call.Fun.(*ast.Ident); ok && !literal && called.Name != "cancel" {
			return []string{"a deferred variable that holds a function hangs"}
		}
	case *ast.RangeStmt:
		if number, ok := node.X.(*ast.BasicLit); ok && number.Kind == token.INT {
			return []string{"a range over a number does not load"}
		}
	case *ast.TypeSwitchStmt:
		return []string{"a type switch misses interfaces and defined types: use assertions"}
	case *ast.AssignStmt:
		return trapsOfAssignment(node)
	case *ast.ParenExpr:
		if star, ok := node.X.(*ast.StarExpr); ok && ast.IsExported(fmt.Sprint(star.X)) {
			return []string{"method expressions panic"}
		}
	case *ast.FuncDecl:
		return trapsOfFunction(node)
	case *ast.GenDecl:
		return trapsOfDeclaration(node)
	case *ast.StructType:
		return trapsOfStruct(node)
	}
	return nil
}

func trapsOfAssignment(assignment *ast.AssignStmt) []string {
	calls, indexes := false, false
	for _, value := range assignment.Rhs {
		_, isCall := value.(*ast.CallExpr)
		_, isIndex := value.(*ast.IndexExpr)
		calls = calls || isCall
		indexes = indexes || isIndex
	}
	if len(assignment.Rhs) < 2 || !calls {
		return nil
	}
	if indexes {
		return []string{"beside a call, an index is assigned as nothing"}
	}
	for _, target := range assignment.Lhs {
		if _, isField := target.(*ast.SelectorExpr); isField {
			return []string{"beside a call, a field is assigned nothing"}
		}
	}
	return nil
}

func trapsOfFunction(function *ast.FuncDecl) []string {
	lists := []*ast.FieldList{function.Type.Params}
	if function.Recv == nil {
		return nil
	}
	for _, list := range append(lists, function.Recv) {
		for _, field := range list.List {
			if len(field.Names) == 0 {
				return []string{"methods with unnamed parameters mix up their values"}
			}
		}
	}
	return nil
}

func trapsOfDeclaration(declaration *ast.GenDecl) []string {
	for _, spec := range declaration.Specs {
		value, ok := spec.(*ast.ValueSpec)
		if ok && len(value.Names) > 1 && len(value.Values) == 1 {
			return []string{"a variable from a call with two results panics at load"}
		}
	}
	return nil
}

func trapsOfStruct(fields *ast.StructType) []string {
	for _, field := range fields.Fields.List {
		if len(field.Names) == 0 {
			return []string{"an embedded type is nested in JSON, and its methods are lost"}
		}
		if field.Tag != nil && !ast.IsExported(field.Names[0].Name) {
			return []string{"JSON sets and shows unexported fields under another name"}
		}
	}
	return nil
}

// TestNothingBuiltIsKept: the repository has texts and pictures, and no program that was built.
func TestNothingBuiltIsKept(t *testing.T) {
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = traefik.Root()
	output, err := list.Output()
	require.NoError(t, err)
	files := strings.Split(strings.TrimRight(string(output), "\x00"), "\x00")
	require.Greater(t, len(files), 300)
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(traefik.Root(), file))
		if os.IsNotExist(err) || filepath.Ext(file) == ".png" {
			continue
		}
		require.NoError(t, err)
		assert.False(t, strings.Contains(string(content), "\x00"), "%s is no text", file)
	}
}
