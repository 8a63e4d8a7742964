package clinicpass

import (
	"testing"
	"time"

	"github.com/clinicpass/clinicpass/vsee"
)

// TestBreaker plays sign-ins through a breaker: each step is admitted or not, and comes to an outcome.
func TestBreaker(t *testing.T) {
	type step struct {
		after   time.Duration // since the last step
		outcome string        // "" while it is under way
		refused bool
	}
	failed := step{outcome: apiUnavailable}
	refused := step{refused: true}
	five := []step{failed, {outcome: apiTimeout}, failed, {outcome: apiTimeout}, failed}
	for _, test := range []struct {
		desc  string
		steps []step
	}{
		{"five failures open it", append(five, refused, refused)},
		{"a success between them starts the count anew", []step{failed, failed, failed, failed, {outcome: signedIn}, failed, failed, failed, failed, {outcome: signedIn}}},
		{"refusals are answers", []step{failed, failed, failed, failed, {outcome: credentialsRefused}, failed, failed, failed, failed, {outcome: apiError}, failed}},
		{"people who leave do not count", append([]step{failed, failed, {outcome: clientClosed}}, failed, failed, failed, refused)},
		{"one probe at a time", append(five, refused, step{after: breakFor}, refused, refused)},
		{"a probe that succeeds closes it", append(five, step{after: breakFor, outcome: signedIn}, failed, failed, failed, failed, step{})},
		{"a probe that fails keeps it open", append(five, step{after: breakFor, outcome: apiTimeout}, refused, step{after: breakFor, outcome: signedIn}, step{})},
		{"a probe whose browser left gives way to the next", append(five, step{after: breakFor, outcome: clientClosed}, step{outcome: signedIn}, step{})},
		{"a probe that never ends gives way in the end", append(five, step{after: breakFor}, step{after: maxTimeout - time.Second, refused: true}, step{after: time.Second, outcome: signedIn}, step{})},
	} {
		b := &breaker{account: "vclinic"}
		now := time.Now()
		for i, step := range test.steps {
			now = now.Add(step.after)
			a := &attempt{start: now}
			wait := b.admit(a)
			if (wait > 0) != step.refused || wait > breakFor {
				t.Fatalf("%s: step %d is told to wait %s", test.desc, i+1, wait)
			}
			if wait == 0 && step.outcome != "" {
				a.outcome = step.outcome
				b.settle(a, now)
			}
		}
	}
}

// TestBreakerIgnoresTooManyRequests: an API that answers 429 works.
func TestBreakerIgnoresTooManyRequests(t *testing.T) {
	b := &breaker{}
	for i := 0; i < 2*breakAfter; i++ {
		a := &attempt{start: time.Now(), outcome: apiUnavailable, trace: vsee.Trace{RetryAfter: time.Second}}
		if wait := b.admit(a); wait > 0 {
			t.Fatalf("open after %d answers", i)
		}
		b.settle(a, time.Now())
	}
}

// TestBreakerIgnoresStragglers: sign-ins that began before it opened neither keep it open nor let others through.
func TestBreakerIgnoresStragglers(t *testing.T) {
	b := &breaker{}
	now := time.Now()
	for i := 0; i < breakAfter; i++ {
		b.settle(&attempt{start: now, outcome: apiTimeout}, now)
	}
	b.settle(&attempt{start: now, outcome: apiTimeout}, now.Add(breakFor-time.Second))
	b.settle(&attempt{start: now, outcome: clientClosed}, now.Add(breakFor-time.Second))
	if wait := b.admit(&attempt{start: now.Add(breakFor - time.Second)}); wait != time.Second {
		t.Errorf("a second before its time, one is told to wait %s", wait)
	}
	probe := &attempt{start: now.Add(breakFor)}
	if wait := b.admit(probe); wait != 0 || !probe.probe {
		t.Errorf("the probe is told to wait %s", wait)
	}
	b.settle(&attempt{start: now, outcome: signedIn}, now.Add(breakFor))
	if wait := b.admit(&attempt{start: now.Add(breakFor)}); wait != 0 {
		t.Errorf("after a late success one is told to wait %s", wait)
	}
}
