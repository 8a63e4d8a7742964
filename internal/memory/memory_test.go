package memory

import (
	"math/rand"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// after returns the time d after the memory began.
func after(m *Memory, d time.Duration) time.Time { return m.begun.Add(d) }

// wait counts one more for the provider. It returns 0 if the count is within the limit, else the
// time to wait.
func wait(m *Memory, provider string, limit int, now time.Time) time.Duration {
	if Count(m, provider, 1, now) > limit {
		return Left(m, provider, now)
	}
	return 0
}

func TestForgets(t *testing.T) {
	m := New(time.Hour)
	Count(m, "jane", 1, after(m, 0))
	for _, row := range []struct {
		desc  string
		after time.Duration
		want  int
	}{
		{desc: "at once", after: 0, want: 1},
		{desc: "a minute before its end", after: 59 * time.Minute, want: 1},
		{desc: "a moment before its end", after: time.Hour - 1, want: 1},
		{desc: "at its end", after: time.Hour, want: 0},
		{desc: "after its end", after: 61 * time.Minute, want: 0},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, Count(m, "jane", 0, after(m, row.after)))
		})
	}
	assert.Empty(t, m.younger, "asking alone is remembered")
}

// TestLimit does what internal/signin does, with a limit of two sign-ins per minute.
func TestLimit(t *testing.T) {
	m := New(time.Minute)
	for _, row := range []struct {
		desc     string
		provider string
		after    time.Duration
		wait     time.Duration
	}{
		{desc: "first", provider: "jane", after: 0},
		{desc: "second", provider: "jane", after: 10 * time.Second},
		{
			desc:     "third in the minute",
			provider: "jane",
			after:    20 * time.Second,
			wait:     40 * time.Second,
		},
		{desc: "somebody else", provider: "john", after: 20 * time.Second},
		{desc: "end of the minute", provider: "jane", after: 59 * time.Second, wait: time.Second},
		{desc: "next minute", provider: "jane", after: 60 * time.Second},
		{desc: "somebody else's minute goes on", provider: "john", after: 61 * time.Second},
		{
			desc:     "somebody else's third",
			provider: "john",
			after:    62 * time.Second,
			wait:     18 * time.Second,
		},
		{desc: "second of the next minute", provider: "jane", after: 70 * time.Second},
		{
			desc:     "third of the next minute",
			provider: "jane",
			after:    71 * time.Second,
			wait:     49 * time.Second,
		},
		{desc: "long after", provider: "john", after: 500 * time.Second},
	} {
		t.Run(row.desc, func(t *testing.T) {
			got := wait(m, row.provider, 2, after(m, row.after))
			assert.Equal(t, row.wait.String(), got.String())
		})
	}
}

func TestLeft(t *testing.T) {
	m := New(time.Minute)
	assert.Equal(t, "1m0s", Left(m, "jane", after(m, 0)).String(), "of nobody")
	Count(m, "jane", 0, after(m, 0))
	assert.Equal(t, "1m0s", Left(m, "jane", after(m, 5*time.Second)).String(), "asked for only")
	Count(m, "jane", 1, after(m, 10*time.Second))
	Count(m, "jane", 1, after(m, 30*time.Second))
	assert.Equal(t, "29s", Left(m, "jane", after(m, 41*time.Second)).String(), "of the first count")
}

// TestCountsInSteps: a count may grow by more than one.
func TestCountsInSteps(t *testing.T) {
	m := New(time.Minute)
	assert.Equal(t, 3, Count(m, "jane", 3, after(m, 0)))
	assert.Equal(t, 5, Count(m, "jane", 2, after(m, 1)))
	assert.Equal(t, 5, Count(m, "jane", 0, after(m, 2)))
	assert.Equal(t, 0, Count(m, "john", 0, after(m, 2)))
}

// TestGenerations: an entry keeps its count and end in the next generation.
func TestGenerations(t *testing.T) {
	m := New(time.Minute)
	Count(m, "first", 1, after(m, 0)) // the younger generation is too old after a minute
	Count(m, "jane", 1, after(m, 30*time.Second))
	Count(m, "second", 1, after(m, time.Minute))
	require.Len(t, m.younger, 1)
	require.Len(t, m.older, 2)

	assert.Equal(t, 1, Count(m, "jane", 0, after(m, 61*time.Second)), "of the older generation")
	assert.Equal(t, 2, Count(m, "jane", 1, after(m, 62*time.Second)))
	assert.Equal(t, 2, Count(m, "jane", 0, after(m, 63*time.Second)), "counted twice")
	assert.Equal(t, "26s", Left(m, "jane", after(m, 64*time.Second)).String())
	assert.Equal(t, 0, Count(m, "jane", 0, after(m, 90*time.Second)), "after its end")
	assert.Equal(t, 1, Count(m, "jane", 1, after(m, 91*time.Second)), "anew")
	assert.Equal(t, 1, Count(m, "second", 0, after(m, 119*time.Second)))

	Count(m, "third", 1, after(m, 2*time.Minute))
	assert.Nil(t, m.older["first"], "a generation is kept after the next is full")
	assert.Nil(t, m.younger["first"])
	Count(m, "fourth", 1, after(m, time.Hour))
	Count(m, "fifth", 1, after(m, 2*time.Hour))
	assert.Len(t, m.younger, 1)
	assert.Len(t, m.older, 1)
}

// TestBounded: many new providers make the memory forget others, but not at once.
func TestBounded(t *testing.T) {
	m := New(time.Minute)
	now := after(m, 0)
	Count(m, "jane", 1, now)
	for i := 0; i < maxRemembered; i++ {
		Count(m, strconv.Itoa(i), 1, now)
	}
	require.Len(t, m.older, maxRemembered)
	assert.Equal(t, 2, Count(m, "jane", 1, now), "a full generation made it forget at once")
	most := 0
	for i := 0; i < 3*maxRemembered; i++ {
		Count(m, "x"+strconv.Itoa(i), 1, now)
		if size := len(m.younger) + len(m.older); size > most {
			most = size
		}
	}
	assert.Equal(t, 2*maxRemembered, most)
	assert.Equal(t, 0, Count(m, "jane", 0, now), "two full generations did not make it forget")
}

// TestAskingFillsNothing: a query for a provider uses no space, even in a full memory.
func TestAskingFillsNothing(t *testing.T) {
	m := New(time.Minute)
	now := after(m, 0)
	for i := 0; i < maxRemembered; i++ {
		Count(m, strconv.Itoa(i), 1, now)
	}
	for i := 0; i < 1000; i++ {
		Count(m, "x"+strconv.Itoa(i), 0, now)
	}
	assert.Empty(t, m.younger)
	assert.Equal(t, 1, Count(m, "7", 0, now))
}

// TestLikeAPlainMap: below maxRemembered, no entry is forgotten before its end.
func TestLikeAPlainMap(t *testing.T) {
	const life = 50
	m := New(life)
	ends := map[string]int{}
	counts := map[string]int{}
	random := rand.New(rand.NewSource(1))
	now := 0
	for i := 0; i < 5000; i++ {
		now += random.Intn(10)
		provider := strconv.Itoa(random.Intn(20))
		n := random.Intn(2)
		if now >= ends[provider] {
			ends[provider] = now + life
			counts[provider] = 0
		}
		counts[provider] += n
		if counts[provider] == 0 {
			ends[provider] = 0 // not stored
		}
		got := Count(m, provider, n, after(m, time.Duration(now)))
		require.Equal(t, counts[provider], got, "step %d", i)
		if n > 0 {
			left := int(Left(m, provider, after(m, time.Duration(now))))
			require.Equal(t, ends[provider]-now, left, "step %d", i)
		}
	}
}

func TestConcurrentCounts(t *testing.T) {
	m := New(time.Hour)
	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := 0; j < 200; j++ {
				Count(m, "jane", 1, time.Now())
				Count(m, strconv.Itoa(j), 1, time.Now())
				Left(m, "jane", time.Now())
			}
		}()
	}
	all.Wait()
	assert.Equal(t, 8*200, Count(m, "jane", 0, time.Now()))
	assert.Equal(t, 8, Count(m, "7", 0, time.Now()))
}
