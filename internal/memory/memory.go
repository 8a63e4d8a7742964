// Package memory remembers something about each provider for a while, within bounds.
package memory

import (
	"sync"
	"time"
)

const maxRemembered = 50000 // providers in each of a memory's two generations

// Memory counts something for each provider. It keeps two generations: when the younger is full, or
// as old as an entry may become, it takes the place of the older, and what was in the older is
// forgotten. So it needs no clean-up and its size is bounded: 100,000 providers, about 16 MB.
type Memory struct {
	life           time.Duration // how long an entry counts
	begun          time.Time     // all times here are counted from it
	mu             sync.Mutex
	younger, older map[string]*entry
	full           time.Duration // when the younger generation has its age
}

type entry struct {
	end   time.Duration
	count int
}

// New returns a memory whose entries count for the given time.
func New(life time.Duration) *Memory {
	return &Memory{life: life, begun: time.Now(), younger: map[string]*entry{}}
}

// Count adds n to the provider's count, which starts anew when its time is over, and returns it.
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

// recall returns the provider's entry where the younger generation has none that counts. Only here
// entries come in, so it is here that generations change. An entry that stays empty is not kept.
// m.mu is held.
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

// Left returns how long the provider's count still stands.
func Left(m *Memory, provider string, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.younger[provider]; e != nil {
		return e.end - now.Sub(m.begun)
	}
	return m.life
}
