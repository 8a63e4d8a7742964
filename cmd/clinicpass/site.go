package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// site is what the given files configure, whatever they are written in. Names are as Traefik has them: clinic@file,
// clinic@docker, default-clinic@kubernetescrd.
type site struct {
	routers     []*router
	middlewares map[string]*middleware
	static      []*piece          // static configurations
	dynamic     bool              // there are files of another kind, too
	env         map[string]string // what Traefik's container gets of the operator's variables
}

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
	entryPoints         []string // none for all
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

// read adds a file to the site.
func (s *site) read(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var trees []*tree
	switch strings.ToLower(filepath.Ext(file)) {
	case ".yaml", ".yml", ".json":
		trees, err = parseYAML(content)
	case ".toml":
		trees, err = parseTOML(content)
	case ".hcl", ".nomad":
		s.dynamic = true
		return s.addTags(file, string(content))
	default:
		return fmt.Errorf("%s: only .yaml, .yml, .json, .toml, .hcl and .nomad files can be checked", file)
	}
	if err != nil && strings.Contains(string(content), "{{") {
		return fmt.Errorf("%s: it is a template; render it first", file)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, t := range trees {
		if err := s.add(file, t); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// add takes in a document, which may be a dynamic or a static configuration, a Compose file, an object of Kubernetes, or the
// values of Traefik's Helm chart.
func (s *site) add(file string, t *tree) error {
	s.addVariables(at(t.root, "env")) // of the Helm chart
	static := at(t.root, "experimental") != nil || at(t.root, "entryPoints") != nil
	s.dynamic = s.dynamic || !static
	if at(t.root, "apiVersion") != nil && at(t.root, "kind") != nil {
		s.addObject(file, t, "", t.root)
		return nil
	}
	for i, extra := range list(at(t.root, "extraObjects")) {
		if extra, ok := extra.(object); ok {
			s.addObject(file, t, "extraObjects."+strconv.Itoa(i), extra)
		}
	}
	if services, ok := at(t.root, "services").(object); ok {
		return s.addCompose(file, t, services)
	}
	if at(t.root, "http") != nil {
		s.addDynamic(file, "file", t)
	}
	if static {
		s.static = append(s.static, &piece{file: file, tree: t})
	}
	return nil
}

func (s *site) addDynamic(file, provider string, t *tree) {
	routers, _ := at(t.root, "http", "routers").(object)
	for _, name := range sorted(routers) {
		r := &router{
			piece: piece{file, t, "http.routers." + name}, name: name + "@" + provider,
			rule: text(at(routers[name], "rule")), service: text(at(routers[name], "service")),
		}
		r.entryPoints = texts(at(routers[name], "entryPoints"))
		for _, ref := range texts(at(routers[name], "middlewares")) {
			r.middlewares = append(r.middlewares, qualified(ref, provider))
		}
		s.routers = append(s.routers, r)
	}
	middlewares, _ := at(t.root, "http", "middlewares").(object)
	for _, name := range sorted(middlewares) {
		s.addMiddleware(piece{file, t, "http.middlewares." + name}, name+"@"+provider, "", middlewares[name])
	}
}

// addMiddleware takes in a middleware, the kind of which is its only key.
func (s *site) addMiddleware(where piece, name, namespace string, spec any) {
	kinds, _ := spec.(object)
	for _, kind := range sorted(kinds) {
		m := &middleware{piece: where, name: name, kind: kind, namespace: namespace, config: kinds[kind]}
		m.path += "." + kind
		s.middlewares[name] = m
	}
}

// qualified returns a reference with its provider. Labels and tags look the same for two providers each.
func qualified(ref, provider string) string {
	if strings.Contains(ref, "@") {
		return strings.NewReplacer("@swarm", "@docker", "@consulcatalog", "@nomad").Replace(ref)
	}
	return ref + "@" + provider
}

// addCompose takes in the labels of all services, which are one configuration, and Traefik's own command line.
func (s *site) addCompose(file string, t *tree, services object) error {
	all, flags := []label{}, []label{}
	for _, name := range sorted(services) {
		for _, path := range [][]string{{"labels"}, {"deploy", "labels"}} {
			where := strings.Join(append([]string{"services", name}, path...), ".")
			all = append(all, labelsOf(at(services[name], path...), t, where)...)
		}
		s.addVariables(at(services[name], "environment"))
		for i, flag := range words(at(services[name], "command")) {
			if flag, ok := cutPrefixFold(flag, "--experimental."); ok {
				key, value, given := strings.Cut(flag, "=")
				if !given {
					value = "true"
				}
				flags = append(flags, label{"traefik.experimental." + key, value, t.line(fmt.Sprintf("services.%s.command.%d", name, i))})
			}
		}
	}
	dynamic, err := parseLabels(all)
	if err != nil {
		return err
	}
	if dynamic != nil {
		s.addDynamic(file, "docker", dynamic)
	}
	static, err := parseLabels(flags)
	if static != nil && at(static.root, "experimental") != nil {
		s.static = append(s.static, &piece{file: file, tree: static})
	}
	return err
}

// words returns a command, which may be a list or one text.
func words(value any) []string {
	if command, ok := value.(string); ok {
		return strings.Fields(command)
	}
	return texts(value)
}

// labelsOf reads labels, which may be a map or a list.
func labelsOf(value any, t *tree, where string) []label {
	labels := []label{}
	branch, _ := value.(object)
	for _, key := range sorted(branch) {
		value := branch[key]
		if value == nil {
			value = ""
		}
		labels = append(labels, label{key, fmt.Sprint(value), t.line(where + "." + key)})
	}
	for i, line := range list(value) {
		key, value, _ := strings.Cut(fmt.Sprint(line), "=")
		labels = append(labels, label{key, value, t.line(where + "." + strconv.Itoa(i))})
	}
	return labels
}

// addVariables takes in the operator's variables: a map, a list of NAME=VALUE, or Kubernetes' list of objects.
func (s *site) addVariables(value any) {
	for _, l := range labelsOf(value, &tree{}, "") {
		if strings.HasPrefix(l.key, operators) {
			s.env[l.key] = l.value
		}
	}
	for _, variable := range list(value) {
		if name := text(at(variable, "name")); strings.HasPrefix(name, operators) {
			s.env[name] = text(at(variable, "value"))
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

var variablePattern = regexp.MustCompile(`(?m)^\s*(CLINICPASS_[A-Z]+)\s*=\s*"([^"]*)"`)

var tagPattern = regexp.MustCompile(`"(traefik\.[^"=]+)=((?:[^"\\]|\\.)*)"`)

// addTags takes in the tags of a Nomad job, which are labels in quotes.
func (s *site) addTags(file, content string) error {
	for _, variable := range variablePattern.FindAllStringSubmatch(content, -1) {
		s.env[variable[1]] = variable[2]
	}
	labels := []label{}
	for i, line := range strings.Split(content, "\n") {
		if comment := strings.TrimSpace(line); strings.HasPrefix(comment, "#") || strings.HasPrefix(comment, "//") {
			continue
		}
		for _, tag := range tagPattern.FindAllStringSubmatch(line, -1) {
			labels = append(labels, label{tag[1], strings.ReplaceAll(tag[2], `\"`, `"`), i + 1})
		}
	}
	t, err := parseLabels(labels)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if t != nil {
		s.addDynamic(file, "nomad", t)
	}
	return nil
}

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
