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

// Problems collects the mistakes in a configuration, so that one start shows all of them.
type Problems struct {
	Lines []string // one per mistake; each begins with the key
}

// Add adds a mistake in the key's value, with its correction.
func (p *Problems) Add(key, format string, args ...interface{}) {
	p.Lines = append(p.Lines, key+": "+fmt.Sprintf(format, args...))
}

// Require adds the mistake unless ok.
func (p *Problems) Require(ok bool, key, format string, args ...interface{}) {
	if !ok {
		p.Add(key, format, args...)
	}
}

// Choice returns value if it is one of the choices. Otherwise it adds a mistake and returns "".
func Choice(key, value string, choices []string, p *Problems) string {
	for _, choice := range choices {
		if value == choice {
			return value
		}
	}
	p.Add(key, "%q is unknown; choose one of %s", value, strings.Join(choices, ", "))
	return ""
}

// URL returns the parsed base address with a trailing slash. Otherwise it adds a mistake and
// returns nil. Addresses must be https; http is accepted on loopback.
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

// isLoopback reports whether a host is this machine: localhost, loopback or unspecified.
func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	address := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || address.IsLoopback() ||
		address.IsUnspecified()
}

// MaxPath is the maximum size of a path in bytes.
const MaxPath = 2048

// PlainPath reports whether a decoded path is absolute and has the same meaning for browsers,
// proxies and the portal.
func PlainPath(path string) bool {
	return strings.HasPrefix(path, "/") && len(path) <= MaxPath && utf8.ValidString(path) &&
		!strings.Contains(path, "//") && !strings.ContainsAny(path, `\%`) &&
		!strings.Contains(path+"/", "/./") && !strings.Contains(path+"/", "/../") &&
		!strings.Contains(path, "/.;") && !strings.Contains(path, "/..;") && // Java servers cut at ";"
		strings.IndexFunc(path, unicode.IsControl) < 0
}

// Token matches a header name, and a header value of one word (RFC 9110, 5.6.2).
var Token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// OrElse returns value, or otherwise if value is "".
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

// Secrets lists every secret of a configuration. Code that shows a configuration must mask these.
func Secrets(c *Config) []Secret {
	return []Secret{
		{"api.key", &c.API.Key},
		{"api.secret", &c.API.Secret},
		{"api.token", &c.API.Token},
		{"identity.proof.secret", &c.Identity.Proof.Secret},
	}
}

// CheckSecret returns the secret that source names. Otherwise it adds a mistake and returns "". The
// message names only the file or variable, because source itself may be the secret.
func CheckSecret(key, source string, required bool, p *Problems) string {
	value, err := ReadSecret(source)
	switch {
	case source == "" && required:
		p.Add(key, "is required: file:PATH, env:NAME, or the value itself")
	case err != nil:
		p.Add(key, "cannot be used: %v", err)
	case strings.IndexFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0:
		p.Add(key, "has a space, a control character or a non-ASCII character; "+
			"write only the value itself")
	default:
		return value
	}
	return ""
}

// ReadSecret reads file:PATH without trailing newlines, or env:NAME. Any other source is the value.
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

// Literal reports whether the configuration itself contains the secret.
func Literal(source string) bool {
	return source != "" && !strings.HasPrefix(source, "file:") && !strings.HasPrefix(source, "env:")
}
