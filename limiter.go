package clinicpass

import (
	"sync"
	"time"
)

const (
	limitWindow  = time.Minute
	maxProviders = 50000 // remembered in each of the limiter's two generations
)

// limiter bounds the sign-ins of each provider to so many in the minute that begins with the first of them. It remembers
// providers in two generations: when the younger is a minute old or full it becomes the older, and what was in the older
// is forgotten. So it needs no clean-up and its memory is bounded.
type limiter struct {
	limit int // sign-ins per provider and window; 0 for no limit

	mu             sync.Mutex
	younger, older map[string]window
	born           time.Time // of the younger generation
}

// window is one provider's current minute.
type window struct {
	start time.Time
	count int
}

func newLimiter(limit int) *limiter {
	return &limiter{limit: limit, younger: map[string]window{}, older: map[string]window{}}
}

// admit counts a sign-in of the provider. It returns 0, or how long until the next one is admitted.
func (l *limiter) admit(provider string, now time.Time) time.Duration {
	if l.limit == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.younger) >= maxProviders || now.Sub(l.born) >= limitWindow {
		l.older = l.younger
		l.younger = map[string]window{}
		l.born = now
	}
	w, known := l.younger[provider]
	if !known {
		w = l.older[provider]
	}
	if now.Sub(w.start) >= limitWindow {
		w = window{start: now}
	}
	w.count++
	l.younger[provider] = w
	if w.count > l.limit {
		return w.start.Add(limitWindow).Sub(now)
	}
	return 0
}
