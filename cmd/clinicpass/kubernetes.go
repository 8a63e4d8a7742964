package main

import (
	"fmt"
	"strings"
)

const crd = "kubernetescrd"

// addObject takes in an object of Kubernetes; kinds that have nothing to do with middlewares are passed over.
func (s *site) addObject(file string, t *tree, path string, o object) {
	namespace := text(at(o, "metadata", "namespace"))
	if namespace == "" {
		namespace = "default"
	}
	name := namespace + "-" + text(at(o, "metadata", "name"))
	where := piece{file, t, strings.TrimPrefix(path+".spec", ".")}
	if strings.HasSuffix(text(at(o, "kind")), "List") {
		for i, item := range list(at(o, "items")) {
			if item, ok := item.(object); ok {
				s.addObject(file, t, strings.TrimPrefix(fmt.Sprintf("%s.items.%d", path, i), "."), item)
			}
		}
		return
	}
	switch text(at(o, "kind")) {
	case "Middleware":
		s.addMiddleware(where, name+"@"+crd, namespace, at(o, "spec"))
	case "Deployment", "DaemonSet", "StatefulSet":
		for _, container := range list(at(o, "spec", "template", "spec", "containers")) {
			s.addVariables(at(container, "env"))
		}
	case "IngressRoute":
		s.addRoutes(where, name, namespace, texts(at(o, "spec", "entryPoints")), list(at(o, "spec", "routes")))
	case "HTTPRoute":
		s.addGatewayRoute(where, name, namespace, o)
	case "Ingress":
		refs := texts(at(o, "metadata", "annotations", "traefik.ingress.kubernetes.io/router.middlewares"))
		s.routers = append(s.routers, &router{piece: where, name: name + "@kubernetes", middlewares: refs, service: "of the ingress", rule: ingressRule(o)})
	}
}

func (s *site) addRoutes(where piece, name, namespace string, entryPoints []string, routes []any) {
	for i, route := range routes {
		r := &router{piece: where, name: name + "@" + crd, rule: text(at(route, "match")), entryPoints: entryPoints}
		r.path = fmt.Sprintf("%s.routes.%d", where.path, i)
		for _, ref := range list(at(route, "middlewares")) {
			r.middlewares = append(r.middlewares, reference(ref, namespace))
		}
		for _, service := range list(at(route, "services")) {
			r.service = text(at(service, "name"))
		}
		s.routers = append(s.routers, r)
	}
}

// reference returns the name of a middleware that an IngressRoute names.
func reference(ref any, namespace string) string {
	name := text(at(ref, "name"))
	if strings.Contains(name, "@") {
		return name
	}
	if other := text(at(ref, "namespace")); other != "" {
		namespace = other
	}
	return namespace + "-" + name + "@" + crd
}

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
				paths = append(paths, "PathPrefix(`"+strings.TrimSuffix(value, "/")+"/`)") // by whole segments
			}
		}
		r.rule = strings.Join(paths, " || ")
		for _, filter := range list(at(rule, "filters")) {
			if text(at(filter, "type")) == "ExtensionRef" {
				r.middlewares = append(r.middlewares, namespace+"-"+text(at(filter, "extensionRef", "name"))+"@"+crd)
			}
		}
		s.routers = append(s.routers, r)
	}
}

func ingressRule(o object) string {
	paths := []string{}
	for _, rule := range list(at(o, "spec", "rules")) {
		for _, path := range list(at(rule, "http", "paths")) {
			paths = append(paths, "PathPrefix(`"+text(at(path, "path"))+"`)")
		}
	}
	return strings.Join(paths, " || ")
}
