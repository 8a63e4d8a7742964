// Package schema knows which keys Traefik's decoders take, and of what shape their values must be.
package schema

import (
	_ "embed" // the table
	"encoding/json"
	"strings"
	"sync"
)

// Problem is something that Traefik refuses. It has no value of the configuration, only keys.
type Problem struct {
	Path    string // as written, with dots, and the index for an element of a list
	Unknown bool   // there is no such key
	Nearest string // the known key of that level that is most like it, if one is
	Want    string // of a wrong shape: what belongs there, such as "a list"
}

// Dynamic returns what Traefik refuses in a dynamic configuration, from a file or from labels.
// Keys beside http, tcp, udp and tls are passed over, as Traefik does.
func Dynamic(root map[string]any, labels bool) []Problem {
	c := &checker{labels: labels, table: table()}
	return c.root("dynamic", root)
}

// Static returns what Traefik refuses in a static configuration, from a file or from flags.
// It passes unknown first keys of a file over, as Traefik does, but not those of flags.
func Static(root map[string]any, flags bool) []Problem {
	c := &checker{labels: flags, table: table()}
	return c.root("static", root)
}

// Spec returns what Kubernetes refuses, or drops, in the spec of an object of Traefik's.
func Spec(kind string, spec map[string]any) []Problem {
	t := table()
	root, known := t.Roots[kind]
	if !known || kind == "dynamic" || kind == "static" {
		return nil
	}
	c := &specChecker{table: t}
	c.section("", t.Types[root], spec, 0)
	return once(c.problems)
}

//go:embed traefik.json
var content []byte

// known is the table of traefik.json.
type known struct {
	Roots map[string]string            `json:"roots"` // the type of each root
	Types map[string]map[string]*field `json:"types"` // the fields by type and key
}

// field is what belongs to a key.
type field struct {
	kind  string // such as "string", "list of string", "map of dynamic.Router"
	file  string // the tag for files: "allowEmpty", "-", or none
	label string // likewise, for labels and flags
	as    string // the key's name in labels, if it differs
}

var table = sync.OnceValue(func() *known {
	t := &known{}
	if err := json.Unmarshal(content, t); err != nil {
		panic(err) // the file is part of the program
	}
	return t
})

// UnmarshalText reads a line such as "list of dynamic.Server; in labels server; label allowEmpty".
func (f *field) UnmarshalText(line []byte) error {
	parts := strings.Split(string(line), "; ")
	f.kind = parts[0]
	for _, part := range parts[1:] {
		switch {
		case strings.HasPrefix(part, "in labels "):
			f.as = part[len("in labels "):]
		case strings.HasPrefix(part, "label "):
			f.label = part[len("label "):]
		case strings.HasPrefix(part, "file "):
			f.file = part[len("file "):]
		}
	}
	return nil
}
