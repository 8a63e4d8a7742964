package clinic

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee"
)

// step is one sign-in through a breaker. The breaker admits it or not, and it fails or succeeds.
type step struct {
	who      string        // a new person if empty
	after    time.Duration // since the last step
	err      error
	underway bool // it has not ended yet
	refused  bool
}

// plus returns the steps followed by others.
func plus(steps []step, others ...step) []step {
	return append(append([]step{}, steps...), others...)
}

func TestBreaker(t *testing.T) {
	success := step{}
	patient := step{who: "patient", err: vsee.ErrUnavailable}
	failure := step{err: vsee.ErrUnavailable}
	timeout := step{err: vsee.ErrTimeout}
	left := step{err: vsee.ErrCanceled}
	refused := step{refused: true}
	five := []step{failure, timeout, failure, timeout, failure}
	four := []step{failure, failure, failure, failure}
	for _, row := range []struct {
		desc  string
		steps []step
	}{
		{desc: "five failures open it", steps: plus(five, refused, refused)},
		{desc: "four do not", steps: plus(four, step{underway: true}, step{underway: true})},
		{
			desc:  "a success between them starts the count anew",
			steps: plus(plus(four, success), plus(four, success)...),
		},
		{
			desc: "refusals are answers",
			steps: plus(
				plus(four, step{err: vsee.ErrCredentials}),
				plus(four, step{err: vsee.ErrAPI}, failure)...,
			),
		},
		{
			desc:  "people who leave do not count",
			steps: []step{failure, failure, left, failure, failure, failure, refused},
		},
		{
			desc:  "people who leave are no success",
			steps: plus(four, left, failure, refused),
		},
		{
			desc:  "one probe at a time",
			steps: plus(five, refused, step{after: breakFor, underway: true}, refused, refused),
		},
		{
			desc: "a probe that succeeds closes it",
			steps: plus(
				plus(five, step{after: breakFor}),
				plus(four, step{underway: true})...,
			),
		},
		{
			desc: "a probe that is refused closes it",
			steps: plus(
				plus(five, step{after: breakFor, err: vsee.ErrCredentials}),
				plus(four, step{underway: true})...,
			),
		},
		{
			desc: "a probe that fails keeps it open",
			steps: plus(five,
				step{after: breakFor, err: vsee.ErrTimeout},
				refused,
				step{after: breakFor - 1, refused: true},
				step{after: 1},
				step{underway: true},
			),
		},
		{
			desc: "a probe whose browser left gives way to the next",
			steps: plus(five,
				step{after: breakFor, err: vsee.ErrCanceled},
				success,
				step{underway: true},
			),
		},
		{
			desc: "a probe that never ends gives way in the end",
			steps: plus(five,
				step{after: breakFor, underway: true},
				step{after: maxTimeout - time.Second, refused: true},
				step{after: time.Second},
				step{underway: true},
			),
		},
		{
			desc: "one person never opens it, and is held off alone",
			steps: plus(
				[]step{patient, patient, patient, patient, patient},
				step{who: "patient", refused: true},
				success, failure,
				step{who: "patient", refused: true},
				step{who: "patient", after: holdFor, err: vsee.ErrUnavailable},
				success,
			),
		},
		{
			desc:  "four people and one who clicks more do not",
			steps: plus([]step{patient, patient, patient}, failure, failure, failure, step{underway: true}),
		},
		{
			desc: "whose sign-in failed comes later to a probe",
			steps: plus(five[:4],
				step{who: "early", err: vsee.ErrTimeout},
				step{who: "early", after: breakFor, refused: true},
				step{err: vsee.ErrUnavailable}, // a person who has not failed takes the probe
				step{who: "early", after: breakFor, refused: true},
				step{after: breakFor - 1, who: "early", refused: true},
				step{after: 1, who: "early", err: vsee.ErrUnavailable},
				step{after: breakFor},
				success,
			),
		},
		{
			desc: "who waited for a turn does not count",
			steps: plus(four,
				step{err: errTurn}, step{err: errTurn}, step{who: "patient", err: errTurn},
				step{who: "patient", err: errTurn}, step{underway: true},
			),
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			quiet(t)
			b := newBreaker("vclinic")
			now := time.Now()
			for i, s := range row.steps {
				who := s.who
				if who == "" {
					who = fmt.Sprint("person-", i)
				}
				now = now.Add(s.after)
				wait, probe := admit(b, who, now)
				require.Equal(t, s.refused, wait > 0, "step %d waits for %s", i+1, wait)
				require.LessOrEqual(t, int64(wait), int64(holdFor), "step %d", i+1)
				require.False(t, wait > 0 && probe, "step %d is a probe that waits", i+1)
				if wait == 0 && !s.underway {
					settle(b, who, shownBy(&Ticket{}, s.err), probe, now)
				}
			}
		})
	}
}

// TestOneFailingPatient: the API fails for one person, who clicks repeatedly. The breaker refuses
// nobody else. It calls the API for this person at most five times in ten seconds.
func TestOneFailingPatient(t *testing.T) {
	b := newBreaker("vclinic")
	now := time.Now()
	asked := 0
	for i := 0; i < 200; i++ {
		now = now.Add(100 * time.Millisecond)
		wait, probe := admit(b, "patient", now)
		if wait == 0 {
			asked++
			settle(b, "patient", failed, probe, now)
		}
		doctor := fmt.Sprint("doctor-", i%50)
		wait, probe = admit(b, doctor, now)
		require.Equal(t, "0s", wait.String(), "%s after %d clicks", doctor, i)
		require.False(t, probe)
		settle(b, doctor, works, probe, now)
	}
	assert.Equal(t, 10, asked, "in 20 seconds")
}

// TestBreakerIsTold what each result of a sign-in shows about the API.
func TestBreakerIsTold(t *testing.T) {
	for _, row := range []struct {
		desc     string
		shown    int
		probe    bool
		before   int // failures in a row
		failures int
		wait     time.Duration // until the next sign-in
	}{
		{desc: "works", shown: works, before: 4, failures: 0},
		{desc: "works, of nothing", shown: works, before: 0, failures: 0},
		{desc: "works, of a straggler", shown: works, before: 5, failures: 0},
		{desc: "works, of a probe", shown: works, probe: true, before: 5, failures: 0},
		{desc: "failed", shown: failed, before: 0, failures: 1},
		{desc: "failed for the fifth time", shown: failed, before: 4, failures: 5, wait: breakFor},
		{
			desc:     "failed, of a straggler",
			shown:    failed,
			before:   5,
			failures: 6,
			wait:     time.Second,
		},
		{
			desc:     "failed, of a probe",
			shown:    failed,
			probe:    true,
			before:   5,
			failures: 6,
			wait:     breakFor,
		},
		{desc: "silent", shown: silent, before: 4, failures: 4},
		{
			desc:     "silent, of a straggler",
			shown:    silent,
			before:   5,
			failures: 5,
			wait:     time.Second,
		},
		{desc: "silent, of a probe", shown: silent, probe: true, before: 5, failures: 5},
	} {
		t.Run(row.desc, func(t *testing.T) {
			quiet(t)
			b := newBreaker("vclinic")
			now := time.Now()
			setFailures(b, row.before)
			b.until = now.Add(time.Second)
			settle(b, "one more", row.shown, row.probe, now)
			assert.Equal(t, row.failures, failuresOf(b))
			wait, _ := admit(b, "somebody", now)
			assert.Equal(t, row.wait.String(), wait.String())
		})
	}
}

// TestBreakerIgnoresTooManyRequests: an API that answers 429 works.
func TestBreakerIgnoresTooManyRequests(t *testing.T) {
	b := newBreaker("vclinic")
	limited := &Ticket{Trace: vsee.Trace{RetryAfter: time.Second}}
	for i := 0; i < 2*breakAfter; i++ {
		who := fmt.Sprint("person-", i)
		wait, probe := admit(b, who, time.Now())
		require.Equal(t, "0s", wait.String(), "open after %d answers", i)
		settle(b, who, shownBy(limited, vsee.ErrUnavailable), probe, time.Now())
	}
	assert.Equal(t, 0, failuresOf(b))
}

// TestBreakerIgnoresStragglers: sign-ins that started before the breaker opened neither keep it
// open nor admit others.
func TestBreakerIgnoresStragglers(t *testing.T) {
	quiet(t)
	b := newBreaker("vclinic")
	now := time.Now()
	for i := 0; i < breakAfter; i++ {
		settle(b, fmt.Sprint("person-", i), failed, false, now)
	}
	settle(b, "late", failed, false, now.Add(breakFor-time.Second))
	settle(b, "gone", silent, false, now.Add(breakFor-time.Second))
	wait, probe := admit(b, "next", now.Add(breakFor-time.Second))
	assert.Equal(t, "1s", wait.String(), "a second before its time")
	assert.False(t, probe)
	wait, probe = admit(b, "next", now.Add(breakFor))
	assert.Equal(t, "0s", wait.String(), "of the probe")
	assert.True(t, probe)
	settle(b, "person-9", works, false, now.Add(breakFor))
	wait, probe = admit(b, "another", now.Add(breakFor))
	assert.Equal(t, "0s", wait.String(), "after a late success")
	assert.False(t, probe)
}

func TestShownBy(t *testing.T) {
	limited := vsee.Trace{RetryAfter: time.Second}
	for _, row := range []struct {
		desc  string
		err   error
		trace vsee.Trace
		want  int
	}{
		{desc: "success", want: works},
		{desc: "success after a wait", trace: limited, want: works},
		{desc: "credentials", err: vsee.ErrCredentials, want: works},
		{desc: "an unusable answer", err: vsee.ErrAPI, want: works},
		{desc: "there already", err: vsee.ErrExists, want: works},
		{desc: "unavailable", err: vsee.ErrUnavailable, want: failed},
		{desc: "too many requests", err: vsee.ErrUnavailable, trace: limited, want: works},
		{desc: "timeout", err: vsee.ErrTimeout, want: failed},
		{desc: "timeout after a wait", err: vsee.ErrTimeout, trace: limited, want: failed},
		{desc: "a browser that left", err: vsee.ErrCanceled, want: silent},
		{desc: "no turn", err: errTurn, want: silent},
		{desc: "another error", err: errors.New("other"), want: works},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, shownBy(&Ticket{Trace: row.trace}, row.err))
			if row.err != nil {
				wrapped := fmt.Errorf("%w: POST users/sso", row.err)
				assert.Equal(t, row.want, shownBy(&Ticket{Trace: row.trace}, wrapped))
			}
		})
	}
}

// TestBreakersAreShared by all configurations that call the API alike.
func TestBreakersAreShared(t *testing.T) {
	cleared := func() {
		breakersMu.Lock()
		breakers = map[[32]byte]*breaker{}
		breakersMu.Unlock()
	}
	cleared()
	t.Cleanup(cleared)
	base := Settings{
		target: vsee.Config{
			API: "https://a.example.com/", AccountCode: "vclinic", Key: "k3y", Secret: "s", Token: "t",
		},
		userType: vsee.Provider,
		timeout:  time.Second,
	}
	of := func(change func(s *Settings)) *breaker {
		s := base
		change(&s)
		return breakerFor(&s)
	}
	b := of(func(s *Settings) {})
	assert.Equal(t, "vclinic", b.account)
	assert.True(t, b == of(func(s *Settings) { s.disableEmails = true }), "not shared")
	for _, row := range []struct {
		desc   string
		change func(s *Settings)
	}{
		{desc: "another API", change: func(s *Settings) { s.target.API = "https://b.example.com/" }},
		{desc: "another account", change: func(s *Settings) { s.target.AccountCode = "other" }},
		{desc: "another key", change: func(s *Settings) { s.target.Key = "another" }},
		{desc: "another secret", change: func(s *Settings) { s.target.Secret = "another" }},
		{desc: "another token", change: func(s *Settings) { s.target.Token = "another" }},
		{desc: "patients", change: func(s *Settings) { s.userType = vsee.Patient }},
		{desc: "less patience", change: func(s *Settings) { s.timeout = time.Millisecond }},
	} {
		t.Run(row.desc, func(t *testing.T) { assert.False(t, b == of(row.change), "shared") })
	}
	for i := 0; i < maxBreakers+10; i++ {
		of(func(s *Settings) { s.target.AccountCode = "clinic-" + strconv.Itoa(i) })
		require.LessOrEqual(t, len(breakers), maxBreakers)
	}
}

// TestFailingPeopleAreBounded: people who fail in an outage use limited memory.
func TestFailingPeopleAreBounded(t *testing.T) {
	quiet(t)
	b := newBreaker("vclinic")
	for i := 0; i < maxFailing+10; i++ {
		settle(b, fmt.Sprint("person-", i), failed, false, time.Now())
	}
	assert.Equal(t, maxFailing, failuresOf(b))
}
