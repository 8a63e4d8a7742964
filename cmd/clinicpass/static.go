package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clinicpass/clinicpass/cmd/clinicpass/schema"
)

// static is one source of Traefik's static configuration.
type static struct {
	piece
	origin string // file, flags, variables or chart
}

// staticKeys are the sections that only a static configuration has.
var staticKeys = []string{
	"accessLog", "api", "certificatesResolvers", "core", "entryPoints", "experimental", "global", "hostResolver",
	"log", "metrics", "ocsp", "ping", "providers", "serversTransport", "spiffe", "tracing",
}

// chartKeys are sections of the Helm chart's values that no static configuration has.
var chartKeys = []string{
	"additionalArguments", "deployment", "env", "extraObjects", "gateway", "image", "ingressClass", "ingressRoute",
	"logs", "ports", "rbac", "service",
}

// mountKeys say in the chart's values where a local plugin's source is.
var mountKeys = []string{"type", "hostPath", "volumeName", "mountPath", "subPath", "source"}

// hasAny reports whether an object has one of the keys as a section or switched on, or as a list where the chart has lists.
func hasAny(root object, keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		value := at(root, key)
		_, isSection := value.(object)
		isList := len(list(value)) > 0 && slices.Contains([]string{"additionalArguments", "env", "extraObjects"}, key)
		return isSection || isList || value == true
	})
}

// addStatic takes in a static configuration from a file.
func (s *site) addStatic(file string, t *tree) {
	s.static = append(s.static, &static{piece{file: file, tree: t}, "file"})
}

// addChart takes in the values of Traefik's Helm chart, whose ports are entry points.
func (s *site) addChart(file string, t *tree) error {
	root := object{"experimental": withoutMounts(at(t.root, "experimental")), "providers": at(t.root, "providers")}
	points := object{}
	ports, _ := at(t.root, "ports").(object)
	for _, name := range sorted(ports) {
		port := ports[name]
		http := object{}
		for _, where := range [][]string{{"middlewares"}, {"http", "middlewares"}} {
			if refs := at(port, where...); refs != nil {
				http["middlewares"] = refs
			}
		}
		for _, where := range [][]string{{"tls"}, {"http", "tls"}} {
			if enabled := at(port, append(where, "enabled")...); fmt.Sprint(enabled) == "true" {
				http["tls"] = object{}
			}
		}
		for _, where := range [][]string{{"redirections"}, {"http", "redirections"}} {
			if to := at(port, where...); to != nil {
				http["redirections"] = to
			}
		}
		points[name] = object{"http": http, "asDefault": at(port, "asDefault")}
	}
	if len(points) > 0 {
		root["entryPoints"] = points
	}
	flags := &tree{root: root, lines: t.lines}
	if len(points) > 0 || root["experimental"] != nil || root["providers"] != nil {
		s.static = append(s.static, &static{piece{file: file, tree: flags}, "chart"})
	}
	return s.addFlags(file, t, "additionalArguments", at(t.root, "additionalArguments"))
}

// mountsPlugin reports whether a local plugin has keys that only the chart's values have.
func mountsPlugin(root object) bool {
	plugins, _ := at(root, "experimental", "localPlugins").(object)
	for _, plugin := range plugins {
		options, _ := plugin.(object)
		if slices.ContainsFunc(mountKeys, func(key string) bool { return options[key] != nil }) {
			return true
		}
	}
	return false
}

// withoutMounts returns the chart's section experimental without the keys by which the chart mounts local plugins.
func withoutMounts(experimental any) any {
	section, _ := experimental.(object)
	plugins, ok := section["localPlugins"].(object)
	if !ok {
		return experimental
	}
	section, plugins = maps.Clone(section), maps.Clone(plugins)
	for name, plugin := range plugins {
		if options, ok := plugin.(object); ok {
			options = maps.Clone(options)
			maps.DeleteFunc(options, func(key string, _ any) bool { return slices.Contains(mountKeys, key) })
			plugins[name] = options
		}
	}
	section["localPlugins"] = plugins
	return section
}

// addFlags takes in Traefik's command line, if it is one.
func (s *site) addFlags(file string, t *tree, where string, command any) error {
	flags := []label{}
	given := words(command)
	for i := 0; i < len(given); i++ {
		flag, ok := strings.CutPrefix(strings.Trim(given[i], `"'`), "--")
		line := t.line(fmt.Sprintf("%s.%d", where, i))
		if !ok {
			continue
		}
		key, value, assigned := strings.Cut(flag, "=")
		switch {
		case assigned:
		case strings.Contains(key, " "):
			s.problem(file, line, "unknown-key", "The flag --%s contains a space. Write --name=value, or two items of the list.", shownName(strings.Fields(key)[0]))
			continue
		case i+1 < len(given) && !strings.HasPrefix(given[i+1], "-"):
			i++
			value = given[i]
		default:
			value = "true"
		}
		if !strings.EqualFold(key, "configFile") { // which says where the rest is
			flags = append(flags, label{"traefik." + key, value, line})
		}
	}
	return s.addSettings(file, "flags", flags)
}

// addEnvironment takes in the variables that are Traefik's static configuration, such as TRAEFIK_PING.
func (s *site) addEnvironment(file string, all []label) error {
	settings := []label{}
	for _, l := range all {
		if name, ok := cutPrefixFold(l.key, "TRAEFIK_"); ok {
			settings = append(settings, label{"traefik." + strings.ReplaceAll(strings.ToLower(name), "_", "."), l.value, l.line})
		}
	}
	return s.addSettings(file, "variables", settings)
}

func (s *site) addSettings(file, origin string, settings []label) error {
	t, err := parseLabels(settings)
	if err != nil || t == nil {
		return err
	}
	if origin == "flags" {
		s.refused(file, t, "", schema.Static(t.root, true), notStarted)
	}
	if t.root != nil {
		s.static = append(s.static, &static{piece{file: file, tree: t}, origin})
	}
	return nil
}

// entryPoint is one of Traefik's.
type entryPoint struct {
	name                      string
	middlewares               []string
	tls, isDefault, redirects bool
}

// entryPoints returns those that the static configuration names, or when it is not known those that routers name.
func (s *site) entryPoints() []*entryPoint {
	all, chosen := []*entryPoint{}, false
	for _, p := range s.static {
		points, _ := at(p.tree.root, "entryPoints").(object)
		for _, name := range sorted(points) {
			e := &entryPoint{
				name:        name,
				middlewares: texts(at(points[name], "http", "middlewares")),
				tls:         at(points[name], "http", "tls") != nil && fmt.Sprint(at(points[name], "http", "tls")) != "false",
				isDefault:   fmt.Sprint(at(points[name], "asDefault")) == "true",
				redirects:   redirects(at(points[name], "http", "redirections")),
			}
			chosen = chosen || e.isDefault
			all = append(all, e)
		}
	}
	if len(all) == 0 { // those that routers name, and one for all others
		all = append(all, &entryPoint{isDefault: true})
		for _, r := range s.routers {
			for _, name := range r.entryPoints {
				all = append(all, &entryPoint{name: name, isDefault: true})
			}
		}
		return all
	}
	for _, e := range all {
		e.isDefault = e.isDefault || (!chosen && !strings.EqualFold(e.name, "traefik") && !strings.EqualFold(e.name, "metrics"))
	}
	return all
}

// redirects reports whether an entry point sends everybody elsewhere before any router is asked, as it does without a priority.
func redirects(redirections any) bool {
	entry := at(redirections, "entryPoint")
	if entry == nil {
		entry = redirections // of the chart
	}
	return at(entry, "to") != nil && at(entry, "priority") == nil
}

// of returns the entry points that a router is on.
func of(r *router, points []*entryPoint) []*entryPoint {
	on := []*entryPoint{}
	for _, e := range points {
		named := slices.ContainsFunc(r.entryPoints, func(name string) bool { return strings.EqualFold(name, e.name) })
		if named || (len(r.entryPoints) == 0 && e.isDefault) {
			on = append(on, e)
		}
	}
	return on
}

// setting returns a key of the static configuration from whichever source has it, or nil.
func (s *site) setting(path ...string) any {
	for _, p := range s.static {
		if value := at(p.tree.root, path...); value != nil {
			return value
		}
	}
	return nil
}
