package clinicpass

import (
	"sync"
	"time"
)

const maxRemembered = 50000 // providers in each of a memory's two generations

// memory remembers something about each provider for a while. It keeps two generations: when the younger is full, or as
// old as anything may become, it takes the place of the older, and what was in the older is forgotten. So it needs no
// clean-up and its size is bounded: 100,000 providers, about 16 MB.
type memory struct {
	life time.Duration // how long an entry counts

	mu             sync.Mutex
	younger, older map[string]entry
	full           time.Time // when the younger generation has its age
}

// entry is what is remembered about a provider.
type entry struct {
	end   time.Time
	count int
}

func newMemory(life time.Duration) *memory {
	return &memory{life: life, younger: map[string]entry{}, older: map[string]entry{}}
}

// count adds n to the provider's entry, which starts anew when it has outlived its life, and returns it.
func count(m *memory, provider string, n int, now time.Time) entry {
	m.mu.Lock()
	if len(m.younger) >= maxRemembered || !now.Before(m.full) {
		m.age(now)
	}
	e, known := m.younger[provider]
	if !known {
		e = m.older[provider]
	}
	if !now.Before(e.end) {
		e = entry{end: now.Add(m.life)}
	}
	e.count += n
	if e.count > 0 {
		m.younger[provider] = e
	}
	m.mu.Unlock()
	return e
}

// age begins a generation.
func (m *memory) age(now time.Time) {
	m.older = m.younger
	m.younger = map[string]entry{}
	m.full = now.Add(m.life)
}
