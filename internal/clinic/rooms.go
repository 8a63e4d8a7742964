package clinic

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
	"github.com/clinicpass/clinicpass/internal/memory"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/vsee"
)

const (
	roomCreated    = "created" // how a sign-in obtained the provider's room
	roomFound      = "found"
	roomRemembered = "remembered"
	assignID       = "id" // values of room.assign.value
	assignCode     = "code"
	maxSlugPart    = 32             // bytes of one placeholder's value in a slug
	maxRoomName    = 100            // characters
	roomLife       = 24 * time.Hour // how long a provider's room is remembered
)

var (
	domainPattern = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)
	fieldPattern  = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]+$`)
	slugBreak     = regexp.MustCompile(`[^a-z0-9]+`)
)

// parseRooms checks the section room. Without room.domain, rooms are in portalHost's domain.
func parseRooms(c *config.Config, portalHost string, p *config.Problems) config.Room {
	r := c.Room
	r.Domain = strings.ToLower(config.OrElse(r.Domain, portalHost))
	if !r.Enabled {
		return r
	}
	p.Require(c.API.Token != "", "api.token", "is required when room.enabled is true: "+
		"the clinic admin's token creates and assigns rooms")
	p.Require(r.Domain == "" || domainPattern.MatchString(r.Domain), "room.domain",
		"must be a bare host name, such as clinic.example.com")
	p.Require(strings.Contains(r.Slug, "{hash}"), "room.slug",
		"must contain {hash}, or two providers could share one room address")
	provider.CheckTemplate("room.slug", r.Slug, p)
	provider.CheckTemplate("room.name", r.Name, p)
	p.Require(fieldPattern.MatchString(r.Assign.Field), "room.assign.field",
		"must be the name of a field, such as room_id")
	config.Choice("room.assign.value", r.Assign.Value, []string{assignID, assignCode}, p)
	return r
}

// roomOf returns the provider's room. Code and slug derive from the provider's code, so that every
// replica gets the same ones and no two providers share one. The code is 80 bits of a hash, in
// letters and digits. The hash includes account and domain, because another clinic may use the same
// provider codes.
func roomOf(s *Settings, p *provider.Provider) vsee.Room {
	domain := s.rooms.Domain
	sum := sha256.Sum256([]byte(s.target.AccountCode + "\n" + domain + "\n" + p.Code))
	return vsee.Room{
		Domain: domain, Code: strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])),
		Slug: slugify(provider.Fill(s.rooms.Slug, slugParts(p))), Name: roomName(s.rooms.Name, p),
	}
}

// roomName omits an unknown last name. It never returns an empty name.
func roomName(template string, p *provider.Provider) string {
	known := *p
	known.LastName = strings.TrimPrefix(p.LastName, "-")
	name := strings.Join(strings.Fields(provider.Fill(template, &known)), " ")
	return config.OrElse(strings.TrimSpace(fmt.Sprintf("%.*s", maxRoomName, name)), p.Who.ID)
}

// slugParts shortens the values for a slug, so that the slug always has space for the hash.
func slugParts(p *provider.Provider) *provider.Provider {
	who := &identity.Identity{
		ID: slugPart(p.Who.ID), Email: slugPart(p.Who.Email),
		Name: slugPart(provider.Fill("{name}", p)),
	}
	return &provider.Provider{
		Who: who, FirstName: slugPart(p.FirstName), LastName: slugPart(p.LastName), Hash: p.Hash,
	}
}

func slugPart(value string) string { return fmt.Sprintf("%.*s", maxSlugPart, slugify(value)) }

// slugify keeps lower-case letters and digits, and replaces the rest with single hyphens.
func slugify(value string) string {
	return strings.Trim(slugBreak.ReplaceAllString(strings.ToLower(value), "-"), "-")
}

// errTurn shows nothing about the API, unlike other timeouts.
var errTurn = fmt.Errorf("%w: another sign-in of the same provider is creating the room", vsee.ErrTimeout)

// begin waits until no other sign-in provides the provider's room. Call end when it is done.
func begin(ctx context.Context, c *Clinic, key string) error {
	for {
		turn, busy := c.underway.LoadOrStore(key, make(chan struct{}))
		if !busy {
			return nil
		}
		select {
		case <-turn.(chan struct{}):
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				return errTurn
			}
			return vsee.ErrCanceled
		}
	}
}

func end(c *Clinic, key string) {
	turn, _ := c.underway.LoadAndDelete(key)
	close(turn.(chan struct{}))
}

// provide makes sure that the provider has a room: once for simultaneous clicks, and once a day.
func provide(ctx context.Context, c *Clinic, p *provider.Provider, sso *vsee.SSO, t *Ticket) error {
	if memory.Count(c.done, p.Hash, 0, time.Now()) > 0 {
		t.Room = roomRemembered
		return nil
	}
	if err := begin(ctx, c, p.Hash); err != nil {
		return err
	}
	defer func() { end(c, p.Hash) }()
	if memory.Count(c.done, p.Hash, 0, time.Now()) > 0 { // another sign-in was faster
		t.Room = roomRemembered
		return nil
	}
	// If the browser leaves, the work continues until the deadline, for the next sign-in.
	deadline, _ := ctx.Deadline()
	work, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	want := roomOf(c.settings, p)
	client := current(c)
	err := furnish(work, c, client, want, sso, t)
	if err != nil && renewed(c, client, err) {
		err = furnish(work, c, current(c), want, sso, t)
	}
	if err == nil {
		memory.Count(c.done, p.Hash, 1, time.Now())
		if ctx.Err() == context.Canceled { // the browser left
			err = vsee.ErrCanceled
		}
	}
	return err
}

// furnish creates the room unless it exists, and assigns it unless it is assigned. Every step is
// safe to repeat, so a sign-in continues where an earlier one stopped, on any replica.
func furnish(ctx context.Context, c *Clinic, by *vsee.Client, want vsee.Room, sso *vsee.SSO,
	t *Ticket,
) error {
	userID := vsee.UserID(sso)
	if strings.Trim(userID, ".") == "" { // "." and ".." would change the path of the call
		return fmt.Errorf("%w: the answer to the sign-in has no data.id to assign the room to",
			vsee.ErrAPI)
	}
	if contains(vsee.RoomCodes(sso), want.Code) {
		t.Room = roomFound
		return nil
	}
	room, err := vsee.CreateRoom(ctx, by, want, &t.Trace)
	how := roomCreated
	if errors.Is(err, vsee.ErrExists) {
		// The slug or the code is taken. Only a room with this code belongs to the provider.
		how = roomFound
		room, err = vsee.RoomByCode(ctx, by, want.Code, &t.Trace)
	}
	if err != nil {
		return err
	}
	t.Room = how
	if contains(room.ProviderIDs, userID) {
		return nil
	}
	rule := c.settings.rooms.Assign
	body := vsee.Assignment{UserID: userID, Field: rule.Field, Value: room.Code}
	if rule.Value == assignID {
		body.Value = room.ID
	}
	if body.Value == "" {
		return fmt.Errorf("%w: the answer has no room id; set room.assign.value: code",
			vsee.ErrAPI)
	}
	err = vsee.AssignRoom(ctx, by, body, &t.Trace)
	if errors.Is(err, vsee.ErrAPI) {
		// This may mean "already assigned" in other words, so ask for the room's providers.
		ids, _ := vsee.RoomProviders(ctx, by, room.Code, &t.Trace)
		t.Assigned = contains(ids, userID)
	} else {
		t.Assigned = err == nil || errors.Is(err, vsee.ErrExists)
	}
	if t.Assigned {
		return nil
	}
	return err
}

func contains(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}
