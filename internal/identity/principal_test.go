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
	return base64.StdEncoding.EncodeToString([]byte(
		`{"auth_typ":"aad","name_typ":"n","role_typ":"` + roleType + `","claims":[` +
			strings.Join(claims, ",") + `]}`))
}

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
		{desc: "blank", want: noIdentity, lines: []string{" "}},
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
		{desc: "blanks around", lines: []string{" " + full + " "}, id: "0b1c"},
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
			desc:  "a blank behind the id",
			want:  refused,
			lines: []string{principal(`{"typ":"oid","val":"a "}`)},
		},
		{
			desc:  "control character",
			want:  refused,
			lines: []string{principal(`{"typ":"oid","val":"a\nb"}`)},
		},
		{
			desc: "over-long name",
			want: refused,
			lines: []string{principal(objectID,
				`{"typ":"name","val":"`+strings.Repeat("x", maxValue+1)+`"}`)},
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

// TestPrincipalWithoutGroups: whoever is in no group may not enter where one is asked for.
func TestPrincipalWithoutGroups(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "azure", AllowedGroups: []string{"clinicians"}})
	h := http.Header{"X-MS-CLIENT-PRINCIPAL": {principal(objectID)}}
	who, refusedAs, why := readFrom(r, h)
	require.Empty(t, refusedAs, why)
	assert.False(t, Allowed(r, who))
}
