package clinicpass

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/clinicpass/clinicpass/vsee"
)

// How a sign-in came by the provider's room.
const (
	roomCreated    = "created"
	roomFound      = "found"
	roomRemembered = "remembered"
)

// What is sent to assign a room.
const (
	assignID   = "id"
	assignCode = "code"
)

const (
	roomLife    = 24 * time.Hour // how long a provider's room is remembered
	maxSlugPart = 32             // bytes of one placeholder's value in a slug
	maxRoomName = 100            // characters
)

// roomRules describe each provider's waiting room.
type roomRules struct {
	enabled    bool
	account    string
	domain     string
	slug, name string // templates
	assign     AssignConfig
}

var (
	domainPattern = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)
	fieldPattern  = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]+$`)
	slugBreak     = regexp.MustCompile(`[^a-z0-9]+`)
)

func newRoomRules(c *Config, base *url.URL, found *problems) *roomRules {
	r := &roomRules{
		enabled: c.Room.Enabled,
		account: strings.TrimSpace(c.API.AccountCode),
		domain:  strings.ToLower(c.Room.Domain),
		slug:    c.Room.Slug,
		name:    c.Room.Name,
		assign:  c.Room.Assign,
	}
	if !r.enabled {
		return r
	}
	if c.API.Token == "" {
		found.add("api.token", "is required when room.enabled is true: the clinic admin's token creates and assigns rooms")
	}
	if r.domain == "" && base != nil {
		r.domain = strings.ToLower(base.Hostname())
	}
	if r.domain != "" && !domainPattern.MatchString(r.domain) {
		found.add("room.domain", "must be a bare host name, such as clinic.example.com")
	}
	if !strings.Contains(r.slug, "{hash}") {
		found.add("room.slug", "must contain {hash}, or two providers could end at one room's address")
	}
	checkPlaceholders("room.slug", r.slug, found)
	checkPlaceholders("room.name", r.name, found)
	if !fieldPattern.MatchString(r.assign.Field) {
		found.add("room.assign.field", "must be the name of a field, such as room_id")
	}
	checkChoice("room.assign.value", r.assign.Value, []string{assignID, assignCode}, found)
	return r
}

// room returns the provider's room. Its code and slug follow from the provider's code, so that every replica comes to the
// same ones and no two providers share either. The code, 80 bits of a hash in letters and digits, counts account and domain
// in, because another clinic may number its providers alike.
func (r *roomRules) room(p *provider) vsee.Room {
	sum := sha256.Sum256([]byte(r.account + "\n" + r.domain + "\n" + p.code))
	return vsee.Room{
		Domain: r.domain,
		Code:   strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])),
		Slug:   slugify(fill(r.slug, slugParts(p.who), p.hash)),
		Name:   r.roomName(p),
	}
}

// roomName leaves out a last name that is not known, and never comes out empty.
func (r *roomRules) roomName(p *provider) string {
	who := *p.who
	who.lastName = strings.TrimPrefix(who.lastName, "-")
	name := strings.Join(strings.Fields(fill(r.name, &who, p.hash)), " ")
	if characters := []rune(name); len(characters) > maxRoomName {
		name = strings.TrimSpace(string(characters[:maxRoomName]))
	}
	return orElse(name, who.id)
}

// slugParts shortens what goes into a slug, so that the hash always fits beside it.
func slugParts(who *identity) *identity {
	return &identity{
		id: slugPart(who.id), email: slugPart(who.email), name: slugPart(who.name),
		firstName: slugPart(who.firstName), lastName: slugPart(who.lastName),
	}
}

func slugPart(value string) string {
	slug := slugify(value)
	if len(slug) > maxSlugPart {
		return slug[:maxSlugPart]
	}
	return slug
}

// slugify leaves lower-case letters, digits and single hyphens.
func slugify(value string) string {
	return strings.Trim(slugBreak.ReplaceAllString(strings.ToLower(value), "-"), "-")
}

// provisioner remembers whose room is done, and lets simultaneous clicks of one provider wait for the first.
type provisioner struct {
	done *memory

	mu       sync.Mutex
	underway map[string]chan struct{} // closed when the provider's turn is over
}

func newProvisioner() *provisioner {
	return &provisioner{done: newMemory(roomLife), underway: map[string]chan struct{}{}}
}

// begin waits for the provider's turn, which end gives to the next.
func (p *provisioner) begin(ctx context.Context, provider string) error {
	for {
		p.mu.Lock()
		turn := p.underway[provider]
		if turn == nil {
			p.underway[provider] = make(chan struct{})
		}
		p.mu.Unlock()
		if turn == nil {
			return nil
		}
		select {
		case <-turn:
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				return vsee.ErrTimeout
			}
			return vsee.ErrCanceled
		}
	}
}

func (p *provisioner) end(provider string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.underway[provider])
	delete(p.underway, provider)
}

// provide sees to it that the provider has their room, once for simultaneous clicks and once a day.
func provide(ctx context.Context, s *signIn, p *provider, sso vsee.SSO, a *attempt) error {
	rooms := s.state.rooms
	if count(rooms.done, p.key, 0, a.start).count > 0 {
		a.entry.Room = roomRemembered
		return nil
	}
	if err := rooms.begin(ctx, p.key); err != nil {
		return err
	}
	defer rooms.end(p.key)
	if count(rooms.done, p.key, 0, a.start).count > 0 { // somebody was faster
		a.entry.Room = roomRemembered
		return nil
	}
	// A closed tab does not stop what has begun; only the deadline does.
	deadline, _ := ctx.Deadline()
	work, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	steps := &provisioning{want: s.room.room(p), sso: sso, assign: s.room.assign, attempt: a}
	client := currentClient(s.state.api)
	err := steps.run(work, client)
	if err != nil && renewed(s.state.api, client, err) {
		err = steps.run(work, currentClient(s.state.api))
	}
	if err == nil {
		count(rooms.done, p.key, 1, a.start)
		if ctx.Err() == context.Canceled { // the browser has left meanwhile
			err = vsee.ErrCanceled
		}
	}
	return err
}

// provisioning is the work on one provider's room. Each step may be repeated, so a sign-in resumes where an earlier one
// stopped, on this replica or another.
type provisioning struct {
	want    vsee.Room
	sso     vsee.SSO
	assign  AssignConfig
	attempt *attempt
}

// run creates the room unless it exists, and assigns it unless it is assigned.
func (p *provisioning) run(ctx context.Context, client *vsee.Client) error {
	a := p.attempt
	if p.sso.UserID == "" {
		return fmt.Errorf("%w: the answer to the sign-in has no data.id to assign the room to", vsee.ErrAPI)
	}
	if contains(p.sso.RoomCodes, p.want.Code) {
		a.entry.Room = roomFound
		return nil
	}
	room, err := client.CreateRoom(ctx, p.want, &a.trace)
	how := roomCreated
	if errors.Is(err, vsee.ErrExists) {
		// Slug or code are taken. Only a room with our code is this provider's.
		how = roomFound
		room, err = client.RoomByCode(ctx, p.want.Code, &a.trace)
	}
	if err != nil {
		return err
	}
	a.entry.Room = how
	if contains(room.ProviderIDs, p.sso.UserID) {
		return nil
	}
	value := room.Code
	if p.assign.Value == assignID {
		value = room.ID
	}
	if value == "" {
		return fmt.Errorf("%w: the room has no id in the answer; set room.assign.value: code", vsee.ErrAPI)
	}
	err = client.AssignRoom(ctx, p.sso.UserID, p.assign.Field, value, &a.trace)
	if errors.Is(err, vsee.ErrAPI) && p.isAssigned(ctx, client) {
		err = nil // "assigned already" in words that do not say so
	}
	if err == nil || errors.Is(err, vsee.ErrExists) {
		a.entry.Assigned = true
		return nil
	}
	return err
}

// isAssigned asks the API itself, where the answer to an assignment leaves it open.
func (p *provisioning) isAssigned(ctx context.Context, client *vsee.Client) bool {
	ids, err := client.RoomProviders(ctx, p.want.Code, &p.attempt.trace)
	return err == nil && contains(ids, p.sso.UserID)
}

func contains(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}
