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
	assignID       = "id" // what is sent to assign a room
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

// parseRooms checks the section room. The rooms are in portalHost's domain unless it says another.
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
		"must contain {hash}, or two providers could end at one room's address")
	provider.CheckTemplate("room.slug", r.Slug, p)
	provider.CheckTemplate("room.name", r.Name, p)
	p.Require(fieldPattern.MatchString(r.Assign.Field), "room.assign.field",
		"must be the name of a field, such as room_id")
	config.Choice("room.assign.value", r.Assign.Value, []string{assignID, assignCode}, p)
	return r
}

// roomOf returns the provider's room. Its code and slug follow from the provider's code, so that
// every replica comes to the same ones and no two providers share either. The code, 80 bits of a
// hash in letters and digits, counts account and domain in, because another clinic may number its
// providers alike.
func roomOf(s *Settings, p *provider.Provider) vsee.Room {
	domain := s.rooms.Domain
	sum := sha256.Sum256([]byte(s.target.AccountCode + "\n" + domain + "\n" + p.Code))
	return vsee.Room{
		Domain: domain, Code: strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])),
		Slug: slugify(provider.Fill(s.rooms.Slug, slugParts(p))), Name: roomName(s.rooms.Name, p),
	}
}

// roomName leaves out a last name that is not known, and never comes out empty.
func roomName(template string, p *provider.Provider) string {
	known := *p
	known.LastName = strings.TrimPrefix(p.LastName, "-")
	name := strings.Join(strings.Fields(provider.Fill(template, &known)), " ")
	return config.OrElse(strings.TrimSpace(fmt.Sprintf("%.*s", maxRoomName, name)), p.Who.ID)
}

// slugParts shortens what goes into a slug, so that the hash always fits beside it.
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

// slugify leaves lower-case letters, digits and single hyphens.
func slugify(value string) string {
	return strings.Trim(slugBreak.ReplaceAllString(strings.ToLower(value), "-"), "-")
}

// errTurn says nothing of the API, unlike other timeouts.
var errTurn = fmt.Errorf("%w: another sign-in of the same provider is still at it", vsee.ErrTimeout)

// begin waits for the provider's turn, which end gives to the next.
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

// provide sees to it that the provider has their room, once for simultaneous clicks and once a day.
func provide(ctx context.Context, c *Clinic, p *provider.Provider, sso *vsee.SSO, t *Ticket) error {
	if memory.Count(c.done, p.Hash, 0, time.Now()) > 0 {
		t.Room = roomRemembered
		return nil
	}
	if err := begin(ctx, c, p.Hash); err != nil {
		return err
	}
	defer func() { end(c, p.Hash) }()
	if memory.Count(c.done, p.Hash, 0, time.Now()) > 0 { // somebody was faster
		t.Room = roomRemembered
		return nil
	}
	// A closed tab does not stop what has begun; only the deadline does.
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
		if ctx.Err() == context.Canceled { // the browser has left meanwhile
			err = vsee.ErrCanceled
		}
	}
	return err
}

// furnish creates the room unless it exists, and assigns it unless it is assigned. Each step may be
// repeated, so a sign-in resumes where an earlier one stopped, on this replica or another.
func furnish(ctx context.Context, c *Clinic, by *vsee.Client, want vsee.Room, sso *vsee.SSO,
	t *Ticket,
) error {
	userID := vsee.UserID(sso)
	if strings.Trim(userID, ".") == "" { // no segment of a path that stays one
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
		// Slug or code are taken. Only a room with our code is this provider's.
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
		return fmt.Errorf("%w: the room has no id in the answer; set room.assign.value: code",
			vsee.ErrAPI)
	}
	err = vsee.AssignRoom(ctx, by, body, &t.Trace)
	if errors.Is(err, vsee.ErrAPI) {
		// "Assigned already" in words that do not say so: the API itself knows.
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
