package interpreted

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// knownBug is something that the interpreter gets wrong without a word.
type knownBug struct {
	desc  string
	body  string // of a function that returns a string
	top   string // declarations before it
	right string // what Go returns
	wrong string // what this interpreter returns
}

// knownBugs are the reasons for rules of this house. When a newer interpreter mends one, its row and
// its rule can go.
var knownBugs = []knownBug{
	{
		desc:  "a list of conditions in a switch without a tag",
		body:  "a, b := false, true\nswitch {\ncase a, b:\n\treturn \"second\"\n}\nreturn \"neither\"",
		right: "second",
		wrong: "neither",
	},
	{
		desc:  "arguments of defer",
		top:   "var told string\nfunc tell(s string) { told = s }\nfunc deferred() { x := \"first\"; defer tell(x); x = \"second\" }",
		body:  "deferred()\nreturn told",
		right: "first",
		wrong: "second",
	},
	{
		desc:  "defined types in a context's keys",
		top:   "type key string",
		body:  "ctx := context.WithValue(context.Background(), key(\"a\"), \"found\")\nif v, ok := ctx.Value(\"a\").(string); ok {\n\treturn v\n}\nreturn \"none\"",
		right: "none",
		wrong: "found",
	},
	{
		desc:  "an index beside a call",
		top:   "func one() string { return \"1\" }",
		body:  "list := []string{\"2\"}\nvar a, b string\na, b = one(), list[0]\nreturn a + b",
		right: "12",
		wrong: "1",
	},
	{
		desc:  "a closure of a loop given to compiled code",
		body:  "all := \"\"\nfuncs := []func(string) string{}\nfor _, v := range []string{\"a\", \"b\"} {\n\tv := v\n\tfuncs = append(funcs, strings.NewReplacer(\"x\", v).Replace)\n}\nfor _, f := range funcs {\n\tall += f(\"x\")\n}\nreturn all",
		right: "ab",
		wrong: "bb",
	},
	{
		desc:  "an unexported field in JSON",
		body:  "v := struct{ a string }{\"secret\"}\nraw, _ := json.Marshal(&v)\nreturn string(raw)",
		right: "{}",
		wrong: `{"Xa":"secret"}`,
	},
	{
		desc:  "a method for fmt on a nested field",
		top:   "type masked string\nfunc (m masked) String() string { return \"***\" }",
		body:  "return fmt.Sprint([]masked{\"secret\"})",
		right: "[***]",
		wrong: "[secret]",
	},
	{
		desc:  "a type switch on an interface",
		body:  "var v interface{} = errors.New(\"x\")\nswitch v.(type) {\ncase error:\n\treturn \"error\"\n}\nreturn \"other\"",
		right: "error",
		wrong: "other",
	},
}

// TestKnownBugs: each bug is still there.
func TestKnownBugs(t *testing.T) {
	for _, bug := range knownBugs {
		t.Run(bug.desc, func(t *testing.T) {
			i, err := NewInterpreter(t.TempDir(), nil, io.Discard, io.Discard)
			require.NoError(t, err)
			imports := ""
			for _, name := range []string{"context", "encoding/json", "errors", "fmt", "strings"} {
				short := name[strings.LastIndex(name, "/")+1:]
				if strings.Contains(bug.top+bug.body, short+".") {
					imports += "import \"" + name + "\"\n"
				}
			}
			_, err = i.Eval("package main\n" + imports + bug.top + "\nfunc Run() string {\n" + bug.body + "\n}\n")
			require.NoError(t, err)
			run, err := i.Eval("main.Run")
			require.NoError(t, err)
			got := run.Interface().(func() string)()
			assert.Equal(t, bug.wrong, got, "Go returns %s", bug.right)
			assert.NotEqual(t, bug.right, bug.wrong)
		})
	}
}

// TestBuildLinesAreIgnored: only the old form of build constraints counts.
func TestBuildLinesAreIgnored(t *testing.T) {
	i, err := NewInterpreter(t.TempDir(), nil, io.Discard, io.Discard)
	require.NoError(t, err)
	_, err = i.Eval("//go:build never\n\npackage main\nfunc Run() string { return \"there\" }\n")
	require.NoError(t, err)
	run, err := i.Eval("main.Run")
	require.NoError(t, err)
	assert.Equal(t, "there", run.Interface().(func() string)())
}
