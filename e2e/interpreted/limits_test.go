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

// knownBugs are the reasons for rules of this house. When a newer interpreter mends one, its row
// and its rule can go.
var knownBugs = []knownBug{
	{
		desc: "a list of conditions in a switch without a tag",
		body: `
	a, b := false, true
	switch {
	case a, b:
		return "second"
	}
	return "neither"`,
		right: "second",
		wrong: "neither",
	},
	{
		desc: "arguments of defer",
		top: `
var told string
func tell(s string) { told = s }
func deferred() {
	x := "first"
	defer tell(x)
	x = "second"
}`,
		body: `
	deferred()
	return told`,
		right: "first",
		wrong: "second",
	},
	{
		desc: "defined types in a context's keys",
		top:  `type key string`,
		body: `
	ctx := context.WithValue(context.Background(), key("a"), "found")
	if v, ok := ctx.Value("a").(string); ok {
		return v
	}
	return "none"`,
		right: "none",
		wrong: "found",
	},
	{
		desc: "an index beside a call",
		top:  `func one() string { return "1" }`,
		body: `
	list := []string{"2"}
	var a, b string
	a, b = one(), list[0]
	return a + b`,
		right: "12",
		wrong: "1",
	},
	{
		desc: "fields beside a call",
		top:  `func one() string { return "1" }`,
		body: `
	v := struct{ a, b string }{}
	two := "2"
	v.a, v.b = two, one()
	return v.a + v.b`,
		right: "21",
		wrong: "1",
	},
	{
		desc: "a method value of a loop that is called later",
		body: `
	all := ""
	funcs := []func(string) string{}
	for _, v := range []string{"a", "b"} {
		v := v
		funcs = append(funcs, strings.NewReplacer("x", v).Replace)
	}
	for _, f := range funcs {
		all += f("x")
	}
	return all`,
		right: "ab",
		wrong: "bb",
	},
	{
		desc: "an unexported field in JSON",
		body: `
	v := struct{ a string }{"secret"}
	raw, _ := json.Marshal(&v)
	return string(raw)`,
		right: `{}`,
		wrong: `{"Xa":"secret"}`,
	},
	{
		desc: "a method for fmt on a nested value",
		top: `
type masked string
func (m masked) String() string { return "***" }`,
		body:  `return fmt.Sprint([]masked{"secret"})`,
		right: "[***]",
		wrong: "[secret]",
	},
	{
		desc: "a type switch on an interface",
		body: `
	var v interface{} = errors.New("x")
	switch v.(type) {
	case error:
		return "error"
	}
	return "other"`,
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
			run := "\nfunc Run() string {\n" + bug.body + "\n}\n"
			_, err = i.Eval("package main\n" + imports + bug.top + run)
			require.NoError(t, err)
			function, err := i.Eval("main.Run")
			require.NoError(t, err)
			got := function.Interface().(func() string)()
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
