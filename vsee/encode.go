package vsee

import (
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/url"
	"strconv"
	"strings"
)

// Encodings of a request's body. VSee's samples show Multipart for every call used here; JSON and Form are seen in VSee's
// demo pages and at integrators. No page says which is required.
const (
	Multipart = "multipart"
	JSON      = "json"
	Form      = "form"
)

// integers are the fields that VSee documents as integers, where an encoding can tell one from a text.
var integers = map[string]bool{"type": true, "disable_emails": true}

// field is what stands between a field's name and its value: as in a multipart body, which can be joined from its fields so.
const field = "\"\r\n\r\n"

// encoder makes request bodies from fields, each a name, field, and a value.
type encoder struct {
	encoding    string
	contentType string

	// What stands around the fields of a multipart body. Its boundary is random, so that nobody can put it into a value.
	open, between, end string
}

func newEncoder(encoding string) encoder {
	switch encoding {
	case JSON:
		return encoder{encoding: JSON, contentType: "application/json"}
	case Form:
		return encoder{encoding: Form, contentType: "application/x-www-form-urlencoded"}
	case "":
		encoding = Multipart
	}
	w := multipart.NewWriter(io.Discard)
	open := "--" + w.Boundary() + "\r\nContent-Disposition: form-data; name=\""
	return encoder{
		encoding: encoding, contentType: w.FormDataContentType(),
		open: open, between: "\r\n" + open, end: "\r\n--" + w.Boundary() + "--\r\n",
	}
}

// encode returns the body that carries fields, or "" for none.
func encode(e *encoder, fields []string) (string, error) {
	if len(fields) == 0 {
		return "", nil
	}
	if e.encoding == Multipart {
		return e.open + strings.Join(fields, e.between) + e.end, nil
	}
	return encodeOtherwise(e.encoding, fields)
}

func encodeOtherwise(encoding string, fields []string) (string, error) {
	values := url.Values{}
	object := map[string]interface{}{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, field)
		values.Set(name, value)
		object[name] = value
		if n, err := strconv.Atoi(value); integers[name] && err == nil {
			object[name] = n
		}
	}
	switch encoding {
	case Form:
		return values.Encode(), nil
	case JSON:
		body, err := json.Marshal(object)
		return string(body), err
	}
	return "", fmt.Errorf("unknown encoding %q", encoding)
}
