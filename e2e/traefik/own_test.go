package traefik

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pretender writes a program that says the text when it is asked for its version.
func pretender(t *testing.T, says string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "traefik")
	script := "#!/bin/sh\n[ \"$1\" = version ] && printf '" + says + "'\n"
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	return path
}

// TestLocate: a Traefik that is there is used if it is new enough.
func TestLocate(t *testing.T) {
	for _, row := range []struct{ desc, says, version, problem string }{
		{desc: "new", says: "Version:      3.7.13\\nCodename: x\\n", version: "v3.7.13"},
		{desc: "oldest", says: "Version: v3.0.0\\n", version: "v3.0.0"},
		{desc: "somebody's own build", says: "Version: dev\\n", version: "dev"},
		{desc: "v2", says: "Version: 2.11.2\\n", problem: "it is v2.11.2, and"},
		{desc: "candidate of v3.0", says: "Version: 3.0.0-rc1\\n", problem: "it is v3.0.0-rc1, and"},
		{desc: "something else", says: "usage: traefik", problem: "does not say its version"},
		{desc: "silent", problem: "does not say its version"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			path := pretender(t, row.says)
			t.Setenv(ownVariable, path)
			var said strings.Builder
			binary, err := Locate(&said)
			versions, versionsErr := Versions()
			if row.problem != "" {
				require.ErrorContains(t, err, row.problem)
				assert.ErrorContains(t, err, "TRAEFIK="+path)
				assert.ErrorContains(t, versionsErr, row.problem)
				return
			}
			require.NoError(t, err)
			require.NoError(t, versionsErr)
			assert.Equal(t, path, binary)
			assert.Equal(t, "Using Traefik "+row.version+" at "+path+"\n", said.String())
			assert.Equal(t, []string{row.version}, versions)

			t.Setenv(ownVariable, "")
			t.Setenv("PATH", filepath.Dir(path)+":"+os.Getenv("PATH"))
			binary, err = Locate(&said)
			require.NoError(t, err)
			assert.Equal(t, path, binary)
		})
	}
	t.Run("relative to the checkout", func(t *testing.T) {
		t.Setenv(ownVariable, "./.bin/traefik-none")
		assert.Equal(t, filepath.Join(Root(), ".bin", "traefik-none"), own())
	})
	t.Run("none of the name", func(t *testing.T) {
		t.Setenv(ownVariable, filepath.Join(t.TempDir(), "traefik"))
		_, err := Locate(t.Output())
		require.ErrorContains(t, err, "no such file")
	})
}

// TestVersions without a Traefik of one's own.
func TestVersions(t *testing.T) {
	t.Setenv(ownVariable, "")
	t.Setenv("TRAEFIK_VERSIONS", "")
	versions, err := Versions()
	require.NoError(t, err)
	assert.Equal(t, Tested, versions)
	t.Setenv("TRAEFIK_VERSIONS", "v3.0.4 v3.6.12")
	versions, err = Versions()
	require.NoError(t, err)
	assert.Equal(t, []string{"v3.0.4", "v3.6.12"}, versions)
}
