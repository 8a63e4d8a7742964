package vsee

import (
	"context"
	"math/rand"
	"net/http"
	"strconv"
	"time"
)

const (
	maxAttempts       = 4
	backoff           = 100 * time.Millisecond // the first wait's upper end; doubled for each further
	defaultRetryAfter = 5 * time.Second        // for an API that answers 429 without naming a time
)

// pause waits before the attempt after the given one (counted from 1): a random share of an
// exponentially growing time (full jitter), and at least what the API asked for. It reports false,
// at once, when there is to be no further attempt: they are used up, or the deadline would pass
// before it.
func pause(ctx context.Context, attempt int, asked time.Duration) bool {
	if attempt >= maxAttempts {
		return false
	}
	wait := atLeast(time.Duration(rand.Int63n(int64(backoff)<<uint(attempt-1))), asked)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter reads the Retry-After header: whole seconds or a date (RFC 9110, 10.2.3).
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 && seconds <= 86400 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return atLeast(time.Until(at), 0)
	}
	return 0
}

func atLeast(d, least time.Duration) time.Duration {
	if d < least {
		return least
	}
	return d
}
