package main

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/traefik/traefik/v3/pkg/rules"
	"github.com/vulcand/predicate"
)

// sample is a request that rules are tried with.
type sample struct{ host, path string }

// truth is what is known of a rule and a sample: what depends on headers or addresses is not known.
type truth int

const (
	no truth = iota
	maybe
	yes
)

// matchers are Traefik's, with the numbers of values that they take.
var matchers = map[string][]int{
	"ClientIP": {1}, "Method": {1}, "Host": {1}, "HostRegexp": {1}, "Path": {1}, "PathRegexp": {1},
	"PathPrefix": {1}, "Header": {2}, "HeaderRegexp": {2}, "Query": {1, 2}, "QueryRegexp": {1, 2},
}

var ruleParser = func() predicate.Parser {
	p, err := rules.NewParser(sorted(matchers))
	if err != nil {
		panic(err)
	}
	return p
}()

// parseRule returns a rule as Traefik's own parser reads it, or what Traefik refuses in it.
func parseRule(text string) (*rules.Tree, error) {
	parsed, err := ruleParser.Parse(text)
	build, ok := parsed.(rules.TreeBuilder)
	switch {
	case err != nil && strings.Contains(text, "'"):
		return nil, errors.New("put values in backticks or double quotes, not in single quotes")
	case err != nil && strings.Count(text, "(") != strings.Count(text, ")"):
		return nil, errors.New("a parenthesis is missing")
	case err != nil || !ok:
		return nil, errors.New("put values in backticks, and join matchers with &&, || and ! signs")
	}
	tree := build()
	return tree, checkTree(tree)
}

func checkTree(t *rules.Tree) error {
	if t.RuleLeft != nil {
		return errors.Join(checkTree(t.RuleLeft), checkTree(t.RuleRight))
	}
	if err := rules.CheckRule(t); err != nil {
		return fmt.Errorf("%s has no value", t.Matcher)
	}
	counts := matchers[t.Matcher]
	last := t.Value[len(t.Value)-1]
	switch {
	case !slices.Contains(counts, len(t.Value)):
		return fmt.Errorf("%s takes %d value since Traefik v3, and this one has %d; join several with ||", t.Matcher, counts[0], len(t.Value))
	case strings.HasPrefix(t.Matcher, "Path") && t.Matcher != "PathRegexp" && !strings.HasPrefix(last, "/"):
		return fmt.Errorf("the value of %s must begin with /", t.Matcher)
	case strings.HasSuffix(t.Matcher, "Regexp"):
		if strings.HasPrefix(last, "{") {
			return fmt.Errorf("%s takes a plain regular expression since Traefik v3, without {name:...}", t.Matcher)
		}
		if _, err := regexp.Compile(last); err != nil {
			return fmt.Errorf("the value of %s is not a regular expression", t.Matcher)
		}
	}
	return nil
}

// match tells whether a browser's GET of the sample fits.
func match(t *rules.Tree, s sample) truth {
	switch t.Matcher {
	case "and":
		return min(match(t.RuleLeft, s), match(t.RuleRight, s))
	case "or":
		return max(match(t.RuleLeft, s), match(t.RuleRight, s))
	}
	result := maybe
	last := t.Value[len(t.Value)-1]
	switch t.Matcher {
	case "Host":
		result = is(strings.EqualFold(last, s.host) || (strings.HasPrefix(last, "*.") && strings.EqualFold(last[1:], s.host[max(strings.IndexByte(s.host, '.'), 0):])))
	case "HostRegexp":
		result = is(regexp.MustCompile(last).MatchString(s.host))
	case "Path":
		result = is(s.path == last)
	case "PathPrefix":
		result = is(strings.HasPrefix(s.path, last))
	case "PathRegexp":
		result = is(regexp.MustCompile(last).MatchString(s.path))
	case "Method":
		result = is(strings.EqualFold(last, http.MethodGet))
	case "Query", "QueryRegexp":
		result = maybe
	}
	if t.Not {
		return yes - result
	}
	return result
}

func is(fact bool) truth {
	if fact {
		return yes
	}
	return no
}

// values returns all values of a matcher in the rule.
func values(t *rules.Tree, matcher string) []string {
	if t == nil {
		return nil
	}
	if t.RuleLeft != nil {
		return append(values(t.RuleLeft, matcher), values(t.RuleRight, matcher)...)
	}
	if t.Matcher == matcher {
		return t.Value
	}
	return nil
}

// hosts returns the hosts that the rule names. Without one there is an invented host: any will do.
func hosts(t *rules.Tree) []string {
	if found := values(t, "Host"); len(found) > 0 {
		return found
	}
	if patterns := values(t, "HostRegexp"); len(patterns) > 0 {
		return []string{strings.NewReplacer("^", "", "$", "", `\`, "", ".+", "any", ".*", "any").Replace(patterns[0])}
	}
	return []string{anyHost}
}

const anyHost = "any.invalid" // which no rule names
