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

	"github.com/clinicpass/clinicpass/internal/config"
	_ "github.com/clinicpass/clinicpass/internal/config/configtest" // files of tests are allowed
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// always are the keys of every line, as README.md has them; sometimes those that say more.
var (
	always = []string{
		"time", "outcome", "status", "ref", "middleware", "clinic", "calls", "ms", "api_ms",
	}
	sometimes = []string{"trace", "provider", "room", "assigned", "next_refused"}
)

// full is a result that has everything.
func full() *outcome.Result {
	return &outcome.Result{
		Time:        time.Date(2026, 11, 25, 17, 30, 0, 0, time.UTC),
		Outcome:     outcome.SignedIn,
		Status:      302,
		Trace:       "0af7651916cd43dd8448eb211c80319c",
		Middleware:  "clinic@file",
		Ref:         "0123456789",
		Clinic:      "vclinic",
		Provider:    "0123456789abcdef",
		Room:        "created",
		Assigned:    true,
		NextRefused: true,
		Calls:       3,
		MS:          17,
		APIMS:       15,
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
	assert.Equal(t, 15.0, list[0]["api_ms"])
	assert.Equal(t, 302.0, list[0]["status"])
	assert.Equal(t, "clinic@file", list[0]["middleware"])
	assert.Equal(t, "0af7651916cd43dd8448eb211c80319c", list[0]["trace"])
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

// other says of a file that it is no regular one.
const other = " must be a regular file: no link, pipe, device or directory"

// TestFilesThatCannotBeWritten: each is logged, and none stops a sign-in.
func TestFilesThatCannotBeWritten(t *testing.T) {
	for _, row := range []struct{ desc, file string }{
		{desc: "folder", file: t.TempDir()},
		{desc: "full", file: "/dev/full"},
		{desc: "device that would take it", file: "/dev/null"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			errors := logged(t)
			l := New(row.file)
			Write(l, full())
			Write(l, full())
			assert.Equal(t, "clinicpass: audit.file: "+row.file+other+
				"; sign-ins go on without an audit\n", errors.String())
		})
	}
}

// TestFilesThatAreReplaced: what stands in the file's place later is not written, and told once.
func TestFilesThatAreReplaced(t *testing.T) {
	for _, row := range []struct {
		desc    string
		replace func(file, elsewhere string) error
	}{
		{
			desc:    "link to a file",
			replace: func(file, elsewhere string) error { return os.Symlink(elsewhere, file) },
		},
		{
			desc: "link to a neighbor",
			replace: func(file, _ string) error {
				neighbor := file + ".1"
				if err := os.WriteFile(neighbor, []byte("theirs"), 0o600); err != nil {
					return err
				}
				return os.Symlink(neighbor, file)
			},
		},
		{
			desc:    "link to nothing",
			replace: func(file, elsewhere string) error { return os.Symlink(elsewhere+".new", file) },
		},
		{
			desc:    "link to a device",
			replace: func(file, _ string) error { return os.Symlink("/dev/null", file) },
		},
		{
			desc:    "folder",
			replace: func(file, _ string) error { return os.Mkdir(file, 0o700) },
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			errors := logged(t)
			file := filepath.Join(t.TempDir(), "audit.jsonl")
			elsewhere := filepath.Join(t.TempDir(), "theirs")
			require.NoError(t, os.WriteFile(elsewhere, []byte("theirs"), 0o600))
			l := New(file)
			Write(l, full())
			require.Len(t, entries(t, file), 1)
			require.Empty(t, errors.String())

			require.NoError(t, os.Remove(file))
			require.NoError(t, row.replace(file, elsewhere))
			Write(l, full())
			Write(l, full())
			assert.Equal(t, "clinicpass: audit.file: "+file+other+
				"; sign-ins go on without an audit\n", errors.String())
			for _, theirs := range []string{elsewhere, file + ".1"} {
				if content, err := os.ReadFile(theirs); err == nil {
					assert.Equal(t, "theirs", string(content), theirs)
				}
			}
			_, err := os.Lstat(elsewhere + ".new")
			assert.ErrorIs(t, err, os.ErrNotExist, "the link was followed")

			require.NoError(t, os.Remove(file))
			Write(l, full())
			assert.Len(t, entries(t, file), 1, "after it was put right")
			assert.Equal(t, 1, strings.Count(errors.String(), "\n"), errors.String())
		})
	}
}

// TestCheck: audits are written in the operator's directories only, and nothing tells what is
// elsewhere.
func TestCheck(t *testing.T) {
	root := t.TempDir()
	for _, folder := range []string{
		"own/deep", "own/run/secrets/kubernetes.io", "second", "elsewhere", "own-too",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, folder), 0o700))
	}
	for _, file := range []string{"own/audit", "elsewhere/audit"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, file), []byte("theirs"), 0o600))
	}
	for name, target := range map[string]string{
		"own/toAudit":   "audit",
		"own/toNothing": "missing",
		"own/toOutside": "../elsewhere/audit",
		"own/toNowhere": "../elsewhere/missing",
		"own/toDeep":    "deep",
		"own/toSecond":  "../second",
		"own/toFolder":  "../elsewhere",
		"own/toDevice":  "/dev/null",
		"linked":        "own",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(root, name)))
	}
	before, err := os.Getwd()
	require.NoError(t, err)
	require.NoError(t, os.Chdir(filepath.Join(root, "own")))
	t.Cleanup(func() { _ = os.Chdir(before) })
	const (
		place = "place"
		kind  = "kind"
	)
	for _, row := range []struct {
		desc, file string
		allowed    []string // below the root; "own" when nil
		problem    string
	}{
		{desc: "none"},
		{desc: "stdout", file: "stdout"},
		{desc: "stderr", file: "stderr"},
		{desc: "none, with nothing allowed", allowed: []string{}},
		{desc: "stdout, with nothing allowed", file: "stdout", allowed: []string{}},
		{desc: "file", file: "$ROOT/own/audit"},
		{desc: "not yet there", file: "$ROOT/own/new"},
		{desc: "not yet there, further down", file: "$ROOT/own/deep/new"},
		{desc: "folder not yet there", file: "$ROOT/own/missing/new"},
		{desc: "in a linked folder", file: "$ROOT/own/toDeep/new"},
		{
			desc:    "linked folder of another directory",
			file:    "$ROOT/own/toSecond/new",
			allowed: []string{"own", "second"},
		},
		{desc: "directory that is a link", file: "$ROOT/linked/audit", allowed: []string{"linked"}},
		{desc: "second directory", file: "$ROOT/second/new", allowed: []string{"own", "second"}},
		{desc: "relative", file: "audit"},
		{desc: "relative, not yet there", file: "new"},

		{desc: "elsewhere", file: "$ROOT/elsewhere/audit", problem: place},
		{desc: "elsewhere, not yet there", file: "$ROOT/elsewhere/new", problem: place},
		{desc: "elsewhere, a folder", file: "$ROOT/elsewhere", problem: place},
		{desc: "elsewhere, a device", file: "/dev/null", problem: place},
		{desc: "a name that only begins the same", file: "$ROOT/own-too/audit", problem: place},
		{desc: "the directory itself", file: "$ROOT/own", problem: place},
		{desc: "..", file: "$ROOT/own/../elsewhere/audit", problem: place},
		{desc: ".. that stays", file: "$ROOT/own/deep/../audit", problem: place},
		{desc: "..'s relative way", file: "../elsewhere/audit", problem: place},
		{desc: "link to a file elsewhere", file: "$ROOT/own/toOutside", problem: place},
		{desc: "linked folder elsewhere", file: "$ROOT/own/toFolder/audit", problem: place},
		{desc: "linked folder, not yet there", file: "$ROOT/own/toFolder/new", problem: place},
		{desc: "nothing allowed", file: "$ROOT/own/audit", allowed: []string{}, problem: place},
		{desc: "no name", file: "$ROOT/own/audit", allowed: []string{""}, problem: place},
		{
			desc:    "Kubernetes' secrets",
			file:    "$ROOT/own/run/secrets/kubernetes.io/audit",
			problem: place,
		},

		{desc: "link", file: "$ROOT/own/toAudit", problem: kind},
		{desc: "link to nothing", file: "$ROOT/own/toNothing", problem: place},
		{desc: "link to nothing elsewhere", file: "$ROOT/own/toNowhere", problem: place},
		{
			desc:    "link to another directory's device",
			file:    "$ROOT/own/toDevice",
			allowed: []string{"own", "/dev"},
			problem: kind,
		},
		{desc: "folder", file: "$ROOT/own/deep", problem: kind},
		{desc: "folder, with a slash", file: "$ROOT/own/deep/", problem: kind},
		{desc: "device", file: "/dev/null", allowed: []string{"/dev"}, problem: kind},
	} {
		t.Run(row.desc, func(t *testing.T) {
			if row.allowed == nil {
				row.allowed = []string{"own"}
			}
			folders := []string{}
			for _, folder := range row.allowed {
				if folder != "" && !filepath.IsAbs(folder) {
					folder = filepath.Join(root, folder)
				}
				folders = append(folders, folder)
			}
			before := config.Allowed
			config.Allowed = &config.Operator{Audit: folders, Files: []string{"/"}}
			t.Cleanup(func() { config.Allowed = before })
			file := strings.ReplaceAll(row.file, "$ROOT", root)
			lines := map[string][]string{
				"": nil,
				place: {"audit.file: is in none of the directories that Traefik's operator allows (" +
					strings.Join(folders, ", ") + "); CLINICPASS_AUDIT in the environment of " +
					"Traefik sets them"},
				kind: {"audit.file: " + file + other},
			}
			p := &config.Problems{}
			Check(file, p)
			assert.Equal(t, lines[row.problem], p.Lines)
			content, err := os.ReadFile(filepath.Join(root, "own/audit"))
			require.NoError(t, err)
			assert.Equal(t, "theirs", string(content), "the check wrote")
			_, err = os.Lstat(filepath.Join(root, "own/new"))
			assert.ErrorIs(t, err, os.ErrNotExist, "the check made the file")
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
