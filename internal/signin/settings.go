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

const maxStates = 1024 // configurations

// Handler answers the requests at or below the prefix.
type Handler struct {
	Prefix     request.Prefix // of sign-in paths
	name       string         // Traefik's name for the middleware
	signedIn   string         // start of the log line for a sign-in, before the reference
	account    string
	allowFrame bool
	identity   *identity.Reader
	provider   *provider.Rules
	limit      int            // sign-ins per provider and minute; 0 for no limit
	signIns    *memory.Memory // per provider, in the last minute
	clinic     *clinic.Clinic
	portal     *portal.Portal
	pages      *page.Pages
	audit      *audit.Log // nil without one
}

// parse checks the whole configuration and adds every mistake to p. The caller sets the handler's
// state, which outlives a reload.
func parse(c *config.Config, name, agent string, p *config.Problems) (*Handler, *clinic.Settings) {
	config.CheckKeys(c, p)
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

// Check returns the mistakes that New would find. Each text begins with the key. Like New, it reads
// secrets and keys from the configured files and variables.
func Check(c *config.Config) []string {
	p := &config.Problems{}
	parse(c, "", "", p)
	return p.Lines
}

// New returns the handler for a configuration, or an error with every mistake in it. It makes no
// network call.
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

// refuse returns the error that Traefik logs and shows on its dashboard, with every mistake.
// Traefik logs it as one line, so refuse also logs each of several mistakes on its own line.
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

// state outlives a reload of Traefik's configuration, which builds every handler again.
type state struct {
	clinic  *clinic.Clinic
	signIns *memory.Memory // per provider, in the last minute
	audit   *audit.Log
	keys    *jwt.Keys // nil if Clinicpass fetches no keys
}

// states holds the state of each configuration, by the configuration's SHA-256.
var (
	states   = map[[32]byte]*state{}
	statesMu sync.Mutex
)

// stateFor returns the configuration's state with the credentials in way. It returns true if the
// state is new. A new state takes over the verifier's keys if they are fetched. verifier may be
// nil.
func stateFor(c *config.Config, way *clinic.Settings, verifier *jwt.Verifier) (*state, bool) {
	raw, _ := json.Marshal(c) // cannot fail: only texts, numbers and booleans
	id := sha256.Sum256(raw)

	statesMu.Lock()
	defer statesMu.Unlock()
	kept := states[id]
	fresh := kept == nil
	if fresh {
		if len(states) >= maxStates { // handlers keep their states; a reload creates new ones
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

// logStart logs the effective configuration, without secrets. A misspelled key shows there as an
// unchanged value. logStart also warns about insecure settings.
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
