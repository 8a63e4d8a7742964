package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// clicks lets so many providers sign in, several at once.
func clicks(t *testing.T, running *running, host string, count int) {
	t.Helper()
	var wait sync.WaitGroup
	for i := range count {
		wait.Go(func() {
			got := running.send(t, host, request{path: "/clinic/visits", header: defaultHeaders(fmt.Sprint(host, "-", i))})
			if got.status != http.StatusFound {
				t.Errorf("click %d: %d %s", i, got.status, got.header.Get("Clinicpass-Outcome"))
			}
		})
	}
	wait.Wait()
}

// auditKeys are all that an entry may hold, as README.md says.
var auditKeys = []string{"time", "outcome", "ref", "clinic", "provider", "room", "assigned", "next_refused", "calls", "ms"}

// entries returns the lines of audit files, each of which must be an entry of its own.
func entries(t *testing.T, files ...string) []map[string]any {
	t.Helper()
	list := []map[string]any{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(content) {
			entry := map[string]any{}
			if err := json.Unmarshal(line, &entry); err != nil || !bytes.HasSuffix(line, []byte("}\n")) {
				t.Fatalf("%s: a line is no entry: %q", file, line)
			}
			for key := range entry {
				if !slices.Contains(auditKeys, key) {
					t.Errorf("%s: unknown key %s", file, key)
				}
			}
			list = append(list, entry)
		}
	}
	return list
}

// TestAuditLines: simultaneous sign-ins write whole lines, and none is lost whichever way the file is rotated.
func TestAuditLines(t *testing.T) {
	for _, e := range fewEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			const each = 40
			b := newBench(t)
			running := e.start(t, b.site.URL, map[string]map[string]any{"clinic": overlay(b.baseConfig(), map[string]any{"limits": map[string]any{"signIns": 0}})})
			clicks(t, running, "clinic", each)
			renamed := b.audit + ".1"
			if err := os.Rename(b.audit, renamed); err != nil {
				t.Fatal(err)
			}
			clicks(t, running, "clinic", each)
			content, err := os.ReadFile(b.audit)
			if err != nil {
				t.Fatal(err)
			}
			copied := b.audit + ".2"
			if err := os.WriteFile(copied, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(b.audit, 0); err != nil {
				t.Fatal(err)
			}
			clicks(t, running, "clinic", each)
			list := entries(t, renamed, copied, b.audit)
			refs := map[any]bool{}
			for _, entry := range list {
				refs[entry["ref"]] = true
			}
			if len(list) != 3*each || len(refs) != 3*each {
				t.Errorf("%d lines with %d references for %d sign-ins", len(list), len(refs), 3*each)
			}
			if err := os.Remove(b.audit); err != nil {
				t.Fatal(err)
			}
			clicks(t, running, "clinic", 1)
			if list := entries(t, b.audit); len(list) != 1 {
				t.Errorf("%d lines after the file was deleted", len(list))
			}
		})
	}
}

// TestAuditThatCannotBeWritten stops no sign-in. It is reported once, and once more when it had worked in between.
func TestAuditThatCannotBeWritten(t *testing.T) {
	for _, e := range fewEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			folder := filepath.Join(t.TempDir(), "missing")
			files := map[string]string{"full": "/dev/full", "folder": t.TempDir(), "missing": filepath.Join(folder, "audit.jsonl")}
			middlewares := map[string]map[string]any{}
			for host, file := range files {
				middlewares[host] = overlay(b.baseConfig(), map[string]any{"audit": map[string]any{"file": file}})
			}
			running := e.start(t, b.site.URL, middlewares)
			for host, reason := range map[string]string{"full": "no space left", "folder": "is a directory", "missing": "no such file"} {
				logged := len(running.log())
				clicks(t, running, host, 5)
				running.waitForLog(t, logged, reason)
				running.checkReports(t, host, logged, 5, 1)
			}
			logged := len(running.log())
			for range 2 {
				if err := os.Mkdir(folder, 0o700); err != nil {
					t.Fatal(err)
				}
				clicks(t, running, "missing", 2)
				if list := entries(t, files["missing"]); len(list) != 2 {
					t.Errorf("%d lines for 2 sign-ins when the folder is there", len(list))
				}
				if err := os.RemoveAll(folder); err != nil {
					t.Fatal(err)
				}
				clicks(t, running, "missing", 2)
			}
			running.waitForLog(t, logged, "no such file")
			running.checkReports(t, "missing again", logged, 8, 2)
		})
	}
}

// checkReports counts the reports of an audit that cannot be written, when the log tells of all sign-ins: theirs come first.
func (e *running) checkReports(t *testing.T, desc string, after, signIns, want int) {
	t.Helper()
	lines := ""
	for deadline := time.Now().Add(3 * time.Second); strings.Count(lines, "signed_in ref=") < signIns && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		lines = pluginLines(e.log()[after:])
	}
	if got := strings.Count(lines, "audit.file: "); got != want {
		t.Errorf("%s: reported %d times, want %d: %s", desc, got, want, lines)
	}
}
