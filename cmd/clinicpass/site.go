package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/traefik/traefik/v3/pkg/rules"
)

// site is what the given files configure, whatever they are written in. Names are as Traefik has them: clinic@file,
// clinic@docker, default-clinic@kubernetescrd.
type site struct {
	routers      []*router
	middlewares  map[string]*middleware
	services     map[string]bool // with their providers
	static       []*static
	dynamic      bool              // there are files of another kind, too
	env          map[string]string // what Traefik's container gets of the operator's variables
	containers   map[string]*container
	traefik      *container // Traefik's own
	mountsStatic bool       // Traefik's own container gets a static configuration as a file
	orchestrator string     // docker or swarm, which read labels
	objects      []*kubeObject
	found        []finding // by the readers
	raw          bool      // it is what a running Traefik tells of itself
}

func newSite() *site {
	return &site{
		middlewares: map[string]*middleware{}, services: map[string]bool{},
		env: map[string]string{}, containers: map[string]*container{},
	}
}

// problem notes what a reader finds.
func (s *site) problem(file string, line int, id, format string, args ...any) {
	s.found = append(s.found, finding{File: file, Line: line, Object: filepath.Base(file), ID: id, Message: fmt.Sprintf(format, args...)})
}

// note notes an error of a reader.
func (s *site) note(file string, err error) {
	if err == nil {
		return
	}
	line := 0
	if found := linePattern.FindStringSubmatch(err.Error()); found != nil {
		line, _ = strconv.Atoi(found[1])
	}
	message := linePattern.ReplaceAllString(err.Error(), "")
	s.problem(file, line, "syntax", "%s.", strings.ToUpper(message[:1])+message[1:])
}

var linePattern = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// piece is a part of a file.
type piece struct {
	file string
	tree *tree
	path string // within the tree
}

type router struct {
	piece
	name, rule, service string
	middlewares         []string // with their providers
	entryPoints         []string // none for the default ones
	parents             []string
	tls                 bool
	priority            int // 0 for the rule's length
	syntax              string
	elsewhere           bool // it names a middleware of another namespace
	tree                *rules.Tree
	clinics             []*clinic // of ours, in its chain
	open                bool      // a middleware in its chain is in none of the files
}

type middleware struct {
	piece
	name, kind string // such as forwardAuth
	namespace  string // of Kubernetes
	config     any
}

// plugin returns the name and configuration of a plugin, of which Traefik takes one for a middleware.
func (m *middleware) plugin() (name string, config object) {
	plugins, _ := m.config.(object)
	for _, name := range sorted(plugins) {
		config, _ := plugins[name].(object)
		return name, config
	}
	return "", nil
}

// addDynamic takes in a dynamic configuration, as files, labels and tags have it.
func (s *site) addDynamic(file, provider string, t *tree) {
	routers, _ := at(t.root, "http", "routers").(object)
	for _, name := range sorted(routers) {
		r := &router{
			piece: piece{file, t, "http.routers." + name}, name: name + "@" + provider,
			rule: text(at(routers[name], "rule")), service: text(at(routers[name], "service")),
			entryPoints: texts(at(routers[name], "entryPoints")), parents: texts(at(routers[name], "parentRefs")),
			syntax: text(at(routers[name], "ruleSyntax")),
		}
		tls := at(routers[name], "tls")
		_, isSection := tls.(object)
		r.tls = isSection || strings.EqualFold(textOf(tls), "true") // Traefik takes any other text for no TLS
		r.priority, _ = strconv.Atoi(fmt.Sprint(at(routers[name], "priority")))
		for _, ref := range texts(at(routers[name], "middlewares")) {
			r.middlewares = append(r.middlewares, qualified(ref, provider))
		}
		s.addRouter(r)
	}
	services, _ := at(t.root, "http", "services").(object)
	for _, name := range sorted(services) {
		s.services[name+"@"+provider] = true
	}
	middlewares, _ := at(t.root, "http", "middlewares").(object)
	for _, name := range sorted(middlewares) {
		s.addMiddleware(piece{file, t, "http.middlewares." + name}, name+"@"+provider, "", middlewares[name])
	}
}

// addRouter takes in a router. Traefik drops the second of a name in another file.
func (s *site) addRouter(r *router) {
	for _, other := range s.routers {
		if other.name == r.name && other.file != r.file && strings.HasSuffix(r.name, "@file") {
			s.twice(r.piece, r.name, other.file)
		}
	}
	s.routers = append(s.routers, r)
}

func (s *site) twice(where piece, name, other string) {
	s.found = append(s.found, finding{
		File: where.file, Line: where.tree.line(where.path), Object: name, ID: "defined-twice",
		Message: "It is also defined in " + other + ", and Traefik uses only one of the two. Define it once.",
	})
}

// addMiddleware takes in a middleware, the kind of which is its only key.
func (s *site) addMiddleware(where piece, name, namespace string, spec any) {
	kinds, _ := spec.(object)
	if other := s.middlewares[name]; other != nil && other.file != where.file && strings.HasSuffix(name, "@file") {
		s.twice(where, name, other.file)
	}
	if len(kinds) > 1 {
		s.found = append(s.found, finding{
			File: where.file, Line: where.tree.line(where.path), Object: name, ID: "two-kinds",
			Message: "This middleware has more than one kind (" + strings.Join(shownNames(sorted(kinds)), " and ") + "), so Traefik uses none of them. Define one middleware for each.",
		})
	}
	for _, kind := range sorted(kinds) {
		m := &middleware{piece: where, name: name, kind: kind, namespace: namespace, config: kinds[kind]}
		m.path += "." + kind
		s.middlewares[name] = m
	}
}

// qualified returns a reference with its provider. Labels and tags look the same for two providers each.
func qualified(ref, provider string) string {
	if strings.Contains(ref, "@") {
		return strings.NewReplacer("@consulcatalog", "@nomad").Replace(ref)
	}
	return ref + "@" + provider
}

// addVariables takes in the operator's variables: a map, a list of NAME=VALUE, or Kubernetes' list of objects.
func (s *site) addVariables(value any) {
	branch, _ := value.(object)
	for name, value := range branch {
		if strings.HasPrefix(name, operators) {
			s.env[name] = textOf(value)
		}
	}
	for _, variable := range list(value) {
		name, value, _ := strings.Cut(text(variable), "=")
		if named := text(at(variable, "name")); named != "" {
			name, value = named, text(at(variable, "value"))
		}
		if strings.HasPrefix(name, operators) {
			s.env[name] = value
		}
	}
}

const operators = "CLINICPASS_" // how the operator's variables begin

// getenv returns a variable as the given files set it for Traefik, else as this process has it.
func (s *site) getenv(name string) string {
	if value, given := s.env[name]; given {
		return value
	}
	return os.Getenv(name)
}

// shownName returns a name of the configuration as it may be printed. Text that is not a name may be a secret.
func shownName(name string) string {
	if !namePattern.MatchString(name) {
		return "(not a valid name)"
	}
	return name
}

func shownNames(names []string) []string {
	shown := []string{}
	for _, name := range names {
		shown = append(shown, shownName(name))
	}
	return shown
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_.@/-]{1,80}$`)

func list(value any) []any {
	all, _ := value.([]any)
	return all
}

func sorted[V any](m map[string]V) []string {
	keys := []string{}
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
