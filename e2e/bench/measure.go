package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// variant is one of the things that are compared.
type variant struct {
	name      string
	target    target
	processes []int // whose time counts
	cost      figures
	took      figures
}

const (
	passRequests   = 4000 // of a variant in a round
	signInRequests = 1200 // likewise, divided by slowness where the API takes its time
	slowness       = 4
	paceRate       = 50 // sign-ins per second where latency is measured
	paceRequests   = 60 // of a variant in a round
)

// measure runs everything and writes the tables.
func measure(rounds int, output string) error {
	s, err := newStage()
	if err != nil {
		return err
	}
	defer s.close()
	s.closeOnInterrupt()
	pass := s.passThrough()
	if err := takeTurns("traffic that passes", pass, rounds, passRequests); err != nil {
		return err
	}
	tables := []string{passTable(pass)}
	for _, delay := range delays {
		signIns := s.signIns(delay)
		count := signInRequests
		if delay > 0 {
			count /= slowness
		}
		if err := takeTurns(fmt.Sprintf("sign-ins, API of %s", delay), signIns, rounds, count); err != nil {
			return err
		}
		shares := ""
		if delay == 0 {
			if shares, err = s.profileTable(signIns[1]); err != nil {
				return err
			}
		}
		signIns = append([]*variant{s.direct(delay)}, signIns...)
		if err := latencies(fmt.Sprintf("latency, API of %s", delay), signIns, rounds); err != nil {
			return err
		}
		tables = append(tables, signInTable(delay, signIns[1:]), latencyTable(signIns), shares)
	}
	s.close()
	parts, err := partsTable("1s")
	if err != nil {
		return err
	}
	scale, err := scaleTable()
	if err != nil {
		return err
	}
	return write(output, rounds, append(tables, parts, scale))
}

// passThrough are the variants for a request of the site.
func (s *stage) passThrough() []*variant {
	variants := []*variant{}
	for _, row := range [][2]string{
		{"none", "no middleware"},
		{"redirect", "redirectRegex (native)"},
		{"ours", "Clinicpass"},
		{"exact", "Clinicpass, exactPassThrough"},
		{"donothing", "a plugin that does nothing"},
		{"forwardauth", "forwardAuth"},
	} {
		variants = append(variants, &variant{
			name:      row[1],
			target:    target{address: s.traefikAddress(), host: row[0], path: "/patients/17?tab=notes", status: 200},
			processes: []int{s.proxy.ID()},
		})
	}
	return variants
}

// signIns are the variants for a sign-in: the floor, the plugin, and what would be written instead.
func (s *stage) signIns(delay time.Duration) []*variant {
	click := target{address: s.traefikAddress(), path: "/clinic/visits/17?tab=notes", status: 302}
	floor := s.parts["floor"+delay.String()]
	service := s.parts["service"+delay.String()]
	compiled := click
	compiled.address = floor.address
	compiled.host = "portal"
	plugin := click
	plugin.host = "plugin" + delay.String()
	forward := click
	forward.host = "service" + delay.String()
	return []*variant{
		{name: "Clinicpass compiled into a Go reverse proxy", target: compiled, processes: []int{floor.id}},
		{name: "Clinicpass in Traefik", target: plugin, processes: []int{s.proxy.ID()}},
		{name: "a service behind forwardAuth", target: forward, processes: []int{s.proxy.ID(), service.id}},
	}
}

// direct is the API asked by the load generator itself: what a sign-in's latency is compared with.
func (s *stage) direct(delay time.Duration) *variant {
	address := strings.TrimPrefix(s.apis[delay].URL, "http://")
	return &variant{name: "the API itself", target: target{address: address, host: "api", path: "/users/sso", status: 200}}
}

// takeTurns puts load on the variants round by round, each time beginning with another, and notes what a request costs.
func takeTurns(what string, variants []*variant, rounds, count int) error {
	for round := range rounds + 1 {
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", what, round, rounds)
		for i := range variants {
			v := variants[(i+round)%len(variants)]
			before, err := processorTime(v.processes)
			if err != nil {
				return err
			}
			if err := saturate(v.target, count); err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			after, err := processorTime(v.processes)
			if err != nil {
				return err
			}
			if round > 0 { // the first one warms up
				v.cost = append(v.cost, float64((after-before).Microseconds())/float64(count))
			}
		}
	}
	return nil
}

// latencies asks each variant at a steady rate, in turns.
func latencies(what string, variants []*variant, rounds int) error {
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", what, round+1, rounds)
		for i := range variants {
			v := variants[(i+round)%len(variants)]
			took, err := pace(v.target, paceRate, paceRequests)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			for _, t := range took {
				v.took = append(v.took, float64(t.Microseconds())/1000)
			}
		}
	}
	return nil
}
