package audit

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/outcome"
)

// always are the keys of every line, as README.md has them; sometimes those that say more.
var (
	always    = []string{"time", "outcome", "ref", "clinic", "calls", "ms"}
	sometimes = []string{"provider", "room", "assigned", "next_refused"}
)

// full is a result that has everything.
func full() *outcome.Result {
	return &outcome.Result{
		Time:        time.Date(2026, 11, 25, 17, 30, 0, 0, time.UTC),
		Outcome:     outcome.SignedIn,
		Ref:         "0123456789",
		Clinic:      "vclinic",
		Provider:    "0123456789abcdef",
		Room:        "created",
		Assigned:    true,
		NextRefused: true,
		Calls:       3,
		MS:          17,
		Why:         "a secret reason",
		Location:    "https://portal.example.com/auth?sso_token=a-secret-token",
		RetryAfter:  time.Second,
	}
}

// logged gathers what is logged as an error.
func logged(t *testing.T) *bytes.Buffer {
	t.Helper()
	buffer := &bytes.Buffer{}
	errorLog := log.Writer()
	log.SetOutput(buffer)
	t.Cleanup(func() { log.SetOutput(errorLog) })
	return buffer
}

// entries returns the lines of a file, each of which must be JSON.
func entries(t *testing.T, file string) []map[string]interface{} {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(content), "secret")
	lines := strings.SplitAfter(string(content), "\n")
	require.Empty(t, lines[len(lines)-1], "the last line has no end")
	list := []map[string]interface{}{}
	for _, line := range lines[:len(lines)-1] {
		entry := map[string]interface{}{}
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		list = append(list, entry)
	}
	return list
}

func keysOf(entry map[string]interface{}) []string {
	keys := []string{}
	for key := range entry {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func TestNew(t *testing.T) {
	assert.True(t, New("") == nil, "a log without a file")
	assert.True(t, New("stdout") != nil)
}

// TestLine: a line is JSON with the documented keys and no others.
func TestLine(t *testing.T) {
	errors := logged(t)
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	l := New(file)
	Write(l, full())
	Write(l, &outcome.Result{Outcome: outcome.NoIdentity, Why: "a secret reason"})
	list := entries(t, file)
	require.Len(t, list, 2)
	assert.ElementsMatch(t, append(append([]string{}, always...), sometimes...), keysOf(list[0]))
	assert.Equal(t, "2026-11-25T17:30:00Z", list[0]["time"])
	assert.Equal(t, "signed_in", list[0]["outcome"])
	assert.Equal(t, "0123456789", list[0]["ref"])
	assert.Equal(t, "vclinic", list[0]["clinic"])
	assert.Equal(t, "0123456789abcdef", list[0]["provider"])
	assert.Equal(t, "created", list[0]["room"])
	assert.Equal(t, true, list[0]["assigned"])
	assert.Equal(t, true, list[0]["next_refused"])
	assert.Equal(t, 3.0, list[0]["calls"])
	assert.Equal(t, 17.0, list[0]["ms"])
	assert.ElementsMatch(t, always, keysOf(list[1]))
	assert.Equal(t, "no_identity", list[1]["outcome"])
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o077, "others may read the file")
	assert.Empty(t, errors.String())
}

// TestRotation: the file may be moved, truncated or removed at any time.
func TestRotation(t *testing.T) {
	errors := logged(t)
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	l := New(file)
	for _, row := range []struct {
		desc   string
		rotate func() error
		lines  int // after the next one
	}{
		{
			desc:   "no file yet",
			rotate: func() error { return nil },
			lines:  1,
		},
		{
			desc:   "not rotated",
			rotate: func() error { return nil },
			lines:  2,
		},
		{
			desc:   "moved",
			rotate: func() error { return os.Rename(file, file+".1") },
			lines:  1,
		},
		{
			desc:   "truncated",
			rotate: func() error { return os.Truncate(file, 0) },
			lines:  1,
		},
		{
			desc:   "removed",
			rotate: func() error { return os.Remove(file) },
			lines:  1,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			require.NoError(t, row.rotate())
			Write(l, full())
			assert.Len(t, entries(t, file), row.lines)
		})
	}
	assert.Len(t, entries(t, file+".1"), 2, "the moved file")
	assert.Empty(t, errors.String())
}

// TestFailureIsLoggedOnce, until writing works again.
func TestFailureIsLoggedOnce(t *testing.T) {
	errors := logged(t)
	dir := filepath.Join(t.TempDir(), "missing")
	l := New(filepath.Join(dir, "audit.jsonl"))
	failures := func() int {
		return strings.Count(errors.String(), "clinicpass: audit.file: ")
	}
	Write(l, full())
	Write(l, full())
	assert.Equal(t, 1, failures(), errors.String())
	assert.Contains(t, errors.String(), dir)
	assert.Contains(t, errors.String(), "; sign-ins go on without an audit\n")

	require.NoError(t, os.Mkdir(dir, 0o700))
	Write(l, full())
	assert.Len(t, entries(t, filepath.Join(dir, "audit.jsonl")), 1)
	assert.Equal(t, 1, failures(), "success was logged")

	require.NoError(t, os.RemoveAll(dir))
	Write(l, full())
	Write(l, full())
	assert.Equal(t, 2, failures(), errors.String())
	assert.Equal(t, 2, strings.Count(errors.String(), "\n"))
	assert.NotContains(t, errors.String(), "secret")
}

// TestFilesThatCannotBeWritten: each is logged, and none stops a sign-in.
func TestFilesThatCannotBeWritten(t *testing.T) {
	for _, row := range []struct{ desc, file string }{
		{desc: "folder", file: t.TempDir()},
		{desc: "full", file: "/dev/full"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			errors := logged(t)
			Write(New(row.file), full())
			assert.Equal(t, 1, strings.Count(errors.String(), "\n"), errors.String())
			assert.Contains(t, errors.String(), row.file)
			assert.NotContains(t, errors.String(), "secret")
		})
	}
}

// TestStreams: stdout and stderr are the process's streams, and no files.
func TestStreams(t *testing.T) {
	for _, row := range []struct {
		desc   string
		stream *os.File
	}{
		{desc: "stdout", stream: os.Stdout},
		{desc: "stderr", stream: os.Stderr},
	} {
		t.Run(row.desc, func(t *testing.T) {
			errors := logged(t)
			l := New(row.desc)
			require.Same(t, row.stream, l.stream)
			diverted, err := os.Create(filepath.Join(t.TempDir(), "stream"))
			require.NoError(t, err)
			l.stream = diverted
			Write(l, full())
			Write(l, full())
			assert.Len(t, entries(t, diverted.Name()), 2)
			assert.Empty(t, errors.String())
			require.NoError(t, diverted.Close())
			Write(l, full())
			Write(l, full())
			assert.Equal(t, 1, strings.Count(errors.String(), "audit.file: "), errors.String())
			_, missing := os.Stat(row.desc)
			assert.ErrorIs(t, missing, os.ErrNotExist, "a file has the stream's name")
		})
	}
}
