package vsee

import (
	"bytes"
	"context"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// boundaryOf returns the boundary of a multipart encoder.
func boundaryOf(t *testing.T, e *encoder) string {
	t.Helper()
	_, boundary, _ := strings.Cut(e.contentType, "boundary=")
	require.GreaterOrEqual(t, len(boundary), 32, "it can be guessed")
	return boundary
}

// fieldsOf returns the fields of a request: a name, a value, a name, ...
func fieldsOf(texts ...string) []interface{} {
	fields := []interface{}{}
	for _, text := range texts {
		fields = append(fields, text)
	}
	return fields
}

// TestMultipart: the body equals that of mime/multipart for the same fields.
func TestMultipart(t *testing.T) {
	e := newEncoder(Multipart)
	boundary := boundaryOf(t, e)
	want := &bytes.Buffer{}
	w := multipart.NewWriter(want)
	require.NoError(t, w.SetBoundary(boundary))
	fields := fieldsOf("code", "u-17", "first_name", "Zoë \r\n--x", "empty", "")
	require.NoError(t, w.WriteField("code", "u-17"))
	require.NoError(t, w.WriteField("first_name", "Zoë \r\n--x"))
	require.NoError(t, w.WriteField("empty", ""))
	require.NoError(t, w.Close())
	assert.Equal(t, want.String(), encode(e, fields))
	assert.Equal(t, w.FormDataContentType(), e.contentType)
	assert.NotEqual(t, boundary, boundaryOf(t, newEncoder(Multipart)), "it can be known")
}

// TestJSON: only fields that VSee documents as integers are integers, even if a code has only
// digits.
func TestJSON(t *testing.T) {
	for _, row := range []struct {
		desc, want string
		fields     []string
	}{
		{
			desc:   "integers",
			fields: []string{"type", "400", "code", "17", "disable_emails", "1"},
			want:   `{"code":"17","disable_emails":1,"type":400}`,
		},
		{
			desc:   "an integer that is none",
			fields: []string{"type", "4x"},
			want:   `{"type":"4x"}`,
		},
		{
			desc:   "quotes and breaks",
			fields: []string{"name", "a\"b\\c\r\n<d>"},
			want:   `{"name":"a\"b\\c\r\n<d>"}`,
		},
		{desc: "an empty value", fields: []string{"name", ""}, want: `{"name":""}`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.JSONEq(t, row.want, encode(newEncoder(JSON), fieldsOf(row.fields...)))
		})
	}
	assert.Equal(t, `{"code":"17","type":400}`,
		encode(newEncoder(JSON), fieldsOf("type", "400", "code", "17")))
}

func TestForm(t *testing.T) {
	fields := fieldsOf("type", "400", "code", "a&b=c d", "name", "Zoë\r\n")
	assert.Equal(t, "code=a%26b%3Dc+d&name=Zo%C3%AB%0D%0A&type=400",
		encode(newEncoder(Form), fields))
}

// TestNoFieldsNoBody: some servers refuse a GET with a body.
func TestNoFieldsNoBody(t *testing.T) {
	for _, encoding := range []string{Multipart, JSON, Form, ""} {
		t.Run("encoding "+encoding, func(t *testing.T) {
			assert.Empty(t, encode(newEncoder(encoding), nil))
		})
	}
}

// TestValuesArriveUnchanged: no value can end its field, add another field, or change its meaning.
func TestValuesArriveUnchanged(t *testing.T) {
	field := "\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nsomebody-else\r\n"
	values := []struct{ desc, value string }{
		{desc: "quotes", value: `"Pepe" 'P' \"\\`},
		{desc: "line breaks", value: "a\r\nb\nc\rd\r\n\r\ne"},
		{desc: "final line break", value: "Jane\r\n"},
		{desc: "hyphens", value: "--"},
		{desc: "lines of hyphens", value: "\r\n--\r\n----\r\n"},
		{desc: "like a boundary", value: "\r\n--0123456789abcdef" + field},
		{desc: "like an end", value: "\r\n--0123456789abcdef--\r\n"},
		{desc: "like a field", value: field},
		{desc: "of a form", value: "Jane&code=somebody-else;x=1+2%20%41"},
		{desc: "of JSON", value: `Jane","code":"somebody-else`},
		{desc: "HTML", value: "<b>&amp;</b>\u2028"},
		{desc: "other letters", value: "Nguyễn 王小明 \U0001F600"},
		{desc: "a number", value: "400"},
		{desc: "spaces", value: "  Jane\t "},
	}
	for _, encoding := range []string{Multipart, JSON, Form} {
		clinic, config := setup(t)
		config.Encoding = encoding
		c := New(config)
		for i := range values {
			row := values[i]
			value := row.value
			t.Run(encoding+", "+row.desc, func(t *testing.T) {
				clinic.Reset()
				u := jane()
				u.FirstName = value
				_, err := SignIn(context.Background(), c, u, nil)
				require.NoError(t, err)
				calls := clinic.Requests()
				require.Len(t, calls, 1)
				assert.Equal(t, map[string]string{
					"type":       "400",
					"code":       "u-17",
					"first_name": value,
					"last_name":  "Doe",
					"email":      "jane.doe@example.com",
				}, calls[0].Fields)
			})
		}
		if encoding == Multipart {
			t.Run("almost the boundary", func(t *testing.T) {
				boundary := boundaryOf(t, c.encoder)
				clinic.Reset()
				u := jane()
				u.LastName = "a\r\n--" + boundary[:len(boundary)-1] + field
				_, err := SignIn(context.Background(), c, u, nil)
				require.NoError(t, err)
				assert.Equal(t, u.LastName, clinic.Requests()[0].Fields["last_name"])
				assert.Equal(t, "u-17", clinic.Requests()[0].Fields["code"])
			})
		}
	}
}

// TestUnknownEncoding: the client sends nothing with an unknown encoding.
func TestUnknownEncoding(t *testing.T) {
	clinic, config := setup(t)
	config.Encoding = "xml"
	c := New(config)
	_, err := SignIn(context.Background(), c, jane(), nil)
	assert.ErrorIs(t, err, ErrAPI)
	assert.ErrorContains(t, err, "encoding")
	_, err = CreateRoom(context.Background(), c, testRoom(), nil)
	assert.ErrorIs(t, err, ErrAPI)
	err = AssignRoom(context.Background(), c, assignment("1", "room_id", "2"), nil)
	assert.ErrorIs(t, err, ErrAPI)
	assert.Empty(t, clinic.Requests())
}
