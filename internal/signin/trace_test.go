package signin

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// The examples of W3C Trace Context, section 3.2.2.5.
const (
	exampleID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	exampleParent = "00f067aa0ba902b7"
	example       = "00-" + exampleID + "-" + exampleParent + "-01"
)

// TestTraceOf: only a valid traceparent has a trace ID, by the rules of W3C Trace Context.
func TestTraceOf(t *testing.T) {
	for _, row := range []struct {
		desc   string
		values []string
		want   string
	}{
		{desc: "absent"},
		{desc: "empty", values: []string{""}},
		{desc: "sampled", values: []string{example}, want: exampleID},
		{
			desc:   "not sampled",
			values: []string{"00-" + exampleID + "-" + exampleParent + "-00"},
			want:   exampleID,
		},
		{
			desc:   "a later version",
			values: []string{"cc-" + exampleID + "-" + exampleParent + "-01"},
			want:   exampleID,
		},
		{
			desc:   "a later version with more fields",
			values: []string{"cc-" + exampleID + "-" + exampleParent + "-01-what-will-be"},
			want:   exampleID,
		},
		{desc: "more without a hyphen", values: []string{"cc" + example[2:] + ".x"}},
		{desc: "version 00 with more fields", values: []string{example + "-x"}},
		{desc: "version 00 with a hyphen behind", values: []string{example + "-"}},
		{desc: "version ff", values: []string{"ff" + example[2:]}},
		{desc: "zero trace ID", values: []string{"00-00000000000000000000000000000000" + example[35:]}},
		{desc: "zero parent ID", values: []string{example[:36] + "0000000000000000-01"}},
		{desc: "upper case", values: []string{"00-4BF92F3577B34DA6A3CE929D0E0E4736" + example[35:]}},
		{desc: "too short", values: []string{example[:54]}},
		{desc: "space in front", values: []string{" " + example}},
		{desc: "line break behind", values: []string{example + "\n"}},
		{desc: "no hexadecimal digit", values: []string{"00-x" + example[4:]}},
		{desc: "twice", values: []string{example, example}},
		{desc: "two in one", values: []string{example + "," + example}},
	} {
		t.Run(row.desc, func(t *testing.T) {
			h := http.Header{}
			for _, value := range row.values {
				h.Add("Traceparent", value)
			}
			assert.Equal(t, row.want, traceOf(h))
		})
	}
}

// TestTrace: log and audit have the trace ID, and VSee gets nothing of the trace.
func TestTrace(t *testing.T) {
	for _, row := range []struct{ desc, id, want string }{
		{desc: "success", id: "traced", want: "signed_in"},
		{desc: "failure", want: "no_identity"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, c := setup(t)
			c.Audit.File = filepath.Join(t.TempDir(), "audit.jsonl")
			handler := mustNew(t, c)
			errors := logged()
			debug := printed(t)
			r := httptest.NewRequest(http.MethodGet, "/clinic", nil)
			r.Header.Set("X-Auth-Request-User", row.id)
			r.Header.Set("Traceparent", example)
			r.Header.Set("Tracestate", "vendor=value")
			r.Header.Set("Baggage", "key=value")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			require.Equal(t, row.want, w.Header().Get("Clinicpass-Outcome"))

			list := entries(t, c.Audit.File)
			require.Len(t, list, 1)
			assert.Equal(t, exampleID, list[0]["trace"])
			ref := w.Header().Get("Clinicpass-Ref")
			assert.Equal(t, ref, list[0]["ref"])
			said, compiled := debugLines(t, debug)
			said += errors.String()
			if compiled || row.want != "signed_in" {
				line := "clinicpass: clinic@test: " + row.want + " ref=" + ref + " trace=" + exampleID
				assert.Contains(t, said, line)
			}
			for _, call := range clinic.Requests() {
				for _, name := range []string{"Traceparent", "Tracestate", "Baggage"} {
					assert.NotContains(t, call.Header, name)
				}
			}
		})
	}
}

// TestAPITime: api_ms has the time of the calls, and not the pause between them.
func TestAPITime(t *testing.T) {
	const delay = 30 * time.Millisecond
	clinic, c := setup(t)
	c.Audit.File = filepath.Join(t.TempDir(), "audit.jsonl")
	handler := mustNew(t, c)
	clinic.Script(
		vseetest.Fault{Delay: delay, Status: 503, Header: map[string]string{"Retry-After": "1"}},
		vseetest.Fault{Delay: delay},
	)
	require.Equal(t, "signed_in", click(handler, "slow"))
	require.Equal(t, "no_identity", click(handler, ""))
	list := entries(t, c.Audit.File)
	require.Len(t, list, 2)
	assert.Equal(t, 2.0, list[0]["calls"])
	api, whole := list[0]["api_ms"].(float64), list[0]["ms"].(float64)
	assert.GreaterOrEqual(t, api, 60.0)
	assert.GreaterOrEqual(t, whole-api, 999.0, "the pause of a second is in api_ms")
	assert.Zero(t, list[1]["api_ms"], "without a call")
}
