package schema_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/clinicpass/clinicpass/cmd/clinicpass/schema"
)

// TestDecoder compares with what Traefik says: e2e/traefik/v3.7.13/schema/decoder asks it.
func TestDecoder(t *testing.T) {
	content, err := os.ReadFile("testdata/decoder.json")
	require.NoError(t, err)
	var rows []struct {
		Desc, Kind, Content, Error string
		Accepted                   bool
	}
	require.NoError(t, json.Unmarshal(content, &rows))
	require.Greater(t, len(rows), 300)
	for _, row := range rows {
		t.Run(row.Desc, func(t *testing.T) {
			problems := problemsOf(t, row.Kind, row.Content)
			assert.Equal(t, row.Accepted, len(problems) == 0, "%s\n%s\n%v", row.Content, row.Error, problems)
			for _, p := range problems {
				assert.NotEmpty(t, p.Path)
				assert.NotEqual(t, p.Unknown, p.Want != "", "%v", p)
			}
		})
	}
}

func problemsOf(t *testing.T, kind, content string) []schema.Problem {
	t.Helper()
	root := map[string]any{}
	switch {
	case strings.HasSuffix(kind, ".toml"):
		require.NoError(t, toml.Unmarshal([]byte(content), &root))
	case kind == "labels":
		root = tree(content, "traefik.")
	case kind == "flags":
		root = tree(content, "--")
	default:
		require.NoError(t, yaml.Unmarshal([]byte(content), &root))
	}
	switch kind {
	case "dynamic.yml", "dynamic.toml", "labels":
		return schema.Dynamic(root, kind == "labels")
	case "static.yml", "static.toml", "flags":
		return schema.Static(root, kind == "flags")
	}
	return schema.Spec(kind, root)
}

// tree returns lines of labels or flags as branches.
func tree(content, prefix string) map[string]any {
	root := map[string]any{}
	for _, line := range strings.Split(content, "\n") {
		path, value, assigned := strings.Cut(strings.TrimPrefix(line, prefix), "=")
		if !assigned {
			value = "true"
		}
		keys := strings.Split(strings.ReplaceAll(path, "[", ".["), ".")
		branch := root
		for _, key := range keys[:len(keys)-1] {
			next, exists := branch[key].(map[string]any)
			if !exists {
				next = map[string]any{}
				branch[key] = next
			}
			branch = next
		}
		branch[keys[len(keys)-1]] = value
	}
	return root
}
