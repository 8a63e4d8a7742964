package clinicpass

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Config is the middleware's configuration as Traefik decodes it: keys match field names in any case, unknown keys are
// dropped, durations are texts. README.md describes every key.
type Config struct {
	PathPrefix       string         `json:"pathPrefix,omitempty"`
	Portal           PortalConfig   `json:"portal,omitempty"`
	API              APIConfig      `json:"api,omitempty"`
	Identity         IdentityConfig `json:"identity,omitempty"`
	Provider         ProviderConfig `json:"provider,omitempty"`
	Room             RoomConfig     `json:"room,omitempty"`
	Limits           LimitsConfig   `json:"limits,omitempty"`
	Audit            AuditConfig    `json:"audit,omitempty"`
	Pages            PagesConfig    `json:"pages,omitempty"`
	ExactPassThrough bool           `json:"exactPassThrough,omitempty"`
}

// PortalConfig describes the clinic's portal, where the browser is sent.
type PortalConfig struct {
	URL         string            `json:"url,omitempty"`
	DefaultNext string            `json:"defaultNext,omitempty"`
	AllowedNext []string          `json:"allowedNext,omitempty"`
	KeepQuery   bool              `json:"keepQuery"`
	AuthParams  map[string]string `json:"authParams,omitempty"`
	AllowFrame  bool              `json:"allowFrame,omitempty"`
}

// APIConfig describes the clinic's API. Key, Secret and Token are secrets: a literal, file:PATH or env:NAME.
type APIConfig struct {
	URL         string `json:"url,omitempty"`
	AccountCode string `json:"accountCode,omitempty"`
	Key         string `json:"key,omitempty"`
	Secret      string `json:"secret,omitempty"`
	Token       string `json:"token,omitempty"`
	Encoding    string `json:"encoding,omitempty"`
	Timeout     string `json:"timeout,omitempty"`
}

// IdentityConfig says in which headers the auth layer puts the provider's identity.
type IdentityConfig struct {
	Preset          string        `json:"preset,omitempty"`
	Headers         HeadersConfig `json:"headers,omitempty"`
	NameOrder       string        `json:"nameOrder,omitempty"`
	GroupsSeparator string        `json:"groupsSeparator,omitempty"`
	Encoding        string        `json:"encoding,omitempty"`
	AllowedGroups   []string      `json:"allowedGroups,omitempty"`
	Proof           ProofConfig   `json:"proof,omitempty"`
	JWT             JWTConfig     `json:"jwt,omitempty"`
}

// ProofConfig names a header by which the auth layer proves that it set the others. Secret is a secret like API's.
type ProofConfig struct {
	Header string `json:"header,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// JWTConfig describes a signed token that holds the identity. JWKS is file:PATH.
type JWTConfig struct {
	Header   string        `json:"header,omitempty"`
	JWKSURL  string        `json:"jwksURL,omitempty"`
	JWKS     string        `json:"jwks,omitempty"`
	Issuer   string        `json:"issuer,omitempty"`
	Audience string        `json:"audience,omitempty"`
	Claims   HeadersConfig `json:"claims,omitempty"` // paths of claims
}

// HeadersConfig names a header for each part of an identity. "" leaves the preset's.
type HeadersConfig struct {
	ID        string `json:"id,omitempty"`
	Email     string `json:"email,omitempty"`
	Name      string `json:"name,omitempty"`
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	Groups    string `json:"groups,omitempty"`
}

// ProviderConfig says how an identity becomes a user of VSee.
type ProviderConfig struct {
	Code          string `json:"code,omitempty"`
	DisableEmails bool   `json:"disableEmails,omitempty"`
	Type          string `json:"type,omitempty"`
}

// RoomConfig says whether and how each provider gets a waiting room of their own.
type RoomConfig struct {
	Enabled bool         `json:"enabled,omitempty"`
	Domain  string       `json:"domain,omitempty"`
	Slug    string       `json:"slug,omitempty"`
	Name    string       `json:"name,omitempty"`
	Assign  AssignConfig `json:"assign,omitempty"`
}

// AssignConfig is the body of POST users/:id/rooms, which VSee does not document.
type AssignConfig struct {
	Field string `json:"field,omitempty"`
	Value string `json:"value,omitempty"`
}

// LimitsConfig bounds the sign-ins per provider and minute; 0 switches the limit off.
type LimitsConfig struct {
	SignIns int `json:"signIns"`
}

// AuditConfig names the file that gets a line for every answer: a path, stdout, stderr, or "" for none.
type AuditConfig struct {
	File string `json:"file,omitempty"`
}

// PagesConfig adds to the failure pages whom to turn to.
type PagesConfig struct {
	Contact string `json:"contact,omitempty"`
}

// problems collects what is wrong with a configuration.
type problems struct {
	lines []string
}

// add notes what is wrong with the key's value and what to do about it.
func (p *problems) add(key, format string, args ...interface{}) {
	p.lines = append(p.lines, key+": "+fmt.Sprintf(format, args...))
}

func (p *problems) err(name string) error {
	return errors.New("clinicpass: the configuration of " + name + " needs correction:\n" + strings.Join(p.lines, "\n"))
}

// checkURL returns the parsed base address, ending in a slash, or nil.
func checkURL(key, value string, found *problems) *url.URL {
	if value == "" {
		found.add(key, "is required, such as https://clinic.example.com/path/")
		return nil
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		found.add(key, "is not an address; write it as https://clinic.example.com/path/")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		found.add(key, "must be https; http is accepted for this machine's own addresses only")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		found.add(key, "must have no user, query or fragment")
	case u.RawPath != "" || (u.Path != "" && !plainPath(u.Path)):
		found.add(key, "must have a plain path without //, \\, %%, . or .. segments")
	default:
		if !strings.HasSuffix(u.Path, "/") {
			u.Path += "/"
		}
		return u
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// checkChoice returns value when it is one of the choices.
func checkChoice(key, value string, choices []string, found *problems) string {
	for _, choice := range choices {
		if value == choice {
			return value
		}
	}
	found.add(key, "%q is unknown; choose one of %s", value, strings.Join(choices, ", "))
	return ""
}
