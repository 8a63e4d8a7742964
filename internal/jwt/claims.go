package jwt

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// object decodes a JSON object whose members are all different: of doubled ones, programs disagree
// which counts.
func object(raw []byte) (Claims, bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	members := Claims{}
	open, err := decoder.Token()
	if err != nil || string(raw[:1]) != "{" || open == nil || !utf8.Valid(raw) {
		return nil, false
	}
	for decoder.More() {
		token, err := decoder.Token()
		name, isText := token.(string)
		var value json.RawMessage
		if err != nil || !isText || decoder.Decode(&value) != nil || members[name] != nil {
			return nil, false
		}
		members[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, false
	}
	_, err = decoder.Token()
	return members, err == io.EOF
}

// Claim returns the claim at a path such as realm_access.roles. A claim whose name has the dots
// itself comes first.
func Claim(claims Claims, path string) json.RawMessage {
	value, known := claims[path]
	if known || path == "" {
		return value
	}
	first, rest, deeper := strings.Cut(path, ".")
	below, isObject := object(claims[first])
	if !deeper || claims[first] == nil || !isObject {
		return nil
	}
	return Claim(below, rest)
}

// Text returns a JSON text or whole number as text, and "" for anything else.
func Text(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	number := string(raw)
	if _, err := strconv.ParseInt(number, 10, 64); err == nil {
		return number
	}
	return ""
}

// Texts returns a JSON array of texts, or a text split at the separator unless that is "".
func Texts(raw json.RawMessage, separator string) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	text := Text(raw)
	if separator == "" {
		return []string{text}
	}
	return strings.Split(text, separator)
}

// timeOf reads seconds since 1970 (NumericDate).
func timeOf(raw json.RawMessage) (time.Time, bool) {
	var seconds float64
	if raw == nil || json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
