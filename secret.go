package clinicpass

import (
	"errors"
	"os"
	"strings"
)

// checkSecret returns the secret that source names, and notes what is wrong with it. The source itself is never part of
// the message unless it is a file's or variable's name: it may be the secret.
func checkSecret(key, source string, required bool, found *problems) string {
	if source == "" {
		if required {
			found.add(key, "is required: file:PATH, env:NAME, or the value itself")
		}
		return ""
	}
	value, err := readSecret(source)
	if err != nil {
		found.add(key, "cannot be used: %v", err)
		return ""
	}
	for i := 0; i < len(value); i++ {
		if value[i] <= ' ' || value[i] > '~' {
			found.add(key, "has a blank, a control character or a letter outside ASCII in it; write the bare value")
			return ""
		}
	}
	return value
}

// readSecret reads file:PATH without its trailing newline, env:NAME, or takes the source as the value.
func readSecret(source string) (string, error) {
	if path, ok := strings.CutPrefix(source, "file:"); ok {
		content, err := os.ReadFile(path)
		value := strings.TrimRight(string(content), "\r\n")
		if err == nil && value == "" {
			err = errors.New("the file " + path + " is empty")
		}
		return value, err
	}
	if name, ok := strings.CutPrefix(source, "env:"); ok {
		value := os.Getenv(name)
		if value == "" {
			return "", errors.New("the environment variable " + name + " is empty or unset in Traefik's process")
		}
		return value, nil
	}
	return source, nil
}

// literal reports whether a secret stands in the configuration itself.
func literal(source string) bool {
	return source != "" && !strings.HasPrefix(source, "file:") && !strings.HasPrefix(source, "env:")
}
