package schema_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clinicpass/clinicpass/cmd/clinicpass/schema"
)

func TestProblems(t *testing.T) {
	router := "http: {routers: {r: {%s}}}"
	none := "(not a valid key)"
	rows := []struct {
		desc, kind, content string
		want                []schema.Problem
	}{
		{"nothing", "dynamic.yml", "{}", nil},
		{"another kind of object", "Deployment", "replicas: {a: b}", nil},
		{"misspelled", "dynamic.yml", fmt.Sprintf(router, "entryPoint: [web]"), []schema.Problem{
			{Path: "http.routers.r.entryPoint", Unknown: true, Nearest: "entryPoints"},
		}},
		{"as written", "dynamic.yml", "HTTP: {Routers: {R: {Rul: a}}}", []schema.Problem{
			{Path: "HTTP.Routers.R.Rul", Unknown: true, Nearest: "rule"},
		}},
		{"nothing is near", "dynamic.yml", fmt.Sprintf(router, "clinicpass: {a: b}"), []schema.Problem{
			{Path: "http.routers.r.clinicpass", Unknown: true},
		}},
		{
			"not what files cannot set", "dynamic.yml", fmt.Sprintf(router, "defaultRuleSyntx: a"),
			[]schema.Problem{{Path: "http.routers.r.defaultRuleSyntx", Unknown: true}},
		},
		{
			"a key that may be a secret", "dynamic.yml", fmt.Sprintf(router, "'my secret': a"),
			[]schema.Problem{{Path: "http.routers.r." + none, Unknown: true}},
		},
		{
			"a long key", "dynamic.yml", fmt.Sprintf(router, strings.Repeat("k", 81)+": a"),
			[]schema.Problem{{Path: "http.routers.r." + none, Unknown: true}},
		},
		{
			"all of them", "dynamic.yml", fmt.Sprintf(router, "rul: a, priority: high, tls: {domain: a}"),
			[]schema.Problem{
				{Path: "http.routers.r.priority", Want: "a whole number"},
				{Path: "http.routers.r.rul", Unknown: true, Nearest: "rule"},
				{Path: "http.routers.r.tls.domain", Unknown: true, Nearest: "domains"},
			},
		},
		{
			"in a list", "dynamic.yml",
			"http: {services: {s: {loadBalancer: {servers: [{url: a}, {ulr: a}]}}}}",
			[]schema.Problem{
				{Path: "http.services.s.loadBalancer.servers.1.ulr", Unknown: true, Nearest: "url"},
			},
		},
		{"an element", "static.yml", "metrics: {prometheus: {buckets: [0.1, a]}}", []schema.Problem{
			{Path: "metrics.prometheus.buckets.1", Want: "a number"},
		}},
		{"a text for a section", "static.yml", "entryPoints: {web: {http: a}}", []schema.Problem{
			{Path: "entryPoints.web.http", Want: "a section"},
		}},
		{"an empty section", "dynamic.yml", "http: {}", []schema.Problem{
			{Path: "http", Want: "a section with something in it"},
		}},
		{"a date for a section, once", "static.yml", "entryPoints: 2020-01-01", []schema.Problem{
			{Path: "entryPoints", Want: "a text, a number, true or false, a list, or a section"},
		}},
		{"a section for a text", "dynamic.yml", fmt.Sprintf(router, "rule: {a: b}"), []schema.Problem{
			{Path: "http.routers.r.rule", Want: "a text"},
		}},
		{
			"a duration", "labels", "traefik.http.middlewares.m.ratelimit.period=a minute",
			[]schema.Problem{
				{Path: "http.middlewares.m.ratelimit.period", Want: "a duration, such as 10s"},
			},
		},
		{
			"a label with an index", "labels", "traefik.http.routers.r.tls.domains[0].mian=a",
			[]schema.Problem{
				{Path: "http.routers.r.tls.domains.[0].mian", Unknown: true, Nearest: "main"},
			},
		},
		{
			"a label's own name", "labels", "traefik.http.services.s.loadbalancer.servr.port=80",
			[]schema.Problem{
				{Path: "http.services.s.loadbalancer.servr", Unknown: true, Nearest: "server"},
			},
		},
		{"a flag", "flags", "--entrypoint.web.address=a", []schema.Problem{
			{Path: "entrypoint", Unknown: true, Nearest: "entryPoints"},
		}},
		{"an object", "Middleware", "stripprefix: {prefixes: [a]}", []schema.Problem{
			{Path: "stripprefix", Unknown: true, Nearest: "stripPrefix"},
		}},
		{
			"an object's list", "IngressRoute", "routes: [{match: a, services: [{name: 5}]}]",
			[]schema.Problem{{Path: "routes.0.services.0.name", Want: "a text"}},
		},
	}
	for _, row := range rows {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, problemsOf(t, row.kind, row.content))
		})
	}
}

func TestAnything(t *testing.T) {
	deep := any("a")
	for range 200_000 {
		deep = map[string]any{"plugin": map[any]any{"p": []any{deep}}}
	}
	values := []any{
		nil, "", "secret-value", 1, int64(-1), uint64(1), 1.5, true, time.Now(),
		struct{ a int }{1},
		deep,
		[]any{},
		[]any{nil, []any{deep}},
		[]any{time.Now(), map[any]any{1: nil, true: 2, nil: 3}},
		[]map[string]any{nil, {"secret value": "a"}},
		map[string]any{"": map[string]any{"": "a"}},
		map[string]any(nil), (*int)(nil), func() {}, make(chan int),
		[]string{"a"},
		map[int]int{1: 1},
	}
	for _, value := range values {
		for _, root := range []map[string]any{
			{"http": value, "": value},
			{"HTTP": map[string]any{"Routers": value, "Middlewares": value}},
			{"http": map[string]any{"routers": map[string]any{"r": value}}, "tls": value},
			{"http": map[string]any{"middlewares": map[string]any{"m": deep}}, "entryPoints": value},
			{"http": map[string]any{"middlewares": map[string]any{"m": map[string]any{"plugin": value}}}},
			{"routes": value, "plugin": value},
			{"routes": []any{value}, "tls": map[string]any{"a": value}},
		} {
			for _, labels := range []bool{false, true} {
				all := append(schema.Dynamic(root, labels), schema.Static(root, labels)...)
				for _, kind := range []string{"Middleware", "IngressRoute", "TLSOption", "dynamic", ""} {
					all = append(all, schema.Spec(kind, root)...)
				}
				assert.NotContains(t, fmt.Sprintf("%+v", all), "secret")
			}
		}
	}
	assert.Empty(t, schema.Dynamic(nil, true))
	assert.Empty(t, schema.Spec("Middleware", nil))
}
