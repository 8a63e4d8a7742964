package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

type object = map[string]any

// tree is a piece of configuration with the lines it was written on.
type tree struct {
	root  object
	lines map[string]int // by path in lower case, such as http.routers.clinic.rule; none for TOML
}

// line returns the line of the path, or of what is nearest above it, or 0.
func (t *tree) line(path string) int {
	path = strings.ToLower(path)
	for {
		if line := t.lines[path]; line > 0 {
			return line
		}
		dot := strings.LastIndexByte(path, '.')
		if dot < 0 {
			return 0
		}
		path = path[:dot]
	}
}

// parseYAML returns the documents of a YAML text.
func parseYAML(content []byte) ([]*tree, error) {
	trees := []*tree{}
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	for {
		var node yaml.Node
		if err := decoder.Decode(&node); err != nil {
			if err.Error() == "EOF" {
				return trees, nil
			}
			return nil, explainYAML(err, content)
		}
		t := &tree{lines: map[string]int{}}
		if node.Kind == yaml.DocumentNode && len(node.Content) == 1 && node.Content[0].Tag == "!!null" {
			continue // nothing between two lines of ---
		}
		var root any
		if err := node.Decode(&root); err != nil {
			return nil, fmt.Errorf("the YAML is invalid from line %d on. Check for a key that is defined twice", node.Line) // the error itself may have values
		}
		branch, ok := named(root).(object)
		if !ok {
			return nil, fmt.Errorf("line %d: a map of keys is expected here", node.Line)
		}
		t.root = branch
		note(&node, "", t.lines)
		trees = append(trees, t)
	}
}

// explainYAML returns what YAML's parser says without the file's values, and the usual cause.
func explainYAML(err error, content []byte) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	found := linePattern.FindStringSubmatch(message)
	if found == nil {
		return errors.New("the YAML is invalid")
	}
	line, _ := strconv.Atoi(found[1])
	hint := "Check the indentation of this line and of the line above"
	switch {
	case strings.Contains(message, "mapping values are not allowed"):
		hint = "Put quotes around a text that contains a colon and a space"
	case strings.Contains(message, "cannot start any token") && bytes.Contains(content, []byte("\t")):
		hint = "Indent with spaces, not with tabs"
	}
	return fmt.Errorf("line %d: the YAML is invalid. %s", line, hint)
}

// named returns maps whose keys are not all texts as maps whose keys are, as Traefik reads them.
func named(value any) any {
	switch value := value.(type) {
	case object:
		for key := range value {
			value[key] = named(value[key])
		}
	case map[any]any:
		branch := object{}
		for key := range value {
			branch[fmt.Sprint(key)] = named(value[key])
		}
		return branch
	case []any:
		for i := range value {
			value[i] = named(value[i])
		}
	}
	return value
}

// note fills lines with where the node's keys are.
func note(node *yaml.Node, path string, lines map[string]int) {
	lines[strings.ToLower(path)] = node.Line
	switch node.Kind {
	case yaml.DocumentNode:
		note(node.Content[0], path, lines)
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := below(path, node.Content[i].Value)
			note(node.Content[i+1], key, lines)
			lines[strings.ToLower(key)] = node.Content[i].Line
		}
	case yaml.SequenceNode:
		for i, child := range node.Content {
			note(child, below(path, strconv.Itoa(i)), lines)
		}
	}
}

func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func parseTOML(content []byte) ([]*tree, error) {
	t := &tree{}
	if err := toml.Unmarshal(content, &t.root); err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return nil, fmt.Errorf("line %d: the TOML is invalid. Check that all texts have quotes", at.Position.Line) // the error itself has values
		}
		return nil, errors.New("the TOML is invalid")
	}
	return []*tree{t}, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// at returns what is at the path, whose keys may be in any case, or nil.
func at(root any, path ...string) any {
	for _, key := range path {
		branch, ok := root.(object)
		if !ok {
			return nil
		}
		root = nil
		for name, value := range branch {
			if strings.EqualFold(name, key) {
				root = value
			}
		}
	}
	return root
}

// texts returns a list of texts, which may be written as one text with commas.
func texts(value any) []string {
	all := []string{}
	switch value := value.(type) {
	case string:
		for _, part := range strings.Split(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	case []any:
		for _, part := range value {
			all = append(all, fmt.Sprint(part))
		}
	}
	return all
}

// text returns a text, and "" for anything else.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// textOf returns a scalar as it is written.
func textOf(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
