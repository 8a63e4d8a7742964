package clinicpass

import (
	"encoding/json"
	"sync"

	"github.com/clinicpass/clinicpass/vsee"
)

const maxStates = 1024 // configurations whose state is kept

// state is what must outlive a reload of Traefik's configuration, which builds every handler anew. It is shared by all
// handlers with the same configuration.
type state struct {
	api     *api
	breaker *breaker
	limiter *limiter
	audit   *auditLog
	rooms   *provisioner
	keys    *keySet // nil without an address of keys
}

// states holds the state of each configuration by the configuration's digest, and the breakers by API and account.
var states = struct {
	mu       sync.Mutex
	byID     map[string]*state
	breakers map[string]*breaker
}{byID: map[string]*state{}, breakers: map[string]*breaker{}}

// stateFor returns the configuration's state with the credentials in target, and whether it was just created. token, which
// may be nil, gets the keys that were fetched before.
func stateFor(config *Config, target vsee.Config, token *tokenReader) (*state, bool) {
	raw, err := json.Marshal(config)
	if err != nil {
		raw = []byte(err.Error()) // impossible: the configuration is made of texts, numbers and booleans
	}
	id := digest(string(raw))

	states.mu.Lock()
	defer states.mu.Unlock()
	s := states.byID[id]
	created := s == nil
	if created {
		if len(states.byID) >= maxStates { // handlers keep theirs; a reload begins anew
			states.byID = map[string]*state{}
		}
		s = &state{
			api:     &api{config: config.API},
			breaker: breakerFor(target),
			limiter: newLimiter(config.Limits.SignIns),
			audit:   &auditLog{file: config.Audit.File},
			rooms:   newProvisioner(),
		}
		states.byID[id] = s
	}
	s.api.use(target)
	if token != nil && token.keys.url != "" {
		if created {
			s.keys = token.keys
		}
		token.keys = s.keys
	}
	return s, created
}

// breakerFor returns the breaker of the API's account. states.mu is held.
func breakerFor(target vsee.Config) *breaker {
	id := target.API + " " + target.AccountCode
	b := states.breakers[id]
	if b == nil {
		if len(states.breakers) >= maxStates {
			states.breakers = map[string]*breaker{}
		}
		b = &breaker{account: target.AccountCode}
		states.breakers[id] = b
	}
	return b
}
