// Package clinic signs a provider in to VSee Clinic: it gets the SSO token and provides the waiting
// room. It holds the circuit breaker and the current credentials.
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

// Settings are the checked parts of a configuration that a Clinic needs.
type Settings struct {
	target        vsee.Config // with the values of the secrets
	config        config.API
	timeout       time.Duration
	userType      string
	disableEmails bool
	rooms         config.Room
}

// Clinic calls one clinic's API. All handlers of one configuration share it, across reloads.
type Clinic struct {
	settings *Settings
	done     *memory.Memory // providers that have their room
	breaker  *breaker       // its lock also guards target and client
	target   vsee.Config
	client   *vsee.Client // of target
	underway sync.Map     // by provider: a chan struct{} that end closes
}

// Ticket is what a sign-in got from the API. A failed sign-in has one too.
type Ticket struct {
	Token    string // signs its holder in: do not store, log or share it
	Room     string // how the room was obtained; "" without one
	Assigned bool   // this sign-in assigned the room
	Trace    vsee.Trace
}

// Parse checks the sections api and room, and reads the API's secrets. portalHost is the host of
// portal.url. Requests carry userAgent.
func Parse(c *config.Config, portalHost, userAgent string, p *config.Problems) *Settings {
	timeout, err := time.ParseDuration(c.API.Timeout)
	p.Require(err == nil && timeout > 0 && timeout <= maxTimeout, "api.timeout",
		"must be a duration with a unit, at most 1m, such as 10s")
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

// Target checks the address and the other values for API calls, and reads the secrets.
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
		"is required: the account code from VSee, without spaces")
	return target
}

// New returns a Clinic that remembers no rooms. It makes no network call.
func New(s *Settings) *Clinic {
	return &Clinic{
		settings: s, done: memory.New(roomLife),
		breaker: breakerFor(s), target: s.target, client: vsee.New(s.target),
	}
}

// Use makes later sign-ins use the credentials in the settings.
func Use(c *Clinic, s *Settings) {
	c.breaker.mu.Lock()
	defer c.breaker.mu.Unlock()
	if c.target != s.target {
		c.target = s.target
		c.client = vsee.New(s.target)
	}
}

// Through sends a clinic's calls through t, for tests and benchmarks.
func Through(c *Clinic, t http.RoundTripper) { c.client = vsee.Through(c.client, t) }

func current(c *Clinic) *vsee.Client {
	c.breaker.mu.Lock()
	defer c.breaker.mu.Unlock()
	return c.client
}

// renewed reports whether the caller should repeat a call: the API refused the credentials, and new
// ones are available. So a rotated key needs no restart. It reads the secrets again, unless another
// sign-in has already replaced the refused client.
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

var errOpen = errors.New("the circuit breaker blocked the sign-in: the API has failed repeatedly")

// SignIn gets a token for the provider and, with room.enabled, provides the waiting room. It
// returns a ticket with every error. OutcomeOf returns the error's outcome.
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

// ask reports whether the sign-in is a probe. If the breaker blocks it, it sets t.Trace.RetryAfter.
func ask(b *breaker, p *provider.Provider, t *Ticket) bool {
	wait, probe := admit(b, p.Hash, time.Now())
	t.Trace.RetryAfter = wait
	return probe
}

// shownBy returns what a sign-in showed about the API. An API that answers 429 works.
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

// OutcomeOf returns the outcome of an error of SignIn.
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
