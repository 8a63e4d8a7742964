package clinicpass

import (
	"context"
	"fmt"
	"math/rand"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clinicpass/clinicpass/vsee"
)

// signIn answers the requests below the prefix.
type signIn struct {
	name     string // as Traefik knows the middleware
	prefix   string
	segments int // of the prefix
	clinic   string
	timeout  time.Duration

	allowFrame bool
	identity   *identityReader
	provider   *providerRules
	room       *roomRules
	portal     *portal
	pages      *pages
	state      *state
}

// newSignIn returns nil when found has gained a mistake.
func newSignIn(config *Config, name string, found *problems) *signIn {
	s, target := checkConfig(config, name, found)
	if len(found.lines) > 0 {
		return nil
	}
	s.clinic = target.AccountCode
	s.segments = strings.Count(strings.TrimSuffix(s.prefix, "/"), "/")
	var created bool
	s.state, created = stateFor(config, target, s.identity.token)
	if created {
		logStart(config, name, found)
		warnOfTrust(s)
	}
	return s
}

// checkConfig checks the whole configuration, so that found gets every mistake at once.
func checkConfig(config *Config, name string, found *problems) (*signIn, vsee.Config) {
	s := &signIn{
		name:       name,
		prefix:     checkPrefix(config.PathPrefix, found),
		portal:     newPortal(config.Portal, found),
		allowFrame: config.Portal.AllowFrame,
		timeout:    checkTimeout(config.API.Timeout, found),
		identity:   newIdentityReader(config.Identity, found),
		provider:   newProviderRules(config, found),
		pages:      newPages(config, found),
	}
	s.room = newRoomRules(config, s.portal.base, found)
	target := checkAPI(config.API, found)
	if config.Limits.SignIns < 0 {
		found.add("limits.signIns", "must not be negative; 0 switches the limit off")
	}
	return s, target
}

// attempt is one request on its way to an answer.
type attempt struct {
	start      time.Time
	entry      *auditEntry
	outcome    string
	why        string // for the log; never shown to the browser
	location   string
	retryAfter time.Duration
	trace      vsee.Trace
	watched    bool // the breaker waits for what comes of it
	probe      bool // and lets nobody else through meanwhile
}

func end(a *attempt, outcome, why string) {
	a.outcome = outcome
	a.why = why
}

// ServeHTTP signs the provider in, or says why not.
func (s *signIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &attempt{start: time.Now(), entry: &auditEntry{Clinic: s.clinic, Ref: newRef()}}
	if p := admit(s, r, a); p != nil {
		run(s, r, a, p)
	}
	report(s, a)
	answer(s, w, r, a)
}

// newRef returns ten hexadecimal digits.
func newRef() string {
	return fmt.Sprintf("%010x", rand.Int63()&0xffffffffff) //nolint:gosec // no secret, it only must not repeat soon
}

// admit returns the provider to sign in, or nil when a check fails; the first that fails ends the attempt.
func admit(s *signIn, r *http.Request, a *attempt) *provider {
	if r.Method != http.MethodGet {
		end(a, methodRefused, "the method is not GET")
		return nil
	}
	if why := notNavigating(r.Header, s.allowFrame); why != "" {
		end(a, notANavigation, why)
		return nil
	}
	who, refused, why := readIdentity(s.identity, r)
	if who == nil {
		end(a, refused, why)
		return nil
	}
	p := newProvider(s.provider, who)
	if p == nil {
		end(a, noIdentity, "provider.code came out empty for this identity")
		return nil
	}
	a.entry.Provider = p.hash
	if s.identity.careful && !mayEnter(s.identity, who) {
		end(a, notAllowed, "the provider is in none of identity.allowedGroups")
		return nil
	}
	if a.retryAfter = overLimit(s.state.limiter, p.key, a.start); a.retryAfter > 0 {
		end(a, tooMany, "more than limits.signIns within a minute")
		return nil
	}
	if s.state.breaker.failures.Load() > 0 && !passes(s.state.breaker, a) {
		return nil
	}
	return p
}

// passes ends the attempt while the breaker is open.
func passes(b *breaker, a *attempt) bool {
	a.watched = true
	a.retryAfter = b.admit(a)
	if a.retryAfter > 0 {
		a.watched = false
		end(a, apiUnavailable, "the API was not asked, because it has failed repeatedly")
	}
	return a.retryAfter == 0
}

// run takes an admitted attempt to its outcome.
func run(s *signIn, r *http.Request, a *attempt, p *provider) {
	next, refused := landing(s, r.URL)
	a.entry.NextRefused = refused
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	token, err := mint(ctx, s, p, a)
	cancel()
	if err != nil {
		fail(s, a, err)
		return
	}
	a.location = location(s.portal, token, next)
	a.outcome = signedIn
	if a.location == "" {
		end(a, apiError, "the finished address would lead away from the portal")
	}
	if a.watched {
		s.state.breaker.settle(a, time.Now())
	}
}

// fail ends an attempt that the API did not let succeed.
func fail(s *signIn, a *attempt, err error) {
	a.retryAfter = a.trace.RetryAfter
	end(a, outcomeOf(err), err.Error())
	s.state.breaker.settle(a, time.Now())
}

// mint returns an SSO token for the provider, whose room is then there.
func mint(ctx context.Context, s *signIn, p *provider, a *attempt) (string, error) {
	client := currentClient(s.state.api)
	sso, err := vsee.Mint(ctx, client, user(s.provider, p), &a.trace)
	if err != nil {
		if !renewed(s.state.api, client, err) {
			return "", err
		}
		sso, err = vsee.Mint(ctx, currentClient(s.state.api), user(s.provider, p), &a.trace)
	}
	if err == nil && s.room.enabled {
		err = provide(ctx, s, p, sso, a)
	}
	return sso.Token, err
}

// report writes the audit entry and the log line.
func report(s *signIn, a *attempt) {
	e := a.entry
	if s.state.audit.file != "" {
		e.Time = a.start.UTC()
		e.Outcome = a.outcome
		e.Calls = a.trace.Calls
		e.MS = time.Since(a.start).Milliseconds()
		writeAudit(s.state.audit, e)
	}
	if a.outcome == signedIn && e.Room == "" {
		logDebug(s.name + ": " + signedIn + " ref=" + e.Ref)
		return
	}
	logOutcome(s, a)
}

// logOutcome writes the log line where there is more to say.
func logOutcome(s *signIn, a *attempt) {
	line := s.name + ": " + a.outcome + " ref=" + a.entry.Ref
	if a.entry.Room != "" {
		line += fmt.Sprintf(" room=%s assigned=%v", a.entry.Room, a.entry.Assigned)
	}
	if a.why != "" {
		line += ": " + a.why
	}
	if replies[a.outcome].alarm {
		logError(line)
	} else {
		logDebug(line)
	}
}

// answer sends the redirect or the failure page.
func answer(s *signIn, w http.ResponseWriter, r *http.Request, a *attempt) {
	h := w.Header()
	h["Cache-Control"] = []string{"no-store"}
	h["Referrer-Policy"] = []string{"no-referrer"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Clinicpass-Outcome"] = []string{a.outcome}
	if a.outcome == signedIn {
		h["Location"] = []string{a.location}
		w.WriteHeader(http.StatusFound)
		return
	}
	apologize(s, w, r, a)
}

// apologize sends the page that says what to do.
func apologize(s *signIn, w http.ResponseWriter, r *http.Request, a *attempt) {
	h := w.Header()
	status := replies[a.outcome].status
	if a.outcome == methodRefused {
		h.Set("Allow", http.MethodGet)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((a.retryAfter+time.Second-1)/time.Second), 10))
		if a.outcome == apiUnavailable {
			status = http.StatusServiceUnavailable
		}
	}
	s.pages.write(w, r, status, a)
}
