package schema

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

var shownPattern = regexp.MustCompile(`^([A-Za-z0-9_.@/-]{1,80}|\[[0-9]{1,9}\])$`)

// checker follows the rules of Traefik's decoder, which first looks for the field of every key,
// and then fills the fields in.
type checker struct {
	labels   bool
	table    *known
	problems []Problem
}

// root returns the problems below the keys of a configuration.
func (c *checker) root(name string, root map[string]any) []Problem {
	fields := c.table.Types[c.table.Roots[name]]
	for _, key := range sorted(root) {
		f := c.field(fields, key)
		if root[key] == nil || (f == nil && c.passedOver(name, key)) {
			continue
		}
		n := c.grow(below("", key), key, root[key], 0)
		if strings.EqualFold(key, "tls") && c.labels && name == "dynamic" {
			onlyDefaultStore(n)
			if len(n.branches) == 0 {
				continue
			}
		}
		c.key(fields, n, true)
	}
	return once(c.problems)
}

// once sorts the problems and keeps one for each path, which is an unknown key before all.
func once(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if order := cmp.Compare(a.Path, b.Path); order != 0 || a.Unknown == b.Unknown {
			return order
		}
		if a.Unknown {
			return -1
		}
		return 1
	})
	return slices.CompactFunc(problems, func(a, b Problem) bool { return a.Path == b.Path })
}

// passedOver reports whether Traefik does not look at an unknown first key. Of labels it looks at
// all that begin like those it knows.
func (c *checker) passedOver(name, key string) bool {
	if !c.labels || name != "dynamic" {
		return !c.labels
	}
	key = strings.ToLower(key)
	return !strings.HasPrefix(key, "http") && !strings.HasPrefix(key, "tcp") &&
		!strings.HasPrefix(key, "udp")
}

// onlyDefaultStore drops what Traefik does not read of labels: everything of tls but stores whose
// names begin with default.
func onlyDefaultStore(n *node) {
	n.branches = slices.DeleteFunc(n.branches, func(stores *node) bool {
		stores.branches = slices.DeleteFunc(stores.branches, func(store *node) bool {
			return !strings.HasPrefix(strings.ToLower(store.key), "default")
		})
		return !strings.EqualFold(stores.key, "stores") || len(stores.branches) == 0
	})
}

// field returns the field of a key, or nil. Neither a file nor labels have to keep
// to its case. In labels, some lists stand under another name, as if they were their only element.
func (c *checker) field(fields map[string]*field, key string) *field {
	for name, f := range fields {
		if c.labels && f.as != "" {
			name = f.as
		}
		if strings.EqualFold(name, key) {
			return f
		}
	}
	return nil
}

// key checks a key of a section of the fields, and what belongs to it.
func (c *checker) key(fields map[string]*field, n *node, filled bool) {
	f := c.field(fields, n.key)
	if f == nil {
		p := Problem{Path: n.path, Unknown: true, Nearest: c.nearest(fields, n.key)}
		c.problems = append(c.problems, p)
		return
	}
	tag := c.tag(f)
	section := strings.HasPrefix(f.kind, "map of ") || c.table.Types[f.kind] != nil
	if section && len(n.branches) == 0 && tag == "" {
		c.wrong(n, wantFilled(n))
		return
	}
	// A section that may stand alone is on with true, and off with any other text.
	off := tag == "-" || (section && tag != "" && n.off())
	if elem := strings.TrimPrefix(f.kind, "list of "); c.labels && f.as != "" && elem != f.kind {
		if len(n.branches) == 0 && !off {
			c.wrong(n, "a section")
		}
		c.section(elem, n, filled && !off)
		return
	}
	c.value(f.kind, n, filled && !off)
}

func wantFilled(n *node) string {
	if n.text == "" && len(n.list) == 0 && !n.isList {
		return "a section with something in it"
	}
	return "a section"
}

// off reports whether the node has a text, or a list of some, that is not true.
func (n *node) off() bool {
	return len(n.list) > 0 || (n.text != "" && !strings.EqualFold(n.text, "true"))
}

func (c *checker) section(kind string, n *node, filled bool) {
	for _, branch := range n.branches {
		c.key(c.table.Types[kind], branch, filled)
	}
}

// value checks the shape of what belongs to a key of that kind. What is not filled in, because
// Traefik passes it over, may be anything that has no unknown key.
func (c *checker) value(kind string, n *node, filled bool) {
	first, elem, _ := strings.Cut(kind, " of ")
	switch {
	case c.table.Types[kind] != nil:
		c.section(kind, n, filled)
	case kind == "map of any":
		for _, branch := range n.branches {
			c.free(branch)
		}
	case first == "map":
		c.mapOf(elem, n, filled)
	case first == "list":
		c.listOf(elem, n, filled)
	case len(n.branches) > 0:
		c.wrong(n, want(kind))
	case filled && !fits(kind, n):
		c.wrong(n, want(kind))
	}
}

func (c *checker) mapOf(elem string, n *node, filled bool) {
	for _, branch := range n.branches {
		switch {
		case elem == "string": // deeper keys are joined with dots
		case c.table.Types[elem] != nil || strings.HasPrefix(elem, "map of "):
			c.value(elem, branch, filled)
		default:
			if filled && (len(branch.branches) > 0 || !fits(elem, branch)) {
				c.wrong(branch, want(elem))
			}
		}
	}
}

// listOf checks a list. A section in place of one is taken for a list of its values.
func (c *checker) listOf(elem string, n *node, filled bool) {
	if c.table.Types[elem] != nil {
		for _, branch := range n.branches {
			c.section(elem, branch, filled)
		}
		return
	}
	for _, branch := range n.branches {
		if len(branch.branches) > 0 {
			c.wrong(branch, want(elem))
		}
	}
	if !filled {
		return
	}
	for _, leaf := range n.list {
		leaf = &node{path: leaf.path, text: strings.TrimSpace(leaf.text)}
		if !fits(elem, leaf) {
			c.wrong(leaf, want(elem))
		}
	}
	for _, part := range strings.Split(n.text, ",") {
		if n.text != "" && !fits(elem, &node{text: strings.TrimSpace(part)}) {
			c.wrong(n, want("list of "+elem))
			return
		}
	}
}

// free looks for the little that Traefik refuses in the configuration of a plugin.
func (c *checker) free(n *node) {
	if n.mixed && len(n.branches) == 0 {
		c.wrong(n, "a list without both numbers and true or false")
	}
	for _, branch := range n.branches {
		if branch.key == "" { // the decoder panics
			c.problems = append(c.problems, Problem{Path: branch.path, Unknown: true})
		}
		c.free(branch)
	}
}

func (c *checker) wrong(n *node, want string) {
	c.problems = append(c.problems, Problem{Path: n.path, Want: want})
}
