package config

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Operator defines what configurations may access. Traefik's operator sets it in the environment of
// Traefik's process, because other people may write labels or Middleware objects.
type Operator struct {
	Files, Audit []string // directories for reading secrets, and for writing audits
	Env          []string // variable names; a final * matches any ending
	Hosts        []string // allowed in api.url; nil for any
}

// Allowed is set once, when Traefik loads the plugin.
var Allowed = AllowedBy(os.Getenv)

const maxFile = 1 << 20 // bytes

// identities are folders with Traefik's own tokens. Secrets come from one only if the operator
// lists it. The service account's token may read all Kubernetes secrets. The others are for roles
// at AWS, Azure, Alibaba, IBM, Google and SPIFFE, as each documents.
var identities = []string{
	"/run/secrets/kubernetes.io/", "/serviceaccount/", "/run/secrets/tokens/", "/run/secrets/azure/",
	"/rrsa-tokens/", "/compute-resource-token/", "/workload-spiffe-credentials/",
}

// AllowedBy returns what the environment allows.
func AllowedBy(getenv func(string) string) *Operator {
	o := &Operator{
		Files: split(OrElse(getenv("CLINICPASS_FILES"),
			"/run/secrets:/var/run/secrets:/etc/clinicpass"), ":"),
		Audit: split(OrElse(getenv("CLINICPASS_AUDIT"), "/var/log"), ":"),
		Env:   split(OrElse(getenv("CLINICPASS_ENV"), "VSEE_*,CLINICPASS_SECRET_*"), ","),
	}
	if hosts := getenv("CLINICPASS_HOSTS"); hosts != "" {
		o.Hosts = split(strings.ToLower(hosts), ",")
	}
	return o
}

func split(list, separator string) []string {
	items := strings.Split(list, separator)
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
	}
	return items
}

// Permitted returns an error if the operator does not allow a secret's source, such as file:PATH.
// The error does not tell whether the source exists.
func Permitted(source string) error {
	if path, isFile := strings.CutPrefix(source, "file:"); isFile {
		if !Inside(path, Allowed.Files) {
			return errors.New(path + " " + Outside("in none of the directories", Allowed.Files, "FILES"))
		}
	}
	name, isVariable := strings.CutPrefix(source, "env:")
	ok := !isVariable
	for _, allowed := range Allowed.Env {
		prefix, isPrefix := strings.CutSuffix(allowed, "*")
		ok = ok || name == allowed || (isPrefix && strings.HasPrefix(name, prefix))
	}
	if !ok {
		return errors.New(name + " " + Outside("none of the variables", Allowed.Env, "ENV"))
	}
	return nil
}

// Outside returns the message for a forbidden source: what is allowed, and which variable sets it.
func Outside(where string, allowed []string, variable string) string {
	return "is " + where + " that Traefik's operator allows (" + strings.Join(allowed, ", ") +
		"); CLINICPASS_" + variable + " in the environment of Traefik sets them"
}

// readFile reads a regular file of at most maxFile bytes. The caller checks Permitted first.
func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", errors.New(path + " is not a regular file, or is over 1 MiB")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(content), err
}

// Inside reports whether a path is in one of the directories, both as written and after following
// symbolic links. It accesses no path outside them.
func Inside(path string, directories []string) bool {
	absolute, err := filepath.Abs(path)
	if err != nil || strings.Contains("/"+path+"/", "/../") || !below(absolute, directories) {
		return false
	}
	resolved := []string{}
	for _, directory := range directories {
		if target, err := filepath.EvalSymlinks(directory); err == nil {
			resolved = append(resolved, target)
		}
	}
	for ; absolute != "/"; absolute = filepath.Dir(absolute) {
		target, err := filepath.EvalSymlinks(absolute)
		if err == nil {
			return below(target, resolved)
		}
		if _, err := os.Lstat(absolute); err == nil {
			return false // a broken link, or a folder without permission to read
		}
		// A missing path cannot lead outside, but its parent can.
		if !below(filepath.Dir(absolute), directories) {
			return true
		}
	}
	return false
}

func below(path string, directories []string) bool {
	for _, directory := range directories {
		absolute, err := filepath.Abs(directory)
		absolute = strings.TrimSuffix(absolute, "/") + "/"
		inside := directory != "" && err == nil && strings.HasPrefix(path+"/", absolute)
		if inside && (!isIdentity(path+"/") || isIdentity(absolute)) {
			return true
		}
	}
	return false
}

func isIdentity(path string) bool {
	for _, folder := range identities {
		if strings.Contains(path, folder) {
			return true
		}
	}
	return false
}

// hostAllowed reports whether the key may name the host. CLINICPASS_HOSTS limits api.url, where
// secrets go, and loopback addresses, where Traefik's own API listens.
func hostAllowed(key, host string, loopback bool) bool {
	if Allowed.Hosts == nil || key == "portal.url" || (key != "api.url" && !loopback) {
		return true
	}
	for _, allowed := range Allowed.Hosts {
		if allowed == strings.ToLower(host) {
			return true
		}
	}
	return false
}
