package clinic

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/clinicpass/clinicpass/internal/memory"
	"github.com/clinicpass/clinicpass/internal/provider"
	"github.com/clinicpass/clinicpass/vsee"
)

// How a sign-in obtained the provider's room.
const (
	roomCreated    = "created"
	roomFound      = "found"
	roomRemembered = "remembered"
)

const roomLife = 24 * time.Hour // how long a provider's room is remembered

// provisioner remembers whose room is done, and lets simultaneous clicks of one provider wait for
// the first.
type provisioner struct {
	done *memory.Memory

	mu       sync.Mutex
	underway map[string]chan struct{} // closed when the provider's turn is over
}

func newProvisioner() *provisioner {
	return &provisioner{done: memory.New(roomLife), underway: map[string]chan struct{}{}}
}

// begin waits for the provider's turn, which end gives to the next.
func begin(ctx context.Context, p *provisioner, key string) error {
	for {
		p.mu.Lock()
		turn := p.underway[key]
		if turn == nil {
			p.underway[key] = make(chan struct{})
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

func end(p *provisioner, key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.underway[key])
	delete(p.underway, key)
}

// provide sees to it that the provider has their room, once for simultaneous clicks and once a day.
func provide(ctx context.Context, c *Clinic, p *provider.Provider, sso *vsee.SSO, t *Ticket) error {
	if memory.Count(c.provision.done, p.Key, 0, time.Now()) > 0 {
		t.Room = roomRemembered
		return nil
	}
	if err := begin(ctx, c.provision, p.Key); err != nil {
		return err
	}
	defer func() { end(c.provision, p.Key) }()
	if memory.Count(c.provision.done, p.Key, 0, time.Now()) > 0 { // somebody was faster
		t.Room = roomRemembered
		return nil
	}
	// A closed tab does not stop what has begun; only the deadline does.
	deadline, _ := ctx.Deadline()
	work, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	want := roomOf(&c.settings.rooms, p)
	client := current(c)
	err := furnish(work, c, client, want, sso, t)
	if err != nil && renewed(c, client, err) {
		err = furnish(work, c, current(c), want, sso, t)
	}
	if err == nil {
		memory.Count(c.provision.done, p.Key, 1, time.Now())
		if ctx.Err() == context.Canceled { // the browser has left meanwhile
			err = vsee.ErrCanceled
		}
	}
	return err
}

// furnish creates the room unless it exists, and assigns it unless it is assigned. Each step may be
// repeated, so a sign-in resumes where an earlier one stopped, on this replica or another.
func furnish(ctx context.Context, c *Clinic, client *vsee.Client, want vsee.Room, sso *vsee.SSO,
	t *Ticket,
) error {
	userID := vsee.UserID(sso)
	if userID == "" {
		return fmt.Errorf("%w: the answer to the sign-in has no data.id to assign the room to", vsee.ErrAPI)
	}
	if contains(vsee.RoomCodes(sso), want.Code) {
		t.Room = roomFound
		return nil
	}
	room, err := vsee.CreateRoom(ctx, client, want, &t.Trace)
	how := roomCreated
	if errors.Is(err, vsee.ErrExists) {
		// Slug or code are taken. Only a room with our code is this provider's.
		how = roomFound
		room, err = vsee.RoomByCode(ctx, client, want.Code, &t.Trace)
	}
	if err != nil {
		return err
	}
	t.Room = how
	if contains(room.ProviderIDs, userID) {
		return nil
	}
	return assign(ctx, c, client, room, userID, t)
}

// assign assigns the room to the user.
func assign(ctx context.Context, c *Clinic, client *vsee.Client, room vsee.Room, userID string,
	t *Ticket,
) error {
	rule := c.settings.rooms.assign
	body := vsee.Assignment{UserID: userID, Field: rule.Field, Value: room.Code}
	if rule.Value == assignID {
		body.Value = room.ID
	}
	if body.Value == "" {
		return fmt.Errorf("%w: the room has no id in the answer; set room.assign.value: code", vsee.ErrAPI)
	}
	err := vsee.AssignRoom(ctx, client, body, &t.Trace)
	if errors.Is(err, vsee.ErrAPI) {
		// "Assigned already" in words that do not say so: the API itself knows.
		ids, asked := vsee.RoomProviders(ctx, client, room.Code, &t.Trace)
		if asked == nil && contains(ids, userID) {
			err = nil
		}
	}
	if err == nil || errors.Is(err, vsee.ErrExists) {
		t.Assigned = true
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
