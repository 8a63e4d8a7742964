package main

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asCommand makes the test's binary the command itself.
const asCommand = "CLINICPASS_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestExitCodes: a command line that is wrong ends with 2, which is no result of check or probe.
func TestExitCodes(t *testing.T) {
	binary, err := os.Executable()
	require.NoError(t, err)
	for _, row := range []struct {
		desc string
		args []string
		code int
	}{
		{desc: "help", args: []string{"check", "--help"}},
		{desc: "version", args: []string{"--version"}},
		{desc: "nothing found", args: []string{"check", "../../examples/file"}},
		{desc: "found", args: []string{"check", "testdata/broken/no-tls.yml"}, code: 1},
		{desc: "no command", code: 2},
		{desc: "an unknown command", args: []string{"chekc"}, code: 2},
		{desc: "an unknown flag", args: []string{"probe", "--no-such-flag"}, code: 2},
		{desc: "flags that do not go together", args: []string{"check", "--room", "x.yml"}, code: 2},
		{desc: "a missing file", args: []string{"check", "no-such-file.yml"}, code: 2},
	} {
		t.Run(row.desc, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), binary, row.args...)
			command.Env = append(os.Environ(), asCommand+"=1")
			output, err := command.CombinedOutput()
			code := 0
			var failed *exec.ExitError
			if errors.As(err, &failed) {
				code = failed.ExitCode()
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, row.code, code, "%s", output)
			assert.NotEmpty(t, output)
		})
	}
}
