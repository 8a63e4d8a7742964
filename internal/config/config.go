// Package config holds the middleware's configuration: every key with its meaning and default, and
// the checks that several sections share. Each section is parsed by the package that uses it.
package config

// Config is the middleware's configuration as Traefik decodes it. Traefik matches keys with field
// names in any case and leaves durations as texts. It puts the keys that a section does not have
// into the section's field Unknown. docs/configuration.md is generated from the comments on the
// fields: the meaning of each key, and its default if CreateConfig sets none. A section's comment
// goes before those of its keys.
type Config struct {
	// Clinicpass answers this path and every path below it: `/clinic` and `/clinic/...`, not
	// `/clinicx`. With `/` it answers every path.
	PathPrefix string   `json:"pathPrefix,omitempty"`
	Portal     Portal   `json:"portal,omitempty"`
	API        API      `json:"api,omitempty"`
	Identity   Identity `json:"identity,omitempty"`
	Provider   Provider `json:"provider,omitempty"`
	Room       Room     `json:"room,omitempty"`
	Limits     Limits   `json:"limits,omitempty"`
	Audit      Audit    `json:"audit,omitempty"`
	Pages      Pages    `json:"pages,omitempty"`
	// Passes paths such as `//a` and the empty path unchanged. Set it if an entry point has
	// `sanitizePath: false`, or if `stripPrefix` runs before Clinicpass on the portal's router.
	ExactPassThrough bool                   `json:"exactPassThrough,omitempty"`
	Unknown          map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Portal describes the clinic's portal, where the browser is sent.
type Portal struct {
	// Address of the clinic's portal: https, or http on this machine. Default: required.
	URL string `json:"url,omitempty"`
	// Page that opens for the bare prefix, and for a path that is refused.
	DefaultNext string `json:"defaultNext,omitempty"`
	// Path prefixes of the pages that links may open, matched by whole segments. Default: any safe
	// path.
	AllowedNext []string `json:"allowedNext,omitempty"`
	// Keeps the request's query inside `next`.
	KeepQuery bool `json:"keepQuery"`
	// More query parameters for the auth address, such as `disable_navigation: "1"`. Default: none.
	AuthParams map[string]string `json:"authParams,omitempty"`
	// Allows a page of the same site to open the clinic in an iframe.
	AllowFrame bool                   `json:"allowFrame,omitempty"`
	Unknown    map[string]interface{} `json:"-" mapstructure:",remain"`
}

// API describes the clinic's API. Its secrets are a literal, file:PATH or env:NAME.
type API struct {
	// Address of VSee's API: https, or http on this machine. Default: required.
	URL string `json:"url,omitempty"`
	// Sent as `X-AccountCode`. Default: required.
	AccountCode string `json:"accountCode,omitempty"`
	// Sent as `X-ApiKey`; a secret. Default: required.
	Key string `json:"key,omitempty"`
	// Sent as `X-ApiSecret`; a secret. Default: none.
	Secret string `json:"secret,omitempty"`
	// The clinic admin's token, sent as `X-ApiToken` only for waiting rooms; a secret. Default:
	// required with rooms.
	Token string `json:"token,omitempty"`
	// Encoding of request bodies: `multipart`, `json` or `form`.
	Encoding string `json:"encoding,omitempty"`
	// Time limit for one sign-in with all its calls and retries, at most `1m`.
	Timeout string                 `json:"timeout,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Identity says in which headers the auth layer puts the provider's identity.
type Identity struct {
	// Your auth layer, see [Presets](#presets). Default: `custom`.
	Preset string `json:"preset,omitempty"`
	// Header with Default: the preset's.
	Headers Headers `json:"headers,omitempty"`
	// Order of the words in `name`: `first-last` or `last-first`. Both accept "Doe, Jane".
	NameOrder string `json:"nameOrder,omitempty"`
	// Separator between the groups in one header line. Default: the preset's.
	GroupsSeparator string `json:"groupsSeparator,omitempty"`
	// Encoding of header values: `auto` (raw UTF-8, names also in RFC 2047 or Latin-1), `percent`, or
	// `latin1`.
	Encoding string `json:"encoding,omitempty"`
	// The provider must be in one of these groups. Traefik splits a text at commas: write `%2C` for a
	// comma in a group's name. Default: everybody.
	AllowedGroups []string `json:"allowedGroups,omitempty"`
	// `network` confirms that only your auth middleware can set plain identity headers. Clinicpass
	// then starts without the warning that nothing proves them. Default: none.
	Trust   string                 `json:"trust,omitempty"`
	Proof   Proof                  `json:"proof,omitempty"`
	JWT     JWT                    `json:"jwt,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Proof names a header by which the auth layer proves that it set the others.
type Proof struct {
	// Header with a secret, which proves that the auth layer answered for this request. Default: none.
	Header string `json:"header,omitempty"`
	// The value that this header must have; a secret. Default: none.
	Secret  string                 `json:"secret,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// JWT describes a signed token that holds the identity. JWKS is file:PATH.
type JWT struct {
	// Header with the signed token. The value may begin with `Bearer `. Default: the preset's.
	Header string `json:"header,omitempty"`
	// Address of the keys that sign the token: https, or http on this machine. Default: the preset's.
	JWKSURL string `json:"jwksURL,omitempty"`
	// `file:PATH` with the keys (a JSON Web Key Set), instead of an address. Default: none.
	JWKS string `json:"jwks,omitempty"`
	// Value of the token's `iss`. Default: required with a token.
	Issuer string `json:"issuer,omitempty"`
	// One value of the token's `aud`. Default: required with a token.
	Audience string `json:"audience,omitempty"`
	// Claim, or path of claims, with Default: OpenID Connect's.
	Claims  Headers                `json:"claims,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Headers names a header, or a claim, for each part of an identity. "" leaves the preset's.
type Headers struct {
	// The provider's stable user ID.
	ID string `json:"id,omitempty"`
	// The email address.
	Email string `json:"email,omitempty"`
	// The full name.
	Name string `json:"name,omitempty"`
	// The first name. First and last name take precedence over `name`.
	FirstName string `json:"firstName,omitempty"`
	// The last name.
	LastName string `json:"lastName,omitempty"`
	// The groups, for `identity.allowedGroups`.
	Groups  string                 `json:"groups,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Provider says how an identity becomes a user of VSee.
type Provider struct {
	// The provider's code at VSee: `{id}` or `{email}`, with any fixed text around it. Instead of a
	// code over 128 bytes, Clinicpass sends `h-` and its SHA-256.
	Code string `json:"code,omitempty"`
	// Turns off VSee's emails to this user.
	DisableEmails bool `json:"disableEmails,omitempty"`
	// `provider` (VSee's type 400) or `patient` (200). Patients need `portal.defaultNext`, see
	// [Patients](patients.md).
	Type    string                 `json:"type,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Room says whether and how each provider gets a waiting room of their own.
type Room struct {
	// Gives every provider a waiting room.
	Enabled bool `json:"enabled,omitempty"`
	// Domain of the clinic at VSee. Default: the host of `portal.url`.
	Domain string `json:"domain,omitempty"`
	// End of the room's address. It must contain `{hash}`, 16 hexadecimal digits of the code's
	// SHA-256.
	Slug string `json:"slug,omitempty"`
	// Room name that patients see, made from `{id} {email} {name} {firstName} {lastName} {hash}`.
	Name    string                 `json:"name,omitempty"`
	Assign  Assign                 `json:"assign,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Assign is the body of POST users/:id/rooms, which VSee does not document.
type Assign struct {
	// Field of the request that assigns a room.
	Field string `json:"field,omitempty"`
	// Value of that field: the room's `id` or `code`.
	Value   string                 `json:"value,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Limits bounds the sign-ins per provider and minute; 0 switches the limit off.
type Limits struct {
	// Successful sign-ins per provider and minute, which ends redirect loops. `0` means no limit.
	SignIns int                    `json:"signIns"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Audit names the file that gets a line for every answer: a path, stdout, stderr, or "" for none.
type Audit struct {
	// File for the audit, with one JSON line for each answer: a path, `stdout` or `stderr`. Default:
	// none.
	File    string                 `json:"file,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Pages fits the failure pages to the hospital.
type Pages struct {
	// Support contact shown on [failure pages](pages.md): a text, or a `mailto:`, `tel:` or `https:`
	// link. `Service desk <https://it.example.com>` shows a link with a label. Default: none.
	Contact string `json:"contact,omitempty"`
	// The portal's page that failure pages link back to: a path such as `/portal`, or an address;
	// https, or http on this machine.
	Home string `json:"home,omitempty"`
	// `file:PATH` of your own texts for the failure pages, see
	// [Your own texts](pages.md#your-own-texts). Default: none.
	Texts   string                 `json:"texts,omitempty"`
	Unknown map[string]interface{} `json:"-" mapstructure:",remain"`
}

// Default returns the defaults. Lists have none: Traefik's decoder would overwrite only the start
// of a longer default list and keep the rest.
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
