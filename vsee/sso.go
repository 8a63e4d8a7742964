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
	Patient  = 200
	Provider = 400
)

const maxToken = 1024 // bytes; documented samples have 32

var tokenPattern = regexp.MustCompile(`^[!-~]+$`) // visible ASCII

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
// For a Patient, an answer that tells the number of another type of user is ErrAPI. trace may be nil. Errors wrap one of this package's.
func (c *Client) SSO(ctx context.Context, u User, trace *Trace) (SSO, error) {
	return Mint(ctx, c, &u, trace)
}

// Mint is SSO for callers in the interpreter, where a call of a function takes less time than one of a method.
func Mint(ctx context.Context, c *Client, u *User, trace *Trace) (SSO, error) {
	fields := []string{
		"type" + field + strconv.Itoa(u.Type), "code" + field + u.Code,
		"first_name" + field + u.FirstName, "last_name" + field + u.LastName,
	}
	if u.Email != "" {
		fields = append(fields, "email"+field+u.Email)
	}
	if u.DisableEmails {
		fields = append(fields, "disable_emails"+field+"1")
	}
	r := &request{method: http.MethodPost, name: "users/sso", path: "users/sso", header: c.byKey, fields: fields}
	raw, err := call(ctx, c, r, trace)
	if err != nil {
		return SSO{}, err
	}
	return decodeSSO(raw, u.Type)
}

// decodeSSO decodes the answer for a user of the type asked for.
func decodeSSO(raw json.RawMessage, asked int) (SSO, error) {
	var data struct {
		ID    json.RawMessage `json:"id"`
		Rooms json.RawMessage `json:"rooms"`
		Token struct {
			Token    string          `json:"token"`
			UserType json.RawMessage `json:"user_type"`
		} `json:"token"`
	}
	err := json.Unmarshal(raw, &data)
	sso := SSO{UserID: text(data.ID), Token: data.Token.Token}
	if err != nil || len(sso.Token) > maxToken || !tokenPattern.MatchString(sso.Token) {
		return SSO{}, noToken()
	}
	if told, err := strconv.Atoi(text(data.Token.UserType)); err == nil && asked == Patient && told != Patient {
		return SSO{}, notAPatient()
	}
	if len(data.Rooms) > 0 {
		sso.RoomCodes, _ = column(data.Rooms, "code")
	}
	return sso, nil
}

func noToken() error {
	return fmt.Errorf("%w: POST users/sso succeeded without a usable data.token.token", ErrAPI)
}

// notAPatient is for a code that belongs to somebody else, such as a provider, whose token would open their account. VSee does
// not document what the type in a call with a known code does, nor user_type in the answer, which one integrator's code shows.
func notAPatient() error {
	return fmt.Errorf("%w: POST users/sso answered a patient's code with a user who is no patient", ErrAPI)
}
