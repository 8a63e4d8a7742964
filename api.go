package clinicpass

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/clinicpass/clinicpass/vsee"
)

const maxTimeout = time.Minute

// api is the clinic's API under the credentials last read. All handlers of one configuration share it, across reloads.
type api struct {
	config APIConfig

	mu     sync.Mutex
	target vsee.Config
	client *vsee.Client
}

// checkAPI reads the API's configuration and its secrets.
func checkAPI(c APIConfig, found *problems) vsee.Config {
	target := vsee.Config{
		AccountCode: strings.TrimSpace(c.AccountCode),
		Key:         checkSecret("api.key", c.Key, true, found),
		Secret:      checkSecret("api.secret", c.Secret, false, found),
		Token:       checkSecret("api.token", c.Token, false, found),
		Encoding:    checkChoice("api.encoding", c.Encoding, []string{vsee.Multipart, vsee.JSON, vsee.Form}, found),
		UserAgent:   "clinicpass/" + Version,
	}
	if u := checkURL("api.url", c.URL, found); u != nil {
		target.API = u.String()
	}
	if target.AccountCode == "" || !headerPattern.MatchString(target.AccountCode) {
		found.add("api.accountCode", "is required: the account code that VSee gave to the clinic, without blanks")
	}
	return target
}

func checkTimeout(value string, found *problems) time.Duration {
	timeout, err := time.ParseDuration(value)
	if err != nil || timeout <= 0 || timeout > maxTimeout {
		found.add("api.timeout", "must be a duration with its unit, up to 1m, such as 10s")
	}
	return timeout
}

// use makes later calls go to target.
func (a *api) use(target vsee.Config) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client == nil || a.target != target {
		a.target = target
		a.client = vsee.New(target)
	}
}

func currentClient(a *api) *vsee.Client {
	a.mu.Lock()
	client := a.client
	a.mu.Unlock()
	return client
}

// renewed reports whether the API refused the credentials and they have been replaced since they were read, so that the call
// should be made once more: a rotated key needs no restart. It reads the secrets again, unless somebody has since the client
// was in use.
func renewed(a *api, refused *vsee.Client, err error) bool {
	if !errors.Is(err, vsee.ErrCredentials) {
		return false
	}
	if currentClient(a) == refused {
		var found problems
		target := checkAPI(a.config, &found)
		if len(found.lines) > 0 {
			logError("the API refused the credentials, and reading them again failed: " + strings.Join(found.lines, "; "))
			return false
		}
		a.use(target)
	}
	return currentClient(a) != refused
}
