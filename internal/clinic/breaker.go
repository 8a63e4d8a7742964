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
	breakAfter  = 5                // people whose sign-ins fail, with no success between
	breakFor    = 5 * time.Second  // until one is let through again, to see
	holdAfter   = 5                // failures of one person
	holdFor     = 10 * time.Second // in which they are counted, and held off
	maxFailing  = 1024             // people that a breaker knows by name
	maxBreakers = 1024
	maxTimeout  = time.Minute // of a sign-in
)

// What a sign-in shows of the API.
const (
	works  = iota // it answered, even if with a refusal
	failed        // it failed at answering
	silent        // nothing: the browser left, or the turn never came
)

// breaker stops asking an API that has failed for several people: everybody learns so at once, and
// the API gets room to recover. One person alone never opens it. Whose own sign-ins go on failing is
// held off alone. Configurations that ask the same API in the same way share one, across reloads.
type breaker struct {
	account string
	mu      sync.Mutex
	watched bool            // somebody's sign-in failed lately, so that everybody's is watched
	calm    time.Time       // when the last of them has been forgotten
	held    *memory.Memory  // the failures of each person
	failing map[string]bool // people whose sign-ins failed since one succeeded; open from breakAfter on
	until   time.Time       // while open: nobody is let through before
}

var (
	breakers   = map[[32]byte]*breaker{} // by how the API is asked
	breakersMu sync.Mutex
)

func newBreaker(account string) *breaker {
	return &breaker{account: account, held: memory.New(holdFor), failing: map[string]bool{}}
}

// breakerFor returns the breaker of all that ask the API with the same credentials, for the same
// type of user, and with the same patience.
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

// admit returns 0 when the API may be asked for the person, else how long it will not be. While the
// breaker is open, it lets one caller through at a time, as a probe. People whose sign-ins have
// failed come later than the others, so that none of them can take every probe.
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
		b.until = now.Add(maxTimeout) // unless its end is known before
		return 0, true
	}
	if left > breakFor { // a probe is under way, or the person's turn is later
		return breakFor, false
	}
	return left, false
}

// settle takes in what the sign-in of a person that was let through shows of the API.
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
				" people in a row: it is asked again, once, in " + breakFor.String() +
				"; until it answers, sign-ins end at once as api_unavailable")
		}
		if probe { // others began before the breaker opened, and say nothing new
			b.until = now.Add(breakFor)
		}
	}
}
