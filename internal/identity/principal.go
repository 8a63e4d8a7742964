package identity

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/jwt"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

const (
	microsoft = "http://schemas.microsoft.com/identity/claims/"
	xmlSoap   = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	longRole  = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
)

// principalClaims maps the claim types in Azure's principal to parts of an identity.
var principalClaims = map[string]string{
	"oid": "id", microsoft + "objectidentifier": "id", "sub": "sub", xmlSoap + "nameidentifier": "sub",
	"email": "email", "emails": "email", xmlSoap + "emailaddress": "email", "name": "name",
	"given_name": "first", xmlSoap + "givenname": "first",
	"family_name": "last", xmlSoap + "surname": "last",
	"email_verified": "verified", "groups": "groups", "roles": "groups", longRole: "groups",
}

// readPrincipal reads the identity from X-MS-CLIENT-PRINCIPAL, which Azure's "Easy Auth" sets:
// base64 of a JSON object with a list of claims, or with the four members of Static Web Apps. It is
// not signed, but the platform refuses copies from clients.
func readPrincipal(r *Reader, h http.Header) (*Identity, *outcome.Refusal) {
	lines := h[r.source.canonical]
	name := "header " + r.source.configured
	if len(lines) == 0 || strings.TrimSpace(lines[0]) == "" {
		return nil, outcome.Refuse(outcome.NoIdentity,
			name+" is missing or blank: require authentication in the platform before Traefik")
	}
	// Some platforms use the URL alphabet, or omit the padding.
	plain := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(strings.TrimSpace(lines[0]))
	raw, err := base64.RawStdEncoding.DecodeString(plain)
	principal := jwt.Object(raw)
	if len(lines) > 1 || len(plain) > jwt.MaxToken || err != nil || principal == nil {
		return nil, refuse(name + " arrived more than once, is too long, or is not base64 of JSON")
	}
	found := map[string]string{
		"id": jwt.Text(principal["userId"]), "email": jwt.Text(principal["userDetails"]),
	}
	groups := jwt.Texts(principal["userRoles"])
	var claims []json.RawMessage
	_ = json.Unmarshal(principal["claims"], &claims) // no claims if it is not a list
	for _, raw := range claims {
		claim := jwt.Object(raw)
		kind := jwt.Text(claim["typ"])
		value := jwt.Text(claim["val"])
		part := principalClaims[kind]
		if part == "verified" && r.ByEmail && isFalse(claim["val"]) {
			return nil, unverified
		}
		switch {
		case claim == nil || (part != "" && found[part] != "" && value != "" && found[part] != value):
			return nil, refuse(name + " has a duplicate member, or two values for the person's " + part)
		case part == "groups" || (kind != "" && kind == jwt.Text(principal["role_typ"])):
			groups = append(groups, value)
		case part != "" && value != "":
			found[part] = value
		}
	}
	id := config.OrElse(found["id"], found["sub"])
	values := []string{id, found["email"], found["name"], found["first"], found["last"]}
	return accept(r, h, []string{name, name, name, name, name}, values, groups,
		name+" has no claim with the person's stable user ID")
}
