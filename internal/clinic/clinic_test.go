package clinic

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	_ "github.com/clinicpass/clinicpass/internal/config/configtest" // allows temporary files
	"github.com/clinicpass/clinicpass/internal/identity"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/vsee"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

const portalHost = "clinic.example.com"

// setup returns a simulated clinic and a minimal configuration for it.
func setup(t *testing.T) (*vseetest.Server, *config.Config) {
	t.Helper()
	quiet(t)
	server := vseetest.NewServer()
	t.Cleanup(server.Close)
	c := config.Default()
	c.API.URL = server.API()
	c.API.AccountCode = vseetest.AccountCode
	c.API.Key = vseetest.Key
	c.API.Timeout = "5s"
	return server, c
}

// setupRooms is setup with a waiting room for each provider.
func setupRooms(t *testing.T) (*vseetest.Server, *config.Config) {
	t.Helper()
	server, c := setup(t)
	c.API.Token = vseetest.AdminToken
	c.Room.Enabled = true
	return server, c
}

// quiet discards the plugin's log.
func quiet(t *testing.T) {
	t.Helper()
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	stdout := os.Stdout
	errorLog := log.Writer()
	os.Stdout = nowhere
	log.SetOutput(io.Discard)
	t.Cleanup(func() {
		os.Stdout = stdout
		log.SetOutput(errorLog)
		_ = nowhere.Close()
	})
}

// mustNew returns a new Clinic for the configuration. It remembers nothing, like another replica.
func mustNew(t *testing.T, c *config.Config) *Clinic {
	t.Helper()
	p := &config.Problems{}
	s := Parse(c, portalHost, "test/1", p)
	require.Empty(t, p.Lines)
	to := New(s)
	Use(to, s)
	return to
}

// failuresOf returns how many people have failed since the last success.
func failuresOf(b *breaker) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.failing)
}

// setFailures makes the breaker count this many people as failed since the last success.
func setFailures(b *breaker, failures int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing = map[string]bool{}
	for i := 0; i < failures; i++ {
		b.failing[fmt.Sprint("failing-", i)] = true
	}
	b.watched = failures > 0
}

// replace changes the values of the secrets, without a reload.
func replace(c *Clinic, change func(api *config.API)) { change(&c.settings.config) }

// someone returns the provider with the identity.
func someone(t *testing.T, who identity.Identity) *provider.Provider {
	t.Helper()
	problems := &config.Problems{}
	rules := provider.Parse(config.Default(), problems)
	require.Empty(t, problems.Lines)
	p := provider.Of(rules, &who)
	require.NotNil(t, p)
	return p
}

func jane(t *testing.T) *provider.Provider {
	t.Helper()
	return someone(t, identity.Identity{ID: "u-17", Email: "jane@example.com", Name: "Jane Doe"})
}

func TestParse(t *testing.T) {
	for _, row := range []struct {
		desc   string
		change func(c *config.Config)
		want   []string // the beginnings of the mistakes
	}{
		{desc: "no rooms", change: func(c *config.Config) {
			c.API.Token = ""
			c.Room = config.Room{}
		}},
		{desc: "rooms", change: func(c *config.Config) {}},
		{
			desc:   "the longest timeout",
			change: func(c *config.Config) { c.API.Timeout = "1m" },
		},
		{
			desc:   "too long a timeout",
			change: func(c *config.Config) { c.API.Timeout = "1m1ns" },
			want:   []string{"api.timeout: must be a duration with a unit, at most 1m"},
		},
		{
			desc:   "a timeout without its unit",
			change: func(c *config.Config) { c.API.Timeout = "10" },
			want:   []string{"api.timeout: "},
		},
		{
			desc:   "no time at all",
			change: func(c *config.Config) { c.API.Timeout = "0s" },
			want:   []string{"api.timeout: "},
		},
		{
			desc: "nothing of the API",
			change: func(c *config.Config) {
				c.API.URL = ""
				c.API.AccountCode = " "
				c.API.Key = ""
				c.API.Encoding = "xml"
			},
			want: []string{
				"api.key: is required",
				`api.encoding: "xml" is unknown; choose one of multipart, json, form`,
				"api.url: is required",
				"api.accountCode: is required",
			},
		},
		{
			desc:   "an account of two words",
			change: func(c *config.Config) { c.API.AccountCode = "my clinic" },
			want:   []string{"api.accountCode: is required"},
		},
		{
			desc:   "an API without TLS",
			change: func(c *config.Config) { c.API.URL = "http://api.example.com/" },
			want:   []string{"api.url: must be https"},
		},
		{
			desc: "secrets that are none",
			change: func(c *config.Config) {
				c.API.Key = "two words"
				c.API.Secret = "é"
				c.API.Token = "line\n"
			},
			want: []string{"api.key: has a space", "api.secret: has a", "api.token: has a"},
		},
		{
			desc:   "rooms without the admin's token",
			change: func(c *config.Config) { c.API.Token = "" },
			want:   []string{"api.token: is required when room.enabled is true"},
		},
		{
			desc:   "an address for the domain",
			change: func(c *config.Config) { c.Room.Domain = "https://clinic.example.com" },
			want:   []string{"room.domain: must be a bare host name"},
		},
		{
			desc:   "a slug of the name",
			change: func(c *config.Config) { c.Room.Slug = "{name}" },
			want:   []string{"room.slug: must contain {hash}"},
		},
		{
			desc: "unknown placeholders",
			change: func(c *config.Config) {
				c.Room.Slug = "{hash}{a}"
				c.Room.Name = "{b}"
			},
			want: []string{
				"room.slug: has an unknown placeholder",
				"room.name: has an unknown placeholder",
			},
		},
		{
			desc: "an assignment of something else",
			change: func(c *config.Config) {
				c.Room.Assign.Field = "room id"
				c.Room.Assign.Value = "slug"
			},
			want: []string{
				"room.assign.field: must be the name of a field",
				`room.assign.value: "slug" is unknown; choose one of id, code`,
			},
		},
		{
			desc: "wrong rooms that are not enabled",
			change: func(c *config.Config) {
				c.Room.Enabled = false
				c.Room.Slug = "{name}"
				c.API.Token = ""
			},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, c := setupRooms(t)
			row.change(c)
			p := &config.Problems{}
			Parse(c, portalHost, "test/1", p)
			require.Len(t, p.Lines, len(row.want), strings.Join(p.Lines, "\n"))
			for i, want := range row.want {
				assert.True(t, strings.HasPrefix(p.Lines[i], want), p.Lines[i])
			}
		})
	}
}

func TestSettings(t *testing.T) {
	server, c := setupRooms(t)
	c.API.AccountCode = " " + vseetest.AccountCode + " "
	c.API.Secret = vseetest.Secret
	c.API.URL = strings.TrimSuffix(server.API(), "/")
	c.API.Timeout = "1500ms"
	p := &config.Problems{}
	s := Parse(c, "Clinic.Example.COM", "test/1", p)
	require.Empty(t, p.Lines)
	assert.Equal(t, vseetest.AccountCode, s.target.AccountCode)
	assert.Equal(t, (1500 * time.Millisecond).String(), s.timeout.String())
	assert.Equal(t, server.API(), s.target.API)
	assert.Equal(t, vseetest.AccountCode, s.target.AccountCode)
	assert.Equal(t, vseetest.Key, s.target.Key)
	assert.Equal(t, vseetest.Secret, s.target.Secret)
	assert.Equal(t, vseetest.AdminToken, s.target.Token)
	assert.Equal(t, vsee.Multipart, s.target.Encoding)
	assert.Equal(t, "test/1", s.target.UserAgent)
	assert.Equal(t, "clinic.example.com", s.rooms.Domain, "of the portal")

	c.Room.Domain = "Rooms.example.com"
	s = Parse(c, portalHost, "test/1", p)
	assert.Equal(t, "rooms.example.com", s.rooms.Domain)
}
