package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/traefik/paerser/parser"
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
			return nil, err
		}
		t := &tree{lines: map[string]int{}}
		if node.Kind == yaml.DocumentNode && len(node.Content) == 1 && node.Content[0].Tag == "!!null" {
			continue // nothing between two lines of ---
		}
		var root any
		if err := node.Decode(&root); err != nil {
			return nil, fmt.Errorf("it is no sound YAML from line %d on; does a key stand there twice?", node.Line) // the error itself may have values
		}
		branch, ok := named(root).(object)
		if !ok {
			return nil, fmt.Errorf("line %d: a map of keys was expected", node.Line)
		}
		t.root = branch
		note(&node, "", t.lines)
		trees = append(trees, t)
	}
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
			return nil, fmt.Errorf("line %d: it is no sound TOML; is a text without quotes?", at.Position.Line) // the error itself has values
		}
		return nil, errors.New("it is no sound TOML")
	}
	return []*tree{t}, nil
}

// note makes the line that of the path and, unless they have one, of all above it.
func (t *tree) note(path string, line int) {
	t.lines[path] = line
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		if t.lines[path[:i]] == 0 {
			t.lines[path[:i]] = line
		}
	}
}

// label is one of Docker's, or a tag.
type label struct {
	key, value string
	line       int
}

// labelPattern matches what the parser takes without a panic.
var labelPattern = regexp.MustCompile(`^[^.\[\]]+(?:\[\d+\])?(?:\.[^.\[\]]+(?:\[\d+\])?)*$`)

// parseLabels returns what Traefik's own parser makes of labels, or nil when none is Traefik's.
func parseLabels(labels []label) (*tree, error) {
	t := &tree{lines: map[string]int{}}
	texts := map[string]string{}
	for _, l := range labels {
		if path, ok := cutPrefixFold(l.key, "traefik."); ok {
			if !labelPattern.MatchString(path) {
				return nil, fmt.Errorf("line %d: a label of Traefik's is no sound one", l.line)
			}
			texts[l.key] = l.value
			t.note(strings.ToLower(path), l.line)
		}
	}
	if len(texts) == 0 {
		return nil, nil
	}
	node, err := parser.DecodeToNode(texts, "traefik")
	if err != nil {
		return nil, errors.New("the labels for Traefik contradict each other, or one is no sound one")
	}
	t.root, _ = grown(node).(object)
	return t, nil
}

// grown returns a node of labels as maps, lists and texts.
func grown(node *parser.Node) any {
	if len(node.Children) == 0 {
		return node.Value
	}
	list := []any{}
	branch := object{}
	for _, child := range node.Children {
		if strings.HasPrefix(child.Name, "[") {
			list = append(list, grown(child))
		}
		branch[child.Name] = grown(child)
	}
	if len(list) > 0 {
		return list
	}
	return branch
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
