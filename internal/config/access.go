package config

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Operator is what configurations may touch. Whoever runs Traefik says so in the environment of its
// process: people who may write a label or a Middleware object are often others.
type Operator struct {
	Files, Audit []string // directories to read secrets in, and to write audits in
	Env          []string // names of variables; one that ends in * stands for all that begin so
	Hosts        []string // that api.url may name; nil for any
}

// Allowed is read once, when Traefik loads the plugin.
var Allowed = AllowedBy(os.Getenv)

const maxFile = 1 << 20 // bytes of a file that is read

// identities are folders with tokens of Traefik's own: of its service account, which may read all
// secrets, and of its roles at AWS, Azure, Alibaba, IBM, Google and SPIFFE, as each documents.
var identities = []string{
	"/run/secrets/kubernetes.io/", "/serviceaccount/", "/run/secrets/tokens/", "/run/secrets/azure/",
	"/rrsa-tokens/", "/compute-resource-token/", "/workload-spiffe-credentials/",
}

// AllowedBy returns what an environment allows.
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

// Permitted returns why a secret's source, such as file:PATH, is not one that the operator allows. It
// tells nothing of what is there, not even whether it exists.
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

// Outside says that something is not allowed, what is, and which of the operator's variables sets it.
func Outside(where string, allowed []string, variable string) string {
	return "is " + where + " that Traefik's operator allows (" + strings.Join(allowed, ", ") +
		"); CLINICPASS_" + variable + " in the environment of Traefik sets them"
}

// readFile reads a regular file that is permitted.
func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", errors.New(path + " is no regular file, or has over 1 MiB")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(content), err
}

// Inside reports whether a path is in one of the directories, also when the links in it are followed.
// Nothing of a path elsewhere is looked at.
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
			return false // a link to nothing, or a folder that cannot be looked into
		}
		// What is not there cannot lead elsewhere; what it would be in can.
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

// hostAllowed reports whether a key may name the host. Secrets go to the API's, and Traefik's own API
// listens on loopback.
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
