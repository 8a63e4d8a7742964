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

// newSignIn checks the whole configuration, so that found gets every mistake at once.
func newSignIn(config *Config, name string, found *problems) *signIn {
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

// attempt is one request on its way to an answer.
type attempt struct {
	start       time.Time
	ref         string // ten hexadecimal digits that tell people, the log and the audit which request is meant
	outcome     string
	why         string // for the log; never shown to the browser
	provider    string // hash
	room        string // created, found or remembered; "" without rooms or before
	assigned    bool
	nextRefused bool
	probe       bool // the breaker waits for what comes of it
	location    string
	retryAfter  time.Duration
	trace       vsee.Trace
}

func end(a *attempt, outcome, why string) {
	a.outcome = outcome
	a.why = why
}

// ServeHTTP signs the provider in, or says why not.
func (s *signIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &attempt{start: time.Now(), ref: fmt.Sprintf("%010x", rand.Int63()&0xffffffffff)}
	run(s, r, a)
	report(s, a)
	answer(s, w, r, a)
}

// run takes the attempt to its outcome.
func run(s *signIn, r *http.Request, a *attempt) {
	p := admit(s, r, a)
	if p == nil {
		return
	}
	next, refused := landing(s.portal, rest(s, r.URL.EscapedPath()), r.URL.RawQuery)
	a.nextRefused = refused

	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	token, err := mint(ctx, s, p, a)
	if err != nil {
		a.retryAfter = a.trace.RetryAfter
		end(a, outcomeOf(err), err.Error())
	} else if a.location = location(s.portal, token, next); a.location == "" {
		end(a, apiError, "the finished address would lead away from the portal")
	} else {
		a.outcome = signedIn
	}
	if err != nil || s.state.breaker.failures.Load() > 0 {
		s.state.breaker.settle(a, time.Now())
	}
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
	if refused != "" {
		end(a, refused, why)
		return nil
	}
	p := newProvider(s.provider, who)
	if p == nil {
		end(a, noIdentity, "provider.code came out empty for this identity")
		return nil
	}
	a.provider = p.hash
	if !mayEnter(s.identity, who) {
		end(a, notAllowed, "the provider is in none of identity.allowedGroups")
		return nil
	}
	if !withinLimits(s.state, p, a) {
		return nil
	}
	return p
}

// withinLimits ends the attempt when the provider, or the API, is to be left alone for a while.
func withinLimits(s *state, p *provider, a *attempt) bool {
	if a.retryAfter = overLimit(s.limiter, p.key, a.start); a.retryAfter > 0 {
		end(a, tooMany, "more than limits.signIns within a minute")
		return false
	}
	if s.breaker.failures.Load() >= breakAfter {
		if a.retryAfter = s.breaker.admit(a); a.retryAfter > 0 {
			end(a, apiUnavailable, "the API was not asked, because it has failed repeatedly")
			return false
		}
	}
	return true
}

// mint returns an SSO token for the provider, whose room is then there.
func mint(ctx context.Context, s *signIn, p *provider, a *attempt) (token string, err error) {
	client := currentClient(s.state.api)
	sso, err := client.SSO(ctx, p.user, &a.trace)
	if err != nil && renewed(s.state.api, client, err) {
		sso, err = currentClient(s.state.api).SSO(ctx, p.user, &a.trace)
	}
	if err == nil && s.room.enabled {
		err = provide(ctx, s, p, sso, a)
	}
	return sso.Token, err
}

// report writes the audit entry and the log line.
func report(s *signIn, a *attempt) {
	writeAudit(s.state.audit, &auditEntry{
		Time:        a.start.UTC().Format(time.RFC3339Nano),
		Outcome:     a.outcome,
		Ref:         a.ref,
		Clinic:      s.clinic,
		Provider:    a.provider,
		Room:        a.room,
		Assigned:    a.assigned,
		NextRefused: a.nextRefused,
		Calls:       a.trace.Calls,
		MS:          time.Since(a.start).Milliseconds(),
	})
	line := s.name + ": " + a.outcome + " ref=" + a.ref
	if a.room != "" {
		line += fmt.Sprintf(" room=%s assigned=%v", a.room, a.assigned)
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
