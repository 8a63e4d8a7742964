package vsee

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// field is one value of a request.
type field struct {
	name, value string
	number      bool // an integer where the encoding can tell one from a text
}

// encode returns the body that carries fields, and its content type.
func encode(encoding string, fields []field) (body []byte, contentType string, err error) {
	switch encoding {
	case JSON:
		return encodeJSON(fields)
	case Form:
		values := url.Values{}
		for _, f := range fields {
			values.Set(f.name, f.value)
		}
		return []byte(values.Encode()), "application/x-www-form-urlencoded", nil
	case Multipart, "":
		return encodeMultipart(fields)
	}
	return nil, "", fmt.Errorf("unknown encoding %q", encoding)
}

func encodeJSON(fields []field) ([]byte, string, error) {
	object := map[string]interface{}{}
	for _, f := range fields {
		object[f.name] = f.value
		if f.number {
			n, err := strconv.Atoi(f.value)
			if err != nil {
				return nil, "", fmt.Errorf("%s is not an integer", f.name)
			}
			object[f.name] = n
		}
	}
	body, err := json.Marshal(object)
	return body, "application/json", err
}

func encodeMultipart(fields []field) ([]byte, string, error) {
	var buffer bytes.Buffer
	w := multipart.NewWriter(&buffer)
	for _, f := range fields {
		if err := w.WriteField(f.name, f.value); err != nil {
			return nil, "", err
		}
	}
	err := w.Close()
	return buffer.Bytes(), w.FormDataContentType(), err
}
