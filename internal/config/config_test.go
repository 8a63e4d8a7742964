package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProblems(t *testing.T) {
	p := &Problems{}
	p.Add("api.key", "is required")
	p.Add("api.timeout", "must be at most %s, not %d%%", "1m", 5)
	assert.Equal(t, []string{
		"api.key: is required",
		"api.timeout: must be at most 1m, not 5%",
	}, p.Lines)
}

func TestRequire(t *testing.T) {
	p := &Problems{}
	p.Require(true, "api.key", "is fine")
	p.Require(false, "api.timeout", "must be at most %s", "1m")
	assert.Equal(t, []string{"api.timeout: must be at most 1m"}, p.Lines)
}

func TestChoice(t *testing.T) {
	for _, row := range []struct{ desc, value, want, problem string }{
		{desc: "first", value: "json", want: "json"},
		{desc: "last", value: "form", want: "form"},
		{
			desc:    "unknown",
			value:   "xml",
			problem: `api.encoding: "xml" is unknown; choose one of json, form`,
		},
		{
			desc:    "other case",
			value:   "JSON",
			problem: `api.encoding: "JSON" is unknown; choose one of json, form`,
		},
		{
			desc:    "nothing",
			problem: `api.encoding: "" is unknown; choose one of json, form`,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			p := &Problems{}
			choices := []string{"json", "form"}
			assert.Equal(t, row.want, Choice("api.encoding", row.value, choices, p))
			assert.Equal(t, row.problem, strings.Join(p.Lines, "\n"))
		})
	}
}

func TestURL(t *testing.T) {
	const (
		required = "is required"
		address  = "is not an address"
		https    = "must be https"
		bare     = "must have no user, query or fragment"
		path     = "must have a plain path"
	)
	for _, row := range []struct{ desc, value, want, problem string }{
		{
			desc:  "with a final slash",
			value: "https://a.example.com/vc/",
			want:  "https://a.example.com/vc/",
		},
		{
			desc:  "without a final slash",
			value: "https://a.example.com/vc",
			want:  "https://a.example.com/vc/",
		},
		{desc: "only a host", value: "https://a.example.com", want: "https://a.example.com/"},
		{desc: "port", value: "https://a.example.com:8443", want: "https://a.example.com:8443/"},
		{desc: "http on localhost", value: "http://localhost:80/", want: "http://localhost:80/"},
		{desc: "http on 127.0.0.1", value: "http://127.0.0.1/", want: "http://127.0.0.1/"},
		{desc: "http on ::1", value: "http://[::1]:80/", want: "http://[::1]:80/"},

		{desc: "nothing", problem: required},
		{desc: "no scheme", value: "a.example.com", problem: address},
		{desc: "no host", value: "https:///vc/", problem: address},
		{desc: "only a port", value: "https://:8443/", problem: address},
		{desc: "broken escape", value: "https://a.example.com/%zz", problem: address},
		{desc: "line break", value: "https://a.example.com/\n", problem: address},
		{desc: "http", value: "http://a.example.com/", problem: https},
		{desc: "http on a private address", value: "http://10.0.0.5/", problem: https},
		{desc: "http on a longer name", value: "http://localhost.example.com/", problem: https},
		{desc: "http on a longer number", value: "http://127.0.0.1.example.com/", problem: https},
		{desc: "another scheme", value: "ftp://127.0.0.1/", problem: https},
		{desc: "user", value: "https://u@a.example.com/", problem: bare},
		{desc: "query", value: "https://a.example.com/?a", problem: bare},
		{desc: "empty query", value: "https://a.example.com/?", problem: bare},
		{desc: "fragment", value: "https://a.example.com/#a", problem: bare},
		{desc: "escaped slash", value: "https://a.example.com/a%2Fb/", problem: path},
		{desc: "double slash", value: "https://a.example.com//a/", problem: path},
		{desc: "dot segments", value: "https://a.example.com/a/../b", problem: path},
		{desc: "per cent sign", value: "https://a.example.com/a%25b", problem: path},
		{desc: "backslash", value: "https://a.example.com/a%5Cb", problem: path},
	} {
		t.Run(row.desc, func(t *testing.T) {
			p := &Problems{}
			u := URL("portal.url", row.value, p)
			if row.problem != "" {
				assert.True(t, u == nil, "an address beside the problem")
				require.Len(t, p.Lines, 1)
				assert.Contains(t, p.Lines[0], "portal.url: "+row.problem)
				return
			}
			require.Empty(t, p.Lines)
			assert.Equal(t, row.want, u.String())
		})
	}
}

func TestPlainPath(t *testing.T) {
	long := strings.Repeat("a", MaxPath)
	for _, row := range []struct {
		desc, path string
		plain      bool
	}{
		{desc: "root", path: "/", plain: true},
		{desc: "one segment", path: "/a", plain: true},
		{desc: "final slash", path: "/a/b/", plain: true},
		{desc: "space", path: "/a b", plain: true},
		{desc: "letters outside ASCII", path: "/café", plain: true},
		{desc: "question mark, which is escaped later", path: "/a?b#c", plain: true},
		{desc: "three dots", path: "/...", plain: true},
		{desc: "dots in names", path: "/.a/b./..c", plain: true},
		{desc: "the longest", path: "/" + long[1:], plain: true},

		{desc: "nothing", path: ""},
		{desc: "no slash", path: "a"},
		{desc: "too long", path: "/" + long},
		{desc: "not UTF-8", path: "/\xff"},
		{desc: "double slash", path: "//a"},
		{desc: "double slash inside", path: "/a//b"},
		{desc: "double slash at the end", path: "/a//"},
		{desc: "backslash", path: `/\a`},
		{desc: "per cent sign", path: "/%2e"},
		{desc: "dot segment", path: "/./a"},
		{desc: "dot segment at the end", path: "/a/."},
		{desc: "dot segments", path: "/../a"},
		{desc: "dot segments with a path parameter", path: "/a/..;/b"},
		{desc: "a dot segment with a path parameter", path: "/.;x/b"},
		{desc: "dot segments at the end", path: "/a/.."},
		{desc: "null byte", path: "/\x00"},
		{desc: "tab", path: "/\ta"},
		{desc: "line break", path: "/a\r\n"},
		{desc: "delete", path: "/\x7f"},
		{desc: "C1 control", path: "/\u0085"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.plain, PlainPath(row.path), "%q", row.path)
		})
	}
}

func TestToken(t *testing.T) {
	for _, text := range []string{"X-Auth-Request-User", "a", "!#$%&'*+.^_`|~-", "vclinic_1"} {
		assert.True(t, Token.MatchString(text), text)
	}
	for _, text := range []string{
		"", "X Mail", "X:", "X\n", "é", "X-User\r\nX-Evil", "(a)", `"a"`, "a,b",
	} {
		assert.False(t, Token.MatchString(text), "%q", text)
	}
}

func TestOrElse(t *testing.T) {
	assert.Equal(t, "a", OrElse("a", "b"))
	assert.Equal(t, "b", OrElse("", "b"))
	assert.Empty(t, OrElse("", ""))
}

// TestDefault: a changed configuration does not change the defaults.
func TestDefault(t *testing.T) {
	first := Default()
	first.Limits.SignIns = 99
	first.Portal.DefaultNext = "/changed"
	second := Default()
	assert.Equal(t, 10, second.Limits.SignIns)
	assert.Equal(t, "/providers/dashboard", second.Portal.DefaultNext)
	// Traefik's decoder would overwrite only the start of a longer default list.
	assert.Empty(t, second.Portal.AllowedNext)
	assert.Empty(t, second.Portal.AuthParams)
	assert.Empty(t, second.Identity.AllowedGroups)
}

// write creates a file with the content and returns its name.
func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

func TestCheckSecret(t *testing.T) {
	const (
		variable = "CLINICPASS_SECRET_TEST"
		inside   = "api.key: has a space, a control character or a non-ASCII character"
	)
	missing := filepath.Join(t.TempDir(), "missing")
	// Yaegi has its own environment, which t.Setenv does not change.
	t.Cleanup(func() { _ = os.Unsetenv(variable) })
	for _, row := range []struct {
		desc     string
		source   string
		file     string // its content; source becomes its name
		variable string // its value
		optional bool
		want     string
		problem  string // its beginning
	}{
		{desc: "literal", source: "k3y", want: "k3y"},
		{desc: "every letter", source: "!~azAZ09-_=/+", want: "!~azAZ09-_=/+"},
		{desc: "file", file: "k3y", want: "k3y"},
		{desc: "file with a line's end", file: "k3y\n", want: "k3y"},
		{desc: "file with Windows' lines' ends", file: "k3y\r\n\r\n", want: "k3y"},
		{desc: "variable", source: "env:" + variable, variable: "k3y", want: "k3y"},
		{desc: "optional literal", source: "k3y", optional: true, want: "k3y"},
		{desc: "none", optional: true},

		{
			desc:    "missing",
			problem: "api.key: is required: file:PATH, env:NAME, or the value itself",
		},
		{
			desc:    "missing file",
			source:  "file:" + missing,
			problem: "api.key: cannot be used: stat " + missing + ": ",
		},
		{
			desc:     "missing optional file",
			source:   "file:" + missing,
			optional: true,
			problem:  "api.key: cannot be used: stat " + missing + ": ",
		},
		{
			desc:    "file that is not allowed",
			source:  "file:/missing/file",
			problem: "api.key: cannot be used: /missing/file is in none of the directories",
		},
		{
			desc:     "optional file that is not allowed",
			source:   "file:/missing/file",
			optional: true,
			problem:  "api.key: cannot be used: /missing/file is in none of the directories",
		},
		{
			desc:    "variable that is not allowed",
			source:  "env:HOME",
			problem: "api.key: cannot be used: HOME is none of the variables",
		},
		{desc: "empty file", file: "\n", problem: "api.key: cannot be used: the file "},
		{
			desc:    "unset variable",
			source:  "env:CLINICPASS_SECRET_UNSET",
			problem: "api.key: cannot be used: the environment variable CLINICPASS_SECRET_UNSET is",
		},
		{
			desc:    "empty variable",
			source:  "env:" + variable,
			problem: "api.key: cannot be used: the environment variable " + variable + " is",
		},
		{desc: "space", source: "k3y secret", problem: inside},
		{desc: "space before", source: " k3y", problem: inside},
		{desc: "space at the end of a file", file: "k3y \n", problem: inside},
		{desc: "line break", source: "k3y\nX-Evil: 1", problem: inside},
		{desc: "two lines in a file", file: "k3y\nX-Evil: 1\n", problem: inside},
		{desc: "null byte", source: "k3y\x00", problem: inside},
		{desc: "tab", source: "k3y\t", problem: inside},
		{desc: "delete", source: "k3y\x7f", problem: inside},
		{desc: "letter outside ASCII", source: "k3ý", problem: inside},
		{
			desc:     "line break in a variable",
			source:   "env:" + variable,
			variable: "k3y\r",
			problem:  inside,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			require.NoError(t, os.Setenv(variable, row.variable))
			source := row.source
			if row.file != "" {
				source = "file:" + write(t, row.file)
			}
			p := &Problems{}
			assert.Equal(t, row.want, CheckSecret("api.key", source, !row.optional, p))
			if row.problem == "" {
				assert.Empty(t, p.Lines)
				return
			}
			require.Len(t, p.Lines, 1)
			assert.True(t, strings.HasPrefix(p.Lines[0], row.problem), p.Lines[0])
			assert.NotContains(t, p.Lines[0], "k3")
		})
	}
}

func TestLiteral(t *testing.T) {
	for _, row := range []struct {
		desc, source string
		literal      bool
	}{
		{desc: "nothing"},
		{desc: "file", source: "file:/run/secrets/key"},
		{desc: "variable", source: "env:KEY"},
		{desc: "value", source: "k3y", literal: true},
		{desc: "value with a colon", source: "https:key", literal: true},
		{desc: "file in capitals", source: "FILE:/run/secrets/key", literal: true},
	} {
		t.Run(row.desc, func(t *testing.T) { assert.Equal(t, row.literal, Literal(row.source)) })
	}
}

// documentedSecrets returns the keys that docs/configuration.md calls secrets, in the paragraph
// about secrets or in their row.
func documentedSecrets(t *testing.T) (paragraph, rows []string) {
	t.Helper()
	content, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	list := regexp.MustCompile(`\*\*Secrets\*\* \(([^)]*)\)`).FindStringSubmatch(string(content))
	require.NotEmpty(t, list, "docs/configuration.md has no list of secrets")
	for _, key := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(list[1], -1) {
		paragraph = append(paragraph, key[1])
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*; a secret\\b.*\\|$")
	for _, match := range row.FindAllStringSubmatch(string(content), -1) {
		rows = append(rows, match[1])
	}
	return paragraph, rows
}

// TestSecrets: every secret of a shown configuration is masked.
func TestSecrets(t *testing.T) {
	c := Default()
	keys := []string{}
	for _, secret := range Secrets(c) {
		keys = append(keys, secret.Key)
		*secret.Value = "value of " + secret.Key
	}
	paragraph, rows := documentedSecrets(t)
	require.NotEmpty(t, rows)
	assert.ElementsMatch(t, paragraph, keys)
	assert.ElementsMatch(t, rows, keys)

	line, err := json.Marshal(c)
	require.NoError(t, err)
	for _, key := range keys {
		var value interface{}
		require.NoError(t, json.Unmarshal(line, &value))
		for _, name := range strings.Split(key, ".") {
			section, _ := value.(map[string]interface{})
			value = section[name]
		}
		assert.Equal(t, "value of "+key, value, key)
	}
}
