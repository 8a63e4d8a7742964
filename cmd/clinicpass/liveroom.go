package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/clinicpass/clinicpass/vsee"
)

// room creates and assigns a waiting room, and finds out what VSee does not document of it.
func (t *trial) room(ctx context.Context, userID string) error {
	room, err := t.create(ctx)
	if err != nil {
		return err
	}
	if err := t.assign(ctx, userID, room); err != nil {
		return err
	}
	ids, err := vsee.RoomProviders(ctx, t.client, room.Code, nil)
	if err != nil {
		return t.failed("GET rooms/:code/providers", err, "Clinicpass sends this request before it assigns an existing room.")
	}
	if !slices.Contains(ids, userID) {
		return t.failed("GET rooms/:code/providers", errors.New("the test provider is not among them"), "VSee accepted the assignment without effect. Ask VSee for the body of POST users/:id/rooms.")
	}
	t.tell("GET rooms/:code/providers", "the test provider is among %d", len(ids))
	return nil
}

// create makes the test provider's room, or finds the one of an earlier check.
func (t *trial) create(ctx context.Context) (vsee.Room, error) {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(t.config.API.AccountCode+"\n"+t.command.Code)))
	domain := t.config.Room.Domain
	if base, err := url.Parse(t.config.Portal.URL); err == nil && domain == "" {
		domain = base.Hostname()
	}
	wanted := vsee.Room{Code: "chk" + sum[:13], Slug: "clinicpass-check-" + sum[:16], Name: "Clinicpass check", Domain: domain}
	made, err := vsee.CreateRoom(ctx, t.client, wanted, nil)
	switch {
	case err == nil:
		t.tell("POST rooms", "created room %s (%s); delete it afterward", wanted.Code, wanted.Slug)
	case errors.Is(err, vsee.ErrExists):
		t.tell("POST rooms", "room %s exists from an earlier check", wanted.Code)
	default:
		return made, t.failed("POST rooms", err, "Check api.token, the clinic admin's token, and room.domain.")
	}
	found, err := vsee.RoomByCode(ctx, t.client, wanted.Code, nil)
	if err != nil {
		return found, t.failed("GET rooms/:code", err, "Clinicpass finds rooms by their code after a restart.")
	}
	if found.ID == "" {
		t.tell("GET rooms/:code", "found, without an ID; rooms can be assigned only by code")
	} else {
		t.tell("GET rooms/:code", "found, with its ID")
	}
	return found, nil
}

// assign tries the configured body, and other likely ones when that is refused.
func (t *trial) assign(ctx context.Context, userID string, room vsee.Room) error {
	configured := t.config.Room.Assign
	bodies := [][2]string{{configured.Field, configured.Value}, {"room_id", "id"}, {"room_code", "code"}, {"id", "id"}, {"code", "code"}}
	var first error
	for i, body := range bodies {
		value := room.Code
		if body[1] == "id" {
			value = room.ID
		}
		if value == "" || (i > 0 && body == bodies[0]) {
			continue
		}
		err := vsee.AssignRoom(ctx, t.client, vsee.Assignment{UserID: userID, Field: body[0], Value: value}, nil)
		if err == nil || errors.Is(err, vsee.ErrExists) {
			t.accepted(ctx, userID, body, value, i > 0, err)
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return t.failed("POST users/:id/rooms", first, "VSee accepted none of the likely bodies. Ask VSee for the body and set room.assign.")
}

// accepted prints the body that VSee accepted, and the result of a repeated request.
func (t *trial) accepted(ctx context.Context, userID string, body [2]string, value string, other bool, err error) {
	note := "assigned by"
	if err != nil {
		note = "already assigned by"
	}
	line := fmt.Sprintf("%s %s with the room's %s", note, body[0], body[1])
	if other {
		t.changes = true
		line += fmt.Sprintf("; add to the configuration: room.assign: {field: %s, value: %s}", body[0], body[1])
	}
	t.tell("POST users/:id/rooms", "%s", line)
	again := vsee.Assignment{UserID: userID, Field: body[0], Value: value}
	switch err := vsee.AssignRoom(ctx, t.client, again, nil); {
	case err == nil:
		t.tell("POST users/:id/rooms, again", "accepted")
	case errors.Is(err, vsee.ErrExists):
		t.tell("POST users/:id/rooms, again", "rejected as existing, which Clinicpass handles")
	default:
		t.tell("POST users/:id/rooms, again", "rejected: %v; Clinicpass first asks whether the room is assigned", err)
	}
}
