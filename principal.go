package clinicpass

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// principalNames are the names that a claim of Azure's principal is known by here; its types are these words or addresses
// that end in them.
var principalNames = map[string]string{
	"objectidentifier": "id", "oid": "id", "nameidentifier": "sub", "sub": "sub", "emailaddress": "email", "email": "email",
	"name": "name", "givenname": "first", "given_name": "first", "surname": "last", "family_name": "last", "groups": "groups",
}

// readPrincipal reads the identity from X-MS-CLIENT-PRINCIPAL, which Azure's "Easy Auth" sets: base64 of a JSON object with
// a list of claims. The platform refuses copies that clients send; nothing signs it.
func (r *identityReader) readPrincipal(h http.Header) (who *identity, refused, why string) {
	lines := linesOf(r.principal, h)
	name := "header " + r.principal.configured
	if len(lines) == 0 || strings.TrimSpace(lines[0]) == "" {
		return nil, noIdentity, name + " is missing or blank: is authentication required by the platform in front?"
	}
	var principal struct {
		Claims []struct {
			Typ string `json:"typ"`
			Val string `json:"val"`
		} `json:"claims"`
		RoleType string `json:"role_typ"`
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[0]))
	if len(lines) > 1 || len(lines[0]) > maxToken || err != nil || json.Unmarshal(raw, &principal) != nil {
		return nil, identityRefused, name + " arrived more than once, is too long, or is not base64 of JSON"
	}
	values := map[string]string{}
	groups := []string{}
	for _, c := range principal.Claims {
		part := principalNames[c.Typ[strings.LastIndex(c.Typ, "/")+1:]]
		value := c.Val
		problem := checkValue(value)
		switch {
		case part == "groups" || c.Typ == principal.RoleType:
			groups = append(groups, value)
		case part == "" || (part == "name" && c.Typ != "name"): // the address that ends in name has the account's
		case problem != "" || ((part == "id" || part == "sub") && values[part] != "" && values[part] != value):
			return nil, identityRefused, name + " has two ids, or a claim that is too long or has control characters"
		default:
			values[part] = value
		}
	}
	who, problem := newIdentity([]string{orElse(values["id"], values["sub"]), values["email"], values["name"], values["first"], values["last"]})
	if problem != "" {
		return nil, identityRefused, name + " " + problem
	}
	who.groups = groups
	if who.id == "" {
		return nil, noIdentity, name + " has no claim with the person's lasting id"
	}
	return who, "", ""
}
