package traefik

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// ownVariable names the environment variable with the path of a Traefik that is there already.
const ownVariable = "TRAEFIK"

var versionPattern = regexp.MustCompile(`(?m)^Version:\s+v?(\S+)`)

// Locate returns a Traefik for the demo: the one that the variable TRAEFIK names, else the one in PATH, else the newest tested
// one, which it builds. It tells which.
func Locate(progress io.Writer) (string, error) {
	if path := own(); path != "" {
		version, err := versionOfBinary(path)
		if err != nil {
			return "", fmt.Errorf("%s=%s: %w", ownVariable, path, err)
		}
		fmt.Fprintf(progress, "Using Traefik %s at %s\n", version, path)
		return path, nil
	}
	if path, err := exec.LookPath("traefik"); err == nil {
		version, err := versionOfBinary(path)
		if err == nil {
			fmt.Fprintf(progress, "Using Traefik %s at %s\n", version, path)
			return path, nil
		}
		fmt.Fprintf(progress, "Not using %s: %v\n", path, err)
	}
	fmt.Fprintf(progress, "Using Traefik %s, built from source. To use your own: make demo %s=/path/to/traefik\n", newest(), ownVariable)
	return Build(newest(), progress)
}

// own returns the path that TRAEFIK names, or "". A relative one starts at the checkout, where make runs.
func own() string {
	path := os.Getenv(ownVariable)
	if strings.Contains(path, "/") && !filepath.IsAbs(path) {
		return filepath.Join(Root(), path)
	}
	return path
}

// versionOfBinary asks a Traefik for its version. One that is older than v3.0 is an error.
func versionOfBinary(path string) (string, error) {
	output, err := exec.Command(path, "version").Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask it for its version: %w", err)
	}
	match := versionPattern.FindStringSubmatch(string(output))
	if match == nil {
		return "", errors.New("it does not say its version as Traefik does")
	}
	if version := "v" + match[1]; semver.IsValid(version) {
		if semver.Compare(version, "v3.0.0") < 0 {
			return "", fmt.Errorf("it is %s, and plugins for v3 need v3.0.0 or newer", version)
		}
		return version, nil
	}
	return match[1], nil // a build of somebody's own, such as "dev"
}

// Versions returns the versions of Traefik for the tests: those in the variable TRAEFIK_VERSIONS, the one of the binary that
// TRAEFIK names, else Tested.
func Versions() ([]string, error) {
	if asked := os.Getenv("TRAEFIK_VERSIONS"); asked != "" {
		return strings.Fields(asked), nil
	}
	if path := own(); path != "" {
		version, err := versionOfBinary(path)
		return []string{version}, err
	}
	return Tested, nil
}

func newest() string { return Tested[len(Tested)-1] }
