package vsee

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
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

// CreateRoom makes a room with POST rooms, by the admin's token. It returns ErrExists when the slug
// or the code is taken: the answer does not say which, nor by which room.
func CreateRoom(ctx context.Context, c *Client, r Room, trace *Trace) (Room, error) {
	fields := []interface{}{"domain", r.Domain, "slug", r.Slug, "name", r.Name, "code", r.Code}
	return room(ctx, c, byToken(c, "rooms", "", fields), r.Code, trace)
}

// RoomByCode returns the room with the code, by GET rooms/:code. A room that is not there is ErrAPI.
// VSee's sample of the answer does not show whether it has the id.
func RoomByCode(ctx context.Context, c *Client, code string, trace *Trace) (Room, error) {
	return room(ctx, c, byToken(c, "rooms/:code", code, nil), code, trace)
}

// RoomProviders returns VSee's ids of the providers that the room is assigned to, by
// GET rooms/:code/providers.
func RoomProviders(ctx context.Context, c *Client, code string, trace *Trace) ([]string, error) {
	var providers []struct {
		ID json.RawMessage `json:"id"`
	}
	err := call(ctx, c, byToken(c, "rooms/:code/providers", code, nil), &providers, trace)
	if err == nil && providers == nil {
		err = fmt.Errorf("%w: GET rooms/:code/providers succeeded without a list of providers", ErrAPI)
	}
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, provider := range providers {
		ids = append(ids, text(provider.ID))
	}
	return ids, nil
}

// Assignment is the body of POST users/:id/rooms. VSee names the call and documents nothing of it,
// so the caller says which field has the room's id or code.
type Assignment struct {
	UserID, Field, Value string
}

// AssignRoom assigns a room to a user with POST users/:id/rooms, by the admin's token. ErrExists
// means that it was assigned before.
func AssignRoom(ctx context.Context, c *Client, a Assignment, trace *Trace) error {
	post := byToken(c, "users/:id/rooms", a.UserID, []interface{}{a.Field, a.Value})
	return call(ctx, c, post, nil, trace)
}

var pathParameter = regexp.MustCompile(`:[a-z]+`)

// byToken returns a call by the admin's token, with value for the part of the path that begins with
// a colon: a POST with fields, else a GET.
func byToken(c *Client, path, value string, fields []interface{}) *request {
	r := &request{method: http.MethodGet, path: path, header: c.byToken, fields: fields}
	r.address = c.api + pathParameter.ReplaceAllLiteralString(path, url.PathEscape(value))
	if fields != nil {
		r.method = http.MethodPost
		r.header = c.byTokenWithBody
	}
	return r
}

// room sends a request whose answer is the room with the code.
func room(ctx context.Context, c *Client, r *request, code string, trace *Trace) (Room, error) {
	var data struct {
		ID     json.RawMessage `json:"id"`
		Code   json.RawMessage `json:"code"`
		Slug   json.RawMessage `json:"slug"`
		Name   json.RawMessage `json:"name"`
		Domain json.RawMessage `json:"domain"`
		IDs    json.RawMessage `json:"provider_ids"`
	}
	if err := call(ctx, c, r, &data, trace); err != nil {
		return Room{}, err
	}
	if text(data.Code) != code {
		return Room{}, fmt.Errorf("%w: it answered with a room of another code, or with none", ErrAPI)
	}
	found := Room{
		ID: text(data.ID), Code: code, Slug: text(data.Slug), Name: text(data.Name),
		Domain: text(data.Domain),
	}
	var ids []json.RawMessage
	_ = json.Unmarshal(data.IDs, &ids) // none where it is no list
	for _, id := range ids {
		found.ProviderIDs = append(found.ProviderIDs, text(id))
	}
	return found, nil
}
