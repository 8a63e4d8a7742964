package main

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/clinicpass/clinicpass/cmd/clinicpass/schema"
)

// checkFile finds what Traefik's file provider refuses: then nothing of the file takes effect.
func (s *site) checkFile(file string, t *tree) {
	s.refused(file, t, "", schema.Dynamic(t.root, false), "Traefik then takes nothing of this file")
	for _, key := range sorted(t.root) {
		if slices.ContainsFunc(staticKeys, func(known string) bool { return strings.EqualFold(known, key) }) ||
			slices.Contains([]string{"http", "tcp", "udp", "tls"}, strings.ToLower(key)) {
			continue
		}
		switch near := closest(key, []string{"http", "tcp", "udp", "tls"}); {
		case slices.Contains([]string{"routers", "middlewares", "services"}, strings.ToLower(key)):
			s.problem(file, t.line(key), "misplaced", "Traefik passes %s over without a word: it belongs below http:", shownName(key))
		case at(t.root, "http") != nil || distance(key, near) == 1:
			s.problem(file, t.line(key), "unknown-key", "Traefik passes %s over without a word; did you mean %s?", shownName(key), near)
		}
	}
}

// checkStaticFile finds what stops Traefik from starting.
func (s *site) checkStaticFile(file string, t *tree) {
	s.refused(file, t, "", schema.Static(t.root, false), notStarted)
}

// checkSpec finds what Kubernetes refuses, or drops, in an object of Traefik's.
func (s *site) checkSpec(where piece, kind string, spec object) {
	if slices.Contains(traefikKinds, kind) {
		s.refused(where.file, where.tree, where.path, schema.Spec(kind, spec), "Kubernetes refuses the object, or drops the key")
	}
}

// checkLabels finds what Traefik refuses in labels: then none of the container's take effect.
func (s *site) checkLabels(file string, t *tree) {
	root := object{}
	for _, key := range sorted(t.root) {
		switch strings.ToLower(key) {
		case "http", "tcp", "udp", "tls":
			root[key] = t.root[key]
		case "enable", "docker", "swarm", "consulcatalog", "nomad", "tags":
		default:
			if strings.HasPrefix(strings.ToLower(key), "http") {
				root[key] = t.root[key] // which Traefik refuses together with all other labels
				continue
			}
			id, hint := "unknown-key", ""
			if slices.Contains([]string{"routers", "middlewares", "services"}, strings.ToLower(key)) {
				id, hint = "misplaced", ": it must begin with traefik.http."
			}
			s.problem(file, t.line(key), id, "Traefik does not know the label traefik.%s%s", shownName(key), hint)
		}
	}
	s.refused(file, t, "", schema.Dynamic(root, true), "Traefik then takes no label of this container")
	s.checkIndexes(file, t, "http", at(t.root, "http"))
}

// checkIndexes finds lists of texts that labels give item by item, such as middlewares[0]: Traefik drops them without a word,
// but in the configuration of plugins.
func (s *site) checkIndexes(file string, t *tree, path string, value any) {
	switch value := value.(type) {
	case object:
		for _, key := range sorted(value) {
			if !strings.EqualFold(key, "plugin") {
				s.checkIndexes(file, t, below(path, key), value[key])
			}
		}
	case []any:
		for _, item := range value {
			if _, isText := item.(string); isText {
				s.problem(file, t.line(path), "index-label", "Traefik drops %s[0] without a word: write the list as one label with commas", path)
				return
			}
		}
	}
}

func (s *site) refused(file string, t *tree, within string, problems []schema.Problem, consequence string) {
	for _, p := range problems {
		where := below(within, p.Path)
		last := p.Path[strings.LastIndexByte(p.Path, '.')+1:]
		switch {
		case p.Unknown && isClinic(t.root, p.Path):
			s.problem(file, t.line(where), "misplaced", "the plugin's configuration stands at %s, where Traefik does not look for it: it belongs below http.middlewares.NAME.plugin.clinicpass", p.Path)
		case p.Unknown && p.Nearest != "":
			s.problem(file, t.line(where), "unknown-key", "Traefik does not know %s at %s; did you mean %s? %s", last, p.Path, p.Nearest, consequence)
		case p.Unknown:
			s.problem(file, t.line(where), "unknown-key", "Traefik does not know %s at %s; is it one level too high or too deep? %s", last, p.Path, consequence)
		default:
			s.problem(file, t.line(where), "wrong-type", "%s must be %s. %s", p.Path, p.Want, consequence)
		}
	}
}

// isClinic reports whether what stands at the path is the plugin's configuration.
func isClinic(root object, path string) bool {
	value := at(root, strings.Split(path, ".")...)
	found, _ := value.(object)
	for _, key := range append([]string{""}, sorted(found)...) {
		branch := found
		if key != "" {
			branch, _ = found[key].(object)
		}
		if looksOurs(branch) {
			return true
		}
	}
	return strings.EqualFold(path[strings.LastIndexByte(path, '.')+1:], "clinicpass")
}

// closest returns the candidate that is most like a name.
func closest(name string, candidates []string) string {
	least, found := 1000, ""
	for _, candidate := range candidates {
		if d := distance(candidate, name); d < least {
			least, found = d, candidate
		}
	}
	return found
}

func distance(a, b string) int {
	return levenshtein.ComputeDistance(strings.ToLower(a), strings.ToLower(b))
}

const notStarted = "Traefik then does not start"
