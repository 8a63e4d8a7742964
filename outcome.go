package clinicpass

import (
	"errors"

	"github.com/clinicpass/clinicpass/vsee"
)

// Everything that can become of a sign-in: the word in the audit, in the log and in the Clinicpass-Outcome header.
const (
	signedIn           = "signed_in"
	noIdentity         = "no_identity"
	identityRefused    = "identity_refused"
	notAllowed         = "not_allowed"
	methodRefused      = "method_refused"
	notANavigation     = "not_a_navigation"
	tooMany            = "too_many"
	credentialsRefused = "credentials_refused"
	apiError           = "api_error"
	apiUnavailable     = "api_unavailable"
	apiTimeout         = "api_timeout"
	keysUnavailable    = "keys_unavailable"
	clientClosed       = "client_closed" // the browser went away before the API answered; nobody reads the answer
)

// reply is how an outcome is answered.
type reply struct {
	status int
	alarm  bool // an operator should know: logged as an error
	again  bool // trying again can help
}

var replies = map[string]reply{
	signedIn:           {status: 302},
	noIdentity:         {status: 401, alarm: true, again: true},
	identityRefused:    {status: 403, alarm: true},
	notAllowed:         {status: 403},
	methodRefused:      {status: 405},
	notANavigation:     {status: 403},
	tooMany:            {status: 429, again: true},
	credentialsRefused: {status: 502, alarm: true, again: true},
	apiError:           {status: 502, alarm: true, again: true},
	apiUnavailable:     {status: 502, alarm: true, again: true}, // 503 when the API says when to come back
	apiTimeout:         {status: 504, alarm: true, again: true},
	keysUnavailable:    {status: 503, alarm: true, again: true},
	clientClosed:       {status: 499}, // as nginx counts it
}

// outcomeOf names what became of the calls to the API.
func outcomeOf(err error) string {
	switch {
	case errors.Is(err, vsee.ErrCredentials):
		return credentialsRefused
	case errors.Is(err, vsee.ErrUnavailable):
		return apiUnavailable
	case errors.Is(err, vsee.ErrTimeout):
		return apiTimeout
	case errors.Is(err, vsee.ErrCanceled):
		return clientClosed
	}
	return apiError
}
