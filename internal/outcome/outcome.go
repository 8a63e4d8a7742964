// Package outcome names everything that can become of a sign-in, how each is answered, and what is
// told of it.
package outcome

import "time"

// Outcome is the word in the audit, in the log and in the Clinicpass-Outcome header.
type Outcome string

// The outcomes. The second group is the caller's fault (4xx), the third the hospital's or VSee's.
const (
	SignedIn        Outcome = "signed_in"
	NoIdentity      Outcome = "no_identity"
	IdentityRefused Outcome = "identity_refused"
	NotAllowed      Outcome = "not_allowed"
	MethodRefused   Outcome = "method_refused"
	NotANavigation  Outcome = "not_a_navigation"
	TooMany         Outcome = "too_many"
	ClientClosed    Outcome = "client_closed" // the browser left before the API answered

	CredentialsRefused Outcome = "credentials_refused"
	APIError           Outcome = "api_error"
	APIUnavailable     Outcome = "api_unavailable"
	APITimeout         Outcome = "api_timeout"
	KeysUnavailable    Outcome = "keys_unavailable"
)

// Refusal is a step's no: what the sign-in came to, and why. Why is for the log; it names headers,
// claims and keys and never quotes a value.
type Refusal struct {
	Outcome    Outcome
	Why        string
	RetryAfter time.Duration // when another try can help; 0 for none
}

// Refuse returns a refusal for the reason.
func Refuse(o Outcome, why string) *Refusal { return &Refusal{Outcome: o, Why: why} }

// Reply is how an outcome is answered.
type Reply struct {
	Status int
	Alarm  bool // an operator should know: logged as an error
	Again  bool // the same request can succeed later, so the page offers to try again
	Desk   bool // only the IT help desk can help
}

// Again is false where the same request fails in the same way: the portal sends the same identity
// until the person signs in anew, groups and credentials change only when somebody changes them,
// and a form or a frame stays one. After no_identity, the person may have signed in in another tab.
var replies = map[Outcome]Reply{
	SignedIn:           {Status: 302},
	NoIdentity:         {Status: 401, Alarm: true, Again: true},
	IdentityRefused:    {Status: 403, Alarm: true},
	NotAllowed:         {Status: 403, Alarm: true, Desk: true},
	MethodRefused:      {Status: 405},
	NotANavigation:     {Status: 403},
	TooMany:            {Status: 429, Alarm: true, Again: true},
	CredentialsRefused: {Status: 502, Alarm: true, Desk: true},
	APIError:           {Status: 502, Alarm: true, Again: true},
	APIUnavailable:     {Status: 502, Alarm: true, Again: true}, // see Status
	APITimeout:         {Status: 504, Alarm: true, Again: true},
	KeysUnavailable:    {Status: 503, Alarm: true, Again: true},
	ClientClosed:       {Status: 499}, // as nginx counts it; nobody reads the answer
}

// ReplyTo returns how an outcome is answered.
func ReplyTo(o Outcome) Reply { return replies[o] }

// Result is what is told of an answered request. The sign-in fills it once; log, audit and page
// read it. Its JSON form is a line of the audit, which docs/audit.schema.json describes. A line has
// no name, address, code or token.
type Result struct {
	Time        time.Time     `json:"time"` // of the request's arrival, UTC
	Outcome     Outcome       `json:"outcome"`
	Status      int           `json:"status"`          // of the answer; 499 if nobody read it
	Ref         string        `json:"ref"`             // ten hexadecimal digits, also on the page
	Trace       string        `json:"trace,omitempty"` // W3C trace ID of the request, if it has one
	Middleware  string        `json:"middleware"`      // as Traefik names it, such as clinic@file
	Clinic      string        `json:"clinic"`
	Provider    string        `json:"provider,omitempty"` // hash of the provider's code
	Room        string        `json:"room,omitempty"`     // created, found, remembered
	Assigned    bool          `json:"assigned,omitempty"` // in this sign-in
	NextRefused bool          `json:"next_refused,omitempty"`
	Calls       int           `json:"calls"`  // requests sent to the API
	MS          int64         `json:"ms"`     // milliseconds from the request's arrival
	APIMS       int64         `json:"api_ms"` // of these, in requests to the API
	Why         string        `json:"-"`      // for the log only
	Location    string        `json:"-"`      // has the token
	RetryAfter  time.Duration `json:"-"`
}

// Status returns the HTTP status of the answer, 503 where an unavailable API says until when.
func Status(r *Result) int {
	if r.Outcome == APIUnavailable && r.RetryAfter > 0 {
		return 503
	}
	return replies[r.Outcome].Status
}

// Wait returns the seconds until another try can help, rounded up; 0 where nobody has said.
func Wait(r *Result) int64 { return int64((r.RetryAfter + time.Second - 1) / time.Second) }
