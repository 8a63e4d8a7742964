package signin

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clinicpass/clinicpass/internal/audit"
	"github.com/clinicpass/clinicpass/internal/clinic"
	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
	"github.com/clinicpass/clinicpass/internal/jwt"
	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/internal/memory"
	"github.com/clinicpass/clinicpass/internal/page"
	"github.com/clinicpass/clinicpass/internal/portal"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/internal/request"
)

const maxStates = 1024 // configurations whose state is kept

// Handler answers the requests below the prefix.
type Handler struct {
	Prefix     request.Prefix // of the sign-ins
	name       string         // as Traefik knows the middleware
	signedIn   string         // the log line of an ordinary sign-in, up to the reference
	account    string
	allowFrame bool
	identity   *identity.Reader
	provider   *provider.Rules
	limit      int            // sign-ins of a provider in a minute; 0 for no limit
	signIns    *memory.Memory // of the last minute
	clinic     *clinic.Clinic
	portal     *portal.Portal
	pages      *page.Pages
	audit      *audit.Log // nil without one
}

// parse checks the whole configuration, so that p gets every mistake at once. The handler still
// lacks what outlives a reload.
func parse(c *config.Config, name, agent string, p *config.Problems) (*Handler, *clinic.Settings) {
	h := &Handler{
		name: name, signedIn: name + ": signed_in ref=", account: strings.TrimSpace(c.API.AccountCode),
		allowFrame: c.Portal.AllowFrame, limit: c.Limits.SignIns,
		Prefix:   request.ParsePrefix(c.PathPrefix, p),
		identity: identity.Parse(c.Identity, p),
		provider: provider.Parse(c, p),
		portal:   portal.Parse(c.Portal, p),
		pages:    page.Parse(c, p),
	}
	audit.Check(c.Audit.File, p)
	h.identity.ByEmail = provider.ByEmail(h.provider)
	way := clinic.Parse(c, h.portal.Host, agent, p)
	p.Require(h.limit >= 0, "limits.signIns", "must not be negative; 0 switches the limit off")
	return h, way
}

// Check returns what New would say of the configuration, a text for each mistake, which begins with
// the key. Like New it reads secrets and keys from the files and variables that are named.
func Check(c *config.Config) []string {
	p := &config.Problems{}
	parse(c, "", "", p)
	return p.Lines
}

// New returns the handler for a configuration, or every mistake in it. It makes no network call.
func New(c *config.Config, name, version string) (*Handler, error) {
	p := &config.Problems{}
	h, way := parse(c, name, "clinicpass/"+version, p)
	if len(p.Lines) > 0 {
		return nil, refuse(name, p.Lines)
	}
	kept, fresh := stateFor(c, way, h.identity.Verifier)
	if fresh {
		logStart(c, h.identity, name, version)
	}
	h.clinic, h.signIns, h.audit = kept.clinic, kept.signIns, kept.audit
	if kept.keys != nil {
		h.identity.Verifier.Keys = kept.keys
	}
	return h, nil
}

// refuse returns the error that Traefik logs and its dashboard shows, with every mistake in the
// configuration. Traefik logs it as one line, so several mistakes get a log line each as well.
func refuse(name string, mistakes []string) error {
	about := "the configuration of " + name + " needs "
	if len(mistakes) == 1 {
		return errors.New("clinicpass: " + about + "correction: " + mistakes[0])
	}
	for _, mistake := range mistakes {
		logs.Error(about + "correction: " + mistake)
	}
	return errors.New("clinicpass: " + about + strconv.Itoa(len(mistakes)) + " corrections: " +
		strings.Join(mistakes, "; "))
}

// state is what must outlive a reload of Traefik's configuration, which builds every handler anew.
type state struct {
	clinic  *clinic.Clinic
	signIns *memory.Memory // of each provider in the last minute
	audit   *audit.Log
	keys    *jwt.Keys // nil where no keys are fetched
}

// states holds the state of each configuration by the configuration's SHA-256.
var (
	states   = map[[32]byte]*state{}
	statesMu sync.Mutex
)

// stateFor returns the configuration's state, with the credentials as way has them, and whether it
// is a new one. A new one keeps the keys of the verifier, which may be nil, if they are fetched.
func stateFor(c *config.Config, way *clinic.Settings, verifier *jwt.Verifier) (*state, bool) {
	raw, _ := json.Marshal(c) // cannot fail: it is made of texts, numbers and booleans
	id := sha256.Sum256(raw)

	statesMu.Lock()
	defer statesMu.Unlock()
	kept := states[id]
	fresh := kept == nil
	if fresh {
		if len(states) >= maxStates { // handlers keep theirs; a reload begins anew
			states = map[[32]byte]*state{}
		}
		kept = &state{
			clinic: clinic.New(way), signIns: memory.New(time.Minute), audit: audit.New(c.Audit.File),
		}
		if verifier != nil && jwt.Fetched(verifier.Keys) {
			kept.keys = verifier.Keys
		}
		states[id] = kept
	}
	clinic.Use(kept.clinic, way)
	return kept, fresh
}

// logStart tells the effective configuration, in which a misspelled key shows as a value that was
// not taken over, and warns of what is insecure in it.
func logStart(c *config.Config, r *identity.Reader, name, version string) {
	effective := *c
	effective.Identity.Headers = r.Headers
	for _, secret := range config.Secrets(&effective) {
		if *secret.Value == "" {
			*secret.Value = "unset"
			continue
		}
		if config.Literal(*secret.Value) {
			logs.Error("warning: " + name + ": " + secret.Key + " is written in the configuration. " +
				"Traefik's dashboard and DEBUG log show it. Use file:PATH or env:NAME.")
		}
		*secret.Value = "set"
	}
	line, _ := json.Marshal(&effective) // see stateFor
	logs.Debug(version + " started as " + name + " with " + string(line))
	if !r.Proven && !r.Trusted {
		logs.Error("warning: " + name + ": nothing proves that your auth middleware set the identity " +
			"headers. Set identity.proof or identity.jwt. If only your auth middleware can set these " +
			"headers, set identity.trust to network. See " +
			"https://github.com/clinicpass/clinicpass#proven-identity")
	}
}
