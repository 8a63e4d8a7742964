package main

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestSimulate: the flags come to what they say.
func TestSimulate(t *testing.T) {
	for _, row := range []struct {
		desc    string
		command simulateCommand
		want    []error // of calls one after the other
	}{
		{
			desc: "no fault",
			want: []error{nil, nil},
		},
		{
			desc:    "always 500",
			command: simulateCommand{Fail: 500},
			want:    []error{vsee.ErrUnavailable, vsee.ErrUnavailable},
		},
		{
			desc:    "401 once",
			command: simulateCommand{Fail: 401, FailFirst: 1},
			want:    []error{vsee.ErrCredentials, nil, nil},
		},
		{
			desc:    "reset",
			command: simulateCommand{Reset: true},
			want:    []error{vsee.ErrUnavailable},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic := row.command.clinic()
			server := httptest.NewServer(clinic)
			t.Cleanup(server.Close)
			clinic.URL = server.URL
			client := vsee.New(vsee.Config{
				API:         clinic.API(),
				AccountCode: vseetest.AccountCode,
				Key:         vseetest.Key,
			})
			user := &vsee.User{
				Type:      vsee.Provider,
				Code:      "u-17",
				FirstName: "Jane",
				LastName:  "Doe",
			}
			for i, want := range row.want {
				_, err := vsee.SignIn(t.Context(), client, user, nil)
				assert.ErrorIs(t, err, want, "call %d", i)
			}
		})
	}
}

// TestSimulateFlags: what makes no sense is refused with the flag's name.
func TestSimulateFlags(t *testing.T) {
	for _, row := range []struct {
		desc    string
		command simulateCommand
		flag    string
	}{
		{
			desc:    "an address for everybody",
			command: simulateCommand{Listen: "0.0.0.0:8081"},
			flag:    "--listen",
		},
		{
			desc:    "no host",
			command: simulateCommand{Listen: "8081"},
			flag:    "--listen:",
		},
		{
			desc:    "a status that is no failure",
			command: simulateCommand{Listen: "127.0.0.1:0", Fail: 200},
			flag:    "--fail:",
		},
		{
			desc:    "no way to fail",
			command: simulateCommand{Listen: "127.0.0.1:0", FailFirst: 2},
			flag:    "--fail-first",
		},
		{
			desc:    "a negative delay",
			command: simulateCommand{Listen: "127.0.0.1:0", Delay: -1},
			flag:    "--delay",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.ErrorContains(t, row.command.Validate(), row.flag)
		})
	}
	right := simulateCommand{Listen: "[::1]:0", Fail: 503, FailFirst: 1}
	assert.NoError(t, right.Validate())
}

// TestSimulateRuns: it serves until it is told to stop, and says so when the port is taken.
func TestSimulateRuns(t *testing.T) {
	redirectOutput(t)
	taken := httptest.NewServer(nil)
	t.Cleanup(taken.Close)
	command := simulateCommand{Listen: strings.TrimPrefix(taken.URL, "http://")}
	assert.ErrorContains(t, command.serve(t.Context()), "--listen", "a port that is taken")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	command.Listen = "127.0.0.1:0"
	if err := command.serve(ctx); err != nil {
		assert.ErrorIs(t, err, context.Canceled)
	}
}

// redirectOutput sends what the command prints to a file until the test ends.
func redirectOutput(t *testing.T) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	require.NoError(t, err)
	terminal := os.Stdout
	os.Stdout = file
	t.Cleanup(func() {
		os.Stdout = terminal
		assert.NoError(t, file.Close())
	})
}
