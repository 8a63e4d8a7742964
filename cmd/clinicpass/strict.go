package main

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/clinicpass/clinicpass/cmd/clinicpass/schema"
)

// checkFile finds what Traefik's file provider refuses: then nothing of the file takes effect.
func (s *site) checkFile(file string, t *tree) {
	s.refused(file, t, "", schema.Dynamic(t.root, false), "Traefik ignores the whole file.")
	for _, key := range sorted(t.root) {
		if slices.ContainsFunc(staticKeys, func(known string) bool { return strings.EqualFold(known, key) }) ||
			slices.Contains([]string{"http", "tcp", "udp", "tls"}, strings.ToLower(key)) {
			continue
		}
		switch near := closest(key, []string{"http", "tcp", "udp", "tls"}); {
		case slices.Contains([]string{"routers", "middlewares", "services"}, strings.ToLower(key)):
			s.problem(file, t.line(key), "misplaced", "Traefik ignores %s here silently. Move it below http.", shownName(key))
		case at(t.root, "http") != nil || distance(key, near) == 1:
			s.problem(file, t.line(key), "unknown-key", "Unknown or misspelled key %s: Traefik ignores it silently. Did you mean %s?", shownName(key), near)
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
		s.refused(where.file, where.tree, where.path, schema.Spec(kind, spec), "Kubernetes rejects the object, or drops the key.")
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
			id, fix := "unknown-key", "Correct or remove it."
			if slices.Contains([]string{"routers", "middlewares", "services"}, strings.ToLower(key)) {
				id, fix = "misplaced", "Begin it with traefik.http."
			}
			s.problem(file, t.line(key), id, "Traefik does not know the label traefik.%s. %s", shownName(key), fix)
		}
	}
	s.refused(file, t, "", schema.Dynamic(root, true), "Traefik ignores all labels of this container.")
	s.checkIndexes(file, t, "http", at(t.root, "http"))
}

// checkIndexes finds lists of texts that labels give item by item, such as middlewares[0]: Traefik drops them silently,
// except in the configuration of plugins.
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
				s.problem(file, t.line(path), "index-label", "Traefik reads lists in labels only as one text, so it drops %s[0] silently. Write one label with the values separated by commas. Only the plugin's own keys may have [0].", path)
				return
			}
		}
	}
}

func (s *site) refused(file string, t *tree, within string, problems []schema.Problem, consequence string) {
	for _, p := range problems {
		where := below(within, p.Path)
		switch {
		case p.Unknown && isClinic(t.root, p.Path):
			s.problem(file, t.line(where), "misplaced", "The plugin's configuration is at %s, where Traefik does not look for it. Move it to http.middlewares.NAME.plugin.clinicpass.", p.Path)
		case p.Unknown && p.Nearest != "":
			s.problem(file, t.line(where), "unknown-key", "Unknown or misspelled key %s; did you mean %s? %s", p.Path, p.Nearest, consequence)
		case p.Unknown:
			s.problem(file, t.line(where), "unknown-key", "Unknown key %s; is it one level too high or too deep? %s", p.Path, consequence)
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

const notStarted = "Traefik does not start."
