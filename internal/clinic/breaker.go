package clinic

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/clinicpass/clinicpass/internal/logs"
	"github.com/clinicpass/clinicpass/internal/memory"
)

const (
	breakAfter  = 5                // people that fail in a row before the breaker opens
	breakFor    = 5 * time.Second  // time that the breaker stays open before a probe
	holdAfter   = 5                // failures of one person before their sign-ins are held
	holdFor     = 10 * time.Second // time from the first of them until all are forgotten
	maxFailing  = 1024             // failing people that a breaker stores
	maxBreakers = 1024
	maxTimeout  = time.Minute // of a sign-in
)

// What a sign-in shows about the API.
const (
	works  = iota // it answered, even with a refusal
	failed        // no connection, a 5xx, or no answer in time
	silent        // nothing: the browser left, or another sign-in of the person took all the time
)

// breaker is a circuit breaker. It opens when sign-ins of several people failed in a row. Sign-ins
// then fail at once, and the API can recover. One person alone never opens it: the breaker holds
// only that person's sign-ins. Configurations that call the API alike share one, across reloads.
type breaker struct {
	account string
	mu      sync.Mutex
	watched bool            // a sign-in failed lately, so the breaker checks all sign-ins
	calm    time.Time       // when that failure is forgotten
	held    *memory.Memory  // failures of each person
	failing map[string]bool // people that failed since the last success; breakAfter of them open it
	until   time.Time       // while open: when the next probe may start
}

var (
	breakers   = map[[32]byte]*breaker{} // by the hash that breakerFor builds
	breakersMu sync.Mutex
)

func newBreaker(account string) *breaker {
	return &breaker{account: account, held: memory.New(holdFor), failing: map[string]bool{}}
}

// breakerFor returns the breaker that all configurations with the same API, credentials, type of
// user, and timeout share.
func breakerFor(s *Settings) *breaker {
	id := sha256.Sum256([]byte(fmt.Sprintf("%q %q %s", s.target, s.userType, s.timeout)))
	breakersMu.Lock()
	defer breakersMu.Unlock()
	if breakers[id] == nil {
		if len(breakers) >= maxBreakers {
			breakers = map[[32]byte]*breaker{}
		}
		breakers[id] = newBreaker(s.target.AccountCode)
	}
	return breakers[id]
}

// admit returns 0 if the person's sign-in may call the API, else the time to wait. While the
// breaker is open, it admits one sign-in at a time, as a probe. People who failed before wait
// breakFor longer, so that none of them can take every probe.
func admit(b *breaker, person string, now time.Time) (wait time.Duration, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if memory.Count(b.held, person, 0, now) >= holdAfter {
		return memory.Left(b.held, person, now), false
	}
	if len(b.failing) < breakAfter {
		return 0, false
	}
	left := b.until.Sub(now)
	if b.failing[person] {
		left += breakFor
	}
	if left <= 0 {
		b.until = now.Add(maxTimeout) // at the latest; settle ends the probe
		return 0, true
	}
	if left > breakFor { // a probe is running, or the person failed before
		return breakFor, false
	}
	return left, false
}

// settle records what an admitted sign-in of the person showed about the API.
func settle(b *breaker, person string, shown int, probe bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := len(b.failing) >= breakAfter
	switch shown {
	case silent:
		if probe {
			b.until = now
		}
	case works:
		b.watched = now.Before(b.calm)
		b.failing = map[string]bool{}
		if open {
			logs.Error("the API of account " + b.account + " answers again")
		}
	default:
		b.watched = true
		b.calm = now.Add(holdFor)
		memory.Count(b.held, person, 1, now)
		if len(b.failing) < maxFailing {
			b.failing[person] = true
		}
		if !open && len(b.failing) == breakAfter {
			b.until = now.Add(breakFor)
			logs.Error("the API of account " + b.account + " failed for " + strconv.Itoa(breakAfter) +
				" people in a row: sign-ins now fail at once with api_unavailable; Clinicpass tries " +
				"the API again in " + breakFor.String())
		}
		if probe { // other sign-ins started before the breaker opened
			b.until = now.Add(breakFor)
		}
	}
}
