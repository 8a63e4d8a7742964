package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/interpreted"
	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestTry: the example that the README lets people try, in its folder and by its own static
// configuration, but for the ports.
func TestTry(t *testing.T) {
	clinic := vseetest.NewServer()
	t.Cleanup(clinic.Close)
	address, err := program.FreeAddress()
	require.NoError(t, err)
	dir := t.TempDir()
	for _, name := range []string{"traefik.yml", "clinic.yml", "simulated_key"} {
		content := example(t, "try/"+name)
		for old, now := range map[string]string{
			"127.0.0.1:8080": address, "http://127.0.0.1:8081": clinic.URL,
		} {
			content = strings.ReplaceAll(content, old, now)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	plugin := filepath.Join(dir, "plugins-local", "src", interpreted.ImportPath)
	require.NoError(t, os.MkdirAll(filepath.Dir(plugin), 0o755))
	require.NoError(t, os.Symlink(traefik.Root(), plugin))
	binary, err := traefik.Build(traefik.Tested[len(traefik.Tested)-1], os.Stderr)
	require.NoError(t, err)
	command := exec.Command(binary, "--configFile=traefik.yml", "--global.checkNewVersion=false")
	command.Dir = dir
	command.Env = append(os.Environ(), "CLINICPASS_FILES=.") // as README.md starts it
	process, err := program.Start(command, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		process.Stop()
		if t.Failed() {
			t.Log("Traefik wrote:\n" + process.Log())
		}
	})

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	// visit returns status 0 where nothing answers, and may run in any goroutine.
	visit := func(user string) (status int, title string) {
		request, err := http.NewRequest(http.MethodGet, "http://"+address+"/clinic", nil)
		if !assert.NoError(t, err) {
			return 0, ""
		}
		if user != "" {
			request.SetBasicAuth(user, "demo")
		}
		response, err := browser.Do(request)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		titlePattern := regexp.MustCompile("(?s)<title>.*</title>|$")
		return response.StatusCode, titlePattern.FindString(string(body))
	}
	status, title := 0, ""
	require.Eventually(t, func() bool {
		status, title = visit("jane")
		return status != 0 && status != http.StatusNotFound
	}, 20*time.Second, 50*time.Millisecond, "Traefik has no answer")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, title, "Dashboard of jane")
	for _, user := range []string{"", "joe"} {
		status, _ := visit(user)
		assert.Equal(t, http.StatusUnauthorized, status, "user %q", user)
	}
	users := clinic.Users()
	require.Len(t, users, 1)
	assert.Equal(t, "jane", users[0].Code)
}
