package clinicpass

import (
	"strconv"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := newLimiter(2)
	for _, test := range []struct {
		provider string
		after    time.Duration
		wait     time.Duration
	}{
		{"jane", 0, 0},
		{"jane", 10 * time.Second, 0},
		{"jane", 20 * time.Second, 40 * time.Second},
		{"john", 20 * time.Second, 0},
		{"jane", 59 * time.Second, time.Second},
		{"jane", 60 * time.Second, 0},
		{"john", 61 * time.Second, 0},
		{"john", 62 * time.Second, 18 * time.Second},
		{"jane", 70 * time.Second, 0},
		{"jane", 71 * time.Second, 49 * time.Second},
		{"john", 500 * time.Second, 0},
	} {
		if got := overLimit(l, test.provider, start.Add(test.after)); got != test.wait {
			t.Errorf("%s after %s: wait %s, want %s", test.provider, test.after, got, test.wait)
		}
	}
}

func TestLimiterIsBounded(t *testing.T) {
	now := time.Now()
	l := newLimiter(1)
	overLimit(l, "jane", now)
	for i := 0; i < maxRemembered; i++ {
		overLimit(l, strconv.Itoa(i), now)
	}
	if overLimit(l, "jane", now) == 0 {
		t.Error("a full generation made the limiter forget a provider at once")
	}
	for i := 0; i < 3*maxRemembered; i++ {
		overLimit(l, "x"+strconv.Itoa(i), now)
		if len(l.signIns.younger)+len(l.signIns.older) > 2*maxRemembered {
			t.Fatalf("%d providers are remembered", len(l.signIns.younger)+len(l.signIns.older))
		}
	}
}

func TestNoLimit(t *testing.T) {
	l := newLimiter(0)
	for i := 0; i < 1000; i++ {
		if overLimit(l, "jane", time.Now()) != 0 {
			t.Fatal("limited")
		}
	}
	if len(l.signIns.younger) > 0 {
		t.Error("remembers providers without need")
	}
}
