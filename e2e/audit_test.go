package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clicks lets so many providers sign in, several at once.
func clicks(t *testing.T, running *running, host string, count int) {
	t.Helper()
	var wait sync.WaitGroup
	for i := range count {
		wait.Go(func() {
			header := defaultHeaders(fmt.Sprint(host, "-", i))
			got := running.exchange(t, host, request{path: "/clinic/visits", header: header})
			assert.Equal(t, http.StatusFound, got.status, "click %d: %s", i, got.outcome())
		})
	}
	wait.Wait()
}

// auditKeys are all that an entry may hold, as docs/audit.schema.json says.
var auditKeys = []string{
	"time", "outcome", "status", "ref", "trace", "middleware", "clinic", "provider", "room",
	"assigned", "next_refused", "calls", "ms", "api_ms",
}

// entries returns the lines of audit files, each of which must be an entry of its own.
func entries(t *testing.T, files ...string) []map[string]any {
	t.Helper()
	list := []map[string]any{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range bytes.Lines(content) {
			entry := map[string]any{}
			require.NoError(t, json.Unmarshal(line, &entry), "%s: %q", file, line)
			require.Regexp(t, "}\n$", string(line), file)
			for key := range entry {
				assert.Contains(t, auditKeys, key, file)
			}
			list = append(list, entry)
		}
	}
	return list
}

// TestAuditLines: simultaneous sign-ins write whole lines, and none is lost whichever way the file
// is rotated.
func TestAuditLines(t *testing.T) {
	for _, e := range fewEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			const each = 40
			b := newBench(t)
			unlimited := map[string]any{"limits": map[string]any{"signIns": 0}}
			running := e.start(t, b.site.URL, map[string]map[string]any{
				"clinic": overlay(b.baseConfig(), unlimited),
			})
			clicks(t, running, "clinic", each)
			renamed := b.audit + ".1"
			require.NoError(t, os.Rename(b.audit, renamed))
			clicks(t, running, "clinic", each)
			content, err := os.ReadFile(b.audit)
			require.NoError(t, err)
			copied := b.audit + ".2"
			require.NoError(t, os.WriteFile(copied, content, 0o600))
			require.NoError(t, os.Truncate(b.audit, 0))
			clicks(t, running, "clinic", each)
			list := entries(t, renamed, copied, b.audit)
			refs := map[any]bool{}
			for _, entry := range list {
				refs[entry["ref"]] = true
			}
			assert.Len(t, list, 3*each)
			assert.Len(t, refs, 3*each)
			require.NoError(t, os.Remove(b.audit))
			clicks(t, running, "clinic", 1)
			assert.Len(t, entries(t, b.audit), 1, "after the file was deleted")
		})
	}
}

// TestAuditThatCannotBeWritten stops no sign-in. It is reported once, and once more when it had
// worked in between.
func TestAuditThatCannotBeWritten(t *testing.T) {
	for _, e := range fewEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			folder := filepath.Join(t.TempDir(), "missing")
			missing := filepath.Join(folder, "audit.jsonl")
			running := e.start(t, b.site.URL, map[string]map[string]any{
				"missing": overlay(b.baseConfig(), map[string]any{
					"audit": map[string]any{"file": missing},
				}),
			})
			logged := len(running.log())
			clicks(t, running, "missing", 5)
			running.waitForLog(t, logged, "no such file")
			running.checkReports(t, logged, 5, 1)
			logged = len(running.log())
			for range 2 {
				require.NoError(t, os.Mkdir(folder, 0o700))
				clicks(t, running, "missing", 2)
				assert.Len(t, entries(t, missing), 2, "when the folder is there")
				require.NoError(t, os.RemoveAll(folder))
				clicks(t, running, "missing", 2)
			}
			running.waitForLog(t, logged, "no such file")
			running.checkReports(t, logged, 8, 2)
		})
	}
}

// checkReports counts the reports of an audit that cannot be written, when the log tells of all
// sign-ins: theirs come first.
func (e *running) checkReports(t *testing.T, after, signIns, want int) {
	t.Helper()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		lines := pluginLines(e.log()[after:])
		assert.GreaterOrEqual(c, strings.Count(lines, "signed_in ref="), signIns, lines)
	}, 3*time.Second, 5*time.Millisecond)
	lines := pluginLines(e.log()[after:])
	assert.Equal(t, want, strings.Count(lines, "audit.file: "), lines)
}
