// Package clinic signs a provider in to VSee Clinic: it mints the SSO token and sees to the waiting
// room. It decides whether the API is asked at all, and with which credentials.
package clinic

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/internal/memory"
	"github.com/clinicpass/clinicpass/internal/outcome"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/vsee"
)

// Settings are the checked parts of a configuration that a Clinic is made of.
type Settings struct {
	target        vsee.Config // with the secrets as they were read
	config        config.API
	timeout       time.Duration
	userType      string
	disableEmails bool
	rooms         config.Room
}

// Clinic is the way to one clinic's API. All handlers of one configuration share it over reloads.
type Clinic struct {
	settings *Settings
	done     *memory.Memory // whose room is there
	breaker  *breaker       // its lock guards what follows
	target   vsee.Config
	client   *vsee.Client // of target
	underway sync.Map     // by provider, a chan struct{} that is closed when the turn is over
}

// Ticket is what the API gave for a sign-in, also for one that failed on the way.
type Ticket struct {
	Token    string // signs its holder in: it must not be stored, logged or shared
	Room     string // how the room was obtained; "" without one
	Assigned bool   // the room, in this sign-in
	Trace    vsee.Trace
}

// Parse checks the sections api and room, and reads the API's secrets. portalHost is the host of
// portal.url. Requests carry userAgent.
func Parse(c *config.Config, portalHost, userAgent string, p *config.Problems) *Settings {
	timeout, err := time.ParseDuration(c.API.Timeout)
	p.Require(err == nil && timeout > 0 && timeout <= maxTimeout, "api.timeout",
		"must be a duration with its unit, up to 1m, such as 10s")
	s := &Settings{
		config: c.API, target: Target(c.API, userAgent, p), timeout: timeout,
		userType: vsee.Provider, disableEmails: c.Provider.DisableEmails,
	}
	if c.Provider.Type == provider.Patient {
		s.userType = vsee.Patient
	}
	s.rooms = parseRooms(c, portalHost, p)
	return s
}

// Target checks how to reach the API, and reads its secrets.
func Target(c config.API, userAgent string, p *config.Problems) vsee.Config {
	encodings := []string{vsee.Multipart, vsee.JSON, vsee.Form}
	target := vsee.Config{
		AccountCode: strings.TrimSpace(c.AccountCode),
		Key:         config.CheckSecret("api.key", c.Key, true, p),
		Secret:      config.CheckSecret("api.secret", c.Secret, false, p),
		Token:       config.CheckSecret("api.token", c.Token, false, p),
		Encoding:    config.Choice("api.encoding", c.Encoding, encodings, p),
		UserAgent:   userAgent,
	}
	if u := config.URL("api.url", c.URL, p); u != nil {
		target.API = u.String()
	}
	p.Require(config.Token.MatchString(target.AccountCode), "api.accountCode",
		"is required: the account code that VSee gave to the clinic, without blanks")
	return target
}

// New returns the way to the API, with nothing remembered.
func New(s *Settings) *Clinic {
	return &Clinic{
		settings: s, done: memory.New(roomLife),
		breaker: breakerFor(s), target: s.target, client: vsee.New(s.target),
	}
}

// Use makes later sign-ins use the credentials as the settings have them.
func Use(c *Clinic, s *Settings) {
	c.breaker.mu.Lock()
	defer c.breaker.mu.Unlock()
	if c.target != s.target {
		c.target = s.target
		c.client = vsee.New(s.target)
	}
}

// Through makes a clinic's calls go through t, for tests and measurements.
func Through(c *Clinic, t http.RoundTripper) { c.client = vsee.Through(c.client, t) }

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
		s := &Settings{target: Target(c.settings.config, c.settings.target.UserAgent, p)}
		if len(p.Lines) > 0 {
			logs.Error("the API refused the credentials, and reading them again failed: " +
				strings.Join(p.Lines, "; "))
			return false
		}
		Use(c, s)
	}
	return current(c) != refused
}

var errOpen = errors.New("the API was not asked, because it has failed repeatedly")

// SignIn mints a token for the provider, whose room is then there. It gives a ticket with every
// error; OutcomeOf tells what the error comes to.
func SignIn(ctx context.Context, c *Clinic, p *provider.Provider) (*Ticket, error) {
	t := &Ticket{}
	b := c.breaker
	b.mu.Lock()
	client := c.client
	watched := b.watched
	b.mu.Unlock()
	probe := watched && ask(b, p, t)
	if t.Trace.RetryAfter > 0 {
		return t, errOpen
	}
	s := c.settings
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	user := &vsee.User{
		Type: s.userType, Code: p.Code, FirstName: p.FirstName, LastName: p.LastName,
		Email: p.Who.Email, DisableEmails: s.disableEmails,
	}
	sso, err := vsee.SignIn(ctx, client, user, &t.Trace)
	if err != nil && renewed(c, client, err) {
		sso, err = vsee.SignIn(ctx, current(c), user, &t.Trace)
	}
	if err == nil {
		t.Token = sso.Token.Token
		if s.rooms.Enabled {
			err = provide(ctx, c, p, sso, t)
		}
	}
	cancel()
	if watched || err != nil {
		settle(b, p.Hash, shownBy(t, err), probe, time.Now())
	}
	return t, err
}

// ask reports whether the sign-in is a probe. The ticket gets how long the API may not be asked.
func ask(b *breaker, p *provider.Provider, t *Ticket) bool {
	wait, probe := admit(b, p.Hash, time.Now())
	t.Trace.RetryAfter = wait
	return probe
}

// shownBy tells what a sign-in shows of the API. An API that answers 429 works.
func shownBy(t *Ticket, err error) int {
	unavailable := errors.Is(err, vsee.ErrUnavailable) && t.Trace.RetryAfter == 0
	switch {
	case errors.Is(err, vsee.ErrCanceled) || errors.Is(err, errTurn):
		return silent
	case unavailable || errors.Is(err, vsee.ErrTimeout):
		return failed
	}
	return works
}

// OutcomeOf names what an error of SignIn comes to.
func OutcomeOf(err error) outcome.Outcome {
	switch {
	case errors.Is(err, vsee.ErrCredentials):
		return outcome.CredentialsRefused
	case errors.Is(err, vsee.ErrUnavailable) || errors.Is(err, errOpen):
		return outcome.APIUnavailable
	case errors.Is(err, vsee.ErrTimeout):
		return outcome.APITimeout
	case errors.Is(err, vsee.ErrCanceled):
		return outcome.ClientClosed
	}
	return outcome.APIError
}
