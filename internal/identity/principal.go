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

// principalNames are the names that a claim of Azure's principal is known by here; its types are
// these words or addresses that end in them.
var principalNames = map[string]string{
	"objectidentifier": "id",
	"oid":              "id",
	"nameidentifier":   "sub",
	"sub":              "sub",
	"emailaddress":     "email",
	"email":            "email",
	"name":             "name",
	"givenname":        "first",
	"given_name":       "first",
	"surname":          "last",
	"family_name":      "last",
	"groups":           "groups",
}

// readPrincipal reads the identity from X-MS-CLIENT-PRINCIPAL, which Azure's "Easy Auth" sets:
// base64 of a JSON object with a list of claims. The platform refuses copies that clients send;
// nothing signs it.
func readPrincipal(r *Reader, h http.Header) (*Identity, *outcome.Refusal) {
	lines := h[r.principal.canonical]
	name := "header " + r.principal.configured
	if len(lines) == 0 || strings.TrimSpace(lines[0]) == "" {
		return nil, outcome.Refuse(outcome.NoIdentity,
			name+" is missing or blank: is authentication required by the platform in front?")
	}
	var principal struct {
		Claims []struct {
			Typ string `json:"typ"`
			Val string `json:"val"`
		} `json:"claims"`
		RoleType string `json:"role_typ"`
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[0]))
	if len(lines) > 1 || len(lines[0]) > jwt.MaxToken || err != nil ||
		json.Unmarshal(raw, &principal) != nil {
		return nil, refuse(name + " arrived more than once, is too long, or is not base64 of JSON")
	}
	found := map[string]string{}
	groups := []string{}
	for _, c := range principal.Claims {
		part := principalNames[c.Typ[strings.LastIndex(c.Typ, "/")+1:]]
		value := c.Val
		problem := checkValue(value)
		isID := part == "id" || part == "sub"
		switch {
		case part == "groups" || c.Typ == principal.RoleType:
			groups = append(groups, value)
		case part == "" || (part == "name" && c.Typ != "name"): // an address has the account's name
		case problem != "" || (isID && found[part] != "" && found[part] != value):
			return nil, refuse(name + " has two ids, or a claim that is too long or has control characters")
		default:
			found[part] = value
		}
	}
	id := config.OrElse(found["id"], found["sub"])
	values := []string{id, found["email"], found["name"], found["first"], found["last"]}
	if problem := trim(values); problem != "" {
		return nil, refuse(name + " " + problem)
	}
	who := identityOf(values)
	who.Groups = groups
	if who.ID == "" {
		return nil, outcome.Refuse(outcome.NoIdentity, name+" has no claim with the person's lasting id")
	}
	return accept(r, h, who)
}
