package identity

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
)

const (
	microsoftClaim = `{"typ":"http://schemas.microsoft.com/identity/claims/`
	roleType       = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
	soapClaim      = `{"typ":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/`
	objectID       = microsoftClaim + `objectidentifier","val":"0b1c"}`
)

// principal returns X-MS-CLIENT-PRINCIPAL with the claims.
func principal(claims ...string) string {
	return document(`{"auth_typ":"aad","name_typ":"n","role_typ":"` + roleType + `","claims":[` +
		strings.Join(claims, ",") + `]}`)
}

// document returns X-MS-CLIENT-PRINCIPAL with the JSON.
func document(json string) string { return base64.StdEncoding.EncodeToString([]byte(json)) }

func TestPrincipal(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "azure", AllowedGroups: []string{"clinicians"}})
	full := principal(
		objectID,
		`{"typ":"name","val":"Jane Doe"}`,
		soapClaim+`name","val":"jane@example.com"}`,
		soapClaim+`givenname","val":"Jane"}`,
		soapClaim+`surname","val":"Doe"}`,
		soapClaim+`emailaddress","val":"jane.doe@example.com"}`,
		`{"typ":"`+roleType+`","val":"clinicians"}`,
		`{"typ":"groups","val":"staff"}`,
		soapClaim+`nameidentifier","val":"pairwise"}`,
	)
	who, refusedAs, why := readFrom(r, http.Header{"X-Ms-Client-Principal": {full}})
	require.Empty(t, refusedAs, why)
	assert.Equal(t, "0b1c|jane.doe@example.com|Jane Doe|Jane|Doe|clinicians,staff", partsOf(who))
	assert.True(t, Allowed(r, who))

	for _, row := range []struct {
		desc, want, id string
		lines          []string
	}{
		{desc: "none", want: noIdentity},
		{desc: "only spaces", want: noIdentity, lines: []string{" "}},
		{
			desc:  "no id",
			want:  noIdentity,
			lines: []string{principal(`{"typ":"name","val":"Jane"}`)},
		},
		{desc: "empty object", want: noIdentity, lines: []string{"e30="}},
		{
			desc:  "another provider's id",
			lines: []string{principal(soapClaim + `nameidentifier","val":"7"}`)},
			id:    "7",
		},
		{desc: "spaces around", lines: []string{" " + full + " "}, id: "0b1c"},
		{
			desc:  "the same id twice",
			lines: []string{principal(objectID, `{"typ":"oid","val":"0b1c"}`)},
			id:    "0b1c",
		},
		{desc: "two", want: refused, lines: []string{full, full}},
		{
			desc:  "two ids",
			want:  refused,
			lines: []string{principal(objectID, `{"typ":"oid","val":"other"}`)},
		},
		{
			desc: "two ids of another provider",
			want: refused,
			lines: []string{principal(
				`{"typ":"sub","val":"7"}`, soapClaim+`nameidentifier","val":"8"}`)},
		},
		{desc: "not base64", want: refused, lines: []string{"{}"}},
		{desc: "not JSON", want: refused, lines: []string{"YWJj"}},
		{
			desc:  "a space after the id",
			want:  refused,
			lines: []string{principal(`{"typ":"oid","val":"a "}`)},
		},
		{
			desc:  "control character",
			want:  refused,
			lines: []string{principal(`{"typ":"oid","val":"a\nb"}`)},
		},
		{
			desc: "two addresses",
			want: refused,
			lines: []string{principal(objectID,
				`{"typ":"email","val":"a@b.example.com@example.org"}`)},
		},
		{
			desc: "too long",
			want: refused,
			lines: []string{principal(objectID,
				`{"typ":"x","val":"`+strings.Repeat("x", jwt.MaxToken)+`"}`)},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			who, refusedAs, why := readFrom(r, http.Header{"X-Ms-Client-Principal": row.lines})
			assert.Equal(t, row.want, refusedAs, why)
			assert.Equal(t, row.id, who.ID)
		})
	}
	_, refusedAs, _ = readFrom(r, http.Header{
		"X-Ms-Client-Principal": {full},
		"X_ms_client_principal": {full},
	})
	assert.Equal(t, refused, refusedAs, "an alias")
}

// TestPrincipalShapes: Azure's documents differ by service and version, but name the same person.
func TestPrincipalShapes(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "azure"})
	const name = `{"typ":"name","val":"Jane Doe"}`
	for _, row := range []struct{ desc, value, want string }{
		{
			desc: "version 1.0",
			value: principal(objectID, soapClaim+`givenname","val":"Jane"}`,
				soapClaim+`surname","val":"Doe"}`, soapClaim+`upn","val":"admin@example.com"}`),
			want: "0b1c|||Jane|Doe|",
		},
		{
			desc: "version 2.0",
			value: principal(`{"typ":"oid","val":"0b1c"}`, name,
				`{"typ":"preferred_username","val":"admin@example.com"}`,
				`{"typ":"given_name","val":"Jane"}`, `{"typ":"family_name","val":"Doe"}`),
			want: "0b1c||Jane Doe|Jane|Doe|",
		},
		{
			desc:  "Azure AD B2C",
			value: principal(objectID, `{"typ":"emails","val":"jane@example.com"}`),
			want:  "0b1c|jane@example.com||||",
		},
		{
			desc: "Static Web Apps",
			value: document(`{"identityProvider":"aad","userId":"d75b","userDetails":` +
				`"jane@example.com","userRoles":["anonymous","clinicians"]}`),
			want: "d75b|jane@example.com||||anonymous,clinicians",
		},
		{
			desc: "Static Web Apps with claims",
			value: document(`{"userId":17,"userDetails":"jdoe","userRoles":[],"claims":[` +
				name + `,{"typ":"SeriesId","val":10000}]}`),
			want: "17||Jane Doe|||",
		},
		{
			desc:  "Static Web Apps, the id in both places",
			value: document(`{"userId":"0b1c","claims":[` + objectID + `]}`),
			want:  "0b1c|||||",
		},
		{
			desc:  "object id before the subject",
			value: principal(`{"typ":"sub","val":"pairwise"}`, `{"typ":"oid","val":"0b1c"}`),
			want:  "0b1c|||||",
		},
		{
			desc:  "user id before the subject",
			value: document(`{"userId":"u","claims":[{"typ":"sub","val":"pairwise"}]}`),
			want:  "u|||||",
		},
		{
			desc:  "claims that are no list",
			value: document(`{"userId":"u","claims":{"typ":"oid","val":"admin"}}`),
			want:  "u|||||",
		},
		{
			desc: "the same address twice",
			value: principal(objectID, `{"typ":"email","val":"j@b.cd"}`,
				soapClaim+`emailaddress","val":"j@b.cd"}`),
			want: "0b1c|j@b.cd||||",
		},
		{
			desc: "values that are no texts",
			value: principal(objectID, `{"typ":"email","val":["admin@example.com"]}`,
				`{"typ":"name","val":{"a":"b"}}`, `{"typ":"given_name","val":true}`,
				`{"typ":"family_name","val":null}`, `{"typ":"x","val":1}`, `{"typ":"name"}`),
			want: "0b1c|||||",
		},
		{
			desc:  "an empty value beside a text",
			value: principal(objectID, name, `{"typ":"name","val":""}`, `{"typ":"oid","val":null}`),
			want:  "0b1c||Jane Doe|||",
		},
		{
			desc: "types that are no texts",
			value: principal(objectID, `{"typ":["oid"],"val":"admin"}`, `{"val":"admin"}`,
				`{"typ":null,"val":"admin"}`, `{}`),
			want: "0b1c|||||",
		},
		{
			desc: "types that end or begin so",
			value: principal(objectID, `{"typ":"https://evil.example.com/email","val":"a@b.cd"}`,
				`{"typ":"x/objectidentifier","val":"admin"}`, `{"typ":"emailx","val":"a@b.cd"}`,
				`{"typ":"oid ","val":"admin"}`, `{"typ":"OID","val":"admin"}`,
				`{"typ":"Email","val":"a@b.cd"}`),
			want: "0b1c|||||",
		},
		{
			desc:  "members in capitals",
			value: document(`{"USERID":"admin","userid":"admin","userId":"u"}`),
			want:  "u|||||",
		},
		{
			desc:  "members of a claim in capitals",
			value: principal(objectID, `{"Typ":"email","Val":"admin@example.com"}`),
			want:  "0b1c|||||",
		},
		{
			desc:  "name that is cleaned",
			value: principal(objectID, `{"typ":"name","val":"Jane\r\nDoe "}`),
			want:  "0b1c||Jane Doe|||",
		},
		{
			desc: "over-long name",
			value: principal(objectID,
				`{"typ":"name","val":"`+strings.Repeat("x", maxValue+1)+`"}`),
			want: "0b1c|||||",
		},
		{
			desc:  "placeholder for a name",
			value: principal(objectID, `{"typ":"name","val":"undefined undefined"}`),
			want:  "0b1c|||||",
		},
		{
			desc:  "escapes in names of members",
			value: document(`{"user\u0049d":"u"}`),
			want:  "u|||||",
		},

		{
			desc:  "only types that end so",
			value: principal(`{"typ":"x/oid","val":"admin"}`, name),
			want:  noIdentity,
		},
		{desc: "user id that is a list", value: document(`{"userId":["admin"]}`), want: noIdentity},
		{
			desc:  "two names",
			value: principal(objectID, name, `{"typ":"name","val":"Admin"}`),
			want:  refused,
		},
		{
			desc: "two addresses under two names",
			value: principal(objectID, `{"typ":"email","val":"a@b.cd"}`,
				soapClaim+`emailaddress","val":"admin@b.cd"}`),
			want: refused,
		},
		{
			desc: "two addresses of Static Web Apps",
			value: document(`{"userId":"u","userDetails":"a@b.cd","claims":[` +
				`{"typ":"email","val":"admin@b.cd"}]}`),
			want: refused,
		},
		{
			desc:  "two ids of Static Web Apps",
			value: document(`{"userId":"u","claims":[{"typ":"oid","val":"admin"}]}`),
			want:  refused,
		},
		{
			desc:  "two ids that differ in case",
			value: principal(objectID, `{"typ":"oid","val":"0B1C"}`),
			want:  refused,
		},
		{
			desc:  "doubled member",
			value: document(`{"userId":"u","userId":"admin"}`),
			want:  refused,
		},
		{
			desc:  "doubled member in another spelling",
			value: document(`{"userId":"u","user\u0049d":"u"}`),
			want:  refused,
		},
		{
			desc:  "doubled claims",
			value: document(`{"claims":[` + objectID + `],"claims":[]}`),
			want:  refused,
		},
		{
			desc:  "doubled value",
			value: principal(`{"typ":"oid","val":"u","val":"admin"}`),
			want:  refused,
		},
		{
			desc:  "doubled type of an unknown claim",
			value: principal(objectID, `{"typ":"x","typ":"oid","val":"admin"}`),
			want:  refused,
		},
		{desc: "claim that is a text", value: principal(objectID, `"oid"`), want: refused},
		{desc: "list", value: document(`[{"userId":"u"}]`), want: refused},
		{desc: "JSON and more", value: document(`{"userId":"u"}{"userId":"admin"}`), want: refused},
		{desc: "no UTF-8", value: document("{\"userId\":\"\xff\"}"), want: refused},
		{
			desc:  "zero-width space in the id",
			value: document(`{"userId":"u\u200b"}`),
			want:  refused,
		},
		{desc: "placeholder", value: document(`{"userId":"undefined"}`), want: noIdentity},
	} {
		t.Run(row.desc, func(t *testing.T) {
			who, refusedAs, why := readFrom(r, http.Header{"X-Ms-Client-Principal": {row.value}})
			if row.want == noIdentity || row.want == refused {
				assert.Equal(t, row.want, refusedAs)
				assert.Contains(t, why, "header X-MS-CLIENT-PRINCIPAL ")
				assert.NotContains(t, why, "admin", "quotes a value")
				return
			}
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.want, partsOf(who))
		})
	}
}

// TestPrincipalBase64 with and without padding, in both alphabets.
func TestPrincipalBase64(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "azure"})
	raw := []byte(`{"userId":"u-17","x":"ÿþ??>>~~ÿÿÿ"}`)
	padded := base64.StdEncoding.EncodeToString(raw)
	require.Regexp(t, `[+].*/.*=|/.*[+].*=`, padded)
	for _, row := range []struct {
		desc, value string
		refused     bool
	}{
		{desc: "padded", value: padded},
		{desc: "not padded", value: base64.RawStdEncoding.EncodeToString(raw)},
		{desc: "URL alphabet", value: base64.URLEncoding.EncodeToString(raw)},
		{desc: "URL alphabet, not padded", value: base64.RawURLEncoding.EncodeToString(raw)},
		{desc: "a space inside", value: padded[:8] + " " + padded[8:], refused: true},
		{desc: "percent escapes", value: strings.ReplaceAll(padded, "=", "%3D"), refused: true},
		{desc: "another sign", value: padded[:8] + "*" + padded[9:], refused: true},
		{desc: "cut short", value: padded[:len(padded)-9], refused: true},
		{desc: "JSON as it is", value: string(raw), refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			who, refusedAs, why := readFrom(r, http.Header{"X-Ms-Client-Principal": {row.value}})
			if row.refused {
				assert.Equal(t, refused, refusedAs)
				return
			}
			require.Empty(t, refusedAs, why)
			assert.Equal(t, "u-17", who.ID)
		})
	}
}

// TestLongestPrincipal: a principal has the size limit of a token.
func TestLongestPrincipal(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "azure"})
	const start = `{"userId":"u","x":"`
	longest := start + strings.Repeat("x", jwt.MaxToken/4*3-len(start)-2) + `"}`
	require.Len(t, document(longest), jwt.MaxToken)
	_, refusedAs, why := readFrom(r, http.Header{"X-Ms-Client-Principal": {document(longest)}})
	assert.Empty(t, refusedAs, why)
	_, refusedAs, _ = readFrom(r, http.Header{"X-Ms-Client-Principal": {document(longest + " ")}})
	assert.Equal(t, refused, refusedAs)
}

// TestGroupsOfAPrincipal: roles and groups have known types, or the type in role_typ.
func TestGroupsOfAPrincipal(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "azure", AllowedGroups: []string{"clinicians"}})
	named := func(roleTyp, claims string) string {
		return document(`{"role_typ":` + roleTyp + `,"claims":[` + objectID + `,` + claims + `]}`)
	}
	for _, row := range []struct {
		desc, value string
		allowed     bool
	}{
		{
			desc:    "groups",
			value:   principal(objectID, `{"typ":"groups","val":"clinicians"}`),
			allowed: true,
		},
		{
			desc:    "roles",
			value:   principal(objectID, `{"typ":"roles","val":"clinicians"}`),
			allowed: true,
		},
		{
			desc:    "the long name",
			value:   named(`"x"`, `{"typ":"`+roleType+`","val":"clinicians"}`),
			allowed: true,
		},
		{
			desc:    "the name that it says",
			value:   named(`"extension_role"`, `{"typ":"extension_role","val":"clinicians"}`),
			allowed: true,
		},
		{
			desc: "several, the last",
			value: principal(objectID, `{"typ":"roles","val":"a"}`, `{"typ":"roles","val":"b"}`,
				`{"typ":"groups","val":"clinicians"}`),
			allowed: true,
		},
		{
			desc:    "Static Web Apps",
			value:   document(`{"userId":"u","userRoles":["anonymous","clinicians"]}`),
			allowed: true,
		},
		{
			desc:  "Static Web Apps, a text",
			value: document(`{"userId":"u","userRoles":"clinicians"}`),
		},
		{
			desc:  "Static Web Apps, texts in one",
			value: document(`{"userId":"u","userRoles":["anonymous,clinicians"]}`),
		},
		{
			desc:  "Static Web Apps, an object",
			value: document(`{"userId":"u","userRoles":{"clinicians":{"a":"b"}}}`),
		},
		{desc: "none", value: principal(objectID)},
		{desc: "another", value: principal(objectID, `{"typ":"roles","val":"staff"}`)},
		{desc: "in capitals", value: principal(objectID, `{"typ":"roles","val":"Clinicians"}`)},
		{
			desc:  "type in capitals",
			value: principal(objectID, `{"typ":"Roles","val":"clinicians"}`),
		},
		{desc: "texts in one", value: principal(objectID, `{"typ":"roles","val":"a,clinicians"}`)},
		{
			desc:  "JSON in a text",
			value: principal(objectID, `{"typ":"roles","val":"[\"clinicians\"]"}`),
		},
		{desc: "list", value: principal(objectID, `{"typ":"roles","val":["clinicians"]}`)},
		{
			desc:  "type that ends so",
			value: principal(objectID, `{"typ":"x/roles","val":"clinicians"}`),
		},
		{desc: "another type", value: principal(objectID, `{"typ":"jobTitle","val":"clinicians"}`)},
		{desc: "name", value: principal(objectID, `{"typ":"name","val":"clinicians"}`)},
		{desc: "no type", value: principal(objectID, `{"val":"clinicians"}`)},
		{desc: "no type, and it says none", value: named(`""`, `{"val":"clinicians"}`)},
		{desc: "empty type, and it says so", value: named(`""`, `{"typ":"","val":"clinicians"}`)},
		{
			desc:  "it says what is no text",
			value: named(`["jobTitle"]`, `{"typ":"jobTitle","val":"clinicians"}`),
		},
		{
			desc:  "DN below",
			value: principal(objectID, `{"typ":"groups","val":"cn=x,clinicians"}`),
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			who, refusedAs, why := readFrom(r, http.Header{"X-Ms-Client-Principal": {row.value}})
			require.Empty(t, refusedAs, why)
			assert.Equal(t, row.allowed, Allowed(r, who))
		})
	}
}

// TestUnverifiedPrincipal: an email address that identifies people at VSee must be verified.
func TestUnverifiedPrincipal(t *testing.T) {
	const address = `{"typ":"email","val":"jane@example.com"}`
	for _, row := range []struct {
		desc, claim string
		byEmail     bool
		refused     bool
	}{
		{desc: "no word of it", claim: "{}", byEmail: true},
		{desc: "true", claim: `{"typ":"email_verified","val":"true"}`, byEmail: true},
		{
			desc:    "false",
			claim:   `{"typ":"email_verified","val":"false"}`,
			byEmail: true,
			refused: true,
		},
		{desc: "false, and people have ids", claim: `{"typ":"email_verified","val":"false"}`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			r := testReader(t, config.Identity{Preset: "azure"})
			r.ByEmail = row.byEmail
			value := principal(objectID, address, row.claim)
			who, refusedAs, why := readFrom(r, http.Header{"X-Ms-Client-Principal": {value}})
			if row.refused {
				assert.Equal(t, refused, refusedAs)
				assert.Contains(t, why, "email_verified")
				return
			}
			require.Empty(t, refusedAs, why)
			assert.Equal(t, "jane@example.com", who.Email)
		})
	}
}

// TestPrincipalWithoutGroups: a person without groups may not enter if a group is required.
func TestPrincipalWithoutGroups(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "azure", AllowedGroups: []string{"clinicians"}})
	h := http.Header{"X-MS-CLIENT-PRINCIPAL": {principal(objectID)}}
	who, refusedAs, why := readFrom(r, h)
	require.Empty(t, refusedAs, why)
	assert.False(t, Allowed(r, who))
}
