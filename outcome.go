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

// reply is how an outcome is answered. Its texts are for the provider.
type reply struct {
	status int
	alarm  bool // an operator should know: logged as an error
	again  bool // trying again can help

	title, text, advice string
}

const askSupport = "If it happens again, tell your IT support the reference below."

var replies = map[string]reply{
	signedIn: {status: 302},
	noIdentity: {
		status: 401, alarm: true, again: true,
		title:  "You are not signed in",
		text:   "The portal did not say who you are, so the clinic cannot be opened for you.",
		advice: "Sign in to the portal and open the clinic from there. " + askSupport,
	},
	identityRefused: {
		status: 403, alarm: true,
		title:  "Your sign-in could not be verified",
		text:   "What the portal said about you was not clear enough to sign you in to the clinic.",
		advice: "Sign out of the portal, sign in again, and open the clinic from there. " + askSupport,
	},
	notAllowed: {
		status: 403,
		title:  "You do not have access to the clinic",
		text:   "You are signed in to the portal, but your account is not in a group that may open the clinic.",
		advice: "If you need the clinic for your work, ask your IT support for access.",
	},
	methodRefused: {
		status: 405,
		title:  "Please open the clinic with its link",
		text:   "This address signs you in to the clinic when it is opened like a page; it takes nothing else.",
		advice: "Go back to the portal and open the clinic from there.",
	},
	notANavigation: {
		status: 403,
		title:  "Please open the clinic in a page of its own",
		text:   "This address signs you in when you open it yourself, not inside another page or ahead of your click.",
		advice: "Open the clinic with its link in the portal.",
	},
	tooMany: {
		status: 429, again: true,
		title:  "Too many sign-ins",
		text:   "You were signed in to the clinic many times within a minute. The clinic may be sending you back again and again.",
		advice: "Wait a minute before you try again. " + askSupport,
	},
	credentialsRefused: {
		status: 502, alarm: true, again: true,
		title:  "The clinic cannot be opened right now",
		text:   "The clinic does not accept sign-ins from this portal at the moment. This is not because of your account.",
		advice: "Please tell your IT support the reference below.",
	},
	apiError: {
		status: 502, alarm: true, again: true,
		title:  "The clinic cannot be opened right now",
		text:   "The clinic gave an answer that the portal could not use.",
		advice: "Try again in a moment. " + askSupport,
	},
	apiUnavailable: {
		status: 502, alarm: true, again: true,
		title:  "The clinic cannot be reached",
		text:   "The clinic's sign-in service is not available at the moment.",
		advice: "Try again in a moment. " + askSupport,
	},
	apiTimeout: {
		status: 504, alarm: true, again: true,
		title:  "The clinic takes too long to answer",
		text:   "The clinic's sign-in service did not answer in time.",
		advice: "Try again in a moment. " + askSupport,
	},
	keysUnavailable: {
		status: 503, alarm: true, again: true,
		title:  "The clinic cannot be opened right now",
		text:   "The portal cannot check your sign-in at the moment.",
		advice: "Try again in a moment. " + askSupport,
	},
	clientClosed: {status: 499, // as nginx counts it
		title: "The page was closed"},
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
