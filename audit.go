package clinicpass

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// auditEntry is one line of the audit file. It holds no name, address, code or token: Provider is the first 16 hexadecimal
// digits of the SHA-256 of the provider's code.
type auditEntry struct {
	Time        string `json:"time"` // RFC 3339, UTC
	Outcome     string `json:"outcome"`
	Ref         string `json:"ref"`
	Clinic      string `json:"clinic"` // api.accountCode
	Provider    string `json:"provider,omitempty"`
	Room        string `json:"room,omitempty"`     // created, found, remembered
	Assigned    bool   `json:"assigned,omitempty"` // in this sign-in
	NextRefused bool   `json:"next_refused,omitempty"`
	Calls       int    `json:"calls"` // requests sent to the API
	MS          int64  `json:"ms"`    // milliseconds from the request's arrival
}

// auditLog appends entries to a file.
type auditLog struct {
	file   string // a path, "stdout", "stderr", or "" for none
	broken atomic.Bool
}

// writeAudit appends one line. A failure is logged once, until writing works again, and never stops a sign-in.
func writeAudit(a *auditLog, entry *auditEntry) {
	if a.file == "" {
		return
	}
	line, err := json.Marshal(entry)
	if err == nil {
		err = appendLine(a.file, string(line)+"\n")
	}
	if err == nil {
		a.broken.Store(false)
	} else if !a.broken.Swap(true) {
		logError("audit.file: " + err.Error() + "; sign-ins go on without an audit")
	}
}

// appendLine opens the file for every line, so that it may be rotated in any way at any time.
func appendLine(file, line string) error {
	switch file {
	case "stdout":
		_, err := fmt.Fprint(os.Stdout, line)
		return err
	case "stderr":
		_, err := fmt.Fprint(os.Stderr, line)
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, line)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
