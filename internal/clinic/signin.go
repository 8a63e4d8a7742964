package clinic

import (
	"context"
	"errors"
	"time"

	"github.com/clinicpass/clinicpass/internal/outcome"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/vsee"
)

// errOpen says that the breaker is open.
var errOpen = errors.New("the API was not asked, because it has failed repeatedly")

// SignIn mints a token for the provider, whose room is then there. It gives a ticket with every
// error; OutcomeOf tells what the error comes to.
func SignIn(ctx context.Context, c *Clinic, p *provider.Provider) (*Ticket, error) {
	t := &Ticket{}
	b := c.breaker
	b.mu.Lock()
	client := c.client
	failures := b.failures
	b.mu.Unlock()
	if failures > 0 {
		return t, enterWatched(ctx, c, client, p, t)
	}
	err := enter(ctx, c, client, p, t)
	if err != nil {
		tell(c, t, err, false)
	}
	return t, err
}

// enterWatched asks the breaker first.
func enterWatched(ctx context.Context, c *Clinic, client *vsee.Client, p *provider.Provider,
	t *Ticket,
) error {
	wait, probe := admit(c.breaker, time.Now())
	if wait > 0 {
		t.Trace.RetryAfter = wait
		return errOpen
	}
	err := enter(ctx, c, client, p, t)
	tell(c, t, err, probe)
	return err
}

// tell tells the breaker what a sign-in shows of the API.
func tell(c *Clinic, t *Ticket, err error, probe bool) {
	settle(c.breaker, shownBy(t, err), probe, time.Now())
}

// enter fills the ticket.
func enter(ctx context.Context, c *Clinic, client *vsee.Client, p *provider.Provider, t *Ticket) error {
	s := c.settings
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	user := &vsee.User{
		Type: s.userType, Code: p.Code, FirstName: p.FirstName, LastName: p.LastName,
		Email: p.Who.Email, DisableEmails: s.disableEmails,
	}
	sso, err := vsee.SignIn(ctx, client, user, &t.Trace)
	if err != nil {
		sso, err = enterAgain(ctx, c, client, user, t, err)
	}
	if err == nil {
		t.Token = sso.Token.Token
		if s.rooms.enabled {
			err = provide(ctx, c, p, sso, t)
		}
	}
	cancel()
	return err
}

// enterAgain signs in once more when the credentials were renewed since they were refused.
func enterAgain(ctx context.Context, c *Clinic, refused *vsee.Client, user *vsee.User, t *Ticket,
	err error,
) (*vsee.SSO, error) {
	if !renewed(c, refused, err) {
		return nil, err
	}
	return vsee.SignIn(ctx, current(c), user, &t.Trace)
}

// shownBy tells what a sign-in shows of the API. An API that answers 429 works.
func shownBy(t *Ticket, err error) int {
	switch {
	case errors.Is(err, vsee.ErrCanceled):
		return silent
	case errors.Is(err, vsee.ErrTimeout):
		return failed
	case errors.Is(err, vsee.ErrUnavailable) && t.Trace.RetryAfter == 0:
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
