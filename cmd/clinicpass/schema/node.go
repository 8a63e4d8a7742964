package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// node is a value as Traefik's decoder sees it: a text, a list of texts, or branches.
type node struct {
	path, key string
	text      string
	list      []*node // the scalars of a list in a file
	isList    bool
	branches  []*node
	mixed     bool // a list of scalars of several kinds that have no common one
}

const (
	deepest = 100 // levels that are looked at
	noKey   = "(not a valid key)"
)

// grow returns the node of a value. What the decoder can read nowhere becomes a problem.
func (c *checker) grow(path, key string, value any, depth int) *node {
	n := &node{path: path, key: key}
	if depth > deepest {
		return n
	}
	switch value := value.(type) {
	case map[string]any:
		c.growMap(n, value, depth)
	case map[any]any:
		texts := make(map[string]any, len(value))
		for key := range value {
			texts[fmt.Sprint(key)] = value[key]
		}
		c.growMap(n, texts, depth)
	case []any:
		c.growList(n, value, depth)
	case []map[string]any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = value[i]
		}
		c.growList(n, list, depth)
	default:
		var ok bool
		if n.text, _, ok = scalar(value); !ok {
			c.wrong(n, "a text, a number, true or false, a list, or a section")
		}
	}
	return n
}

// growMap adds the keys in their order. A key without a value is passed over.
func (c *checker) growMap(n *node, branches map[string]any, depth int) {
	for _, key := range sorted(branches) {
		if branches[key] != nil {
			n.branches = append(n.branches, c.grow(below(n.path, key), key, branches[key], depth+1))
		}
	}
}

// growList adds sections as branches whose keys are their index, and scalars as texts.
func (c *checker) growList(n *node, list []any, depth int) {
	n.isList = true
	kinds := map[string]bool{}
	for i, elem := range list {
		index := strconv.Itoa(i)
		switch elem.(type) {
		case map[string]any, map[any]any:
			branch := c.grow(below(n.path, index), "["+index+"]", elem, depth+1)
			n.branches = append(n.branches, branch)
			continue
		}
		text, kind, ok := scalar(elem)
		leaf := &node{path: below(n.path, index), key: "[" + index + "]", text: text}
		switch {
		case c.labels && ok:
			n.branches = append(n.branches, leaf)
		case ok:
			kinds[kind] = true
			n.list = append(n.list, leaf)
		default:
			c.wrong(leaf, "a text, a number, true or false, or a section")
		}
	}
	n.mixed = kinds["bool"] && len(kinds) > 1 && !kinds["text"]
}

// scalar returns how the decoder writes a value that is neither a list nor a section, and its kind.
func scalar(value any) (text, kind string, ok bool) {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return "", "", false
	case v.Kind() == reflect.String:
		return v.String(), "text", true
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), "bool", true
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), "number", true
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), "number", true
	case v.CanFloat():
		text := strconv.FormatFloat(v.Float(), 'f', 6, 64)
		return strings.TrimSuffix(text, ".000000"), "number", true
	}
	return "", "", false
}

func sorted(branches map[string]any) []string {
	keys := make([]string, 0, len(branches))
	for key := range branches {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// below returns the path of a key. A key that may be anything but one is not shown.
func below(path, key string) string {
	if !shownPattern.MatchString(key) {
		key = noKey
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
