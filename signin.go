package clinicpass

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
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

	navigation navigation
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
		navigation: navigation{allowFrame: config.Portal.AllowFrame},
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
	ref         string // tells people, the log and the audit which request is meant
	outcome     string
	why         string // for the log; never shown to the browser
	provider    string // hash
	room        string // created, found or remembered; "" without rooms or before
	assigned    bool
	nextRefused bool
	location    string
	retryAfter  time.Duration
	trace       vsee.Trace
}

func (a *attempt) end(outcome, why string) {
	a.outcome = outcome
	a.why = why
}

// ServeHTTP signs the provider in, or says why not.
func (s *signIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &attempt{start: time.Now(), ref: newRef()}
	s.run(r, a)
	s.report(a)
	s.answer(w, r, a)
}

// run takes the attempt to its outcome.
func (s *signIn) run(r *http.Request, a *attempt) {
	p, admitted := s.admit(r, a)
	if !admitted {
		return
	}
	next, refused := s.portal.next(s.rest(r.URL.EscapedPath()), r.URL.RawQuery)
	a.nextRefused = refused

	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	var sso vsee.SSO
	err := s.state.api.try(func(client *vsee.Client) (err error) {
		sso, err = client.SSO(ctx, p.user, &a.trace)
		return err
	})
	if err == nil && s.room.enabled {
		err = s.provide(ctx, p, sso, a)
	}
	if err == nil && r.Context().Err() != nil { // the browser left while the room was made
		err = vsee.ErrCanceled
	}
	if err != nil {
		a.retryAfter = a.trace.RetryAfter
		a.end(outcomeOf(err), err.Error())
		return
	}
	location, safe := s.portal.location(sso.Token, next)
	if !safe {
		a.end(apiError, "the finished address would lead away from the portal")
		return
	}
	a.location = location
	a.end(signedIn, "")
}

// admit returns the user to sign in, or ends the attempt at the first check that fails.
func (s *signIn) admit(r *http.Request, a *attempt) (p provider, admitted bool) {
	if r.Method != http.MethodGet {
		a.end(methodRefused, "the method is not GET")
		return p, false
	}
	if why := s.navigation.refuse(r.Header); why != "" {
		a.end(notANavigation, why)
		return p, false
	}
	who, refused, why := s.identity.read(r)
	if refused != "" {
		a.end(refused, why)
		return p, false
	}
	p, complete := s.provider.provider(who)
	if !complete {
		a.end(noIdentity, "provider.code came out empty for this identity")
		return p, false
	}
	a.provider = p.hash()
	if !s.identity.mayEnter(who) {
		a.end(notAllowed, "the provider is in none of identity.allowedGroups")
		return p, false
	}
	if wait := s.state.limiter.admit(p.key, a.start); wait > 0 {
		a.retryAfter = wait
		a.end(tooMany, "more than limits.signIns within a minute")
		return p, false
	}
	return p, true
}

// report writes the audit entry and the log line.
func (s *signIn) report(a *attempt) {
	elapsed := time.Since(a.start)
	s.state.audit.write(&auditEntry{
		Time:        a.start.UTC().Format(time.RFC3339Nano),
		Outcome:     a.outcome,
		Ref:         a.ref,
		Clinic:      s.clinic,
		Provider:    a.provider,
		Room:        a.room,
		Assigned:    a.assigned,
		NextRefused: a.nextRefused,
		Calls:       a.trace.Calls,
		MS:          elapsed.Milliseconds(),
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
func (s *signIn) answer(w http.ResponseWriter, r *http.Request, a *attempt) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Clinicpass-Outcome", a.outcome)
	if a.outcome == signedIn {
		h.Set("Location", a.location)
		w.WriteHeader(http.StatusFound)
		return
	}
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

// newRef returns ten random hexadecimal digits.
func newRef() string {
	raw := make([]byte, 5)
	if _, err := rand.Read(raw); err != nil {
		return fmt.Sprintf("%010x", time.Now().UnixNano()&0xffffffffff)
	}
	return hex.EncodeToString(raw)
}
