package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// line is a line of go test -bench with -benchmem: name, ns/op, and the other figures by unit.
var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op(.*)$`)

var figure = regexp.MustCompile(`([0-9.]+) (\S+)`)

// result is what one benchmark came to, by unit.
type result map[string]string

// goBenchmarks runs the Go benchmarks of a folder and those below it. It returns their results by
// name, and the names in order.
func goBenchmarks(folder, pattern, time string, more ...string) (results map[string]result, names []string, err error) {
	fmt.Fprintf(os.Stderr, "go test -bench %s in %s\n", pattern, folder)
	arguments := append([]string{"test", "-run", "^$", "-bench", pattern, "-benchtime", time, "-benchmem", "-timeout", "20m"}, more...)
	command := exec.Command("go", append(arguments, "./...")...)
	command.Dir = filepath.Join(traefik.Root(), folder)
	output, err := command.CombinedOutput()
	if err != nil {
		return nil, nil, fmt.Errorf("%w:\n%s", err, output)
	}
	results = map[string]result{}
	for _, text := range strings.Split(string(output), "\n") {
		found := line.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		r := result{"ns/op": found[2]}
		for _, pair := range figure.FindAllStringSubmatch(found[3], -1) {
			r[pair[2]] = pair[1]
		}
		results[found[1]] = r
		names = append(names, found[1])
	}
	return results, names, nil
}

// parts are the plugin's benchmarks that are compared compiled and interpreted.
const parts = "PassThrough|ExactPassThrough|Identity|Next|SignIn|SignInWithRoom|Refusal"

// partsTable compares the plugin's own benchmarks compiled and interpreted. Each runs for a time, or as often as 1x says.
func partsTable(time string) (string, error) {
	compiled, names, err := goBenchmarks(".", "^Benchmark("+parts+")$", time)
	if err != nil {
		return "", err
	}
	interpreted, _, err := goBenchmarks(filepath.Join("e2e", "interpreted"), "^BenchmarkParts$/^("+parts+")$", time)
	if err != nil {
		return "", err
	}
	table := "### Parts\n\nGo benchmarks without Traefik and without a network. Times are microseconds for each operation.\n\n" +
		"| Part | compiled | allocations | interpreted | allocations |\n| --- | ---: | ---: | ---: | ---: |\n"
	for _, name := range names {
		c, i := compiled[name], interpreted["Parts/"+name]
		if i == nil {
			return "", fmt.Errorf("the interpreter ran no benchmark %s", name)
		}
		table += fmt.Sprintf("| %s | %s | %s | %s | %s |\n", name, micro(c["ns/op"]), c["allocs/op"], micro(i["ns/op"]), i["allocs/op"])
	}
	var allocations float64
	if _, err := fmt.Sscan(interpreted["Parts/SignIn"]["allocs/op"], &allocations); err != nil {
		return "", err
	}
	return table + "\n" + verdict("Allocations of an interpreted sign-in", allocations, allocationsTarget), nil
}

func micro(nanoseconds string) string {
	var n float64
	if _, err := fmt.Sscan(nanoseconds, &n); err != nil {
		return nanoseconds
	}
	return fmt.Sprintf("%.2f", n/1000)
}
