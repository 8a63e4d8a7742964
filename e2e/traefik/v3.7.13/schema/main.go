// Command schema writes the table of the keys that Traefik's decoders take, for clinicpass check.
//
//	GOWORK=off go run ./schema        writes the table, of this Traefik and two older ones
//	GOWORK=off go run ./schema -dump  prints the table of this Traefik alone
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const target = "../../../cmd/clinicpass/schema"

// The Traefiks that are asked, oldest first; each is a module beside this one.
var versions = []string{"v3.0.4", "v3.6.25", "v3.7.13"}

// table is what the file has: the type of each root, and the fields of each type.
type table struct {
	Comment string                       `json:"comment"`
	Roots   map[string]string            `json:"roots"`
	Types   map[string]map[string]string `json:"types"`
}

func main() {
	dump := flag.Bool("dump", false, "print the table of this Traefik alone")
	flag.Parse()
	run := write
	if *dump {
		run = func() error { return encode(os.Stdout, reflected()) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write() error {
	all := &table{Roots: map[string]string{}, Types: map[string]map[string]string{}}
	for i, version := range versions {
		one, err := of(version)
		if err != nil {
			return fmt.Errorf("%s: %w", version, err)
		}
		all.add(one, i)
	}
	all.Comment = "The keys of Traefik " + strings.Join(versions, ", ") + "; written by make reference"
	all.share()
	file, err := os.Create(target + "/traefik.json")
	if err != nil {
		return err
	}
	defer file.Close()
	return encode(file, all)
}

// of returns the table of a version: it runs this program in the module of that version.
func of(version string) (*table, error) {
	if version == versions[len(versions)-1] {
		return reflected(), nil
	}
	sources, err := filepath.Glob("schema/*.go")
	if err != nil {
		return nil, err
	}
	args := []string{"run"}
	for _, source := range sources {
		args = append(args, "../"+versions[len(versions)-1]+"/"+source)
	}
	command := exec.Command("go", append(args, "-dump")...)
	command.Dir, command.Stderr = "../"+version, os.Stderr
	command.Env = append(os.Environ(), "GOWORK=off")
	printed, err := command.Output()
	if err != nil {
		return nil, err
	}
	one := &table{}
	return one, json.Unmarshal(printed, one)
}

// add adds the table of a newer version. Where both know a key, the newer one counts.
func (t *table) add(newer *table, version int) {
	for root := range newer.Roots {
		t.Roots[root] = newer.Roots[root]
	}
	for name, fields := range newer.Types {
		if t.Types[name] == nil {
			t.Types[name] = fields
			continue
		}
		gone(t.Types[name], fields, version)
		for key, kind := range fields {
			old, since, is := strings.Cut(t.Types[name][key], "; after ")
			if old != "" && old != kind {
				fmt.Fprintln(os.Stderr, name, key, "was", old, "and is", kind)
			}
			switch {
			case is:
				kind += "; after " + since
			case old == "":
				kind += "; after " + versions[version-1]
			}
			t.Types[name][key] = kind
		}
	}
}

// gone notes the older keys that the newer version has no more.
func gone(older, newer map[string]string, version int) {
	for key, kind := range older {
		if newer[key] == "" && !strings.Contains(kind, "; until ") {
			older[key] = kind + "; until " + versions[version-1]
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := []string{}
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func encode(file *os.File, t *table) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(t); err != nil {
		return err
	}
	_, err := file.Write(text.Bytes())
	return err
}
