package schema

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest returns the key that is most like the given one, unless none is.
func (c *checker) nearest(fields map[string]*field, key string) string {
	names := []string{}
	for name, f := range fields {
		if c.labels && f.as != "" {
			name = f.as
		}
		if c.tag(f) != "-" {
			names = append(names, name)
		}
	}
	return near(names, key)
}

// tag returns what the field's tag says: "allowEmpty", "-" for what Traefik passes over, or "".
func (c *checker) tag(f *field) string {
	if c.labels {
		return f.label
	}
	return f.file
}

// near allows for one change in a short key, and for more in longer ones.
func near(names []string, key string) string {
	if len(key) > 80 {
		return ""
	}
	found, least := "", 1+max(1, min(2, len(key)-2), len(key)/3)
	slices.Sort(names)
	for _, name := range names {
		a, b := strings.ToLower(name), strings.ToLower(key)
		distance := levenshtein.ComputeDistance(a, b)
		if distance == 2 && letters(a) == letters(b) {
			distance = 1 // two letters changed places
		}
		if distance < least && distance < len(name) {
			found, least = name, distance
		}
	}
	return found
}

// letters returns the letters in their order.
func letters(s string) string {
	all := []rune(s)
	slices.Sort(all)
	return string(all)
}
