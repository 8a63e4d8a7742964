package vsee

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Room is a waiting room (Rooms API).
type Room struct {
	ID          string   // VSee's own id; "" where an answer leaves it out
	Code        string   // unique; letters and digits
	Slug        string   // unique in its domain; patients open {portal}u/{slug}
	Name        string   // shown to patients
	Domain      string   // the clinic's bare host
	ProviderIDs []string // VSee's ids of the providers it is assigned to, where the answer lists them
}

// CreateRoom makes a room with POST rooms, by the admin's token. It returns ErrExists when the slug or the code is taken:
// the answer does not say which, nor by which room.
func (c *Client) CreateRoom(ctx context.Context, r Room, trace *Trace) (Room, error) {
	raw, err := c.call(ctx, request{method: http.MethodPost, name: "rooms", path: "rooms", admin: true, fields: []field{
		{name: "domain", value: r.Domain},
		{name: "slug", value: r.Slug},
		{name: "name", value: r.Name},
		{name: "code", value: r.Code},
	}}, trace)
	if err != nil {
		return Room{}, err
	}
	return decodeRoom(raw, r.Code)
}

// RoomByCode returns the room with the code, by GET rooms/:code. A room that is not there is ErrAPI. VSee's sample of the
// answer does not show whether it has the id.
func (c *Client) RoomByCode(ctx context.Context, code string, trace *Trace) (Room, error) {
	path := "rooms/" + url.PathEscape(code)
	raw, err := c.call(ctx, request{method: http.MethodGet, name: "rooms/:code", path: path, admin: true}, trace)
	if err != nil {
		return Room{}, err
	}
	return decodeRoom(raw, code)
}

// RoomProviders returns VSee's ids of the providers that the room is assigned to, by GET rooms/:code/providers.
func (c *Client) RoomProviders(ctx context.Context, code string, trace *Trace) ([]string, error) {
	path := "rooms/" + url.PathEscape(code) + "/providers"
	raw, err := c.call(ctx, request{method: http.MethodGet, name: "rooms/:code/providers", path: path, admin: true}, trace)
	if err != nil {
		return nil, err
	}
	var providers []struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(raw, &providers) != nil {
		return nil, fmt.Errorf("%w: GET rooms/:code/providers succeeded without a list", ErrAPI)
	}
	ids := []string{}
	for _, p := range providers {
		ids = append(ids, text(p.ID))
	}
	return ids, nil
}

// AssignRoom assigns a room to a user with POST users/:id/rooms, by the admin's token. VSee names the call and documents
// nothing of it, so the caller says which field has the room's id or code. ErrExists means that it was assigned before.
func (c *Client) AssignRoom(ctx context.Context, userID, name, value string, trace *Trace) error {
	path := "users/" + url.PathEscape(userID) + "/rooms"
	fields := []field{{name: name, value: value}}
	_, err := c.call(ctx, request{method: http.MethodPost, name: "users/:id/rooms", path: path, admin: true, fields: fields}, trace)
	return err
}

// decodeRoom reads a room that must have the code.
func decodeRoom(raw json.RawMessage, code string) (Room, error) {
	var data struct {
		ID          json.RawMessage `json:"id"`
		Code        json.RawMessage `json:"code"`
		Slug        json.RawMessage `json:"slug"`
		Name        json.RawMessage `json:"name"`
		Domain      json.RawMessage `json:"domain"`
		ProviderIDs json.RawMessage `json:"provider_ids"`
	}
	if json.Unmarshal(raw, &data) != nil || text(data.Code) != code {
		return Room{}, fmt.Errorf("%w: it answered with a room of another code, or with none", ErrAPI)
	}
	r := Room{ID: text(data.ID), Code: code, Slug: text(data.Slug), Name: text(data.Name), Domain: text(data.Domain)}
	var ids []json.RawMessage
	if json.Unmarshal(data.ProviderIDs, &ids) == nil {
		for _, id := range ids {
			r.ProviderIDs = append(r.ProviderIDs, text(id))
		}
	}
	return r, nil
}

// roomCodes reads the codes out of a list of rooms, and nothing out of anything else.
func roomCodes(raw json.RawMessage) []string {
	var rooms []struct {
		Code json.RawMessage `json:"code"`
	}
	codes := []string{}
	if json.Unmarshal(raw, &rooms) == nil {
		for _, r := range rooms {
			codes = append(codes, text(r.Code))
		}
	}
	return codes
}
