// Package audit appends a line for every answer to a file.
package audit

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// Log is where the lines go.
type Log struct {
	file   string
	stream *os.File // stdout or stderr; nil for a file
	broken atomic.Bool
}

// Check checks audit.file.
func Check(file string, p *config.Problems) {
	if file == "" || file == "stdout" || file == "stderr" {
		return
	}
	folder := filepath.Dir(file)
	ok := config.Inside(file, config.Allowed.Audit) && config.Inside(folder, config.Allowed.Audit)
	p.Require(ok, "audit.file", "%s",
		config.Outside("in none of the directories", config.Allowed.Audit, "AUDIT"))
	if err := writable(file); ok && err != nil {
		p.Add("audit.file", "%v", err)
	}
}

// writable refuses what could block, or is somewhere else.
func writable(file string) error {
	info, err := os.Lstat(file)
	if err == nil && !info.Mode().IsRegular() {
		return errors.New(file + " must be a regular file: no link, pipe, device or directory")
	}
	return nil
}

// New returns the log for audit.file, or nil for "".
func New(file string) *Log {
	if file == "" {
		return nil
	}
	streams := map[string]*os.File{"stdout": os.Stdout, "stderr": os.Stderr}
	return &Log{file: file, stream: streams[file]}
}

// Write appends the result as a line of JSON. It opens the file for every line, so that it may be
// rotated in any way at any time, and writes the line with one call, so that the lines of several
// processes do not mix. It never stops a sign-in.
func Write(l *Log, result *outcome.Result) {
	if l.stream != nil {
		writeStream(l, result)
		return
	}
	if err := writable(l.file); err != nil {
		note(l, err)
		return
	}
	f, err := os.OpenFile(l.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		note(l, err)
		return
	}
	err = json.NewEncoder(f).Encode(result)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil || l.broken.Load() {
		note(l, err)
	}
}

func writeStream(l *Log, result *outcome.Result) {
	note(l, json.NewEncoder(l.stream).Encode(result))
}

// note logs a failure once, until writing works again.
func note(l *Log, err error) {
	if err == nil {
		l.broken.Store(false)
	} else if !l.broken.Swap(true) {
		logs.Error("audit.file: " + err.Error() + "; sign-ins go on without an audit")
	}
}
