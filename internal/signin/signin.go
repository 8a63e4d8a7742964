// Package signin takes a request through the steps of a sign-in: request, identity, provider, token
// and room, landing page, answer. Data flows one way: each step returns what it found, or why the
// sign-in ends here.
package signin

import (
	"fmt"
	"math/rand"
	"net/http"
	"strconv"
	"time"

	"github.com/clinicpass/clinicpass/internal/audit"
	"github.com/clinicpass/clinicpass/internal/clinic"
	"github.com/clinicpass/clinicpass/internal/identity"
	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/internal/memory"
	"github.com/clinicpass/clinicpass/internal/outcome"
	"github.com/clinicpass/clinicpass/internal/page"
	"github.com/clinicpass/clinicpass/internal/portal"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/internal/request"
)

// ServeHTTP signs the provider in, or says why not.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result := run(h, r, time.Now())
	if r.Header["Traceparent"] != nil {
		result.Trace = traceOf(r.Header)
	}
	if h.audit != nil {
		audit.Write(h.audit, result)
	}
	if result.Why == "" && result.Room == "" && result.Trace == "" {
		logs.Debug(h.signedIn + result.Ref)
	} else {
		logResult(h, result)
	}
	answer(h, w, r, result)
}

// run takes a request through the steps. The first that does not succeed ends the sign-in.
func run(h *Handler, r *http.Request, start time.Time) *outcome.Result {
	refusal := request.Refuse(r, h.allowFrame)
	if refusal != nil {
		return conclude(h, start, refusal, nobody, nothing, "", false)
	}
	who, refusal := identity.Read(h.identity, r)
	if refusal != nil {
		return conclude(h, start, refusal, nobody, nothing, "", false)
	}
	p := provider.Of(h.provider, who)
	if p == nil {
		return conclude(h, start, noCode, nobody, nothing, "", false)
	}
	if h.identity.Grouped && !identity.Allowed(h.identity, who) {
		return conclude(h, start, outside, p, nothing, "", false)
	}
	if h.limit > 0 && memory.Count(h.signIns, p.Hash, 1, start) > h.limit {
		forget(h, p, start)
		return conclude(h, start, tooMany(h, p, start), p, nothing, "", false)
	}
	next, nextRefused := portal.Land(h.portal, &h.Prefix, r.URL)
	ticket, err := clinic.SignIn(r.Context(), h.clinic, p)
	if err != nil {
		forget(h, p, start)
		return conclude(h, start, failure(ticket, err), p, ticket, "", nextRefused)
	}
	location := portal.Location(h.portal, ticket.Token, next)
	if location == "" {
		forget(h, p, start)
		return conclude(h, start, astray, p, ticket, "", nextRefused)
	}
	return conclude(h, start, success, p, ticket, location, nextRefused)
}

// What a sign-in has found that ended before, and how it ends where no step says it.
var (
	nobody  = &provider.Provider{}
	nothing = &clinic.Ticket{}
	success = outcome.Refuse(outcome.SignedIn, "")
	noCode  = outcome.Refuse(outcome.NoIdentity, "provider.code came out empty for this identity")
	astray  = outcome.Refuse(outcome.APIError, "the finished address would lead away from the portal")
	outside = outcome.Refuse(outcome.NotAllowed, "the provider is in none of identity.allowedGroups")
)

// forget takes an attempt back, because only successes count. If the provider's minute has ended
// meanwhile, the next one allows one more.
func forget(h *Handler, p *provider.Provider, start time.Time) {
	if h.limit > 0 {
		memory.Count(h.signIns, p.Hash, -1, start)
	}
}

func tooMany(h *Handler, p *provider.Provider, now time.Time) *outcome.Refusal {
	return &outcome.Refusal{
		Outcome: outcome.TooMany, Why: "more than limits.signIns within a minute",
		RetryAfter: memory.Left(h.signIns, p.Hash, now),
	}
}

func failure(t *clinic.Ticket, err error) *outcome.Refusal {
	return &outcome.Refusal{
		Outcome: clinic.OutcomeOf(err), Why: err.Error(), RetryAfter: t.Trace.RetryAfter,
	}
}

// conclude returns the result of what the steps found, without the trace ID.
func conclude(h *Handler, start time.Time, end *outcome.Refusal, p *provider.Provider,
	t *clinic.Ticket, location string, nextRefused bool,
) *outcome.Result {
	ref := rand.Int63() & 0xffffffffff //nolint:gosec // no secret: it must not repeat soon
	result := &outcome.Result{
		Time: start.UTC(), Outcome: end.Outcome, Ref: fmt.Sprintf("%010x", ref), Clinic: h.account,
		Provider: p.Hash, Room: t.Room, Assigned: t.Assigned, NextRefused: nextRefused,
		Calls: t.Trace.Calls, MS: int64(time.Since(start) / time.Millisecond),
		APIMS: int64(t.Trace.Took / time.Millisecond), Middleware: h.name,
		Why: end.Why, Location: location, RetryAfter: end.RetryAfter, Status: http.StatusFound,
	}
	if location == "" { // a sign-in that succeeds is spared the call
		result.Status = outcome.Status(result)
	}
	return result
}

// logResult writes the log line where there is more to say.
func logResult(h *Handler, result *outcome.Result) {
	line := h.name + ": " + string(result.Outcome) + " ref=" + result.Ref
	if result.Trace != "" {
		line += " trace=" + result.Trace
	}
	if result.Room != "" {
		line += fmt.Sprintf(" room=%s assigned=%v", result.Room, result.Assigned)
	}
	if result.Why != "" {
		line += ": " + result.Why
	}
	if outcome.ReplyTo(result.Outcome).Alarm {
		logs.Error(line)
	} else {
		logs.Debug(line)
	}
}

// answer sends the redirect or the failure page.
func answer(h *Handler, w http.ResponseWriter, r *http.Request, result *outcome.Result) {
	header := w.Header()
	header["Cache-Control"] = []string{"no-store"}
	header["Referrer-Policy"] = []string{"no-referrer"}
	header["X-Content-Type-Options"] = []string{"nosniff"}
	header["Clinicpass-Outcome"] = []string{string(result.Outcome)}
	header["Clinicpass-Ref"] = []string{result.Ref}
	if result.Location == "" {
		apologize(h, w, r, result)
		return
	}
	header["Location"] = []string{result.Location}
	w.WriteHeader(http.StatusFound)
}

// apologize sends the page that says what to do.
func apologize(h *Handler, w http.ResponseWriter, r *http.Request, result *outcome.Result) {
	if result.Outcome == outcome.MethodRefused {
		w.Header().Set("Allow", http.MethodGet)
	}
	if seconds := outcome.Wait(result); seconds > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	page.Write(h.pages, w, r, result)
}
