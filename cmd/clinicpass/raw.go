package main

import (
	"strconv"
	"strings"
)

// isRaw reports whether a document is what Traefik's API tells at /api/rawdata: names have their providers.
func isRaw(root object) bool {
	routers, _ := at(root, "routers").(object)
	middlewares, _ := at(root, "middlewares").(object)
	for _, branch := range []object{routers, middlewares} {
		for name := range branch {
			if strings.Contains(name, "@") {
				return true
			}
		}
	}
	return false
}

// addRaw takes in what a running Traefik tells of itself, where all defaults are filled in.
func (s *site) addRaw(file string, t *tree) {
	s.raw = true
	routers, _ := at(t.root, "routers").(object)
	for _, name := range sorted(routers) {
		one := routers[name]
		_, provider, _ := strings.Cut(name, "@")
		if provider == "internal" {
			continue
		}
		r := &router{
			piece: piece{file, t, "routers." + name}, name: name, rule: text(at(one, "rule")),
			service: text(at(one, "service")), entryPoints: texts(at(one, "entryPoints")), tls: at(one, "tls") != nil,
		}
		if number, isNumber := at(one, "priority").(int); isNumber {
			r.priority = number
		}
		for _, ref := range texts(at(one, "middlewares")) {
			r.middlewares = append(r.middlewares, qualified(ref, provider))
		}
		for i, problem := range texts(at(one, "error")) {
			if i == 0 {
				s.found = append(s.found, finding{
					File: file, Line: t.line("routers." + name), Object: name, ID: "refused",
					Message: "Traefik disabled this router: " + withoutValues(problem),
				})
			}
		}
		s.routers = append(s.routers, r)
	}
	middlewares, _ := at(t.root, "middlewares").(object)
	for _, name := range sorted(middlewares) {
		spec := object{}
		branch, _ := middlewares[name].(object)
		for key, value := range branch {
			if key != "status" && key != "usedBy" && key != "error" {
				spec[key] = value
			}
		}
		s.addMiddleware(piece{file, t, "middlewares." + name}, name, "", spec)
	}
	services, _ := at(t.root, "services").(object)
	for _, name := range sorted(services) {
		s.services[name] = true
	}
}

// withoutValues keeps the words of an error up to what it may quote.
func withoutValues(text string) string {
	if cut := strings.IndexAny(text, "\"'`{\n"); cut >= 0 {
		text = text[:cut] + "..."
	}
	return strconv.Quote(text)
}
