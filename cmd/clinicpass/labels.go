package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/traefik/paerser/parser"
)

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
				return nil, fmt.Errorf("line %d: Traefik cannot read the name of this label. Remove double dots, and spaces around =", l.line)
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
		return nil, errors.New("these labels contradict each other, or one of them is malformed")
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
