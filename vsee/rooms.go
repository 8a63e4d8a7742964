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
	fields := []string{"domain" + field + r.Domain, "slug" + field + r.Slug, "name" + field + r.Name, "code" + field + r.Code}
	post := &request{method: http.MethodPost, name: "rooms", path: "rooms", header: c.byTokenWithBody, fields: fields}
	raw, err := call(ctx, c, post, trace)
	if err != nil {
		return Room{}, err
	}
	return decodeRoom(raw, r.Code)
}

// RoomByCode returns the room with the code, by GET rooms/:code. A room that is not there is ErrAPI. VSee's sample of the
// answer does not show whether it has the id.
func (c *Client) RoomByCode(ctx context.Context, code string, trace *Trace) (Room, error) {
	path := "rooms/" + url.PathEscape(code)
	raw, err := call(ctx, c, &request{method: http.MethodGet, name: "rooms/:code", path: path, header: c.byToken}, trace)
	if err != nil {
		return Room{}, err
	}
	return decodeRoom(raw, code)
}

// RoomProviders returns VSee's ids of the providers that the room is assigned to, by GET rooms/:code/providers.
func (c *Client) RoomProviders(ctx context.Context, code string, trace *Trace) ([]string, error) {
	path := "rooms/" + url.PathEscape(code) + "/providers"
	raw, err := call(ctx, c, &request{method: http.MethodGet, name: "rooms/:code/providers", path: path, header: c.byToken}, trace)
	if err != nil {
		return nil, err
	}
	ids, ok := column(raw, "id")
	if !ok {
		return nil, fmt.Errorf("%w: GET rooms/:code/providers succeeded without a list of providers", ErrAPI)
	}
	return ids, nil
}

// AssignRoom assigns a room to a user with POST users/:id/rooms, by the admin's token. VSee names the call and documents
// nothing of it, so the caller says which field has the room's id or code. ErrExists means that it was assigned before.
func (c *Client) AssignRoom(ctx context.Context, userID, name, value string, trace *Trace) error {
	path := "users/" + url.PathEscape(userID) + "/rooms"
	fields := []string{name + field + value}
	post := &request{method: http.MethodPost, name: "users/:id/rooms", path: path, header: c.byTokenWithBody, fields: fields}
	_, err := call(ctx, c, post, trace)
	return err
}

// decodeRoom reads a room that must have the code.
func decodeRoom(raw json.RawMessage, code string) (Room, error) {
	var data map[string]json.RawMessage
	if json.Unmarshal(raw, &data) != nil || text(data["code"]) != code {
		return Room{}, fmt.Errorf("%w: it answered with a room of another code, or with none", ErrAPI)
	}
	r := Room{ID: text(data["id"]), Code: code, Slug: text(data["slug"]), Name: text(data["name"]), Domain: text(data["domain"])}
	var ids []json.RawMessage
	_ = json.Unmarshal(data["provider_ids"], &ids) // none where it is no list
	for _, id := range ids {
		r.ProviderIDs = append(r.ProviderIDs, text(id))
	}
	return r, nil
}

// column reads one member of each object in a list, and reports whether there is such a list.
func column(raw json.RawMessage, member string) ([]string, bool) {
	var rows []map[string]json.RawMessage
	if json.Unmarshal(raw, &rows) != nil {
		return nil, false
	}
	texts := []string{}
	for _, row := range rows {
		texts = append(texts, text(row[member]))
	}
	return texts, true
}
