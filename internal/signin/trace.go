package signin

import (
	"net/http"
	"regexp"
	"strings"
)

// traceParent is the header of W3C Trace Context, section 3.2: version, trace ID, parent ID, flags.
// A version after 00 may append fields.
var traceParent = regexp.MustCompile(
	`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)

// traceOf returns the trace ID of the request, 32 hexadecimal digits, or "" without a valid
// traceparent header. The client may have made it up: it connects log lines and proves nothing.
func traceOf(h http.Header) string {
	values := h["Traceparent"]
	if len(values) != 1 {
		return ""
	}
	parts := traceParent.FindStringSubmatch(values[0])
	if parts == nil {
		return ""
	}
	version, id, parent, more := parts[1], parts[2], parts[3], parts[4]
	zero := strings.Trim(id, "0") == "" || strings.Trim(parent, "0") == ""
	if zero || version == "ff" || version == "00" && more != "" {
		return ""
	}
	return id
}
