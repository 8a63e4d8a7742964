package clinic

import (
	"strconv"
	"sync"
	"time"

	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/vsee"
)

const (
	breakAfter  = 5               // sign-ins in a row that fail
	breakFor    = 5 * time.Second // until one is let through again, to see
	maxBreakers = 1024
	maxTimeout  = time.Minute // of a sign-in
)

// What a sign-in shows of the API.
const (
	works  = iota // it answered, even if with a refusal
	failed        // it failed at answering
	silent        // nothing: the browser left
)

// breaker stops asking an API that has failed repeatedly: people learn so at once, and the API gets
// room to recover. All configurations with the same API and account share one, across reloads.
type breaker struct {
	account  string
	mu       sync.Mutex
	failures int       // in a row; the breaker is open from breakAfter on
	until    time.Time // while open: nobody is let through before
}

var (
	breakers   = map[string]*breaker{} // by API and account
	breakersMu sync.Mutex
)

// breakerFor returns the breaker of the API's account.
func breakerFor(target vsee.Config) *breaker {
	id := target.API + " " + target.AccountCode
	breakersMu.Lock()
	defer breakersMu.Unlock()
	if breakers[id] == nil {
		if len(breakers) >= maxBreakers {
			breakers = map[string]*breaker{}
		}
		breakers[id] = &breaker{account: target.AccountCode}
	}
	return breakers[id]
}

// admit returns 0 when the API may be asked, else how long it will not be. While the breaker is
// open, it lets one caller through at a time, as a probe.
func admit(b *breaker, now time.Time) (wait time.Duration, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakAfter {
		return 0, false
	}
	left := b.until.Sub(now)
	if left <= 0 {
		b.until = now.Add(maxTimeout) // unless its end is known before
		return 0, true
	}
	if left > breakFor { // a probe is under way
		return breakFor, false
	}
	return left, false
}

// settle takes in what a caller that was let through shows of the API.
func settle(b *breaker, shown int, probe bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := b.failures >= breakAfter
	switch {
	case shown == silent:
		if probe {
			b.until = now
		}
	case shown == works:
		b.failures = 0
		if open {
			logs.Error("the API of account " + b.account + " answers again")
		}
	case !open:
		b.failures++
		if b.failures == breakAfter {
			b.until = now.Add(breakFor)
			logs.Error("the API of account " + b.account + " failed " + strconv.Itoa(breakAfter) +
				" times in a row: it is asked again, once, in " + breakFor.String() +
				"; until it answers, sign-ins end at once as api_unavailable")
		}
	case probe: // others began before the breaker opened, and say nothing new
		b.until = now.Add(breakFor)
	}
}
