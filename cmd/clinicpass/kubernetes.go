package main

import (
	"fmt"
	"slices"
	"strings"
)

const crd = "kubernetescrd"

// kubeObject is an object of Kubernetes, for what refers to it.
type kubeObject struct {
	piece
	kind, namespace, name string
	keys                  []string // of a Secret
}

// traefikKinds are the kinds of Traefik's own objects.
var traefikKinds = []string{
	"IngressRoute", "IngressRouteTCP", "IngressRouteUDP", "Middleware", "MiddlewareTCP", "ServersTransport",
	"ServersTransportTCP", "TLSOption", "TLSStore", "TraefikService",
}

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
	kind, version := text(at(o, "kind")), text(at(o, "apiVersion"))
	one := &kubeObject{piece: where, kind: kind, namespace: namespace, name: text(at(o, "metadata", "name"))}
	for _, data := range []string{"data", "stringData"} {
		branch, _ := at(o, data).(object)
		one.keys = append(one.keys, sorted(branch)...)
	}
	s.objects = append(s.objects, one)
	if strings.HasPrefix(version, "traefik.containo.us/") {
		s.problemAt(where, name, "old-api", "Traefik v3 does not read objects of traefik.containo.us. Set apiVersion: traefik.io/v1alpha1.")
	} else if strings.HasPrefix(version, "traefik.io/") && !slices.Contains(traefikKinds, kind) {
		s.problemAt(where, name, "unknown-kind", "Traefik has no kind %s. Did you mean %s?", shownName(kind), closest(kind, traefikKinds))
	}
	spec, _ := at(o, "spec").(object)
	s.checkSpec(where, kind, spec)
	switch kind {
	case "Middleware":
		s.addMiddleware(where, name+"@"+crd, namespace, at(o, "spec"))
	case "Deployment", "DaemonSet", "StatefulSet":
		for i, container := range list(at(o, "spec", "template", "spec", "containers")) {
			s.addVariables(at(container, "env"))
			if !traefikImage.MatchString(text(at(container, "image"))) {
				continue
			}
			for _, key := range []string{"command", "args"} {
				s.note(file, s.addFlags(file, t, fmt.Sprintf("%s.template.spec.containers.%d.%s", where.path, i, key), at(container, key)))
			}
		}
	case "IngressRoute":
		s.addRoutes(where, name, namespace, o)
	case "HTTPRoute":
		s.addGatewayRoute(where, name, namespace, o)
	case "Ingress":
		refs := texts(at(o, "metadata", "annotations", "traefik.ingress.kubernetes.io/router.middlewares"))
		points := texts(at(o, "metadata", "annotations", "traefik.ingress.kubernetes.io/router.entrypoints"))
		s.addIngress(where, name, refs, points, o)
	}
}

// problemAt notes what a reader finds at a piece.
func (s *site) problemAt(where piece, object, id, format string, args ...any) {
	s.found = append(s.found, finding{
		File: where.file, Line: where.tree.line(where.path), Object: object, ID: id, Message: fmt.Sprintf(format, args...),
	})
}

func (s *site) addRoutes(where piece, name, namespace string, o object) {
	tls := at(o, "spec", "tls") != nil
	for i, route := range list(at(o, "spec", "routes")) {
		r := &router{piece: where, name: name + "@" + crd, rule: text(at(route, "match")), entryPoints: texts(at(o, "spec", "entryPoints")), tls: tls}
		r.path = fmt.Sprintf("%s.routes.%d", where.path, i)
		r.priority, _ = at(route, "priority").(int)
		if text(at(route, "kind")) == "" {
			s.problemAt(r.piece, name, "no-kind", "The route has no kind: Rule, which Traefik before v3.4 requires. Add it.")
		}
		for _, ref := range list(at(route, "middlewares")) {
			r.middlewares = append(r.middlewares, reference(ref, namespace))
			if other := text(at(ref, "namespace")); other != "" && other != namespace {
				r.elsewhere = true
			}
		}
		for _, service := range list(at(route, "services")) {
			r.service = text(at(service, "name"))
			if kind := text(at(service, "kind")); strings.Contains(r.service, "@") && kind != "TraefikService" {
				s.problemAt(r.piece, name, "no-service", "%s is not a Kubernetes service. Add kind: TraefikService next to its name.", shownName(r.service))
			}
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

// withHosts returns a rule of hosts and paths.
func withHosts(names, paths []string) string {
	hosts := []string{}
	for _, host := range names {
		hosts = append(hosts, "Host(`"+host+"`)")
	}
	parts := []string{}
	for _, group := range [][]string{hosts, paths} {
		if len(group) > 0 {
			parts = append(parts, "("+strings.Join(group, " || ")+")")
		}
	}
	return strings.Join(parts, " && ")
}

// addIngress takes in an Ingress, each path of which is a router.
func (s *site) addIngress(where piece, name string, refs, points []string, o object) {
	for i, rule := range list(at(o, "spec", "rules")) {
		for j, path := range list(at(rule, "http", "paths")) {
			matcher := "PathPrefix"
			if text(at(path, "pathType")) == "Exact" {
				matcher = "Path"
			}
			hosts := texts(at(rule, "host"))
			r := &router{
				piece: where, name: name + "@kubernetes", middlewares: refs, entryPoints: points, service: "of the ingress",
				rule: withHosts(hosts, []string{matcher + "(`" + text(at(path, "path")) + "`)"}), tls: at(o, "spec", "tls") != nil,
			}
			r.path = fmt.Sprintf("%s.rules.%d.http.paths.%d", where.path, i, j)
			s.routers = append(s.routers, r)
		}
	}
}
