package e2e

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// spanCollector receives spans as an OpenTelemetry collector does, over HTTP.
type spanCollector struct {
	*httptest.Server

	mu    sync.Mutex
	spans []*tracepb.Span
}

func newSpanCollector(t *testing.T) *spanCollector {
	t.Helper()
	c := &spanCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := &tracepb.TracesData{} // encoded like an export request
		if err := decodeSpans(r, data); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range data.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func decodeSpans(r *http.Request, data *tracepb.TracesData) error {
	unpacked, err := gzip.NewReader(r.Body)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(unpacked)
	if err != nil {
		return err
	}
	return proto.Unmarshal(body, data)
}

// traceOf waits for the span that has captured a reference, and returns its trace ID, or "".
func (c *spanCollector) traceOf(t *testing.T, ref any) string {
	t.Helper()
	id := ""
	assert.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, span := range c.spans {
			for _, attribute := range span.GetAttributes() {
				captured := attribute.GetKey() == "http.response.header.clinicpass-ref"
				if captured && strings.Contains(attribute.GetValue().String(), ref.(string)) {
					id = hex.EncodeToString(span.GetTraceId())
					return true
				}
			}
		}
		return false
	}, 10*time.Second, 20*time.Millisecond)
	return id
}

// checkAccess checks that the line of the access log with a reference has the trace ID. Traefik v3.0
// writes no trace ID there.
func checkAccess(t *testing.T, running *running, version, ref, trace string) {
	t.Helper()
	entry := map[string]any{}
	require.Eventually(t, func() bool {
		for line := range strings.Lines(running.log()) {
			if strings.Contains(line, `"downstream_Clinicpass-Ref":"`+ref+`"`) {
				return json.Unmarshal([]byte(line), &entry) == nil
			}
		}
		return false
	}, 5*time.Second, 20*time.Millisecond, "the access log's line")
	if strings.HasPrefix(version, "v3.0.") {
		assert.NotContains(t, entry, "TraceId")
	} else {
		assert.Equal(t, trace, entry["TraceId"], "the access log")
	}
}

// TestTracing: Traefik's spans, its access log, the plugin's log and the audit are connected. By the
// trace ID where the client sent one, and by the reference in any case. VSee gets nothing of it.
func TestTracing(t *testing.T) {
	const (
		id     = "4bf92f3577b34da6a3ce929d0e0e4736"
		parent = "00-" + id + "-00f067aa0ba902b7-01"
	)
	for _, version := range traefikVersions() {
		t.Run("traefik-"+version, func(t *testing.T) {
			b := newBench(t)
			spans := newSpanCollector(t)
			instance := runWith(t, version, map[string]any{
				"routers": map[string]any{
					probe: map[string]any{"rule": "Host(`" + probe + "`)", "service": "site"},
					"clinic": map[string]any{
						"rule":        "Host(`clinic`)",
						"service":     "site",
						"middlewares": []string{"clinic"},
					},
				},
				"middlewares": map[string]any{"clinic": map[string]any{
					"plugin": map[string]any{"clinicpass": b.baseConfig()},
				}},
				"services": siteService(b.site.URL),
			}, traefik.Options{
				Env: []string{"OTEL_BSP_SCHEDULE_DELAY=50"}, // milliseconds
				Static: "tracing:\n  capturedResponseHeaders: [Clinicpass-Ref]\n  otlp:\n    http:\n" +
					"      endpoint: " + spans.URL + "/v1/traces\n" +
					"accessLog:\n  format: json\n  fields:\n    headers:\n      names:\n" +
					"        Clinicpass-Ref: keep\n",
			})
			running := &running{url: instance.URL, log: instance.Log}

			traced := defaultHeaders("traced")
			traced["Traceparent"] = []string{parent}
			traced["Tracestate"] = []string{"vendor=value"}
			got := running.exchange(t, "clinic", request{path: "/clinic", header: traced})
			require.Equal(t, http.StatusFound, got.status)
			got = running.exchange(t, "clinic", request{
				path: "/clinic", header: defaultHeaders("untraced"),
			})
			require.Equal(t, http.StatusFound, got.status)

			list := entries(t, b.audit)
			require.Len(t, list, 2)
			ref := list[0]["ref"].(string)
			assert.Equal(t, id, list[0]["trace"])
			assert.Equal(t, id, spans.traceOf(t, ref), "Traefik's span")
			checkAccess(t, running, version, ref, id)
			assert.Contains(t, pluginLines(running.log()), "ref="+ref+" trace="+id)

			ref = list[1]["ref"].(string)
			assert.Equal(t, got.header.Get("Clinicpass-Ref"), ref)
			assert.NotContains(t, list[1], "trace")
			made := spans.traceOf(t, ref)
			assert.Len(t, made, len(id), "the trace that Traefik started")
			checkAccess(t, running, version, ref, made)

			calls := b.clinic.Requests()
			require.Len(t, calls, 2)
			for _, call := range calls {
				for _, name := range []string{"Traceparent", "Tracestate", "Baggage"} {
					assert.NotContains(t, call.Header, name)
				}
			}
		})
	}
}
