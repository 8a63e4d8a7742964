package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var snippetPattern = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestSnippets: nothing is found in what README.md and docs/ show. Parts are put into a whole site:
// an auth middleware together with the identity that follows it.
func TestSnippets(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	site := testdata(t, "file.yml")
	auth := site[strings.Index(site, "      forwardAuth:"):strings.Index(site, "    clinic:\n      plugin:")]
	identity := site[strings.Index(site, "          identity:"):strings.Index(site, "  services:")]
	checked := 0
	for _, page := range append(pages, "../../README.md") {
		content, err := os.ReadFile(page)
		require.NoError(t, err)
		middleware := ""
		for _, snippet := range snippetPattern.FindAllStringSubmatch(string(content), -1) {
			first, _, _ := strings.Cut(snippet[1], ":")
			whole := ""
			switch first {
			case "forwardAuth", "basicAuth":
				middleware = snippet[1]
			case "identity":
				if middleware != "" {
					whole = strings.Replace(site, auth, indented(middleware, 6), 1)
					whole = strings.Replace(whole, identity, indented(snippet[1], 10), 1)
					middleware = ""
				}
			case "http":
				if strings.Contains(snippet[1], "clinicpass:") && strings.Contains(snippet[1], "routers:") {
					whole = snippet[1]
				}
			}
			if whole == "" {
				continue
			}
			checked++
			t.Run(filepath.Base(page)+"/"+first, func(t *testing.T) {
				c := &checkCommand{
					Files: []string{"-"}, Plugin: "clinicpass", in: strings.NewReader(whole),
					Ignore: []string{"no-name"}, // of basic-auth, which the page says
				}
				found, err := c.check()
				require.NoError(t, err)
				assert.Empty(t, found, whole)
			})
		}
	}
	assert.GreaterOrEqual(t, checked, 7)
}

// indented returns lines of YAML with so many blanks before them.
func indented(text string, blanks int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	before := strings.Repeat(" ", blanks)
	return before + strings.Join(lines, "\n"+before) + "\n"
}
