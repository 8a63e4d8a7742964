package vsee

import (
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/url"
	"strconv"
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

// encoder makes request bodies.
type encoder struct {
	encoding    string
	contentType string
	boundary    string // of multipart bodies; random, so that nobody can put it into a value
}

func newEncoder(encoding string) encoder {
	switch encoding {
	case JSON:
		return encoder{encoding: JSON, contentType: "application/json"}
	case Form:
		return encoder{encoding: Form, contentType: "application/x-www-form-urlencoded"}
	}
	w := multipart.NewWriter(io.Discard)
	return encoder{encoding: encoding, contentType: w.FormDataContentType(), boundary: w.Boundary()}
}

// encode returns the body that carries fields, names and values in turn, or "" for none.
func encode(e *encoder, fields []string) (string, error) {
	switch {
	case len(fields) == 0:
		return "", nil
	case e.encoding == Multipart || e.encoding == "":
		return encodeMultipart(e.boundary, fields), nil
	case e.encoding == JSON:
		return encodeJSON(fields)
	case e.encoding == Form:
		return encodeForm(fields), nil
	}
	return "", fmt.Errorf("unknown encoding %q", e.encoding)
}

// encodeMultipart writes what mime/multipart would. The names come from this program and its configuration, where they have
// no quotes.
func encodeMultipart(boundary string, fields []string) string {
	body := ""
	for i := 0; i < len(fields); i += 2 {
		body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + fields[i] + "\"\r\n\r\n" + fields[i+1] + "\r\n"
	}
	return body + "--" + boundary + "--\r\n"
}

func encodeForm(fields []string) string {
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return values.Encode()
}

func encodeJSON(fields []string) (string, error) {
	object := map[string]interface{}{}
	for i := 0; i < len(fields); i += 2 {
		name := fields[i]
		object[name] = fields[i+1]
		if integers[name] {
			n, err := strconv.Atoi(fields[i+1])
			if err != nil {
				return "", fmt.Errorf("%s is not an integer", name)
			}
			object[name] = n
		}
	}
	body, err := json.Marshal(object)
	return string(body), err
}
