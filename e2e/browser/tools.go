// Package browser opens the plugin's pages in a real browser: what a browser makes of a redirect, of a prefetch or of a
// Content-Security-Policy is the browser's decision, and only a browser can be asked.
//
// The tests need two things that Go does not bring: Chromium, and axe-core, which judges how accessible a page is. Prepare
// gets both.
package browser

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

const (
	axeVersion = "4.14.1"
	// axeIntegrity is the SHA-512 of the package's archive, as a lock file of npm has it.
	axeIntegrity = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="

	// without names the variable that lets the tests be skipped where there is no browser.
	without = "CLINICPASS_NO_BROWSER"
)

// Chromium returns the browser to use.
func Chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no chromium, chromium-browser or google-chrome in PATH: install one (Debian: apt-get install chromium), or set " +
		without + "=1 to go without the tests in a browser")
}

// axeFile is where Prepare leaves axe-core.
func axeFile() string {
	return filepath.Join(traefik.Root(), ".bin", "axe-core-"+axeVersion+".js")
}

// Axe returns the source of axe-core.
func Axe() (string, error) {
	source, err := os.ReadFile(axeFile())
	if err != nil {
		return "", errors.New("axe-core is not there: install npm (Debian: apt-get install npm) and run make browser, or set " +
			without + "=1 to go without the tests in a browser")
	}
	return string(source), nil
}

// Excused reports whether the tests may be skipped where something is missing. CI has no excuse.
func Excused() bool {
	return os.Getenv(without) == "1" && os.Getenv("CI") != "true"
}

// Prepare gets what is missing and can be had, and says what cannot.
func Prepare(progress io.Writer) error {
	if _, err := Chromium(); err != nil {
		if err := program.Install(progress, "chromium"); err != nil {
			fmt.Fprintln(progress, err)
		}
	}
	_, err := Chromium()
	return errors.Join(err, fetchAxe(progress))
}

// fetchAxe takes axe-core out of its npm package. It is only read by the tests, so nothing of npm's is installed.
func fetchAxe(progress io.Writer) error {
	if _, err := os.Stat(axeFile()); err == nil {
		return nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		if err := program.Install(progress, "npm"); err != nil {
			fmt.Fprintln(progress, err)
			_, err = Axe()
			return err
		}
	}
	dir, err := os.MkdirTemp("", "clinicpass-axe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(progress, "Fetching axe-core %s\n", axeVersion)
	pack := exec.Command("npm", "pack", "--silent", "axe-core@"+axeVersion)
	pack.Dir = dir
	if output, err := pack.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack axe-core: %w\n%s", err, output)
	}
	archive, err := os.ReadFile(filepath.Join(dir, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		return err
	}
	if sum := sha512.Sum512(archive); base64.StdEncoding.EncodeToString(sum[:]) != axeIntegrity {
		return errors.New("the archive of axe-core is not the one that was pinned")
	}
	unpack := exec.Command("tar", "-xzO", "package/axe.min.js")
	unpack.Stdin = bytes.NewReader(archive)
	source, err := unpack.Output()
	if err != nil {
		return fmt.Errorf("unpacking axe-core: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(axeFile()), 0o755); err != nil {
		return err
	}
	// Renamed when it is whole, so that nobody reads half of it.
	if err := os.WriteFile(axeFile()+".new", source, 0o600); err != nil {
		return err
	}
	return os.Rename(axeFile()+".new", axeFile())
}
