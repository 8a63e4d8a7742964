package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
)

// hiddenValue stands in the place of secrets. It is no name, so that nothing may print it.
const hiddenValue = "not!a!real!secret"

// FuzzCheck: nothing that a file may hold stops the command, and no secret of it is printed.
func FuzzCheck(f *testing.F) {
	for _, folder := range []string{"testdata/broken", "testdata/sites"} {
		files, err := filepath.Glob(folder + "/*")
		require.NoError(f, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(f, err)
			text := strings.NewReplacer(
				"file:/run/secrets/vsee_key", hiddenValue,
				"urn:k8s:secret:vsee:key", hiddenValue,
			).Replace(string(content))
			f.Add(filepath.Ext(file), []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, ending string, content []byte) {
		out := bytes.Buffer{}
		c := &checkCommand{Plugin: "clinicpass", out: &out}
		s := newSite()
		s.readContent("input", ending, content)
		k := c.judge(s)
		config.Allowed = config.AllowedBy(os.Getenv)
		require.NoError(t, c.print(k))
		assert.NotContains(t, out.String(), hiddenValue)
		assert.NotEmpty(t, out.String())
	})
}
