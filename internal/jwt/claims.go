package jwt

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Claims are the members of a token's payload.
type Claims map[string]json.RawMessage

// Object decodes a JSON object. It returns nil for anything else, and for a duplicate member:
// programs disagree about which one counts.
func Object(raw []byte) Claims {
	if !json.Valid(raw) || raw[0] != '{' || !utf8.Valid(raw) {
		return nil
	}
	members := Claims{}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	_, _ = decoder.Token() // the brace
	for decoder.More() {
		token, _ := decoder.Token()
		name, isText := token.(string)
		var value json.RawMessage
		if !isText || decoder.Decode(&value) != nil || members[name] != nil {
			return nil
		}
		members[name] = value
	}
	return members
}

// Claim returns the claim at a path such as realm_access.roles, or nil. A name may contain dots, as
// web addresses do: the claim with the longest name that begins the path comes first.
func Claim(claims Claims, path string) json.RawMessage {
	if value, known := claims[path]; known {
		return value
	}
	for i := strings.LastIndex(path, "."); i > 0; i = strings.LastIndex(path[:i], ".") {
		if value := Claim(Object(claims[path[:i]]), path[i+1:]); value != nil {
			return value
		}
	}
	return nil
}

// Text returns a JSON string or integer as text, and "" for anything else.
func Text(raw json.RawMessage) string {
	if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return string(raw)
	}
	var text string
	_ = json.Unmarshal(raw, &text) // "" if it is not a string
	return text
}

// Texts returns the strings and integers in a JSON array.
func Texts(raw json.RawMessage) []string {
	texts := []string{}
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list) // empty if it is not an array
	for _, entry := range list {
		if text := Text(entry); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// Names returns the names of a JSON object's members that are non-empty objects. Zitadel lists roles
// in this form.
func Names(raw json.RawMessage) []string {
	names := []string{}
	for name, value := range Object(raw) {
		if len(Object(value)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// timeOf reads seconds since 1970 (NumericDate). It returns the zero time for anything else.
func timeOf(raw json.RawMessage) time.Time {
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}
