package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

const (
	manyMiddlewares   = 200
	importTarget      = 300.0 // milliseconds
	middlewaresTarget = 5.0   // seconds
)

// scaleTable tells what many providers and many middlewares cost.
func scaleTable() (string, error) {
	folder := filepath.Join("e2e", "interpreted")
	compiled, names, err := goBenchmarks(".", "^BenchmarkProviders$", "5000x")
	if err != nil {
		return "", err
	}
	interpreted, _, err := goBenchmarks(folder, "^BenchmarkParts$/^Providers$", "2000x", "-short")
	if err != nil {
		return "", err
	}
	table := "### Scale\n\nAll providers have a room and have signed in before. The table shows the heap in use, and the time of another " +
		"sign-in by one of the last thousand. The interpreted heap includes the interpreter.\n\n" +
		"| Providers | compiled, MiB | µs | interpreted, MiB | µs |\n| ---: | ---: | ---: | ---: | ---: |\n"
	for _, name := range names {
		row := fmt.Sprintf("| %s | %s | %s |", strings.TrimPrefix(name, "Providers/"), compiled[name]["MiB"], micro(compiled[name]["ns/op"]))
		if i := interpreted["Parts/"+name]; i != nil {
			table += fmt.Sprintf("%s %s | %s |\n", row, i["MiB"], micro(i["ns/op"]))
		} else {
			table += row + " not measured | |\n"
		}
	}
	loading, _, err := goBenchmarks(folder, "^BenchmarkImport$", "20x")
	if err != nil {
		return "", err
	}
	var nanoseconds float64
	if _, err := fmt.Sscan(loading["Import"]["ns/op"], &nanoseconds); err != nil {
		return "", err
	}
	with, err := startTime(manyMiddlewares)
	if err != nil {
		return "", err
	}
	without, err := startTime(0)
	if err != nil {
		return "", err
	}
	return table + "\n" + verdict("Time to load the plugin into the interpreter, in milliseconds", nanoseconds/1e6, importTarget) +
		verdict(fmt.Sprintf("Time from Traefik's start until %d middlewares with different configurations serve, in seconds", manyMiddlewares),
			with.Seconds(), middlewaresTarget) + fmt.Sprintf("- Time with the same number of routers and no middleware, in seconds: %.2f.\n", without.Seconds()), nil
}

// startTime starts Traefik with many routers, so many of them with a middleware, and returns how long it takes until the
// last one of both serves.
func startTime(count int) (time.Duration, error) {
	binary, err := traefik.Build(version(), os.Stderr)
	if err != nil {
		return 0, err
	}
	base := map[string]any{
		"portal":   map[string]any{"url": "https://clinic.example.com/vc/next/"},
		"api":      map[string]any{"url": "https://api.example.com/", "accountCode": "example", "key": "key"},
		"identity": map[string]any{"preset": "oauth2-proxy"},
	}
	routers := map[string]any{}
	middlewares := map[string]any{"unused": map[string]any{"stripPrefix": map[string]any{"prefixes": []string{"/x"}}}}
	for i := range manyMiddlewares {
		name := "clinic" + strconv.Itoa(i)
		router := map[string]any{"rule": "Host(`" + name + "`)", "service": "site"}
		if i < count {
			config := maps.Clone(base)
			config["pages"] = map[string]any{"contact": name}
			middlewares[name] = map[string]any{"plugin": map[string]any{"clinicpass": config}}
			router["middlewares"] = []string{name}
		}
		routers[name] = router
	}
	dynamic, err := json.Marshal(map[string]any{"http": map[string]any{
		"routers": routers, "middlewares": middlewares,
		"services": map[string]any{"site": map[string]any{"loadBalancer": map[string]any{"servers": []any{map[string]any{"url": "http://127.0.0.1:1"}}}}},
	}})
	if err != nil {
		return 0, err
	}
	last := "clinic" + strconv.Itoa(manyMiddlewares-1)
	start := time.Now()
	instance, err := traefik.Start(traefik.Options{Binary: binary, Dynamic: string(dynamic), Level: "ERROR", Probe: last})
	if err != nil {
		return 0, err
	}
	defer instance.Stop()
	elapsed := time.Since(start)
	request, err := http.NewRequest(http.MethodGet, instance.URL+"/clinic", nil)
	if err != nil {
		return 0, err
	}
	request.Host = last
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	_ = response.Body.Close()
	if served := response.Header.Get("Clinicpass-Outcome") == "no_identity"; served != (count > 0) {
		return 0, errors.New("the last middleware is not there, or there without need: " + response.Status)
	}
	return elapsed, nil
}
