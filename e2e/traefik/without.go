package traefik

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// Traefik can solve DNS challenges by the API of some 200 DNS hosts. The plugin never touches that code, which is a third
// of Traefik's packages, and a dozen of the modules that it needs cannot be fetched. So go.mod of a version replaces them by
// modules below this folder of the checkout, which exist only from here on: empty ones for what the DNS hosts ship, and a copy
// of the ACME library whose list of DNS hosts is empty.
const withoutFolder = ".bin/without/"

const legoModule = "github.com/go-acme/lego/"

// noProviders stands in for the one file of the ACME library that imports every DNS host's code.
const noProviders = `package dns

import (
	"errors"

	"%schallenge"
)

// NewDNSChallengeProviderByName knows no DNS host in this build.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, errors.New("built without DNS challenges: " + name)
}
`

// leaveOut makes the modules by which go.mod in a folder replaces what the plugin never touches.
func leaveOut(folder string) error {
	file := filepath.Join(folder, "go.mod")
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	parsed, err := modfile.Parse(file, content, nil)
	if err != nil {
		return err
	}
	for _, replace := range parsed.Replace {
		if !strings.Contains(replace.New.Path, withoutFolder) {
			continue
		}
		target := filepath.Join(folder, replace.New.Path)
		if strings.HasPrefix(replace.Old.Path, legoModule) {
			err = copyLego(replace.Old.Path, versionOf(parsed, replace.Old.Path), target)
		} else {
			err = errors.Join(
				os.MkdirAll(target, 0o755),
				os.WriteFile(filepath.Join(target, "go.mod"), []byte("module "+replace.Old.Path+"\n"), 0o644),
			)
		}
		if err != nil {
			return fmt.Errorf("leaving out %s: %w", replace.Old.Path, err)
		}
	}
	return nil
}

// versionOf returns the version of a module that a go.mod requires.
func versionOf(file *modfile.File, module string) string {
	for _, require := range file.Require {
		if require.Mod.Path == module {
			return require.Mod.Version
		}
	}
	return ""
}

// copyLego copies a version of the ACME library without the DNS hosts. A complete copy is left as it is.
func copyLego(module, version, target string) error {
	done := filepath.Join(target, "complete")
	if content, err := os.ReadFile(done); err == nil && string(content) == version {
		return nil
	}
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	source, err := download(module, version)
	if err != nil {
		return err
	}
	providers := filepath.Join("providers", "dns")
	err = filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name == providers:
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(target, name), 0o755)
		case strings.HasSuffix(name, "_test.go"):
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(target, name), content, 0o644)
	})
	if err != nil {
		return err
	}
	stub := filepath.Join(target, providers, "none.go")
	return errors.Join(
		os.MkdirAll(filepath.Dir(stub), 0o755),
		os.WriteFile(stub, fmt.Appendf(nil, noProviders, module+"/"), 0o644),
		os.WriteFile(done, []byte(version), 0o644),
	)
}

// download fetches a module into Go's cache and returns its folder there.
func download(module, version string) (string, error) {
	command := exec.Command("go", "mod", "download", "-json", module+"@"+version)
	command.Dir = os.TempDir()
	command.Env = append(os.Environ(), "GOWORK=off")
	output, err := command.Output()
	var downloaded struct{ Dir, Error string }
	if decodeErr := json.Unmarshal(output, &downloaded); decodeErr != nil {
		return "", errors.Join(err, decodeErr)
	}
	if downloaded.Error != "" {
		return "", errors.New(downloaded.Error)
	}
	return downloaded.Dir, err
}
