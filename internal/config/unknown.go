package config

import (
	"regexp"
	"sort"
	"strconv"
)

// NotAKey ends the mistake for each unknown key.
const NotAKey = "is not a key of Clinicpass; correct the spelling, or remove it"

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// CheckKeys adds a mistake for each unknown key. A misspelled key of identity, which has no effect,
// would let in people whom the configuration excludes.
func CheckKeys(c *Config, p *Problems) {
	for _, section := range []struct {
		path string
		keys map[string]interface{}
	}{
		{"", c.Unknown},
		{"portal.", c.Portal.Unknown},
		{"api.", c.API.Unknown},
		{"identity.", c.Identity.Unknown},
		{"identity.headers.", c.Identity.Headers.Unknown},
		{"identity.proof.", c.Identity.Proof.Unknown},
		{"identity.jwt.", c.Identity.JWT.Unknown},
		{"identity.jwt.claims.", c.Identity.JWT.Claims.Unknown},
		{"provider.", c.Provider.Unknown},
		{"room.", c.Room.Unknown},
		{"room.assign.", c.Room.Assign.Unknown},
		{"limits.", c.Limits.Unknown},
		{"audit.", c.Audit.Unknown},
		{"pages.", c.Pages.Unknown},
	} {
		for _, key := range names(section.keys) {
			p.Add(section.path+key, NotAKey)
		}
	}
}

// names returns the keys in order, in quotes if they have more than letters, digits, "_" and "-".
func names(keys map[string]interface{}) []string {
	list := []string{}
	for key := range keys {
		if !plainKey.MatchString(key) {
			key = strconv.Quote(key)
		}
		list = append(list, key)
	}
	sort.Strings(list)
	return list
}
