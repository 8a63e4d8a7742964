package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problems collects what is wrong with a configuration, so that one start shows every mistake.
type Problems struct {
	Lines []string // one for each mistake, which begins with the key
}

// Add notes what is wrong with the key's value and what to do about it.
func (p *Problems) Add(key, format string, args ...interface{}) {
	p.Lines = append(p.Lines, key+": "+fmt.Sprintf(format, args...))
}

// Require adds the mistake unless ok.
func (p *Problems) Require(ok bool, key, format string, args ...interface{}) {
	if !ok {
		p.Add(key, format, args...)
	}
}

// Choice returns value when it is one of the choices, else "".
func Choice(key, value string, choices []string, p *Problems) string {
	for _, choice := range choices {
		if value == choice {
			return value
		}
	}
	p.Add(key, "%q is unknown; choose one of %s", value, strings.Join(choices, ", "))
	return ""
}

// URL returns the parsed base address, ending in a slash, or nil. Addresses must be https; http is
// accepted on loopback.
func URL(key, value string, p *Problems) *url.URL {
	u, err := url.Parse(value)
	loopback := err == nil && isLoopback(u.Hostname())
	switch {
	case value == "":
		p.Add(key, "is required, such as https://clinic.example.com/path/")
	case err != nil || u.Hostname() == "":
		p.Add(key, "is not an address; write it as https://clinic.example.com/path/")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback):
		p.Add(key, "must be https; http is accepted for this machine's own addresses only")
	case !hostAllowed(key, u.Hostname(), loopback):
		p.Add(key, "names a host that Traefik's operator does not allow; CLINICPASS_HOSTS in the "+
			"environment of Traefik sets them")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		p.Add(key, "must have no user, query or fragment")
	case u.RawPath != "" || (u.Path != "" && !PlainPath(u.Path)):
		p.Add(key, "must have a plain path without //, \\, %%, . or .. segments")
	default:
		u.Path = strings.TrimSuffix(u.Path, "/") + "/"
		return u
	}
	return nil
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	address := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || address.IsLoopback() ||
		address.IsUnspecified()
}

// MaxPath is how many bytes a path may have.
const MaxPath = 2048

// PlainPath reports whether a decoded path is absolute and means the same to everybody who reads
// it: a browser, a proxy, and the portal.
func PlainPath(path string) bool {
	return strings.HasPrefix(path, "/") && len(path) <= MaxPath && utf8.ValidString(path) &&
		!strings.Contains(path, "//") && !strings.ContainsAny(path, `\%`) &&
		!strings.Contains(path+"/", "/./") && !strings.Contains(path+"/", "/../") &&
		strings.IndexFunc(path, unicode.IsControl) < 0
}

// Token matches a header's name, and what fits into a header as one word (RFC 9110, 5.6.2).
var Token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// OrElse returns value, or otherwise where value is "".
func OrElse(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

// Secret is a key whose value is a secret: a literal, file:PATH or env:NAME.
type Secret struct {
	Key   string
	Value *string
}

// Secrets lists every secret of a configuration. Whatever shows a configuration masks these.
func Secrets(c *Config) []Secret {
	return []Secret{
		{"api.key", &c.API.Key},
		{"api.secret", &c.API.Secret},
		{"api.token", &c.API.Token},
		{"identity.proof.secret", &c.Identity.Proof.Secret},
	}
}

// CheckSecret returns the secret that source names, or "" and notes what is wrong with it. The
// message never has the source, which may be the secret, but the name of its file or variable.
func CheckSecret(key, source string, required bool, p *Problems) string {
	value, err := ReadSecret(source)
	switch {
	case source == "" && required:
		p.Add(key, "is required: file:PATH, env:NAME, or the value itself")
	case err != nil:
		p.Add(key, "cannot be used: %v", err)
	case strings.IndexFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0:
		p.Add(key, "has a blank, a control character or a letter outside ASCII in it; "+
			"write the bare value")
	default:
		return value
	}
	return ""
}

// ReadSecret reads file:PATH without its trailing newline, env:NAME, or takes source as the value.
func ReadSecret(source string) (string, error) {
	if err := Permitted(source); err != nil {
		return "", err
	}
	if path, ok := strings.CutPrefix(source, "file:"); ok {
		content, err := readFile(path)
		value := strings.TrimRight(content, "\r\n")
		if err == nil && value == "" {
			err = errors.New("the file " + path + " is empty")
		}
		return value, err
	}
	name, ok := strings.CutPrefix(source, "env:")
	if !ok {
		return source, nil
	}
	value := os.Getenv(name)
	if value == "" {
		return "", fmt.Errorf("the environment variable %s is empty or unset in Traefik's process", name)
	}
	return value, nil
}

// Literal reports whether a secret stands in the configuration itself.
func Literal(source string) bool {
	return source != "" && !strings.HasPrefix(source, "file:") && !strings.HasPrefix(source, "env:")
}
