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
	life time.Duration // how long an entry counts from its start

	mu             sync.Mutex
	younger, older map[string]entry
	born           time.Time // of the younger generation
}

// entry is what is remembered about a provider.
type entry struct {
	start time.Time
	count int
}

func newMemory(life time.Duration) *memory {
	return &memory{life: life, younger: map[string]entry{}, older: map[string]entry{}}
}

// count adds n to the provider's entry, which starts anew when it has outlived its life, and returns it.
func (m *memory) count(provider string, n int, now time.Time) entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.younger) >= maxRemembered || now.Sub(m.born) >= m.life {
		m.older = m.younger
		m.younger = map[string]entry{}
		m.born = now
	}
	e, known := m.younger[provider]
	if !known {
		e = m.older[provider]
	}
	if now.Sub(e.start) >= m.life {
		e = entry{start: now}
	}
	e.count += n
	if e.count > 0 {
		m.younger[provider] = e
	}
	return e
}
