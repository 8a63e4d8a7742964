package clinicpass

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	breakAfter = 5               // sign-ins in a row that fail
	breakFor   = 5 * time.Second // until one is let through again, to see
)

// breaker stops asking an API that has failed repeatedly: people learn so at once, and the API gets room to recover. All
// configurations with the same API and account share one, across reloads.
type breaker struct {
	account  string
	failures atomic.Int32 // in a row; the breaker is open from breakAfter on

	mu    sync.Mutex
	until time.Time // while open: nobody is let through before
}

// admit returns 0 when the attempt may ask the API, else how long it will not be asked. While the breaker is open, it lets
// one attempt through at a time.
func (b *breaker) admit(a *attempt) time.Duration {
	if b.failures.Load() < breakAfter {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.until.Sub(a.start)
	if left <= 0 {
		a.probe = true
		b.until = a.start.Add(maxTimeout) // unless its end is known before
		return 0
	}
	if left > breakFor { // a probe is under way
		return breakFor
	}
	return left
}

// settle takes in what came of an attempt that was let through. Only what the API failed at counts: an answer, even a
// refusal, shows that it works, and a browser that left shows nothing.
func (b *breaker) settle(a *attempt, now time.Time) {
	failed := a.outcome == apiTimeout || (a.outcome == apiUnavailable && a.trace.RetryAfter == 0)
	if !failed && b.failures.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	open := b.failures.Load() >= breakAfter
	switch {
	case a.outcome == clientClosed:
		if a.probe {
			b.until = now
		}
	case !failed:
		b.failures.Store(0)
		if open {
			logError("the API of account " + b.account + " answers again")
		}
	case !open:
		if b.failures.Add(1) == breakAfter {
			b.until = now.Add(breakFor)
			logError("the API of account " + b.account + " failed " + strconv.Itoa(breakAfter) + " times in a row: it is asked " +
				"again, once, in " + breakFor.String() + "; until it answers, sign-ins end at once as " + apiUnavailable)
		}
	case a.probe: // others began before the breaker opened, and say nothing new
		b.until = now.Add(breakFor)
	}
}
