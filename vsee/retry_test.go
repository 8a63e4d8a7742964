package vsee

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRetryAfter(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now().UTC()
	for _, row := range []struct {
		desc, value string
		least, most time.Duration
	}{
		{desc: "none", value: ""},
		{desc: "seconds", value: "7", least: 7 * time.Second, most: 7 * time.Second},
		{desc: "no wait", value: "0"},
		{desc: "a day", value: "86400", least: 24 * time.Hour, most: 24 * time.Hour},
		{desc: "more than a day", value: "86401", least: day, most: day},
		{desc: "more than a duration holds", value: "9223372036854775807", least: day, most: day},
		{desc: "more than a number holds", value: "92233720368547758070", least: day, most: day},
		{desc: "as negative as can be", value: "-9223372036854775808"},
		{desc: "the last year", value: "Fri, 31 Dec 9999 23:59:59 GMT", least: day, most: day},
		{desc: "negative", value: "-1"},
		{desc: "a word", value: "soon"},
		{desc: "a fraction", value: "1.5"},
		{desc: "a date gone by", value: now.Add(-time.Hour).Format(http.TimeFormat)},
		{
			desc:  "a date",
			value: now.Add(time.Minute).Format(http.TimeFormat),
			least: 50 * time.Second,
			most:  time.Minute,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			header := http.Header{}
			header.Set("Retry-After", row.value)
			got := retryAfter(header)
			assert.GreaterOrEqual(t, int64(got), int64(row.least))
			assert.LessOrEqual(t, int64(got), int64(row.most))
		})
	}
	assert.Equal(t, "0s", retryAfter(http.Header{}).String())
}

func TestPause(t *testing.T) {
	soon, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	gone, leave := context.WithCancel(context.Background())
	leave()
	for _, row := range []struct {
		desc        string
		ctx         context.Context
		attempt     int
		asked       time.Duration
		again       bool
		least, most time.Duration // of the wait
	}{
		{desc: "after the first", ctx: soon, attempt: 1, again: true, most: backoff},
		{desc: "after the second", ctx: soon, attempt: 2, again: true, most: 2 * backoff},
		{desc: "after the third", ctx: soon, attempt: 3, again: true, most: 4 * backoff},
		{desc: "after the last", ctx: soon, attempt: maxAttempts},
		{
			desc:    "no deadline",
			ctx:     context.Background(),
			attempt: 1,
			again:   true,
			most:    backoff,
		},
		{
			desc:    "as long as asked",
			ctx:     soon,
			attempt: 1,
			asked:   2 * backoff,
			again:   true,
			least:   2 * backoff,
			most:    2 * backoff,
		},
		{desc: "longer than the deadline", ctx: soon, attempt: 1, asked: 10 * time.Second},
		{desc: "nobody waits", ctx: gone, attempt: 1, asked: time.Hour},
	} {
		t.Run(row.desc, func(t *testing.T) {
			start := time.Now()
			assert.Equal(t, row.again, pause(row.ctx, row.attempt, row.asked))
			took := time.Since(start)
			assert.GreaterOrEqual(t, int64(took), int64(row.least))
			// Allowance for a busy machine.
			assert.LessOrEqual(t, int64(took), int64(row.most+2*time.Second))
		})
	}
}
