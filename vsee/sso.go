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

var tokenPattern = regexp.MustCompile(`^[!-~]+$`) // visible ASCII

// User is whom to sign in. The first call with a Code creates the user, later calls return the same
// one (User API).
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
		Token string `json:"token"`
		// UserType is not documented; one integrator's code shows it.
		UserType json.RawMessage `json:"user_type"`
	} `json:"token"`
	ID    json.RawMessage `json:"id"`
	Rooms json.RawMessage `json:"rooms"`
}

// SignIn mints a token for u with POST users/sso. Calling again is safe: it yields a token for the
// same user. For a Patient, an answer that tells the number of another type of user is ErrAPI. trace
// may be nil. Errors wrap one of this package's.
func SignIn(ctx context.Context, c *Client, u *User, trace *Trace) (*SSO, error) {
	fields := []interface{}{
		"type", u.Type, "code", u.Code, "first_name", u.FirstName, "last_name", u.LastName,
		"email", u.Email,
	}
	if u.Email == "" || u.DisableEmails {
		fields = adjust(fields, u)
	}
	post := &request{
		method: http.MethodPost, path: "users/sso", address: c.signIn, header: c.byKey, fields: fields,
	}
	sso := &SSO{}
	err := call(ctx, c, post, sso, trace)
	if err != nil {
		return nil, err
	}
	token := sso.Token.Token
	if len(token) > maxToken || !tokenPattern.MatchString(token) {
		return nil, noToken()
	}
	if u.Type == Patient {
		return checkPatient(sso)
	}
	return sso, nil
}

func noToken() error {
	return fmt.Errorf("%w: POST users/sso succeeded without a usable data.token.token", ErrAPI)
}

// adjust leaves out the e-mail address that is not known, and adds what few ask for.
func adjust(fields []interface{}, u *User) []interface{} {
	if u.Email == "" {
		fields = fields[:len(fields)-2]
	}
	if u.DisableEmails {
		fields = append(fields, "disable_emails", "1")
	}
	return fields
}

// checkPatient refuses the token of somebody who is no patient, such as a provider, whose account it
// would open: VSee does not document what the type in a call with a known code does.
func checkPatient(sso *SSO) (*SSO, error) {
	told := text(sso.Token.UserType)
	if _, err := strconv.Atoi(told); err == nil && told != Patient {
		return nil, fmt.Errorf(
			"%w: POST users/sso answered a patient's code with a user who is no patient", ErrAPI)
	}
	return sso, nil
}

// UserID returns VSee's own id of the user, or "" where the answer has none.
func UserID(sso *SSO) string { return text(sso.ID) }

// RoomCodes returns the codes of the rooms that are assigned to the user, where the answer lists
// rooms. VSee documents neither the list, which one integrator's code shows, nor what its entries
// hold.
func RoomCodes(sso *SSO) []string {
	var rooms []struct {
		Code json.RawMessage `json:"code"`
	}
	if json.Unmarshal(sso.Rooms, &rooms) != nil {
		return nil
	}
	codes := []string{}
	for _, room := range rooms {
		codes = append(codes, text(room.Code))
	}
	return codes
}
