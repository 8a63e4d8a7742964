package main

import (
	"regexp"
	"strings"
)

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
	if docker := dockerPattern.FindStringIndex(content); docker != nil {
		s.problem(file, 1+strings.Count(content[:docker[0]], "\n"), "labels-not-read", "Traefik's Nomad provider does not read a container's labels. Write them as tags of the service.")
	}
	t, err := parseLabels(labels)
	if t != nil {
		s.checkLabels(file, t)
		s.addDynamic(file, "nomad", t)
	}
	return err
}

var dockerPattern = regexp.MustCompile(`(?m)^\s*"traefik\.[^"]+"\s*=\s*"`)
