package clinicpass

import (
	"encoding/json"
	"os"
	"sync/atomic"
	"time"
)

// auditEntry is one line of the audit file. It holds no name, address, code or token: Provider is the first 16 hexadecimal
// digits of the SHA-256 of the provider's code.
type auditEntry struct {
	Time        time.Time `json:"time"` // UTC
	Outcome     string    `json:"outcome"`
	Ref         string    `json:"ref"`
	Clinic      string    `json:"clinic"` // api.accountCode
	Provider    string    `json:"provider,omitempty"`
	Room        string    `json:"room,omitempty"`     // created, found, remembered
	Assigned    bool      `json:"assigned,omitempty"` // in this sign-in
	NextRefused bool      `json:"next_refused,omitempty"`
	Calls       int       `json:"calls"` // requests sent to the API
	MS          int64     `json:"ms"`    // milliseconds from the request's arrival
}

// auditLog appends entries to a file.
type auditLog struct {
	file   string // a path, "stdout", "stderr", or "" for none
	broken atomic.Bool
}

// writeAudit appends one line. It never stops a sign-in.
func writeAudit(a *auditLog, entry *auditEntry) {
	line, err := json.Marshal(entry)
	if err == nil {
		err = appendLine(a.file, append(line, '\n'))
	}
	if err != nil || a.broken.Load() {
		a.note(err)
	}
}

// note logs a failure once, until writing works again.
func (a *auditLog) note(err error) {
	if err == nil {
		a.broken.Store(false)
	} else if !a.broken.Swap(true) {
		logError("audit.file: " + err.Error() + "; sign-ins go on without an audit")
	}
}

// appendLine opens the file for every line, so that it may be rotated in any way at any time.
func appendLine(file string, line []byte) error {
	if file == "stdout" || file == "stderr" {
		return writeStream(file, line)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func writeStream(name string, line []byte) error {
	stream := os.Stdout
	if name == "stderr" {
		stream = os.Stderr
	}
	_, err := stream.Write(line)
	return err
}
