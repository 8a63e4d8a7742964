// Package clinic signs a provider in to VSee Clinic: it mints the SSO token and sees to the waiting
// room. It decides whether the API is asked at all, and with which credentials.
package clinic

import (
	"net/http"
	"time"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/vsee"
)

const maxTimeout = time.Minute

// Settings are the checked parts of a configuration that a Clinic is made of.
type Settings struct {
	target        vsee.Config // with the secrets as they were read
	config        config.API
	timeout       time.Duration
	userType      string
	disableEmails bool
	rooms         roomRules
}

// Clinic is the way to one clinic's API. All handlers of one configuration share it, across reloads.
type Clinic struct {
	settings  *Settings
	provision *provisioner
	breaker   *breaker // its lock guards what follows
	target    vsee.Config
	client    *vsee.Client // of target
}

// Ticket is what the API gave for a sign-in, also for one that failed on the way.
type Ticket struct {
	Token    string // signs its holder in: it must not be stored, logged or shared
	Room     string // how the room was obtained; "" without one
	Assigned bool   // the room, in this sign-in
	Trace    vsee.Trace
}

// Parse checks the sections api and room, and reads the API's secrets. portalHost is the host of
// portal.url. Requests carry userAgent.
func Parse(c *config.Config, portalHost, userAgent string, p *config.Problems) *Settings {
	timeout, err := time.ParseDuration(c.API.Timeout)
	if err != nil || timeout <= 0 || timeout > maxTimeout {
		p.Add("api.timeout", "must be a duration with its unit, up to 1m, such as 10s")
	}
	s := &Settings{
		target:        Target(c.API, userAgent, p),
		config:        c.API,
		timeout:       timeout,
		userType:      vsee.Provider,
		disableEmails: c.Provider.DisableEmails,
	}
	if c.Provider.Type == provider.Patient {
		s.userType = vsee.Patient
	}
	s.rooms = parseRooms(c, portalHost, p)
	return s
}

// New returns the way to the API, with nothing remembered.
func New(s *Settings) *Clinic {
	return &Clinic{settings: s, breaker: breakerFor(s.target), provision: newProvisioner()}
}

// Account is the clinic's account code at VSee.
func Account(s *Settings) string { return s.target.AccountCode }

// Through makes a clinic's calls go through t, for tests and measurements.
func Through(c *Clinic, t http.RoundTripper) { c.client = vsee.Through(c.client, t) }
