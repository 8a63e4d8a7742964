package main

import "strings"

// share makes types of Kubernetes that have equal fields one, and drops what no root leads to.
func (t *table) share() {
	for renamed := t.equal(); len(renamed) > 0; renamed = t.equal() {
		for name := range renamed {
			delete(t.Types, name)
		}
		for _, fields := range t.Types {
			for key, line := range fields {
				kind, rest, _ := strings.Cut(line, "; ")
				word := named(line)
				if renamed[word] != "" {
					kind = strings.TrimSuffix(kind, word) + renamed[word]
					fields[key] = strings.TrimSuffix(kind+"; "+rest, "; ")
				}
			}
		}
	}
	reached := map[string]map[string]string{}
	for _, root := range t.Roots {
		t.reach(root, reached)
	}
	t.Types = reached
}

// equal returns the types that are like another, with the name of that one.
func (t *table) equal() map[string]string {
	first, renamed := map[string]string{}, map[string]string{}
	for _, name := range sortedKeys(t.Types) {
		if !strings.HasPrefix(name, "kubernetes.") || strings.Count(name, ".") == 1 {
			continue
		}
		all := ""
		for _, key := range sortedKeys(t.Types[name]) {
			all += key + " " + t.Types[name][key] + "\n"
		}
		if first[all] == "" {
			first[all] = name
		} else {
			renamed[name] = first[all]
		}
	}
	return renamed
}

func (t *table) reach(name string, reached map[string]map[string]string) {
	if reached[name] != nil || t.Types[name] == nil {
		return
	}
	reached[name] = t.Types[name]
	for _, line := range t.Types[name] {
		t.reach(named(line), reached)
	}
}

// named returns the type at the end of a line's kind.
func named(line string) string {
	kind, _, _ := strings.Cut(line, "; ")
	return kind[strings.LastIndexByte(kind, ' ')+1:]
}
