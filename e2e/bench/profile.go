package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

const profileTime = 10 * time.Second

// Where Traefik's process spends its CPU time.
const (
	collecting   = "garbage collection"
	allocating   = "interpreter: variables and frames"
	interpreting = "interpreter: other work"
	libraries    = "standard library, called by the plugin"
	elsewhere    = "Traefik, its HTTP server, and connections"
)

// profileTable puts load on one variant and tells where Traefik's time goes meanwhile.
func (s *stage) profileTable(v *variant) (string, error) {
	fmt.Fprintf(os.Stderr, "profile of %s, %s\n", v.name, profileTime)
	ended := make(chan error, 1)
	stop := time.Now().Add(profileTime + time.Second)
	go func() {
		for time.Now().Before(stop) {
			if err := saturate(v.target, signInRequests); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	shares, err := s.profile()
	if err := <-ended; err != nil {
		return "", err
	}
	if err != nil {
		return "", err
	}
	table := "CPU profile of Traefik during sign-ins with Clinicpass:\n\n| Where | share |\n| --- | ---: |\n"
	for _, where := range []string{allocating, interpreting, collecting, libraries, elsewhere} {
		table += fmt.Sprintf("| %s | %.0f %% |\n", where, 100*shares[where])
	}
	return table, nil
}

// profile asks Traefik for a profile of its processor time and returns each place's share.
func (s *stage) profile() (map[string]float64, error) {
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", s.proxy.URL, int(profileTime.Seconds())), nil)
	if err != nil {
		return nil, err
	}
	request.Host = debugHost
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("no profile: %s", response.Status)
	}
	p, err := profile.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	sum := 0.0
	shares := map[string]float64{}
	for _, sample := range p.Sample {
		value := float64(sample.Value[len(sample.Value)-1])
		shares[place(sample)] += value
		sum += value
	}
	for where := range shares {
		shares[where] /= sum
	}
	return shares, nil
}

// place says where a sample belongs, by its stack from the innermost function outwards.
func place(sample *profile.Sample) string {
	allocates := false
	library := false
	for _, location := range sample.Location {
		for _, line := range location.Line {
			name := line.Function.Name
			switch {
			case strings.HasPrefix(name, "runtime.gcBgMark") || strings.HasPrefix(name, "runtime.gcAssist") || strings.HasPrefix(name, "runtime.bgsweep"):
				return collecting
			case strings.HasPrefix(name, "github.com/traefik/yaegi/"):
				if library {
					return libraries
				}
				if allocates {
					return allocating
				}
				return interpreting
			case name == "runtime.mallocgc":
				allocates = true
			case !strings.HasPrefix(name, "runtime.") && !strings.HasPrefix(name, "reflect.") && !strings.HasPrefix(name, "internal/"):
				library = true
			}
		}
	}
	return elsewhere
}
