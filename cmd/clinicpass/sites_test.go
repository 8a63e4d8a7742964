package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// publishedSite is a whole configuration as people have published it, or one with one mistake. Its
// files are those of testdata/sites with texts replaced.
type publishedSite struct {
	Desc  string `json:"desc"`
	Files map[string]struct {
		Base string   `json:"base"`
		Edit []string `json:"edit,omitempty"`
	} `json:"files"`
	Finds []string `json:"finds"` // ids; none for a site that is right
}

// unreadable stands for a file that cannot be checked at all.
const unreadable = "unreadable"

// publishedSites returns the sites and writes each into a folder.
func publishedSites(t *testing.T) []publishedSite {
	t.Helper()
	content, err := os.ReadFile("testdata/sites.json")
	require.NoError(t, err)
	sites := []publishedSite{}
	require.NoError(t, json.Unmarshal(content, &sites))
	require.GreaterOrEqual(t, len(sites), 218)
	return sites
}

// write makes the files of a site in a folder and returns their names.
func (s *publishedSite) write(t *testing.T, folder string) []string {
	t.Helper()
	names := []string{}
	for _, name := range sorted(s.Files) {
		base, err := os.ReadFile(filepath.Join("testdata/sites", s.Files[name].Base))
		require.NoError(t, err)
		text := string(base)
		edit := s.Files[name].Edit
		for i := 0; i < len(edit); i += 2 {
			require.Equal(t, 1, strings.Count(text, edit[i]), "%q", edit[i])
			text = strings.Replace(text, edit[i], edit[i+1], 1)
		}
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		names = append(names, file)
	}
	return names
}

// TestSites: what is found in each site, and nothing else. UPDATE=1 writes what is found now.
func TestSites(t *testing.T) {
	sites := publishedSites(t)
	for i := range sites {
		site := &sites[i]
		t.Run(site.Desc, func(t *testing.T) {
			files := site.write(t, t.TempDir())
			found, err := (&checkCommand{Files: files, Plugin: "clinicpass"}).check()
			ids := []string{}
			if err != nil {
				ids = append(ids, unreadable)
			}
			for _, f := range found {
				ids = append(ids, f.ID)
				assert.NotContains(t, f.Message, "0123456789abcdef", "a secret is printed")
			}
			slices.Sort(ids)
			ids = slices.Compact(ids)
			if os.Getenv("UPDATE") != "" {
				site.Finds = ids
				return
			}
			assert.Equal(t, site.Finds, ids, "%+v", found)
		})
	}
	if os.Getenv("UPDATE") != "" {
		content, err := json.MarshalIndent(sites, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile("testdata/sites.json", append(content, '\n'), 0o600))
	}
}
