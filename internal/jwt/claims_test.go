package jwt

import (
	"encoding/json"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestObject(t *testing.T) {
	for _, row := range []struct{ desc, raw, want string }{
		{desc: "two members", raw: `{"b":[1], "a" : null }`, want: "a=null b=[1]"},
		{desc: "escapes in a name", raw: `{"\u0061":1}`, want: "a=1"},
		{desc: "names in two cases", raw: `{"a":1,"A":2}`, want: "A=2 a=1"},
		{desc: "doubled member below", raw: `{"a":{"b":1,"b":2}}`, want: `a={"b":1,"b":2}`},
		{desc: "no members", raw: `{}`},
		{desc: "empty name", raw: `{"":1}`, want: "=1"},
		{desc: "doubled member", raw: `{"a":1,"a":2}`, want: "none"},
		{desc: "doubled member, the same", raw: `{"a":1,"a":1}`, want: "none"},
		{desc: "doubled member in another spelling", raw: `{"a":1,"\u0061":2}`, want: "none"},
		{desc: "doubled member that is null", raw: `{"a":null,"a":1}`, want: "none"},
		{desc: "list", raw: `[1]`, want: "none"},
		{desc: "text", raw: `"a"`, want: "none"},
		{desc: "null", raw: `null`, want: "none"},
		{desc: "nothing", want: "none"},
		{desc: "space before", raw: ` {}`, want: "none"},
		{desc: "text behind", raw: `{}x`, want: "none"},
		{desc: "object behind", raw: `{}{}`, want: "none"},
		{desc: "cut short", raw: `{"a":1`, want: "none"},
		{desc: "no UTF-8", raw: "{\"a\":\"\xff\"}", want: "none"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			members := Object([]byte(row.raw))
			if row.want == "none" {
				assert.True(t, members == nil)
				return
			}
			require.True(t, members != nil)
			told := []string{}
			for name, value := range members {
				told = append(told, name+"="+string(value))
			}
			sort.Strings(told)
			assert.Equal(t, row.want, strings.Join(told, " "))
		})
	}
}

func TestClaim(t *testing.T) {
	claims := Object([]byte(`{
		"sub": "u-17",
		"realm_access": {"roles": ["doctor"]},
		"https://example.com/groups": "a,b",
		"https://example.com/app": {"roles": ["nurse"]},
		"tenant": {"id": 42, "id2": {"a": "b"}, "x.y": 1, "p": {"q.r": {"s": 2}}},
		"tenant.name": "dotted",
		"tenant.gone": null,
		"a": {"b": {"c": "split"}, "b.c": "below", "b.e": "below"},
		"a.b": {"c": "longer", "d": null},
		"doubled": {"a": 1, "a": 2},
		"": "empty"
	}`))
	require.NotNil(t, claims)
	for _, row := range []struct{ desc, path, want string }{
		{desc: "name", path: "sub", want: `"u-17"`},
		{desc: "path", path: "realm_access.roles", want: `["doctor"]`},
		{desc: "longer path", path: "tenant.id2.a", want: `"b"`},
		{desc: "number", path: "tenant.id", want: "42"},
		{desc: "name with dots", path: "https://example.com/groups", want: `"a,b"`},
		{desc: "path below an address", path: "https://example.com/app.roles", want: `["nurse"]`},
		{desc: "name with dots below", path: "tenant.x.y", want: "1"},
		{desc: "name with dots amid the path", path: "tenant.p.q.r.s", want: "2"},
		{desc: "name with dots beside the path", path: "tenant.name", want: `"dotted"`},
		{desc: "name with dots that is null", path: "tenant.gone", want: "null"},
		{desc: "the longest name comes first", path: "a.b.c", want: `"longer"`},
		{desc: "the longest name has null", path: "a.b.d", want: "null"},
		{desc: "the longest name lacks it", path: "a.b.e", want: `"below"`},
		{desc: "object", path: "realm_access", want: `{"roles": ["doctor"]}`},
		{desc: "none", path: "none.at.all"},
		{desc: "below a text", path: "sub.x"},
		{desc: "below a list", path: "realm_access.roles.0"},
		{desc: "in another case", path: "SUB"},
		{desc: "below, in another case", path: "realm_access.Roles"},
		{desc: "doubled member", path: "doubled.a"},
		{desc: "dot at the end", path: "sub."},
		{desc: "dot before", path: ".sub"},
		{desc: "no path", path: "", want: `"empty"`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, string(Claim(claims, row.path)))
		})
	}
}

func TestText(t *testing.T) {
	for _, row := range []struct{ desc, raw, want string }{
		{desc: "text", raw: `"u-17"`, want: "u-17"},
		{desc: "escapes", raw: `"\u00e9\n"`, want: "é\n"},
		{desc: "number", raw: "42", want: "42"},
		{desc: "negative number", raw: "-1", want: "-1"},
		{desc: "largest number", raw: "9223372036854775807", want: "9223372036854775807"},
		{desc: "too large a number", raw: "9223372036854775808"},
		{desc: "fraction", raw: "1.5"},
		{desc: "exponent", raw: "1e3"},
		{desc: "truth", raw: "true"},
		{desc: "null", raw: "null"},
		{desc: "list", raw: `["a"]`},
		{desc: "object", raw: `{"a":"b"}`},
		{desc: "nothing"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, Text(json.RawMessage(row.raw)))
		})
	}
}

func TestTexts(t *testing.T) {
	for _, row := range []struct{ desc, raw, want string }{
		{desc: "list", raw: `["a","b,c"]`, want: "a|b,c"},
		{desc: "list with an empty text", raw: `["","b"]`, want: "b"},
		{desc: "list with a number", raw: `["a",1]`, want: "a|1"},
		{desc: "list with other things", raw: `["a",1.5,true,null,{"b":"c"},"d"]`, want: "a|d"},
		{desc: "list in a list", raw: `[["a"]]`},
		{desc: "text", raw: `"a,b"`},
		{desc: "number", raw: "42"},
		{desc: "object", raw: `{"a":"b"}`},
		{desc: "empty list", raw: `[]`},
		{desc: "list cut short", raw: `["a"`},
		{desc: "null", raw: `null`},
		{desc: "nothing"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			texts := Texts(json.RawMessage(row.raw))
			assert.Equal(t, row.want, strings.Join(texts, "|"))
		})
	}
}

// TestNames: a member counts if it is a non-empty object, like Zitadel's roles.
func TestNames(t *testing.T) {
	for _, row := range []struct{ desc, raw, want string }{
		{desc: "a role", raw: `{"clinicians":{"17":"example.com"}}`, want: "clinicians"},
		{desc: "two roles", raw: `{"b":{"1":"x"},"a":{"1":"x"}}`, want: "a|b"},
		{desc: "false", raw: `{"clinicians":false}`},
		{desc: "true", raw: `{"clinicians":true}`},
		{desc: "null", raw: `{"clinicians":null}`},
		{desc: "number", raw: `{"clinicians":1}`},
		{desc: "text", raw: `{"clinicians":"yes"}`},
		{desc: "list", raw: `{"clinicians":["17"]}`},
		{desc: "no organization", raw: `{"clinicians":{}}`},
		{desc: "a role beside false", raw: `{"a":{"1":"x"},"clinicians":false}`, want: "a"},
		{desc: "a role below", raw: `{"a":{"clinicians":{"1":"x"}}}`, want: "a"},
		{desc: "doubled role", raw: `{"clinicians":{"1":"x"},"clinicians":false}`},
		{desc: "doubled organization", raw: `{"clinicians":{"1":"x","1":"y"}}`},
		{desc: "list of objects", raw: `[{"clinicians":{"1":"x"}}]`},
		{desc: "the object as a text", raw: `"{\"clinicians\":{\"1\":\"x\"}}"`},
		{desc: "nothing"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			names := Names(json.RawMessage(row.raw))
			sort.Strings(names)
			assert.Equal(t, row.want, strings.Join(names, "|"))
		})
	}
}
