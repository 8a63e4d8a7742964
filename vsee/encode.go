package vsee

import (
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// Encodings of a request's body. VSee's samples show Multipart for every call used here; JSON and
// Form are seen in VSee's demo pages and at integrators. No page says which is required.
const (
	Multipart = "multipart"
	JSON      = "json"
	Form      = "form"
)

const maxFields = 6 // of a call

// integers are the fields that VSee documents as integers, where an encoding can tell one from a
// text.
var integers = map[string]bool{"type": true, "disable_emails": true}

// encoder makes request bodies from fields.
type encoder struct {
	encoding    string // "" for an unknown one
	contentType string
	// The formats of multipart bodies, by the number of fields. Their boundary is random, so that
	// nobody can put it into a value.
	formats []string
}

func newEncoder(encoding string) *encoder {
	switch encoding {
	case JSON:
		return &encoder{encoding: JSON, contentType: "application/json"}
	case Form:
		return &encoder{encoding: Form, contentType: "application/x-www-form-urlencoded"}
	case Multipart, "":
		w := multipart.NewWriter(io.Discard)
		e := &encoder{encoding: Multipart, contentType: w.FormDataContentType()}
		body := "--" + w.Boundary()
		for i := 0; i <= maxFields; i++ {
			e.formats = append(e.formats, body+"--\r\n")
			body += "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n--" + w.Boundary()
		}
		return e
	}
	return &encoder{}
}

// encode returns the body that carries fields (a name, a value, a name, ...), or "" for none.
func encode(e *encoder, fields []interface{}) string {
	if e.encoding == Multipart && fields != nil {
		return fmt.Sprintf(e.formats[len(fields)/2], fields...)
	}
	return encodeOtherwise(e, fields)
}

func encodeOtherwise(e *encoder, fields []interface{}) string {
	values := url.Values{}
	object := map[string]interface{}{}
	for ; len(fields) > 1; fields = fields[2:] {
		name, value := fmt.Sprint(fields[0]), fmt.Sprint(fields[1])
		values.Set(name, value)
		object[name] = value
		if n, err := strconv.Atoi(value); integers[name] && err == nil {
			object[name] = n
		}
	}
	if e.encoding == JSON && len(object) > 0 {
		body, _ := json.Marshal(object) // texts and numbers only
		return string(body)
	}
	return values.Encode()
}

const maxDetail = 200 // characters of a failure's detail

// likePersonOrToken matches anything like an e-mail address and anything long enough to be a token.
var likePersonOrToken = regexp.MustCompile(`[^\s"'<>]+@[^\s"'<>]+|[0-9A-Za-z+/=_-]{20,}`)

// redact makes what the API or the network said fit for a log: one short line without the
// credentials, the values that were sent, e-mail addresses and tokens.
func redact(c *Client, detail string, sent []interface{}) string {
	fields := []interface{}{"", c.config.Key, "", c.config.Secret, "", c.config.Token}
	fields = append(fields, sent...)
	hide := []string{}
	for ; len(fields) > 1; fields = fields[2:] {
		value := fmt.Sprint(fields[1])
		if len(value) > 1 && !integers[fmt.Sprint(fields[0])] { // one character tells nothing
			hide = append(hide, regexp.QuoteMeta(value))
		}
	}
	// Longer values first: one may be a part of another.
	sort.Slice(hide, func(i, j int) bool { return len(hide[i]) > len(hide[j]) })
	values, err := regexp.Compile("(?i)" + strings.Join(hide, "|"))
	if err != nil || len(hide) == 0 {
		// A value is not UTF-8, or none is known: better no detail than a leak.
		return "***"
	}
	detail = values.ReplaceAllString(detail, "***")
	detail = likePersonOrToken.ReplaceAllString(detail, "***")
	detail = strings.Join(strings.FieldsFunc(detail, breaksLine), " ")
	if characters := []rune(detail); len(characters) > maxDetail {
		detail = string(characters[:maxDetail]) + "..."
	}
	return detail
}

func breaksLine(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }
