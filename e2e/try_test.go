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

	"github.com/clinicpass/clinicpass/e2e/interpreted"
	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestTry: the example that the README lets people try, in its folder and by its own static configuration, but for the ports.
func TestTry(t *testing.T) {
	clinic := vseetest.NewServer()
	t.Cleanup(clinic.Close)
	address, err := program.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"traefik.yml", "clinic.yml", "simulated_key"} {
		content := example(t, "try/"+name)
		for old, now := range map[string]string{"127.0.0.1:8080": address, "http://127.0.0.1:8081": clinic.URL} {
			content = strings.ReplaceAll(content, old, now)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plugin := filepath.Join(dir, "plugins-local", "src", interpreted.ImportPath)
	if err := os.MkdirAll(filepath.Dir(plugin), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(traefik.Root(), plugin); err != nil {
		t.Fatal(err)
	}
	binary, err := traefik.Build(traefik.Tested[len(traefik.Tested)-1], os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "--configFile=traefik.yml", "--global.checkNewVersion=false")
	command.Dir = dir
	process, err := program.Start(command, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Stop)

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	visit := func(user string) (status int, title string) {
		request, err := http.NewRequest(http.MethodGet, "http://"+address+"/clinic", nil)
		if err != nil {
			t.Fatal(err)
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
		return response.StatusCode, regexp.MustCompile("(?s)<title>.*</title>|$").FindString(string(body))
	}
	status, title := 0, ""
	for range 200 {
		if status, title = visit("jane"); status != 0 && status != http.StatusNotFound {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if status != http.StatusOK || !strings.Contains(title, "Dashboard of jane") {
		t.Errorf("jane lands on %d %s; Traefik wrote:\n%s", status, title, process.Log())
	}
	for _, user := range []string{"", "joe"} {
		if status, _ := visit(user); status != http.StatusUnauthorized {
			t.Errorf("%q is answered %d", user, status)
		}
	}
	if users := clinic.Users(); len(users) != 1 || users[0].Code != "jane" {
		t.Errorf("the clinic knows %+v", users)
	}
}
