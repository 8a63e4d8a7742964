// Command release prepares a version. check prints everything that prevents tagging it, or how to tag it. notes prints the
// version's part of the changelog. build writes the command for every platform, its image and the checksums to .bin/release:
//
//	go run ./release check v0.1.0
//	go run ./release notes v0.1.0
//	go run ./release build v0.1.0
//
// docs/releasing.md is the procedure.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

func main() {
	verbs := map[string]func(version string) error{"check": printProblems, "notes": printNotes, "build": printFiles}
	if len(os.Args) != 3 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: release check|notes|build VERSION, such as v0.1.0")
		os.Exit(2)
	}
	if err := verbs[os.Args[1]](os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(2)
	}
}

// printProblems ends with exit code 1 when something prevents tagging the version.
func printProblems(version string) error {
	found, err := check(traefik.Root(), version)
	if err != nil {
		return err
	}
	for _, problem := range found {
		fmt.Println(problem)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
	fmt.Printf("Nothing prevents %s. When make lint and make test have passed:\n\n"+
		"  git tag --annotate %[1]s --message 'Clinicpass %[1]s'\n  git push origin %[1]s\n", version)
	return nil
}

// printFiles builds the release and prints where its files are.
func printFiles(version string) error {
	bin := filepath.Join(traefik.Root(), ".bin")
	release := &build{
		root:      traefik.Root(),
		output:    filepath.Join(bin, "release"),
		version:   version,
		platforms: released,
		bills: []string{
			filepath.Join(bin, "clinicpass.cdx.json"),
			filepath.Join(bin, "clinicpass-command.cdx.json"),
		},
	}
	names, err := release.run()
	for _, name := range names {
		fmt.Println(filepath.Join(".bin", "release", name))
	}
	return err
}

// printNotes prints the version's section of the changelog.
func printNotes(version string) error {
	c := &checkout{dir: traefik.Root()}
	for _, s := range sections(c.read(changelogFile)) {
		if "v"+s.name == version {
			fmt.Println(s.text)
			return c.err
		}
	}
	return errors.Join(c.err, fmt.Errorf("%s has no section for %s", changelogFile, version))
}

// check returns what is in the way of tagging the version in the checkout.
func check(dir, version string) ([]string, error) {
	if semver.Canonical(version) != version || semver.Major(version) > "v1" {
		return []string{version + ": must be vMAJOR.MINOR.PATCH, such as v0.1.0; from v2 on the module's path would have to end in it"}, nil
	}
	c := &checkout{dir: dir, version: version}
	c.checkVersions()
	c.checkChangelog()
	c.checkTree()
	return c.found, c.err
}

// checkout gathers what is in the way.
type checkout struct {
	dir, version string
	found        []string
	err          error // the first
}

func (c *checkout) add(file, format string, args ...any) {
	c.found = append(c.found, file+": "+fmt.Sprintf(format, args...))
}

func (c *checkout) read(file string) string {
	content, err := os.ReadFile(filepath.Join(c.dir, file))
	if err != nil && c.err == nil {
		c.err = err
	}
	return string(content)
}

func (c *checkout) git(arguments ...string) string {
	command := exec.Command("git", arguments...)
	command.Dir = c.dir
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("git %s: %w: %s", strings.Join(arguments, " "), err, complaint.String())
	}
	return strings.TrimSpace(string(output))
}

// pinPattern matches where the plugin's version stands: in configurations, in commands, in the command's go.mod, in the code.
var pinPattern = regexp.MustCompile(`(?:^\s*version(?::| =) "?|clinicpass\.version=|--branch |github\.com/clinicpass/clinicpass |^const Version = ")(v?[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*)`)

// checkVersions looks for another version than the one to tag.
func (c *checkout) checkVersions() {
	pins := map[string]int{"plugin.go": 0, "README.md": 0, "docs/install.md": 0, "cmd/clinicpass/go.mod": 0}
	for _, file := range strings.Fields(c.git("ls-files", "plugin.go", "README.md", "docs/install.md", "cmd/clinicpass/go.mod", "examples")) {
		for n, line := range strings.Split(c.read(file), "\n") {
			pin := pinPattern.FindStringSubmatch(line)
			if pin == nil {
				continue
			}
			pins[file]++
			if strings.TrimPrefix(pin[1], "v") != strings.TrimPrefix(c.version, "v") {
				c.add(fmt.Sprintf("%s:%d", file, n+1), "has version %s, not %s", pin[1], c.version)
			}
		}
	}
	for file, n := range pins {
		if n == 0 {
			c.add(file, "does not name a version")
		}
	}
	if !strings.Contains(c.read("docs/upgrading.md"), "| "+c.version+" |") {
		c.add("docs/upgrading.md", "has no row that ends at %s", c.version)
	}
}

const changelogFile = "CHANGELOG.md"

var sectionPattern = regexp.MustCompile(`(?m)^## \[([^\]]+)\](?: - (\S+))?$`)

// section is a version's in the changelog.
type section struct{ name, date, text string }

func sections(changelog string) []section {
	all := []section{}
	headings := sectionPattern.FindAllStringSubmatch(changelog, -1)
	for i, text := range sectionPattern.Split(changelog, -1)[1:] {
		all = append(all, section{headings[i][1], headings[i][2], strings.TrimSpace(text)})
	}
	return all
}

// checkChangelog looks for the version's section, as Keep a Changelog wants it.
func (c *checkout) checkChangelog() {
	all := sections(c.read(changelogFile))
	number := strings.TrimPrefix(c.version, "v")
	if len(all) < 2 || all[0].name != "Unreleased" || all[1].name != number {
		c.add(changelogFile, "must begin with ## [Unreleased] and then ## [%s] - YYYY-MM-DD", number)
		return
	}
	if all[0].text != "" {
		c.add(changelogFile, "has entries under Unreleased: move them to the version")
	}
	if _, err := time.Parse(time.DateOnly, all[1].date); err != nil {
		c.add(changelogFile, "the version's date must be written YYYY-MM-DD")
	}
	if !strings.Contains("\n"+all[1].text, "\n- ") {
		c.add(changelogFile, "says nothing of the version")
	}
}

// checkTree looks at what would be tagged. The plugin catalog imports nothing of a repository with a single tag that is no version,
// so that the command's module cannot have tags of its own.
func (c *checkout) checkTree() {
	if changed := c.git("status", "--porcelain"); changed != "" {
		c.add("git", "not everything is committed:\n%s", changed)
	}
	if branch := c.git("rev-parse", "--abbrev-ref", "HEAD"); branch != "main" {
		c.add("git", "this is %s, not main", branch)
	}
	for _, tag := range strings.Fields(c.git("tag")) {
		switch {
		case tag == c.version:
			c.add("git", "%s is tagged already", tag)
		case semver.Canonical(tag) != tag:
			c.add("git", "the tag %s is no version: the catalog would refuse the plugin; remove it", tag)
		case semver.Compare(tag, c.version) > 0:
			c.add("git", "%s is older than the tag %s", c.version, tag)
		}
	}
}
