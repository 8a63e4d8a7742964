package clinic

import (
	"errors"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/vsee"
)

// Target checks how to reach the API, and reads its secrets.
func Target(c config.API, userAgent string, p *config.Problems) vsee.Config {
	target := vsee.Config{
		AccountCode: strings.TrimSpace(c.AccountCode),
		Key:         config.CheckSecret("api.key", c.Key, true, p),
		Secret:      config.CheckSecret("api.secret", c.Secret, false, p),
		Token:       config.CheckSecret("api.token", c.Token, false, p),
		Encoding: config.Choice("api.encoding", c.Encoding,
			[]string{vsee.Multipart, vsee.JSON, vsee.Form}, p),
		UserAgent: userAgent,
	}
	if u := config.URL("api.url", c.URL, p); u != nil {
		target.API = u.String()
	}
	if target.AccountCode == "" || !config.Token.MatchString(target.AccountCode) {
		p.Add("api.accountCode",
			"is required: the account code that VSee gave to the clinic, without blanks")
	}
	return target
}

// Use makes later sign-ins use the credentials as the settings have them.
func Use(c *Clinic, s *Settings) { use(c, s.target) }

func use(c *Clinic, target vsee.Config) {
	c.breaker.mu.Lock()
	defer c.breaker.mu.Unlock()
	if c.client == nil || c.target != target {
		c.target = target
		c.client = vsee.New(target)
	}
}

func current(c *Clinic) *vsee.Client {
	c.breaker.mu.Lock()
	defer c.breaker.mu.Unlock()
	return c.client
}

// renewed reports whether the API refused the credentials and they have been replaced since they
// were read, so that the call should be made once more: a rotated key needs no restart. It reads
// the secrets again, unless somebody has since the refused client was in use.
func renewed(c *Clinic, refused *vsee.Client, err error) bool {
	if !errors.Is(err, vsee.ErrCredentials) {
		return false
	}
	if current(c) == refused {
		p := &config.Problems{}
		target := Target(c.settings.config, c.settings.target.UserAgent, p)
		if len(p.Lines) > 0 {
			logs.Error("the API refused the credentials, and reading them again failed: " +
				strings.Join(p.Lines, "; "))
			return false
		}
		use(c, target)
	}
	return current(c) != refused
}
