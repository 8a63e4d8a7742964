package schema

import (
	"strconv"
	"strings"
	"time"
)

// bits are the sizes of numbers.
var bits = map[string]int{
	"int": 64, "int8": 8, "int16": 16, "int32": 32, "uint": 64, "uint8": 8, "uint16": 16, "uint32": 32,
}

// fits reports whether the decoder can read the node's text as a value of that kind.
// It reads everything as text first: "true", 1 and "t" are true, and 5 is a text.
func fits(kind string, n *node) bool {
	var err error
	switch {
	case kind == "unsupported":
		return false
	case kind == "string" || kind == "any":
		return true
	case len(n.list) > 0:
		return false
	case kind == "bool":
		_, err = strconv.ParseBool(n.text)
	case kind == "float":
		_, err = strconv.ParseFloat(n.text, 64)
	case kind == "duration":
		if _, err = strconv.ParseInt(n.text, 10, 64); err != nil {
			_, err = time.ParseDuration(n.text)
		}
	case strings.HasPrefix(kind, "uint"):
		_, err = strconv.ParseUint(n.text, 10, bits[kind])
	case strings.HasPrefix(kind, "int"):
		_, err = strconv.ParseInt(n.text, 10, bits[kind])
	}
	return err == nil
}

// want returns what belongs to a key of that kind, in words.
func want(kind string) string {
	switch {
	case kind == "string":
		return "a text"
	case kind == "bool":
		return "true or false"
	case kind == "float":
		return "a number"
	case kind == "duration":
		return "a duration, such as 10s"
	case kind == "number-or-text":
		return "a number or a text"
	case strings.HasPrefix(kind, "uint"):
		return "a whole number that is not negative"
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case kind == "list of string":
		return "a list of texts"
	case kind == "list of bool":
		return "a list of true and false"
	case strings.HasPrefix(kind, "list of int"), strings.HasPrefix(kind, "list of uint"):
		return "a list of whole numbers"
	case kind == "list of float":
		return "a list of numbers"
	case strings.HasPrefix(kind, "list of "):
		return "a list"
	case kind == "any", kind == "unsupported":
		return "left out"
	}
	return "a section"
}
