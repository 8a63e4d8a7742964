package vsee

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

// Types of user, as VSee numbers them (User API).
const (
	Patient  = "200"
	Provider = "400"
)

const maxToken = 1024 // bytes; documented samples have 32

var (
	tokenPattern = regexp.MustCompile(`^[!-~]+$`) // visible ASCII
	errNoToken   = fmt.Errorf("%w: POST users/sso succeeded without a usable data.token.token", ErrAPI)
	errNoPatient = fmt.Errorf(
		"%w: POST users/sso answered a patient's code with a user who is no patient", ErrAPI)
)

// User is whom to sign in. The first call with a Code creates the user (User API).
type User struct {
	Type          string // Provider or Patient
	Code          string // the caller's own unique and lasting id of the user, at most 128 bytes
	FirstName     string // required by VSee
	LastName      string // required by VSee
	Email         string // optional
	DisableEmails bool   // no notifications by e-mail to this user
}

// SSO is the data of the answer to a sign-in.
type SSO struct {
	Token struct {
		// Token signs whoever holds it in as the user: it must not be stored, logged or shared. VSee
		// states its life nowhere; the documented sample's is 24 hours.
		Token    string          `json:"token"`
		UserType json.RawMessage `json:"user_type"` // undocumented; one integrator's code shows it
	} `json:"token"`
	ID    json.RawMessage `json:"id"`
	Rooms json.RawMessage `json:"rooms"`
}

// SignIn mints a token for u with POST users/sso. Calling again is safe: it yields a token for the
// same user. For a Patient, an answer that tells the number of another type of user is ErrAPI.
// trace may be nil. Errors wrap one of this package's.
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

// checkPatient refuses the token of somebody who is no patient, such as a provider, whose account
// it would open: VSee does not document what the type in a call with a known code does.
func checkPatient(sso *SSO) (*SSO, error) {
	told := text(sso.Token.UserType)
	if _, err := strconv.Atoi(told); err == nil && told != Patient {
		return nil, errNoPatient
	}
	return sso, nil
}

// UserID returns VSee's own id of the user, or "" where the answer has none.
func UserID(sso *SSO) string { return text(sso.ID) }

// RoomCodes returns the codes of the rooms that are assigned to the user, where the answer lists
// rooms. VSee documents neither the list, which one integrator's code shows, nor its entries.
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
	ID          string   // VSee's own id; "" where an answer leaves it out
	Code        string   // unique; letters and digits
	Slug        string   // unique in its domain; patients open {portal}u/{slug}
	Name        string   // shown to patients
	Domain      string   // the clinic's bare host
	ProviderIDs []string // VSee's ids of the providers it is assigned to, where the answer lists them
}

// CreateRoom makes a room with POST rooms, by the admin's token. ErrExists means that the slug or
// the code is taken: the answer does not say which, nor by which room.
func CreateRoom(ctx context.Context, c *Client, r Room, trace *Trace) (Room, error) {
	fields := []interface{}{"domain", r.Domain, "slug", r.Slug, "name", r.Name, "code", r.Code}
	return room(ctx, c, byToken(c, http.MethodPost, "rooms", ""), fields, r.Code, trace)
}

// RoomByCode returns the room with the code, by GET rooms/:code; one that is not there is ErrAPI.
// VSee's sample of the answer does not show whether it has the id.
func RoomByCode(ctx context.Context, c *Client, code string, trace *Trace) (Room, error) {
	return room(ctx, c, byToken(c, http.MethodGet, "rooms/:code", code), nil, code, trace)
}

// RoomProviders returns VSee's ids of the room's providers, by GET rooms/:code/providers.
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

// Assignment is the body of POST users/:id/rooms. VSee names the call and documents nothing of it,
// so the caller says which field has the room's id or code.
type Assignment struct {
	UserID, Field, Value string
}

// AssignRoom assigns a room to a user, by the admin's token. ErrExists means that it was before.
func AssignRoom(ctx context.Context, c *Client, a Assignment, trace *Trace) error {
	post := byToken(c, http.MethodPost, "users/:id/rooms", a.UserID)
	return call(ctx, c, post, []interface{}{a.Field, a.Value}, nil, trace)
}

// byToken returns a call by the admin's token.
func byToken(c *Client, method, path, value string) *request {
	r := newRequest(c, method, path, value)
	r.header.Set("X-ApiToken", c.config.Token)
	return r
}

// roomData is a room as answers have it.
type roomData struct {
	ID, Code, Slug, Name, Domain json.RawMessage
	IDs                          json.RawMessage `json:"provider_ids"`
}

// room sends a request whose answer is the room with the code.
func room(ctx context.Context, c *Client, r *request, fields []interface{}, code string,
	trace *Trace,
) (Room, error) {
	data := &roomData{}
	if err := call(ctx, c, r, fields, data, trace); err != nil {
		return Room{}, err
	}
	if text(data.Code) != code {
		return Room{}, fmt.Errorf("%w: it answered with a room of another code, or with none", ErrAPI)
	}
	found := Room{ID: text(data.ID), Code: code, Slug: text(data.Slug), Name: text(data.Name)}
	found.Domain = text(data.Domain)
	var ids []json.RawMessage
	_ = json.Unmarshal(data.IDs, &ids) // none where it is no list
	for _, id := range ids {
		found.ProviderIDs = append(found.ProviderIDs, text(id))
	}
	return found, nil
}
