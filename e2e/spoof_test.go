package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/portal"
)

// spoof is an attempt to be signed in as somebody else. Whatever holds "victim" in it is the
// attacker's choice and must never reach the clinic's API. Requests are raw lines, because Go's
// client would tidy up what the attack is about. The request line is GET /clinic unless they begin
// with another.
type spoof struct {
	desc   string
	chain  string // key of spoofChains: what stands before the plugin
	attack string // the raw request
	honest string // its twin, which must sign in; the chain's when empty
	// want lists the outcomes that are fine for the attack; "" where Traefik or the auth layer
	// answers by itself.
	want []string
	// next is the attack's, when it signs the attacker in as themselves; the default page when
	// empty.
	next string
}

// spoofChain is a way to the plugin.
type spoofChain struct {
	rule        string // beside the host, which is the chain's name
	middlewares []string
	honest      string   // a request of somebody who is signed in
	code        string   // of that person
	rest        []string // middlewares of a second router, for the host's other paths
}

// inClinic is the rule that README.md gives the plugin's own router.
const inClinic = " && (Path(`/clinic`) || PathPrefix(`/clinic/`))"

var spoofChains = map[string]spoofChain{
	// forwardAuth asks the portal and lists its headers.
	"forward": {
		rule:        inClinic,
		middlewares: []string{"auth", "clinic"},
		honest:      "Cookie: $JANE",
		code:        "u-1001",
	},
	// The same on the router of the whole site.
	"site": {
		middlewares: []string{"auth", "clinic"},
		honest:      "Cookie: $JANE",
		code:        "u-1001",
	},
	// The plugin stands on the rest of the site as well, there without an auth middleware: only
	// Traefik's matching and the plugin's keep a request from it.
	"beside": {
		rule:        inClinic,
		middlewares: []string{"auth", "clinic"},
		honest:      "Cookie: $JANE",
		code:        "u-1001",
		rest:        []string{"clinic"},
	},
	// The same with exactPassThrough, which matches paths by other code.
	"exact": {
		rule:        inClinic,
		middlewares: []string{"auth", "clinicExact"},
		honest:      "Cookie: $JANE",
		code:        "u-1001",
		rest:        []string{"clinicExact"},
	},
	// The list is a pattern.
	"pattern": {
		rule:        inClinic,
		middlewares: []string{"authPattern", "clinic"},
		honest:      "Cookie: $JANE",
		code:        "u-1001",
	},
	// A proxy that Traefik trusts passes on what clients say in X-Forwarded-*: Traefik removes it
	// from all others.
	"trusting": {
		rule:        inClinic,
		middlewares: []string{"auth", "forwarded", "clinic"},
		honest:      "Cookie: $JANE",
		code:        "u-1001",
	},
	// Only clinicians may enter.
	"grouped": {
		rule:        inClinic,
		middlewares: []string{"auth", "clinicians"},
		honest:      "Cookie: $JANE",
		code:        "u-1001",
	},
	// The auth layer stands in front of Traefik: the test plays it, and passes on what the client
	// adds.
	"front": {
		rule:        inClinic,
		middlewares: []string{"clinic"},
		honest:      "X-Auth-Request-User: u-1001",
		code:        "u-1001",
	},
	// identity.proof, where the auth middleware was forgotten or is passed by.
	"proven": {
		rule:        inClinic,
		middlewares: []string{"clinicProven"},
		honest:      "X-Auth-Request-User: u-1001\nX-Clinicpass-Proof: proof-of-the-auth-layer",
		code:        "u-1001",
	},
	// identity.jwt, likewise.
	"signed": {
		rule:        inClinic,
		middlewares: []string{"clinicSigned"},
		honest:      "X-Token: $TOKEN",
		code:        "u-1001",
	},
	// Traefik cuts the prefix first, against README.md.
	"stripped": {
		rule:        inClinic,
		middlewares: []string{"strip", "auth", "clinic"},
		honest:      "GET /clinic/clinic HTTP/1.1\nCookie: $JANE",
		code:        "u-1001",
	},
	// basicAuth; the password is "example".
	"basic": {
		rule:        inClinic,
		middlewares: []string{"basic", "clinicBasic"},
		honest:      "Authorization: Basic amRvZTpleGFtcGxl",
		code:        "jdoe",
	},
	// forwardAuth lists the proof but not the id: the mistake that cannot be seen from inside.
	"unlisted": {
		rule:        inClinic,
		middlewares: []string{"authUnlisted", "clinicProven"},
		honest:      "Cookie: $JANE\nX-Auth-Request-User: u-1001",
		code:        "u-1001",
	},
}

var (
	self    = []string{"signed_in"}        // as themselves
	unsaid  = []string{"no_identity"}      // by the auth layer
	refused = []string{"identity_refused"} // by the plugin
	kept    = []string{""}                 // from the plugin
)

var spoofs = []spoof{
	// The identity header itself, through forwardAuth.
	{
		desc:   "a stranger names somebody",
		chain:  "forward",
		attack: "X-Auth-Request-User: victim",
		want:   kept,
	},
	{
		desc:   "a provider names somebody",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim",
		want:   self,
	},
	{
		desc:  "every header",
		chain: "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim\nX-Auth-Request-Name: victim\n" +
			"X-Auth-Request-Email: victim@example.com",
		want: self,
	},
	{
		desc:  "the auth layer says 200 and no more",
		chain: "forward",
		attack: "Cookie: kind=silent\nX-Auth-Request-User: victim\n" +
			"X-Auth-Request-Email: victim@example.com",
		want: unsaid,
	},
	{
		desc:   "the auth layer says a blank",
		chain:  "forward",
		attack: "Cookie: kind=blank\nX-Auth-Request-User: victim",
		want:   unsaid,
	},
	{
		desc:   "the auth layer uses another name",
		chain:  "forward",
		attack: "Cookie: kind=renamed\nX-Auth-Request-User: victim",
		want:   unsaid,
	},
	{
		desc:   "the auth layer adds to what the client sent",
		chain:  "forward",
		attack: "Cookie: kind=doubled\nX-Auth-Request-User: victim",
		want:   refused,
	},
	{
		desc:   "two lines",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim\nX-Auth-Request-User: victim",
		want:   self,
	},
	{
		desc:   "a list in a line",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim, u-1001",
		want:   self,
	},
	// The documented check: replaced where the header is listed, refused where it is not.
	{
		desc:   "over-long",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim$LONG",
		want:   self,
	},
	{
		desc:   "over-long",
		chain:  "unlisted",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim$LONG",
		want:   refused,
	},
	{
		desc:   "small letters",
		chain:  "forward",
		attack: "Cookie: $JANE\nx-auth-request-user: victim",
		want:   self,
	},
	{
		desc:   "mixed letters",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-AUTH-request-USER: victim",
		want:   self,
	},
	{
		desc:   "a pattern for a list",
		chain:  "pattern",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim",
		want:   self,
	},
	{
		desc:   "a pattern, and 200 and no more",
		chain:  "pattern",
		attack: "Cookie: kind=silent\nX-Auth-Request-User: victim",
		want:   unsaid,
	},
	{
		desc:   "on the router of the whole site",
		chain:  "site",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim",
		want:   self,
	},
	{
		desc:  "in a trailer",
		chain: "forward",
		attack: "Cookie: $JANE\nTransfer-Encoding: chunked\nTrailer: X-Auth-Request-User\n\n" +
			"0\nX-Auth-Request-User: victim",
		want: self,
	},
	{
		desc:  "in a trailer, and 200 and no more",
		chain: "forward",
		attack: "Cookie: kind=silent\nTransfer-Encoding: chunked\n" +
			"Trailer: X-Auth-Request-User\n\n0\nX-Auth-Request-User: victim",
		want: unsaid,
	},
	{
		desc:   "on a folded line",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User:\n victim",
		want:   self,
	},
	{
		desc:   "with a blank before the colon",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User : victim",
		want:   kept,
	},
	{
		desc:   "HTTP/1.0",
		chain:  "forward",
		attack: "GET /clinic HTTP/1.0\nCookie: $JANE\nX-Auth-Request-User: victim",
		honest: "GET /clinic HTTP/1.0\nCookie: $JANE",
		want:   self,
	},
	{
		desc:   "in the address",
		chain:  "forward",
		attack: "GET http://victim@forward/clinic HTTP/1.1\nCookie: kind=silent",
		honest: "GET http://forward/clinic HTTP/1.1\nCookie: $JANE",
		want:   []string{"no_identity", ""},
	},
	{
		desc:   "a group of one's own",
		chain:  "grouped",
		attack: "Cookie: $ALEX\nX-Auth-Request-Groups: clinicians",
		want:   []string{"not_allowed"},
	},
	{
		desc:   "a group under an alias",
		chain:  "grouped",
		attack: "Cookie: $ALEX\nX_Auth_Request_Groups: clinicians",
		want:   refused,
	},

	// Aliases, which forwardAuth's list does not cover.
	{
		desc:   "underscores beside",
		chain:  "forward",
		attack: "Cookie: $JANE\nX_Auth_Request_User: victim",
		want:   refused,
	},
	{
		desc:   "underscores in small letters",
		chain:  "forward",
		attack: "Cookie: $JANE\nx_auth_request_user: victim",
		want:   refused,
	},
	{
		desc:   "one underscore",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Auth-Request_User: victim",
		want:   refused,
	},
	{
		desc:   "dots beside",
		chain:  "forward",
		attack: "Cookie: $JANE\nX.Auth.Request.User: victim",
		want:   refused,
	},
	{
		desc:   "underscores alone",
		chain:  "forward",
		attack: "Cookie: kind=silent\nX_Auth_Request_User: victim",
		want:   refused,
	},
	{
		desc:   "dots alone",
		chain:  "forward",
		attack: "Cookie: kind=silent\nX.Auth.Request.User: victim",
		want:   refused,
	},
	{
		desc:   "alias of the name",
		chain:  "forward",
		attack: "Cookie: $JANE\nX_Auth_Request_Name: victim",
		want:   refused,
	},
	{
		desc:   "alias of the e-mail",
		chain:  "forward",
		attack: "Cookie: $JANE\nX_Auth_Request_Email: victim@example.com",
		want:   refused,
	},
	{
		desc:   "underscores from a stranger",
		chain:  "forward",
		attack: "X_Auth_Request_User: victim",
		want:   kept,
	},

	// Headers for the proxy on the way.
	{
		desc:   "hop by hop",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim\nConnection: X-Auth-Request-User",
		want:   self,
	},
	{
		desc:  "hop by hop in small letters",
		chain: "forward",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim\n" +
			"Connection: close, x-auth-request-user",
		want: self,
	},
	{
		desc:   "hop by hop, and 200 and no more",
		chain:  "forward",
		attack: "Cookie: kind=silent\nX-Auth-Request-User: victim\nConnection: X-Auth-Request-User",
		want:   unsaid,
	},
	{
		desc:  "hop by hop in an upgrade",
		chain: "forward",
		attack: "Cookie: kind=silent\nX-Auth-Request-User: victim\n" +
			"Connection: Upgrade, X-Auth-Request-User\nUpgrade: websocket",
		want: []string{"not_a_navigation"},
	},
	// Before v3.1.3 Traefik removes such headers after the middlewares only, and the person stays
	// who they are.
	{
		desc:   "hop by hop takes the front's header away",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nConnection: X-Auth-Request-User",
		want:   []string{"no_identity", "signed_in"},
	},
	{
		desc:   "hop by hop takes it away in small letters",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nConnection: x-auth-request-user",
		want:   []string{"no_identity", "signed_in"},
	},
	{
		desc:   "a prefix from outside",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Forwarded-Prefix: //victim.example.com",
		want:   self,
	},
	{
		desc:  "a host from outside",
		chain: "forward",
		attack: "Cookie: $JANE\nX-Forwarded-Host: victim.example.com\n" +
			"Forwarded: host=victim.example.com;proto=http\n" +
			"X-Forwarded-Server: victim.example.com",
		want: self,
	},
	{
		desc:   "a scheme from outside",
		chain:  "forward",
		attack: "Cookie: $JANE\nX-Forwarded-Proto: javascript\nX-Forwarded-Port: 1",
		want:   self,
	},
	{
		desc:  "a path from outside",
		chain: "forward",
		attack: "Cookie: $JANE\nX-Forwarded-Uri: /clinic/victim\n" +
			"X-Original-Url: /clinic/victim\nX-Rewrite-Url: /clinic/victim",
		want: self,
	},
	{
		desc:  "the clinic's path from outside",
		chain: "site",
		attack: "GET /schedule HTTP/1.1\nCookie: $JANE\nX-Forwarded-Uri: /clinic\n" +
			"X-Forwarded-Prefix: /clinic\nX-Original-Url: /clinic",
		want: kept,
	},
	{
		desc:   "all of it, trusted by Traefik",
		chain:  "trusting",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim",
		want:   self,
	},
	{
		desc:   "all of it, trusted by Traefik, from a stranger",
		chain:  "trusting",
		attack: "X-Auth-Request-User: victim",
		want:   kept,
	},
	{
		desc:   "a path that needs no sign-in",
		chain:  "forward",
		attack: "X-Auth-Request-User: victim\nX-Forwarded-Uri: /public",
		want:   []string{"", "no_identity"},
	},
	{
		desc:  "a method that needs no sign-in",
		chain: "forward",
		attack: "X-Auth-Request-User: victim\nX-Forwarded-Method: OPTIONS\n" +
			"X-HTTP-Method-Override: OPTIONS",
		want: kept,
	},
	{
		desc:   "a client that needs no sign-in",
		chain:  "forward",
		attack: "X-Auth-Request-User: victim\nUser-Agent: kube-probe/1.30",
		want:   unsaid,
	},
	{
		desc:   "this machine's address",
		chain:  "forward",
		attack: "X-Auth-Request-User: victim\nX-Forwarded-For: 127.0.0.1\nX-Real-Ip: 127.0.0.1",
		want:   kept,
	},

	// Addresses; more of them in crookedPaths.
	{
		desc:   "a whole address",
		chain:  "forward",
		attack: "GET http://forward/clinic HTTP/1.1\nX-Auth-Request-User: victim",
		honest: "GET http://forward/clinic HTTP/1.1\nCookie: $JANE",
		want:   kept,
	},
	{
		desc:   "a query",
		chain:  "forward",
		attack: "GET /clinic?code=victim&id=victim HTTP/1.1\nCookie: $JANE",
		want:   self,
		next:   "/providers/dashboard%3Fcode%3Dvictim%26id%3Dvictim",
	},
	{
		desc:  "another method",
		chain: "forward",
		attack: "POST /clinic HTTP/1.1\nCookie: $JANE\n" +
			"Content-Type: application/x-www-form-urlencoded\nContent-Length: 11\n\ncode=victim",
		want: []string{"method_refused"},
	},

	// StripPrefix before us.
	{
		desc:   "the prefix is gone",
		chain:  "stripped",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim",
		want:   kept,
	},
	{
		desc:   "the prefix is gone and sent once more",
		chain:  "stripped",
		attack: "Cookie: $JANE\nX-Auth-Request-User: victim\nX-Forwarded-Prefix: /clinic",
		want:   kept,
	},
	{
		desc:  "the prefix twice",
		chain: "stripped",
		attack: "GET /clinic/clinic HTTP/1.1\nCookie: $JANE\nX-Auth-Request-User: victim\n" +
			"X-Forwarded-Prefix: //victim.example.com",
		want: self,
	},
	{
		desc:   "the prefix twice, from a stranger",
		chain:  "stripped",
		attack: "GET /clinic/clinic HTTP/1.1\nX-Auth-Request-User: victim",
		want:   kept,
	},
	{
		desc:   "dots after the prefix",
		chain:  "stripped",
		attack: "GET /clinic/x/../clinic HTTP/1.1\nX-Auth-Request-User: victim",
		want:   kept,
	},
	{
		desc:   "a path without its slash",
		chain:  "stripped",
		attack: "GET /clinic/.clinic HTTP/1.1\nCookie: $JANE\nX-Auth-Request-User: victim",
		want:   kept,
	},

	// What the plugin itself makes of headers, where nothing in Traefik replaces them.
	{
		desc:   "a second line",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-User: victim",
		want:   refused,
	},
	{
		desc:   "a first line",
		chain:  "front",
		attack: "X-Auth-Request-User: victim\nX-Auth-Request-User: u-1001",
		want:   refused,
	},
	{
		desc:   "a second line in small letters",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nx-auth-request-user: victim",
		want:   refused,
	},
	{
		desc:   "a second line after a blank one",
		chain:  "front",
		attack: "X-Auth-Request-User:\nX-Auth-Request-User: victim",
		want:   refused,
	},
	{
		desc:  "a second name",
		chain: "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-Name: Jane Doe\n" +
			"X-Auth-Request-Name: victim",
		want: refused,
	},
	{
		desc:  "a second e-mail",
		chain: "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-Email: jane.doe@example.com\n" +
			"X-Auth-Request-Email: victim@example.com",
		want: refused,
	},
	{
		desc:   "an alias beside the front's header",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nX_AUTH_REQUEST_USER: victim",
		want:   refused,
	},
	{
		desc:   "a dotted alias beside the front's header",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request.User: victim",
		want:   refused,
	},
	{
		desc:   "only the e-mail",
		chain:  "front",
		attack: "X-Auth-Request-Email: victim@example.com\nX-Auth-Request-Name: victim",
		want:   unsaid,
	},
	{
		desc:  "headers of another preset",
		chain: "front",
		attack: "Remote-User: victim\nX-Forwarded-User: victim\nX-WebAuth-User: victim\n" +
			"X-Authentik-Uid: victim\nAuthorization: Basic dmljdGltOng=",
		want: unsaid,
	},
	{desc: "blanks", chain: "front", attack: "X-Auth-Request-User:  \t ", want: unsaid},
	{desc: "over-long", chain: "front", attack: "X-Auth-Request-User: victim$LONG", want: refused},
	{
		desc:   "an over-long name, which is left out",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-Name: victim$LONG",
		want:   self,
	},
	{
		desc:   "larger than Traefik takes",
		chain:  "front",
		attack: "X-Auth-Request-User: victim" + strings.Repeat("x", 1<<20+1<<14),
		want:   kept,
	},
	{desc: "a null byte", chain: "front", attack: "X-Auth-Request-User: victim\x00", want: kept},
	{desc: "a control byte", chain: "front", attack: "X-Auth-Request-User: victim\x01", want: kept},
	{
		desc:   "a bare carriage return",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\rX-Auth-Request-User: victim",
		want:   kept,
	},
	{desc: "a tab", chain: "front", attack: "X-Auth-Request-User: victim\tu-1001", want: refused},
	{
		desc:   "a control character in UTF-8",
		chain:  "front",
		attack: "X-Auth-Request-User: victim\u0085u-1001",
		want:   refused,
	},
	{
		desc:   "a control character in Latin-1",
		chain:  "front",
		attack: "X-Auth-Request-User: victim\x85u-1001",
		want:   refused,
	},
	{
		desc:   "a line break in RFC 2047",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-Name: =?utf-8?q?Ann=0AX-User:_a?=",
		want:   self,
	},
	{
		desc:   "a folded line of another header",
		chain:  "front",
		attack: "X-Auth-Request-User: u-1001\nX-Note: a\n X-Auth-Request-User: victim",
		want:   self,
	},
	{
		desc:   "a fold at the very start",
		chain:  "front",
		attack: "GET /clinic HTTP/1.1\n X-Auth-Request-User: victim",
		want:   kept,
	},
	{
		desc:   "a blank before the colon, alone",
		chain:  "front",
		attack: "X-Auth-Request-User : victim",
		want:   kept,
	},
	{
		desc:  "a trailer without a header",
		chain: "front",
		attack: "Transfer-Encoding: chunked\nTrailer: X-Auth-Request-User\n\n0\n" +
			"X-Auth-Request-User: victim",
		want: unsaid,
	},
	{
		desc:  "a trailer beside the header",
		chain: "front",
		attack: "X-Auth-Request-User: u-1001\nTransfer-Encoding: chunked\n" +
			"Trailer: X-Auth-Request-User\n\n0\nX-Auth-Request-User: victim",
		want: self,
	},
	{
		desc:  "a text that is no e-mail",
		chain: "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-Name: Jane Doe\n" +
			"X-Auth-Request-Email: victim@localhost",
		want: self,
	},
	{
		desc:  "an e-mail without a name",
		chain: "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-Name: Jane Doe\n" +
			"X-Auth-Request-Email: @victim.example.com",
		want: self,
	},

	// Where the auth layer lets people choose the value: what it says is another text than
	// "victim".
	{
		desc:   "an id in RFC 2047, quoted",
		chain:  "front",
		attack: "X-Auth-Request-User: =?utf-8?q?victim?=",
		want:   refused,
	},
	{
		desc:   "an id in RFC 2047, base64",
		chain:  "front",
		attack: "X-Auth-Request-User: =?utf-8?b?dmljdGlt?=",
		want:   refused,
	},
	{
		desc:   "an id and a no-break space",
		chain:  "front",
		attack: "X-Auth-Request-User: victim\u00a0",
		want:   refused,
	},
	{
		desc:  "an e-mail in angle brackets",
		chain: "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-Name: Jane Doe\n" +
			"X-Auth-Request-Email: <victim@example.com>",
		want: []string{"signed_in", "identity_refused"},
	},
	{
		desc:  "an e-mail and a comma",
		chain: "front",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-Name: Jane Doe\n" +
			"X-Auth-Request-Email: victim@example.com,",
		want: []string{"signed_in", "identity_refused"},
	},

	// A proof, and a signed token, past the auth layer.
	{desc: "no proof", chain: "proven", attack: "X-Auth-Request-User: victim", want: refused},
	{
		desc:   "a guess",
		chain:  "proven",
		attack: "X-Auth-Request-User: victim\nX-Clinicpass-Proof: proof-of-the-auth-layes",
		want:   refused,
	},
	{
		desc:   "a blank proof",
		chain:  "proven",
		attack: "X-Auth-Request-User: victim\nX-Clinicpass-Proof:",
		want:   refused,
	},
	{
		desc:  "two proofs",
		chain: "proven",
		attack: "X-Auth-Request-User: victim\nX-Clinicpass-Proof: guess\n" +
			"X-Clinicpass-Proof: proof-of-the-auth-layer",
		want: refused,
	},
	{
		desc:   "the proof under an alias",
		chain:  "proven",
		attack: "X-Auth-Request-User: victim\nX_Clinicpass_Proof: proof-of-the-auth-layer",
		want:   refused,
	},
	{
		desc:  "the proof in a trailer",
		chain: "proven",
		attack: "X-Auth-Request-User: victim\nTransfer-Encoding: chunked\n" +
			"Trailer: X-Clinicpass-Proof\n\n0\nX-Clinicpass-Proof: proof-of-the-auth-layer",
		want: refused,
	},
	{
		desc:  "the proof and a second name",
		chain: "proven",
		attack: "X-Auth-Request-User: u-1001\nX-Auth-Request-User: victim\n" +
			"X-Clinicpass-Proof: proof-of-the-auth-layer",
		want: refused,
	},
	{
		desc:  "hop by hop takes the proof away",
		chain: "proven",
		attack: "X-Auth-Request-User: u-1001\nX-Clinicpass-Proof: proof-of-the-auth-layer\n" +
			"Connection: X-Clinicpass-Proof",
		want: []string{"identity_refused", "signed_in"},
	},
	{
		desc:   "plain headers",
		chain:  "signed",
		attack: "X-Auth-Request-User: victim\nX-Auth-Request-Email: victim@example.com",
		want:   unsaid,
	},
	{
		desc:   "plain headers beside a token",
		chain:  "signed",
		attack: "X-Token: $TOKEN\nX-Auth-Request-User: victim\nX-Auth-Request-Name: victim",
		want:   self,
	},
	{desc: "a token by another key", chain: "signed", attack: "X-Token: $FORGED", want: refused},
	{
		desc:   "a token for another audience",
		chain:  "signed",
		attack: "X-Token: $ELSEWHERE",
		want:   refused,
	},
	{
		desc:   "two tokens",
		chain:  "signed",
		attack: "X-Token: $TOKEN\nX-Token: $FORGED",
		want:   refused,
	},
	{
		desc:   "a token under an alias",
		chain:  "signed",
		attack: "X-Token: $TOKEN\nX_Token: $FORGED",
		want:   refused,
	},
	{
		desc:   "a token in Authorization",
		chain:  "signed",
		attack: "Authorization: Bearer $TOKEN",
		want:   unsaid,
	},

	// basicAuth, which writes its header in the configured case.
	{
		desc:   "a stranger, as configured",
		chain:  "basic",
		attack: "X-WebAuth-User: victim",
		want:   kept,
	},
	{
		desc:   "a wrong password",
		chain:  "basic",
		attack: "Authorization: Basic dmljdGltOng=\nX-WebAuth-User: victim",
		want:   kept,
	},
	{
		desc:   "as configured",
		chain:  "basic",
		attack: "Authorization: Basic amRvZTpleGFtcGxl\nX-WebAuth-User: victim",
		want:   []string{"signed_in", "identity_refused"},
	},
	{
		desc:   "in Go's case",
		chain:  "basic",
		attack: "Authorization: Basic amRvZTpleGFtcGxl\nX-Webauth-User: victim",
		want:   []string{"signed_in", "identity_refused"},
	},
	{
		desc:   "in small letters",
		chain:  "basic",
		attack: "Authorization: Basic amRvZTpleGFtcGxl\nx-webauth-user: victim",
		want:   []string{"signed_in", "identity_refused"},
	},
	{
		desc:  "two lines beside basicAuth",
		chain: "basic",
		attack: "Authorization: Basic amRvZTpleGFtcGxl\nX-WebAuth-User: victim\n" +
			"X-Webauth-User: victim",
		want: []string{"signed_in", "identity_refused"},
	},
	{
		desc:   "an alias beside basicAuth",
		chain:  "basic",
		attack: "Authorization: Basic amRvZTpleGFtcGxl\nX_WebAuth_User: victim",
		want:   refused,
	},
	{
		desc:  "hop by hop beside basicAuth",
		chain: "basic",
		attack: "Authorization: Basic amRvZTpleGFtcGxl\nX-WebAuth-User: victim\n" +
			"Connection: X-WebAuth-User",
		want: []string{"signed_in", "identity_refused"},
	},
	{
		desc:   "two Authorization lines",
		chain:  "basic",
		attack: "Authorization: Basic amRvZTpleGFtcGxl\nAuthorization: Basic dmljdGltOng=",
		want:   self,
	},
}

// crookedPaths might miss the router with forwardAuth and yet be the clinic's to the plugin. Each
// row tries one as a stranger with an identity of their own making.
func crookedPaths() []spoof {
	rows := []spoof{}
	for _, chain := range []string{"forward", "site", "beside", "exact"} {
		for _, path := range []string{
			"/clinic/../clinic", "/x/../clinic", "/clinic/%2e%2e/clinic", "/clinic/..;/clinic",
			"/./clinic", "/%2e/clinic", "//clinic", "/x/..//clinic",
			"/clinic;x", "/;/clinic", "/x;/../clinic",
			"/%63linic", "/%63linic/visits", "/%2563linic",
			"/clinic%2F", "/clinic%2Fvisits", "/%2Fclinic",
			"/clinic\\", "/clinic%5C", "/CLINIC", "/clinic%00", "/clinic%20",
			"/clinic%3Fx", "/clinic%23x", "/clinic#/public", "/clinic/public?/public",
			"http://" + chain + "/%63linic", "http://" + chain + "//clinic",
			"http://elsewhere/clinic",
		} {
			rows = append(rows, spoof{
				desc:   path,
				chain:  chain,
				attack: "GET " + path + " HTTP/1.1\nX-Auth-Request-User: victim",
				want:   kept,
			})
		}
	}
	return rows
}

const unlistedRow = "the id is the client's, even beside a proof"

// TestSpoofing: in real Traefik, no request makes its sender somebody else, and the same request
// without the trick signs in.
func TestSpoofing(t *testing.T) {
	traefikOnly(t, func(t *testing.T, start traefikStarter) {
		b := newBench(t)
		hospital := httptest.NewServer(gullible(portal.New()))
		t.Cleanup(hospital.Close)
		layer := newSigner(t) // of the auth layer
		token := func(by *signer, sub, aud string) string {
			claims := map[string]any{"iss": "https://auth.example.com", "aud": aud, "sub": sub}
			return by.sign(t, &signedToken{Claims: claims}, strings.Clone)
		}
		running := start(t, spoofConfig(b, hospital.URL, layer))
		fill := strings.NewReplacer(
			"$TOKEN", token(layer, "u-1001", "portal"),
			"$FORGED", token(newSigner(t), "victim", "portal"),
			"$ELSEWHERE", token(layer, "victim", "elsewhere"),
			"$JANE", signInAtPortal(t, hospital.URL, "u-1001"),
			"$ALEX", signInAtPortal(t, hospital.URL, "u-1004"),
			"$LONG", strings.Repeat("x", 1024),
		).Replace
		for _, row := range append(crookedPaths(), spoofs...) {
			t.Run(row.chain+": "+row.desc, func(t *testing.T) { row.check(t, b, running, fill) })
		}
		// What the plugin cannot see, and the proof that the rows above would notice a spoof that
		// works.
		t.Run("unlisted: "+unlistedRow, func(t *testing.T) {
			b.clinic.Reset()
			running.sendRaw(t, "unlisted", fill("Cookie: $JANE\nX-Auth-Request-User: victim"))
			calls := b.clinic.Requests()
			require.Len(t, calls, 1)
			assert.Equal(t, "victim", calls[0].Fields["code"],
				"if this can be told apart now, say so in docs/threat-model.md")
		})
		assert.NotContains(t, strings.ToLower(running.log()), "panic")
	})
}

func (row spoof) check(t *testing.T, b *bench, running *running, fill func(string) string) {
	t.Helper()
	chain := spoofChains[row.chain]
	b.clinic.Reset()
	got := running.sendRaw(t, row.chain, fill(row.attack))
	outcome := got.header.Get("Clinicpass-Outcome")
	assert.Contains(t, row.want, outcome, "the attack's outcome: %d", got.status)
	calls := b.clinic.Requests()
	for _, call := range calls {
		assert.Equal(t, chain.code, call.Fields["code"], "the attack")
		for name, value := range call.Fields {
			assert.NotContains(t, strings.ToLower(value), "victim", "the attack's %s", name)
		}
	}
	location := hideToken(got.header.Get("Location"), b.clinic.Tokens())
	if outcome == "signed_in" {
		next := row.next
		if next == "" {
			next = "/providers/dashboard"
		}
		assert.Len(t, calls, 1, "the attack")
		want := b.clinic.Portal() + "auth?sso_token=$TOKEN&next=" + next
		assert.Equal(t, want, location, "the attack")
	} else {
		assert.Empty(t, calls, "the attack")
		assert.NotRegexp(t, "^"+regexp.QuoteMeta(b.clinic.Portal()), location, "the attack")
	}

	b.clinic.Reset()
	honest := row.honest
	if honest == "" {
		honest = chain.honest
	}
	got = running.sendRaw(t, row.chain, fill(honest))
	outcome = got.header.Get("Clinicpass-Outcome")
	assert.Equal(t, http.StatusFound, got.status, "the honest twin: %q", outcome)
	calls = b.clinic.Requests()
	require.Len(t, calls, 1, "the honest twin")
	assert.Equal(t, chain.code, calls[0].Fields["code"], "the honest twin")
}

// gullible is an auth layer as lax as some are: it lets health checks and public paths pass without
// saying who it is, and for the cookie "kind" answers in ways that leave the identity open. All
// else is the portal's.
func gullible(hospital http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, kind := portal.IdentityHeaders[0], ""
		if cookie, err := r.Cookie("kind"); err == nil {
			kind = cookie.Value
		}
		switch {
		case r.URL.Path != portal.ForwardAuthPath:
			hospital.ServeHTTP(w, r)
		case kind == "silent",
			strings.HasPrefix(r.UserAgent(), "kube-probe/"),
			strings.HasPrefix(r.Header.Get("X-Forwarded-Uri"), "/public"),
			r.Header.Get("X-Forwarded-Method") == http.MethodOptions:
		case kind == "blank":
			w.Header().Set(user, " ")
		case kind == "renamed":
			w.Header().Set("X-Auth-Request-Login", "u-1001")
		case kind == "doubled":
			w.Header()[user] = append([]string{"u-1001"}, r.Header[user]...)
		default:
			w.Header().Set("X-Clinicpass-Proof", "proof-of-the-auth-layer")
			hospital.ServeHTTP(w, r)
		}
	})
}

// spoofConfig has a router for every chain.
func spoofConfig(b *bench, hospital string, signer *signer) map[string]any {
	config := overlay(b.baseConfig(), map[string]any{"limits": map[string]any{"signIns": 0}})
	plugin := func(more map[string]any) map[string]any {
		return map[string]any{"plugin": map[string]any{"clinicpass": overlay(config, more)}}
	}
	forwardAuth := func(key string, list any) map[string]any {
		return map[string]any{"forwardAuth": map[string]any{
			"address": hospital + portal.ForwardAuthPath, key: list,
		}}
	}
	identity := func(section map[string]any) map[string]any {
		return plugin(map[string]any{"identity": section})
	}
	unlisted := append([]string{"X-Clinicpass-Proof"}, portal.IdentityHeaders[1:]...)
	routers := map[string]any{probe: map[string]any{"rule": "Host(`probe`)", "service": "site"}}
	for name, chain := range spoofChains {
		routers[name] = map[string]any{
			"rule":        "Host(`" + name + "`)" + chain.rule,
			"service":     "site",
			"middlewares": chain.middlewares,
			"priority":    2,
		}
		routers[name+"-rest"] = map[string]any{
			"rule":        "Host(`" + name + "`)",
			"service":     "site",
			"middlewares": chain.rest,
			"priority":    1,
		}
	}
	return map[string]any{
		"routers": routers,
		"middlewares": map[string]any{
			"auth":         forwardAuth("authResponseHeaders", portal.IdentityHeaders),
			"authPattern":  forwardAuth("authResponseHeadersRegex", "^X-Auth-Request-"),
			"authUnlisted": forwardAuth("authResponseHeaders", unlisted),
			"forwarded": map[string]any{"headers": map[string]any{
				"customRequestHeaders": map[string]any{
					"X-Forwarded-Prefix": "//victim.example.com",
					"X-Forwarded-Host":   "victim.example.com",
					"X-Forwarded-Proto":  "http",
					"X-Forwarded-Port":   "1",
					"X-Forwarded-Uri":    "/clinic/victim",
					"X-Forwarded-Server": "victim.example.com",
				},
			}},
			"strip": map[string]any{"stripPrefix": map[string]any{"prefixes": []string{"/clinic"}}},
			"basic": map[string]any{"basicAuth": map[string]any{
				"users": []string{exampleUser}, "headerField": "X-WebAuth-User",
			}},
			"clinic":     plugin(nil),
			"clinicians": plugin(allow("clinicians")),
			"clinicProven": identity(map[string]any{"proof": map[string]any{
				"header": "X-Clinicpass-Proof", "secret": "proof-of-the-auth-layer",
			}}),
			"clinicSigned": identity(map[string]any{
				"headers": nil,
				"preset":  nil,
				"jwt": map[string]any{
					"header":   "X-Token",
					"issuer":   "https://auth.example.com",
					"audience": "portal",
					"jwksURL":  signer.url(&signedToken{}),
				},
			}),
			"clinicExact": plugin(map[string]any{"exactPassThrough": true}),
			"clinicBasic": identity(map[string]any{"preset": "basic-auth", "headers": nil}),
		},
		"services": siteService(b.site.URL),
	}
}

// sendRaw sends a request as it is written, with a Host line added, and reads the answer.
func (e *running) sendRaw(t *testing.T, host, lines string) answer {
	t.Helper()
	if first, _, _ := strings.Cut(lines, "\n"); !strings.Contains(first, " HTTP/1.") {
		lines = "GET /clinic HTTP/1.1\n" + lines
	}
	// Host comes last of the headers, so that a row can begin with any line.
	head, body, _ := strings.Cut(lines, "\n\n")
	raw := strings.ReplaceAll(head+"\nHost: "+host+"\n\n"+body, "\n", "\r\n")
	if body != "" {
		raw += "\r\n\r\n"
	}
	connection, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	require.NoError(t, connection.SetDeadline(time.Now().Add(30*time.Second)))
	// Traefik may answer and stop reading before the end, so only the answer counts.
	_, _ = io.WriteString(connection, raw)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{status: response.StatusCode, header: response.Header, body: string(content)}
}
