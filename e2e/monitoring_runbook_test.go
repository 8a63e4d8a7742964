package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// consolePattern finds a command with its output on a page.
var consolePattern = regexp.MustCompile("(?ms)^```console\n\\$ ([^\n]+)\n(.*?)^```$")

// mask leaves out what differs from one sign-in to the next.
func mask(text string) string {
	text = regexp.MustCompile(`ref=[0-9a-f]{10}`).ReplaceAllString(text, "ref=R")
	return regexp.MustCompile(` *\b\d+\b`).ReplaceAllString(text, " N")
}

// TestRunbook: the commands of docs/monitoring.md that read log or audit find what the page says.
func TestRunbook(t *testing.T) {
	folder := t.TempDir()
	m := &monitored{t: t, bench: newBench(t), router: "clinic"}
	m.dynamic = filepath.Join(folder, "dynamic.yml")
	audit := map[string]any{"audit": map[string]any{"file": filepath.Join(folder, "audit.jsonl")}}
	m.configure(audit)
	binary, err := traefik.Build(traefik.Tested[len(traefik.Tested)-1], t.Output())
	require.NoError(t, err)
	m.options = traefik.Options{
		Binary: binary, Probe: probe, Static: metricsSection(t),
		Level:    "ERROR, format: json", // as the example has it
		Provider: "file: {filename: " + m.dynamic + ", watch: true}",
	}
	m.start()
	stopAfter(t, m.instance)
	running := &running{url: m.instance.URL, log: m.instance.Log}
	ask := func(header map[string][]string, want string) {
		got := running.send(t, "clinic", request{path: "/clinic", header: header})
		require.Equal(t, want, got.outcome())
	}
	m.clinic.Script(vseetest.Fault{}, vseetest.Fault{}, vseetest.Fault{Status: http.StatusForbidden})
	ask(defaultHeaders("jane"), "signed_in")
	ask(defaultHeaders("john"), "signed_in")
	ask(nil, "no_identity")
	ask(defaultHeaders("joan"), "credentials_refused")
	// What the page shows of the outcomes are sign-ins and requests without an identity.
	content, err := os.ReadFile(filepath.Join(folder, "audit.jsonl"))
	require.NoError(t, err)
	three := strings.Join(strings.SplitAfter(string(content), "\n")[:3], "")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "audit.jsonl"), []byte(three), 0o600))
	ask(map[string][]string{"X-Auth-Request-User": {"a", "b"}}, "identity_refused")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "audit.jsonl"), []byte(three), 0o600))
	m.configure(map[string]any{"portal": map[string]any{"url": "portal.example.com"}})
	running.waitForLog(t, 0, "needs correction")
	require.Eventually(t, func() bool {
		return strings.Contains(m.instance.Log(), "identity_refused")
	}, 5*time.Second, 20*time.Millisecond)
	log := filepath.Join(folder, "traefik.log")
	require.NoError(t, os.WriteFile(log, []byte(m.instance.Log()), 0o600))

	commands := 0
	for _, block := range consolePattern.FindAllStringSubmatch(document(t, "monitoring.md"), -1) {
		if !regexp.MustCompile(` (traefik\.log|audit\.jsonl) `).MatchString(block[1]) {
			continue
		}
		commands++
		assert.Equal(t, mask(block[2]), mask(result(t, folder, block[1])), block[1])
	}
	assert.Equal(t, 5, commands)
}
