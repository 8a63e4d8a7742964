package vsee

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

// VSee's numbers for types of user (User API).
const (
	Patient  = "200"
	Provider = "400"
)

const maxToken = 1024 // bytes; documented samples have 32

var (
	tokenPattern = regexp.MustCompile(`^[!-~]+$`) // visible ASCII
	errNoToken   = fmt.Errorf("%w: POST users/sso succeeded without a usable data.token.token", ErrAPI)
	errNoPatient = fmt.Errorf(
		"%w: POST users/sso answered a patient's code with a user who is not a patient", ErrAPI)
)

// User is the person to sign in. The first call with a Code creates the user (User API).
type User struct {
	Type          string // Provider or Patient
	Code          string // the caller's unique, stable user ID; at most 128 bytes
	FirstName     string // required by VSee
	LastName      string // required by VSee
	Email         string // optional
	DisableEmails bool   // turns off VSee's email notifications to this user
}

// SSO is the data in the answer to a sign-in.
type SSO struct {
	Token struct {
		// Token signs its holder in as the user. Do not store, log or share it. VSee does not
		// document its lifetime; in VSee's sample it is 24 hours.
		Token    string          `json:"token"`
		UserType json.RawMessage `json:"user_type"` // undocumented; seen in one integrator's code
	} `json:"token"`
	ID    json.RawMessage `json:"id"`
	Rooms json.RawMessage `json:"rooms"`
}

// SignIn mints a token for u with POST users/sso. Another call is safe and returns a token for the
// same user. For a Patient, an answer with another type of user is ErrAPI. trace may be nil. Every
// error wraps one of this package's errors.
func SignIn(ctx context.Context, c *Client, u *User, trace *Trace) (*SSO, error) {
	fields := []interface{}{
		"type", u.Type, "code", u.Code, "first_name", u.FirstName, "last_name", u.LastName,
		"email", u.Email,
	}
	if u.Email == "" {
		fields = fields[:8]
	}
	if u.DisableEmails {
		fields = append(fields, "disable_emails", "1")
	}
	sso := &SSO{}
	if err := call(ctx, c, c.signIn, fields, sso, trace); err != nil {
		return nil, err
	}
	token := sso.Token.Token
	if len(token) > maxToken || !tokenPattern.MatchString(token) {
		return nil, errNoToken
	}
	if u.Type == Patient {
		return checkPatient(sso)
	}
	return sso, nil
}

// checkPatient refuses a token that would open the account of another type of user, such as a
// provider. VSee does not document what the type does in a call with a known code.
func checkPatient(sso *SSO) (*SSO, error) {
	told := text(sso.Token.UserType)
	if _, err := strconv.Atoi(told); err == nil && told != Patient {
		return nil, errNoPatient
	}
	return sso, nil
}

// UserID returns VSee's ID of the user, or "" if the answer has none.
func UserID(sso *SSO) string { return text(sso.ID) }

// RoomCodes returns the codes of the rooms that are assigned to the user, if the answer lists
// rooms. VSee does not document the list or its entries; one integrator's code uses it.
func RoomCodes(sso *SSO) []string {
	var rooms []roomData
	if json.Unmarshal(sso.Rooms, &rooms) != nil {
		return nil
	}
	codes := []string{}
	for _, room := range rooms {
		codes = append(codes, text(room.Code))
	}
	return codes
}

// Room is a waiting room (Rooms API).
type Room struct {
	ID          string   // VSee's ID; "" if the answer omits it
	Code        string   // unique; letters and digits
	Slug        string   // unique in the domain; patients open {portal}u/{slug}
	Name        string   // shown to patients
	Domain      string   // the clinic's bare host
	ProviderIDs []string // VSee's IDs of the assigned providers, if the answer lists them
}

// CreateRoom creates a room with POST rooms and the admin's token. ErrExists means that the slug or
// the code is taken. The answer does not say which, nor by which room.
func CreateRoom(ctx context.Context, c *Client, r Room, trace *Trace) (Room, error) {
	fields := []interface{}{"domain", r.Domain, "slug", r.Slug, "name", r.Name, "code", r.Code}
	return room(ctx, c, byToken(c, http.MethodPost, "rooms", ""), fields, r.Code, trace)
}

// RoomByCode returns the room with the code, from GET rooms/:code. A missing room is ErrAPI. VSee's
// sample does not show whether the answer has the room's ID.
func RoomByCode(ctx context.Context, c *Client, code string, trace *Trace) (Room, error) {
	return room(ctx, c, byToken(c, http.MethodGet, "rooms/:code", code), nil, code, trace)
}

// RoomProviders returns VSee's IDs of the room's providers, from GET rooms/:code/providers.
func RoomProviders(ctx context.Context, c *Client, code string, trace *Trace) ([]string, error) {
	var providers []struct{ ID json.RawMessage }
	get := byToken(c, http.MethodGet, "rooms/:code/providers", code)
	if err := call(ctx, c, get, nil, &providers, trace); err != nil {
		return nil, err
	}
	if providers == nil {
		return nil, fmt.Errorf("%w: GET %s succeeded without a list of providers", ErrAPI, get.path)
	}
	ids := []string{}
	for _, provider := range providers {
		ids = append(ids, text(provider.ID))
	}
	return ids, nil
}

// Assignment is the body of POST users/:id/rooms. VSee does not document the body. So the caller
// sets the field that has the room's ID or code.
type Assignment struct {
	UserID, Field, Value string
}

// AssignRoom assigns a room to a user, with the admin's token. ErrExists means that it already was.
func AssignRoom(ctx context.Context, c *Client, a Assignment, trace *Trace) error {
	post := byToken(c, http.MethodPost, "users/:id/rooms", a.UserID)
	return call(ctx, c, post, []interface{}{a.Field, a.Value}, nil, trace)
}

// byToken returns a call with the admin's token.
func byToken(c *Client, method, path, value string) *request {
	r := newRequest(c, method, path, value)
	r.header.Set("X-ApiToken", c.config.Token)
	return r
}

// roomData is a room in an answer.
type roomData struct {
	ID, Code, Slug, Name, Domain json.RawMessage
	IDs                          json.RawMessage `json:"provider_ids"`
}

// room sends a request and returns the room in the answer. The room must have the code.
func room(ctx context.Context, c *Client, r *request, fields []interface{}, code string,
	trace *Trace,
) (Room, error) {
	data := &roomData{}
	if err := call(ctx, c, r, fields, data, trace); err != nil {
		return Room{}, err
	}
	if text(data.Code) != code {
		return Room{}, fmt.Errorf("%w: the answer has another room's code, or none", ErrAPI)
	}
	found := Room{ID: text(data.ID), Code: code, Slug: text(data.Slug), Name: text(data.Name)}
	found.Domain = text(data.Domain)
	var ids []json.RawMessage
	_ = json.Unmarshal(data.IDs, &ids) // empty if it is not a list
	for _, id := range ids {
		found.ProviderIDs = append(found.ProviderIDs, text(id))
	}
	return found, nil
}
