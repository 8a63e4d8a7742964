package clinicpass

import "time"

// limiter bounds the sign-ins of each provider to so many in the minute that begins with the first of them.
type limiter struct {
	limit   int // 0 for no limit
	signIns *memory
}

func newLimiter(limit int) *limiter {
	return &limiter{limit: limit, signIns: newMemory(time.Minute)}
}

// overLimit counts a sign-in of the provider. It returns 0, or how long until the next one is admitted.
func overLimit(l *limiter, provider string, now time.Time) time.Duration {
	if l.limit == 0 {
		return 0
	}
	e := count(l.signIns, provider, 1, now)
	if e.count > l.limit {
		return e.end.Sub(now)
	}
	return 0
}
