// Package memory counts events per provider for a limited time, in limited space.
package memory

import (
	"sync"
	"time"
)

const maxRemembered = 50000 // providers in each of the two generations

// Memory counts events for each provider. It keeps two generations. When the younger is full or
// older than life, it replaces the older, whose entries are forgotten. So the size is limited
// without a clean-up: 100,000 providers, about 16 MB.
type Memory struct {
	life           time.Duration // how long an entry counts
	begun          time.Time     // the reference for all durations here
	mu             sync.Mutex
	younger, older map[string]*entry
	full           time.Duration // when the younger generation is too old
}

type entry struct {
	end   time.Duration
	count int
}

// New returns a memory whose entries count for the given time.
func New(life time.Duration) *Memory {
	return &Memory{life: life, begun: time.Now(), younger: map[string]*entry{}}
}

// Count adds n to the provider's count and returns it. An expired count starts again at 0.
func Count(m *Memory, provider string, n int, now time.Time) int {
	at := now.Sub(m.begun)
	m.mu.Lock()
	e := m.younger[provider]
	if e == nil || at >= e.end {
		e = recall(m, provider, n, at)
	}
	e.count += n
	count := e.count
	m.mu.Unlock()
	return count
}

// recall returns the provider's entry if the younger generation has no valid one. Only recall adds
// entries, so it also changes the generations. It does not store empty entries. The caller holds
// m.mu.
func recall(m *Memory, provider string, n int, at time.Duration) *entry {
	if at >= m.full || len(m.younger) >= maxRemembered {
		m.older = m.younger
		m.younger = map[string]*entry{}
		m.full = at + m.life
	}
	e := m.older[provider]
	if e == nil || at >= e.end {
		e = &entry{end: at + m.life}
	}
	if e.count+n > 0 {
		m.younger[provider] = e
	}
	return e
}

// Left returns the time until the provider's count expires.
func Left(m *Memory, provider string, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.younger[provider]; e != nil {
		return e.end - now.Sub(m.begun)
	}
	return m.life
}
