package e2e

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// TestConfigurationReference: docs/configuration.md has every key with its default and meaning, as
// the code has them.
func TestConfigurationReference(t *testing.T) {
	r := reference{t: t, comments: fieldComments(t)}
	r.add("", "", "", reflect.ValueOf(clinicpass.CreateConfig()).Elem())
	head := "| Key | Default | Meaning |\n| --- | --- | --- |\n"
	compareTable(t, "configuration.md", "make reference", head+r.rows.String())
}

// fieldComments returns the comments on the fields of the configuration's types, such as API.Key.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	name := filepath.Join(traefik.Root(), "internal", "config", "config.go")
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	require.NoError(t, err)
	comments := map[string]string{}
	ast.Inspect(file, func(node ast.Node) bool {
		declared, ok := node.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if fields, ok := declared.Type.(*ast.StructType); ok {
			for _, field := range fields.Fields.List {
				comment := strings.Join(strings.Fields(field.Doc.Text()), " ")
				comments[declared.Name.Name+"."+field.Names[0].Name] = comment
			}
		}
		return false
	})
	return comments
}

// reference makes the table of all keys.
type reference struct {
	t        *testing.T
	comments map[string]string
	rows     strings.Builder
}

var defaultPattern = regexp.MustCompile(`^(.*?)(?: ?Default: (.*)\.)?$`)

// add makes rows of a section, whose own comment goes before those of its keys.
func (r *reference) add(prefix, meaning, absence string, section reflect.Value) {
	for i := range section.NumField() {
		field, value := section.Type().Field(i), section.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		comment := defaultPattern.FindStringSubmatch(r.comments[section.Type().Name()+"."+field.Name])
		if value.Kind() == reflect.Struct {
			r.add(prefix+name+".", comment[1], comment[2], value)
			continue
		}
		text, byDefault := comment[1], comment[2]
		if meaning != "" {
			text, byDefault = meaning+" "+strings.ToLower(text[:1])+text[1:], absence
		}
		if !value.IsZero() || value.Kind() == reflect.Bool {
			assert.Empty(r.t, byDefault, "%s%s: CreateConfig has the default", prefix, name)
			byDefault = "`" + fmt.Sprint(value) + "`"
		}
		assert.NotEmpty(r.t, text, "%s%s: config.go does not say what it means", prefix, name)
		assert.NotEmpty(r.t, byDefault, "%s%s: what does its absence come to?", prefix, name)
		text = strings.TrimSuffix(text, ".")
		fmt.Fprintf(&r.rows, "| `%s%s` | %s | %s |\n", prefix, name, byDefault, text)
	}
}
