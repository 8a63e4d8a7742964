package vsee

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
)

// Types of user, as VSee numbers them (User API).
const (
	Patient  = 200
	Provider = 400
)

const maxToken = 1024 // bytes; documented samples have 32

// User is whom to sign in. The first call with a Code creates the user, later calls return the same one (User API).
type User struct {
	Type          int    // Provider or Patient
	Code          string // the caller's own unique and lasting id of the user, at most 128 bytes
	FirstName     string // required by VSee
	LastName      string // required by VSee
	Email         string // optional
	DisableEmails bool   // no notifications by e-mail to this user
}

// SSO is the answer to a sign-in.
type SSO struct {
	// UserID is VSee's own id of the user.
	UserID string
	// Token signs whoever holds it in as the user: it must not be stored, logged or shared. VSee states its life nowhere;
	// the documented sample's is 24 hours.
	Token string
	// RoomCodes are the codes of the rooms that are assigned to the user, where the answer lists rooms. VSee documents
	// neither the list, which one integrator's code shows, nor what its entries hold.
	RoomCodes []string
}

// SSO mints a token for u with POST users/sso. Calling again is safe: it yields a token for the same user.
// trace may be nil. Errors wrap one of this package's.
func (c *Client) SSO(ctx context.Context, u User, trace *Trace) (SSO, error) {
	fields := []field{
		{name: "type", value: strconv.Itoa(u.Type), number: true},
		{name: "code", value: u.Code},
		{name: "first_name", value: u.FirstName},
		{name: "last_name", value: u.LastName},
	}
	if u.Email != "" {
		fields = append(fields, field{name: "email", value: u.Email})
	}
	if u.DisableEmails {
		fields = append(fields, field{name: "disable_emails", value: "1", number: true})
	}
	raw, err := c.call(ctx, request{method: http.MethodPost, name: "users/sso", path: "users/sso", fields: fields}, trace)
	if err != nil {
		return SSO{}, err
	}
	var data struct {
		ID    json.RawMessage `json:"id"`
		Rooms json.RawMessage `json:"rooms"`
		Token struct {
			Token json.RawMessage `json:"token"`
		} `json:"token"`
	}
	if json.Unmarshal(raw, &data) != nil || !usable(text(data.Token.Token)) {
		return SSO{}, fmt.Errorf("%w: POST users/sso succeeded without a usable data.token.token", ErrAPI)
	}
	codes, _ := column(data.Rooms, "code")
	return SSO{UserID: text(data.ID), Token: text(data.Token.Token), RoomCodes: codes}, nil
}

// usable reports whether token can be one: something visible, without blanks or control characters.
func usable(token string) bool {
	return token != "" && len(token) <= maxToken &&
		strings.IndexFunc(token, unicode.IsSpace) < 0 && strings.IndexFunc(token, unicode.IsControl) < 0
}
