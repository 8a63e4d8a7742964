package schema

import (
	"math"
	"strconv"
	"strings"
)

// specChecker follows the definitions of Traefik's kinds in Kubernetes, where case counts, a number
// is no text, and a text no number.
type specChecker struct {
	table    *known
	problems []Problem
}

func (c *specChecker) section(
	path string, fields map[string]*field, section map[string]any, depth int,
) {
	for _, key := range sorted(section) {
		if f := fields[key]; f != nil {
			c.value(below(path, key), f.kind, section[key], depth+1)
			continue
		}
		names := []string{}
		for name := range fields {
			names = append(names, name)
		}
		p := Problem{Path: below(path, key), Unknown: true, Nearest: near(names, key)}
		c.problems = append(c.problems, p)
	}
}

func (c *specChecker) value(path, kind string, value any, depth int) {
	if value == nil || kind == "any" || depth > deepest {
		return
	}
	first, elem, _ := strings.Cut(kind, " of ")
	section, isSection := texts(value)
	switch fields := c.table.Types[kind]; {
	case fields != nil && isSection:
		c.section(path, fields, section, depth)
	case first == "map" && isSection:
		for _, key := range sorted(section) {
			c.value(below(path, key), elem, section[key], depth+1)
		}
	case first == "list" && isAnyList(value):
		for i, elemValue := range value.([]any) {
			c.value(below(path, strconv.Itoa(i)), elem, elemValue, depth+1)
		}
	case !is(kind, value):
		c.problems = append(c.problems, Problem{Path: path, Want: want(kind)})
	}
}

func isAnyList(value any) bool {
	_, is := value.([]any)
	return is
}

// texts returns a section with texts as keys.
func texts(value any) (map[string]any, bool) {
	switch value := value.(type) {
	case map[string]any:
		return value, true
	case map[any]any:
		section := make(map[string]any, len(value))
		for key := range value {
			text, _, _ := scalar(key)
			section[text] = value[key]
		}
		return section, true
	}
	return nil, false
}

// is reports whether a scalar is of the kind. A date without quotes becomes a text on its way to
// Kubernetes.
func is(kind string, value any) bool {
	_, found, ok := scalar(value)
	if _, isSection := texts(value); !ok && !isSection && !isAnyList(value) {
		found = "text"
	}
	whole := found == "number"
	if f, isFloat := value.(float64); isFloat {
		whole = f == math.Trunc(f)
	}
	switch kind {
	case "string":
		return found == "text"
	case "bool":
		return found == "bool"
	case "int":
		return whole
	case "float":
		return found == "number"
	case "number-or-text":
		return whole || found == "text"
	}
	return false
}
