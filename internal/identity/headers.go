package identity

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
)

// header is one configured header.
type header struct {
	configured, canonical string
}

func parseHeader(key, name string, p *config.Problems) header {
	if name != "" && !config.Token.MatchString(name) {
		p.Add(key, "%q is not a header name", name)
	}
	return header{configured: name, canonical: textproto.CanonicalMIMEHeaderKey(name)}
}

// watched are the header names whose other spellings are refused.
type watched struct {
	lengths   []bool            // of all names, modulo 64
	exact     map[string]bool   // the names themselves
	spellings map[string]header // by plain spelling
	otherCase []header          // those not configured in canonical case
}

func newWatched() watched {
	return watched{
		lengths:   make([]bool, 64),
		exact:     map[string]bool{},
		spellings: map[string]header{},
	}
}

// watch makes aliasIn look for other spellings of the header.
func watch(w *watched, n header) {
	if n.configured != n.canonical && !w.exact[n.configured] { // one header may be two parts
		w.otherCase = append(w.otherCase, n)
	}
	if n.configured != "" {
		w.lengths[len(n.configured)%64] = true
		w.exact[n.configured] = true
		w.exact[n.canonical] = true
		w.spellings[plainSpelling(n.configured)] = n
	}
}

// gather returns the headers with all lines of a watched name under its canonical case. Traefik's
// basicAuth writes the name just as configured, everybody else in canonical case.
func gather(w *watched, h http.Header) http.Header {
	all := h.Clone()
	for _, n := range w.otherCase {
		all[n.canonical] = append(all[n.canonical], h[n.configured]...)
	}
	return all
}

// isAlias reports whether another program might take a name for a watched one: X_Auth_User or
// X.Auth.User for X-Auth-User, or another case than Go's and the configured one. Such a name has
// the same length, which few others have.
func isAlias(w *watched, name string) bool {
	n, similar := w.spellings[plainSpelling(name)]
	return similar && name != n.canonical && name != n.configured
}

// plainSpelling is what all aliases of a header name have in common.
func plainSpelling(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, "_", "-"), ".", "-"))
}
