package jwt

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClaim(t *testing.T) {
	claims := object([]byte(`{
		"sub": "u-17",
		"realm_access": {"roles": ["doctor"]},
		"https://example.com/groups": "a,b",
		"tenant": {"id": 42, "id2": {"a": "b"}, "x.y": 1},
		"tenant.name": "dotted",
		"tenant.gone": null,
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
		{desc: "name with dots below", path: "tenant.x.y", want: "1"},
		{desc: "name with dots beside the path", path: "tenant.name", want: `"dotted"`},
		{desc: "name with dots that is null", path: "tenant.gone", want: "null"},
		{desc: "object", path: "realm_access", want: `{"roles": ["doctor"]}`},
		{desc: "none", path: "none.at.all"},
		{desc: "below a text", path: "sub.x"},
		{desc: "below a list", path: "realm_access.roles.0"},
		{desc: "in another case", path: "SUB"},
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
	for _, row := range []struct{ desc, raw, separator, want string }{
		{desc: "list", raw: `["a","b,c"]`, separator: ",", want: "a|b,c"},
		{desc: "list of an empty text", raw: `["","b"]`, want: "|b"},
		{desc: "text", raw: `"a,b"`, separator: ",", want: "a|b"},
		{desc: "text and another separator", raw: `"a,b"`, separator: "; ", want: "a,b"},
		{desc: "text that is not split", raw: `"a,b"`, want: "a,b"},
		{desc: "number", raw: "42", separator: ",", want: "42"},
		{desc: "list with a number", raw: `["a",1]`, separator: ","},
		{desc: "list in a list", raw: `[["a"]]`, separator: ","},
		{desc: "object", raw: `{"a":"b"}`, separator: ","},
		{desc: "empty list", raw: `[]`, separator: ","},
		{desc: "null", raw: `null`, separator: ","},
		{desc: "nothing", separator: ","},
	} {
		t.Run(row.desc, func(t *testing.T) {
			texts := Texts(json.RawMessage(row.raw), row.separator)
			assert.Equal(t, row.want, strings.Join(texts, "|"))
		})
	}
}
