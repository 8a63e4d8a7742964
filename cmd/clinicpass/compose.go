package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// container is a service of Docker Compose, from all files that have a part of it.
type container struct {
	piece
	name             string
	labels, deployed []label // of the container, and of the service in a swarm
	env              map[string]string
	moreEnv          bool // from files that are not given
	secrets          []string
	volumes          []string
	command          any
	image            string
}

// addCompose takes in the services of a Compose file.
func (s *site) addCompose(file string, t *tree, services object) {
	for _, name := range sorted(services) {
		where := "services." + name
		c := s.containers[name]
		if c == nil {
			c = &container{name: name, env: map[string]string{}}
			s.containers[name] = c
		}
		c.piece = piece{file: file, tree: t, path: where}
		c.labels = append(c.labels, s.labelsOf(file, at(services[name], "labels"), t, where+".labels")...)
		c.deployed = append(c.deployed, s.labelsOf(file, at(services[name], "deploy", "labels"), t, where+".deploy.labels")...)
		environment := s.labelsOf(file, at(services[name], "environment"), t, where+".environment")
		for _, l := range environment {
			c.env[l.key] = l.value
		}
		c.moreEnv = c.moreEnv || at(services[name], "env_file") != nil
		for _, secret := range list(at(services[name], "secrets")) {
			target := text(secret)
			for _, key := range []string{"source", "target"} {
				if named := text(at(secret, key)); named != "" {
					target = named
				}
			}
			c.secrets = append(c.secrets, target)
		}
		for _, volume := range list(at(services[name], "volumes")) {
			c.volumes = append(c.volumes, text(volume)+text(at(volume, "target")))
		}
		if command := at(services[name], "command"); command != nil {
			c.command = command
		}
		if image := text(at(services[name], "image")); image != "" {
			c.image = image
		}
		s.addVariables(at(services[name], "environment"))
		if c.isTraefik() {
			s.note(file, s.addEnvironment(file, environment))
			s.note(file, s.addFlags(file, t, where+".command", at(services[name], "command")))
		}
	}
}

var traefikImage = regexp.MustCompile(`(^|/)traefik([:@].*)?$`)

func (c *container) isTraefik() bool {
	return traefikImage.MatchString(c.image) || slices.ContainsFunc(words(c.command), func(word string) bool {
		return strings.HasPrefix(strings.ToLower(word), "--entrypoints.") || strings.HasPrefix(strings.ToLower(word), "--providers.")
	})
}

// hasStatic reports whether a container gets a static configuration as a file.
func (c *container) hasStatic() bool {
	mounted := slices.ContainsFunc(c.volumes, func(volume string) bool {
		return strings.Contains(volume, "/etc/traefik/traefik.") || strings.HasSuffix(strings.TrimSuffix(volume, ":ro"), "/etc/traefik")
	})
	return mounted || slices.ContainsFunc(words(c.command), func(word string) bool {
		return strings.HasPrefix(strings.ToLower(word), "--configfile")
	})
}

// finishCompose reads the labels of all containers, which are one configuration for each provider.
func (k *checker) finishCompose() {
	s := k.site
	if len(s.containers) == 0 {
		return
	}
	docker, swarm := s.setting("providers", "docker") != nil, s.setting("providers", "swarm") != nil
	for _, name := range sorted(s.containers) {
		if c := s.containers[name]; c.isTraefik() {
			s.traefik = c
			s.mountsStatic = s.mountsStatic || c.hasStatic()
		}
	}
	if !docker && !swarm { // unknown: by where the labels stand
		swarm = slices.ContainsFunc(slices.Collect(maps.Values(s.containers)), func(c *container) bool { return len(c.deployed) > 0 })
	}
	s.orchestrator = "docker"
	if swarm {
		s.orchestrator = "swarm"
	}
	byDefault := !strings.EqualFold(fmt.Sprint(s.setting("providers", s.orchestrator, "exposedByDefault")), "false")
	defined := map[string]*container{} // by kind and name
	owners := map[string]string{}
	for _, name := range sorted(s.containers) {
		c := s.containers[name]
		labels, others := c.labels, c.deployed
		if swarm {
			labels, others = c.deployed, c.labels
		}
		if other := firstTraefik(others); other != nil && (firstTraefik(labels) == nil || swarm) {
			where, right := "deploy.labels", "labels"
			if swarm {
				where, right = right, where
			}
			k.add(c.piece, where, name, "labels-not-read", "Traefik's %s provider does not read %s. Write them under %s.", s.orchestrator, where, right)
			if firstTraefik(labels) == nil {
				labels = others
			}
		}
		k.addLabels(c, labels, byDefault, defined, owners)
	}
}

var placeholderPattern = regexp.MustCompile(`(^|[^$])\$\{(id|email)\}`)

func firstTraefik(labels []label) *label {
	for i, l := range labels {
		if _, ok := cutPrefixFold(l.key, "traefik."); ok {
			return &labels[i]
		}
	}
	return nil
}

// addLabels takes in the labels of one container.
func (k *checker) addLabels(c *container, labels []label, byDefault bool, defined map[string]*container, owners map[string]string) {
	s := k.site
	for i, l := range labels {
		if placeholderPattern.MatchString(l.value) {
			s.problem(c.file, l.line, "invalid", "Docker Compose replaces ${id} and ${email} with variables of these names. Write {id} or {email}, without the dollar sign.")
		}
		labels[i].value = strings.ReplaceAll(labels[i].value, "$$", "$")
	}
	t, err := parseLabels(labels)
	if err != nil {
		s.note(c.file, err)
		return
	}
	if t == nil {
		return
	}
	enabled := text(at(t.root, "enable"))
	if http := at(t.root, "http"); http != nil && (strings.EqualFold(enabled, "false") || (enabled == "" && !byDefault)) {
		k.add(piece{c.file, t, ""}, "http", c.name, "not-enabled", "Traefik ignores this container, because it has no label traefik.enable=true. Add the label.")
	}
	for _, kind := range []string{"routers", "middlewares", "services"} {
		branch, _ := at(t.root, "http", kind).(object)
		for _, name := range sorted(branch) {
			key := kind + "." + strings.ToLower(name)
			one := fmt.Sprint(branch[name])
			if before := defined[key]; before != nil && owners[key] != one {
				k.add(piece{c.file, t, "http." + kind}, name, name, "defined-twice", "Containers %s and %s define it differently, so Traefik drops both. Define it once.", before.name, c.name)
			}
			defined[key], owners[key] = c, one
		}
	}
	if s.orchestrator == "swarm" && at(t.root, "http") != nil && at(t.root, "http", "services") == nil {
		k.add(piece{c.file, t, ""}, "http", c.name, "no-port", "Traefik ignores this Swarm service and all of its routers, because a label is missing. Add traefik.http.services.NAME.loadbalancer.server.port.")
	}
	s.checkLabels(c.file, t)
	s.addDynamic(c.file, s.orchestrator, t)
}

// words returns a command, which may be a list or one text.
func words(value any) []string {
	if command, ok := value.(string); ok {
		return strings.Fields(command)
	}
	return texts(value)
}

// labelsOf reads labels, which may be a map or a list.
func (s *site) labelsOf(file string, value any, t *tree, where string) []label {
	labels := []label{}
	branch, _ := value.(object)
	for _, key := range sorted(branch) {
		value := branch[key]
		if value == nil {
			value = ""
		}
		if nested, isMap := value.(object); isMap && strings.EqualFold(key, "traefik") && len(nested) > 0 {
			s.problem(file, t.line(where+"."+key), "wrong-type", "These labels are nested. Write each label as one key with dots, such as traefik.http.routers.clinic.rule.")
			continue
		}
		labels = append(labels, label{key, fmt.Sprint(value), t.line(where + "." + key)})
	}
	for i, item := range list(value) {
		line := t.line(where + "." + strconv.Itoa(i))
		if entry, isMap := item.(object); isMap { // "key: value" behind a dash
			for _, key := range sorted(entry) {
				s.problem(file, line, "wrong-type", "This label is written NAME: VALUE in a list. Write NAME=VALUE.")
				labels = append(labels, label{key, fmt.Sprint(entry[key]), line})
			}
			continue
		}
		key, value, _ := strings.Cut(fmt.Sprint(item), "=")
		labels = append(labels, label{key, value, line})
	}
	return labels
}
