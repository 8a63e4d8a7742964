// Package config holds the middleware's configuration: every key with its meaning and default, and
// the checks that several sections share. The packages that use a section parse it.
package config

// Config is the middleware's configuration as Traefik decodes it: keys match field names in any
// case, unknown keys are dropped, durations are texts. docs/configuration.md is made of the
// comments on the fields: what each key means and, where CreateConfig has no default, what its
// absence comes to. A section's comment goes before those of its keys.
type Config struct {
	// `/clinic` and everything below `/clinic/`, never `/clinicx`; `/` takes every path.
	PathPrefix string   `json:"pathPrefix,omitempty"`
	Portal     Portal   `json:"portal,omitempty"`
	API        API      `json:"api,omitempty"`
	Identity   Identity `json:"identity,omitempty"`
	Provider   Provider `json:"provider,omitempty"`
	Room       Room     `json:"room,omitempty"`
	Limits     Limits   `json:"limits,omitempty"`
	Audit      Audit    `json:"audit,omitempty"`
	Pages      Pages    `json:"pages,omitempty"`
	// Set it where an entry point has `sanitizePath: false`, or `stripPrefix` stands before the
	// plugin on the portal's router, so that paths such as `//a` and the empty one pass unchanged.
	ExactPassThrough bool `json:"exactPassThrough,omitempty"`
}

// Portal describes the clinic's portal, where the browser is sent.
type Portal struct {
	// The portal's address; https, or http on this machine. Default: required.
	URL string `json:"url,omitempty"`
	// The page for the bare prefix and for a path that is refused.
	DefaultNext string `json:"defaultNext,omitempty"`
	// Path prefixes, by whole segments, that may be asked for. Default: any safe path.
	AllowedNext []string `json:"allowedNext,omitempty"`
	// The request's query travels inside `next`.
	KeepQuery bool `json:"keepQuery"`
	// Further query parameters for the auth address, such as `disable_navigation: "1"`. Default: none.
	AuthParams map[string]string `json:"authParams,omitempty"`
	// A page of the same site may open the clinic in an iframe.
	AllowFrame bool `json:"allowFrame,omitempty"`
}

// API describes the clinic's API. Its secrets are a literal, file:PATH or env:NAME.
type API struct {
	// The API's address; https, or http on this machine. Default: required.
	URL string `json:"url,omitempty"`
	// Sent as `X-AccountCode`. Default: required.
	AccountCode string `json:"accountCode,omitempty"`
	// Sent as `X-ApiKey`; a secret. Default: required.
	Key string `json:"key,omitempty"`
	// Sent as `X-ApiSecret`; a secret. Default: none.
	Secret string `json:"secret,omitempty"`
	// The clinic admin's token, sent as `X-ApiToken` for waiting rooms only; a secret. Default:
	// with rooms required.
	Token string `json:"token,omitempty"`
	// How request bodies are sent: `multipart`, `json` or `form`.
	Encoding string `json:"encoding,omitempty"`
	// How long one whole sign-in may take with its retries, at most `1m`.
	Timeout string `json:"timeout,omitempty"`
}

// Identity says in which headers the auth layer puts the provider's identity.
type Identity struct {
	// Your auth layer, see [Presets](#presets). Default: `custom`.
	Preset string `json:"preset,omitempty"`
	// The header with Default: the preset's.
	Headers Headers `json:"headers,omitempty"`
	// The order of words in `name`: `first-last` or `last-first`; "Doe, Jane" is understood in both.
	NameOrder string `json:"nameOrder,omitempty"`
	// What stands between groups in one header line. Default: the preset's.
	GroupsSeparator string `json:"groupsSeparator,omitempty"`
	// How header values are written: `auto` (raw UTF-8, names also in RFC 2047 or Latin-1), `percent`,
	// or `latin1`.
	Encoding string `json:"encoding,omitempty"`
	// The provider must be in one of these groups. In a text, which Traefik cuts at commas, `%2C` is a
	// comma in a group's name. Default: everybody.
	AllowedGroups []string `json:"allowedGroups,omitempty"`
	// `network` confirms that only your auth middleware can set plain identity headers. Clinicpass then
	// starts without the warning that nothing proves them. Default: none.
	Trust string `json:"trust,omitempty"`
	Proof Proof  `json:"proof,omitempty"`
	JWT   JWT    `json:"jwt,omitempty"`
}

// Proof names a header by which the auth layer proves that it set the others.
type Proof struct {
	// The header by which the auth layer proves that it set the others. Default: none.
	Header string `json:"header,omitempty"`
	// What must be in it; a secret. Default: none.
	Secret string `json:"secret,omitempty"`
}

// JWT describes a signed token that holds the identity. JWKS is file:PATH.
type JWT struct {
	// The header with the signed token; `Bearer ` before it is fine. Default: the preset's.
	Header string `json:"header,omitempty"`
	// The address of the keys that sign it; https, or http on this machine. Default: the preset's.
	JWKSURL string `json:"jwksURL,omitempty"`
	// Instead of an address, `file:PATH` with the keys (a JSON Web Key Set). Default: none.
	JWKS string `json:"jwks,omitempty"`
	// The token's `iss`. Default: with a token required.
	Issuer string `json:"issuer,omitempty"`
	// One of the token's `aud`. Default: with a token required.
	Audience string `json:"audience,omitempty"`
	// The claim, or path of claims, with Default: OpenID Connect's.
	Claims Headers `json:"claims,omitempty"`
}

// Headers names a header, or a claim, for each part of an identity. "" leaves the preset's.
type Headers struct {
	// The provider's lasting id.
	ID string `json:"id,omitempty"`
	// The e-mail address.
	Email string `json:"email,omitempty"`
	// The whole name.
	Name string `json:"name,omitempty"`
	// The first name, which with the last name beats `name`.
	FirstName string `json:"firstName,omitempty"`
	// The last name.
	LastName string `json:"lastName,omitempty"`
	// The groups, for `identity.allowedGroups`.
	Groups string `json:"groups,omitempty"`
}

// Provider says how an identity becomes a user of VSee.
type Provider struct {
	// The provider's lasting code at VSee: `{id}` or `{email}`, with any fixed text around it. Over
	// 128 bytes `h-` and its SHA-256 are sent.
	Code string `json:"code,omitempty"`
	// VSee sends this user no e-mail.
	DisableEmails bool `json:"disableEmails,omitempty"`
	// `provider` (VSee's type 400), or `patient` (200), who needs a `portal.defaultNext`: see
	// [Patients](patients.md).
	Type string `json:"type,omitempty"`
}

// Room says whether and how each provider gets a waiting room of their own.
type Room struct {
	// Every provider gets a waiting room.
	Enabled bool `json:"enabled,omitempty"`
	// The clinic's domain at VSee. Default: the host of `portal.url`.
	Domain string `json:"domain,omitempty"`
	// The end of the room's address; must hold `{hash}`, 16 hexadecimal digits of the code's SHA-256.
	Slug string `json:"slug,omitempty"`
	// Shown to patients, from `{id} {email} {name} {firstName} {lastName} {hash}`.
	Name   string `json:"name,omitempty"`
	Assign Assign `json:"assign,omitempty"`
}

// Assign is the body of POST users/:id/rooms, which VSee does not document.
type Assign struct {
	// The field by which a room is assigned.
	Field string `json:"field,omitempty"`
	// What that field holds: the room's `id` or `code`.
	Value string `json:"value,omitempty"`
}

// Limits bounds the sign-ins per provider and minute; 0 switches the limit off.
type Limits struct {
	// Sign-ins per provider and minute that may succeed, so that a redirect loop ends; `0` for no limit.
	SignIns int `json:"signIns"`
}

// Audit names the file that gets a line for every answer: a path, stdout, stderr, or "" for none.
type Audit struct {
	// Where a JSON line for every answer goes: a path, `stdout` or `stderr`. Default: none.
	File string `json:"file,omitempty"`
}

// Pages fits the failure pages to the hospital.
type Pages struct {
	// Support contact shown on [failure pages](pages.md): a text, or a `mailto:`, `tel:` or `https:`
	// link. `Service desk <https://it.example.com>` shows a link with a label. Default: none.
	Contact string `json:"contact,omitempty"`
	// The portal's page that failure pages link back to: a path such as `/portal`, or an address;
	// https, or http on this machine.
	Home string `json:"home,omitempty"`
	// `file:PATH` of your own texts for the failure pages, see [Your own texts](pages.md#your-own-texts).
	// Default: none.
	Texts string `json:"texts,omitempty"`
}

// Default returns the defaults. Lists have none here: Traefik's decoder lays a shorter list over a
// longer default and keeps the tail.
func Default() *Config {
	return &Config{
		PathPrefix: "/clinic",
		Portal:     Portal{DefaultNext: "/providers/dashboard", KeepQuery: true},
		API:        API{Encoding: "multipart", Timeout: "10s"},
		Identity:   Identity{NameOrder: "first-last", Encoding: "auto"},
		Provider:   Provider{Code: "{id}", Type: "provider"},
		Room: Room{
			Slug: "provider-{hash}", Name: "{firstName} {lastName}",
			Assign: Assign{Field: "room_id", Value: "id"},
		},
		Limits: Limits{SignIns: 10},
		Pages:  Pages{Home: "/"},
	}
}
