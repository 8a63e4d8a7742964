package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// addGatewayRoute takes in an HTTPRoute of the Gateway API, the paths of which become a rule.
func (s *site) addGatewayRoute(where piece, name, namespace string, o object) {
	for i, rule := range list(at(o, "spec", "rules")) {
		r := &router{piece: where, name: name + "@kubernetesgateway", service: "none"}
		r.path = fmt.Sprintf("%s.rules.%d", where.path, i)
		paths := []string{}
		for _, match := range list(at(rule, "matches")) {
			value := text(at(match, "path", "value"))
			switch text(at(match, "path", "type")) {
			case "Exact":
				paths = append(paths, "Path(`"+value+"`)")
			case "RegularExpression":
				paths = append(paths, "PathRegexp(`"+value+"`)")
			default:
				trimmed := strings.TrimSuffix(value, "/") // by whole segments
				if trimmed != "" {
					paths = append(paths, "Path(`"+trimmed+"`)")
				}
				paths = append(paths, "PathPrefix(`"+trimmed+"/`)")
			}
		}
		r.rule = withHosts(texts(at(o, "spec", "hostnames")), paths)
		for _, filter := range list(at(rule, "filters")) {
			if m := filterOf(filter, value(rule)); m != nil {
				m.piece, m.name = r.piece, namespace+"-"+name+"-"+strconv.Itoa(i)+"@filter"
				s.middlewares[m.name] = m
				r.middlewares = append(r.middlewares, m.name)
			}
			if text(at(filter, "type")) == "ExtensionRef" {
				if group := text(at(filter, "extensionRef", "group")); group != "traefik.io" {
					s.problemAt(r.piece, name, "old-api", "extensionRef has the wrong group. Set group: traefik.io.")
				}
				r.middlewares = append(r.middlewares, namespace+"-"+text(at(filter, "extensionRef", "name"))+"@"+crd)
			}
		}
		s.routers = append(s.routers, r)
	}
}

// value returns the first path of a rule of the Gateway API.
func value(rule any) string {
	for _, match := range list(at(rule, "matches")) {
		return text(at(match, "path", "value"))
	}
	return "/"
}

// filterOf returns what a filter of the Gateway API does before the plugin is asked, as a middleware of Traefik's.
func filterOf(filter any, path string) *middleware {
	switch text(at(filter, "type")) {
	case "URLRewrite":
		if to, given := at(filter, "urlRewrite", "path", "replacePrefixMatch").(string); given {
			replaced := object{"regex": "^" + regexp.QuoteMeta(path), "replacement": strings.ReplaceAll(to, "$", "$$")}
			return &middleware{kind: "replacePathRegex", config: replaced}
		}
		if to, given := at(filter, "urlRewrite", "path", "replaceFullPath").(string); given {
			return &middleware{kind: "replacePath", config: object{"path": to}}
		}
	case "RequestHeaderModifier":
		set := object{}
		for _, name := range texts(at(filter, "requestHeaderModifier", "remove")) {
			set[name] = ""
		}
		for _, key := range []string{"set", "add"} {
			for _, header := range list(at(filter, "requestHeaderModifier", key)) {
				set[text(at(header, "name"))] = text(at(header, "value"))
			}
		}
		return &middleware{kind: "headers", config: object{"customRequestHeaders": set}}
	}
	return nil
}
