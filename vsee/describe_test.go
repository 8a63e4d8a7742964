package vsee

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestDescribe: only the length of a message and safe words in it are logged.
func TestDescribe(t *testing.T) {
	shown := func(bytes int, words string) string {
		return fmt.Sprintf(", with a message of %d bytes that is not shown (words in it: %s)", bytes, words)
	}
	for _, row := range []struct{ desc, message, want string }{
		{desc: "none"},
		{desc: "known words", message: "Slug already exists", want: shown(19, "slug, already exists")},
		{desc: "capitals", message: "SSO is NOT ENABLED.", want: shown(19, "sso, not enabled")},
		{desc: "fields", message: "first_name is required", want: shown(22, "first_name, required")},
		{desc: "a part of a word", message: "Typeface, Coder", want: shown(15, "")},
		{desc: "entities", message: "O&#39;Brien already", want: shown(19, "already")},
		{desc: "a backslash", message: `O\'Brien`, want: shown(8, "")},
		{desc: "an escape of JSON", message: `Mu\u00f1oz`, want: shown(10, "")},
		{desc: "percent", message: "Mu%C3%B1oz", want: shown(10, "")},
		{desc: "decomposed", message: "Mun\u0303oz", want: shown(7, "")},
		{desc: "Turkish capitals", message: "İLKAY", want: shown(6, "")},
		{desc: "a token", message: "token 66bcd0acff324e8a44992d9596b5d361", want: shown(38, "token")},
		{desc: "an address", message: "jane@example.com is invalid", want: shown(27, "invalid")},
		{desc: "line breaks", message: "a\r\nlevel=error", want: shown(14, "")},
		{desc: "an escape of a terminal", message: "\x1b[31mred", want: shown(8, "")},
		{desc: "right to left", message: "\u202eeman", want: shown(7, "")},
		{desc: "many words", message: strings.Repeat("code ", 20), want: shown(100,
			"code, code, code, code, code, code, code, code")},
		{desc: "words too far behind", message: strings.Repeat("x ", 500) + "code", want: shown(1004, "")},
	} {
		t.Run(row.desc, func(t *testing.T) { assert.Equal(t, row.want, describe(row.message)) })
	}
}

// TestDescribeError: a logged net/http error contains no text from the server.
func TestDescribeError(t *testing.T) {
	for _, row := range []struct{ desc, text, want string }{
		{
			desc: "nothing of others",
			text: "dial tcp 192.0.2.1:443: connect: connection refused",
			want: "dial tcp 192.0.2.1:443: connect: connection refused",
		},
		{
			desc: "a server's words",
			text: `http2: server sent GOAWAY, ErrCode=NO_ERROR, debug="Jane Doe"`,
			want: `http2: server sent GOAWAY, ErrCode=NO_ERROR, debug="..."`,
		},
		{desc: "words without an end", text: `status "Jane Doe`, want: `status "..."`},
		{desc: "line breaks", text: "a\nb", want: `a"..."b`},
		{desc: "too long", text: strings.Repeat("é", 300), want: strings.Repeat("é", 200)},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, describeError(errors.New(row.text)))
		})
	}
}

// TestMessagesStayOut: no error contains request values that the API repeats.
func TestMessagesStayOut(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"code":400,"message":%q}`, fmt.Sprint(r.Header, string(body)))
	})
	for _, encoding := range []string{Multipart, JSON, Form} {
		t.Run(encoding, func(t *testing.T) {
			config := serve(t, echo).config
			config.Key = "k3y"
			config.Secret = "s3cret"
			config.Token = "t0ken"
			config.Encoding = encoding
			c := New(config)
			u := &User{Type: Provider, Code: "u-17", FirstName: "Jane", LastName: "Doe"}
			_, err := SignIn(context.Background(), c, u, nil)
			require.ErrorIs(t, err, ErrAPI)
			assert.ErrorContains(t, err, "HTTP 400, with a message of ")
			for _, secret := range []string{"k3y", "s3cret", "u-17", "Jane", "Doe", "Apikey"} {
				assert.NotContains(t, err.Error(), secret)
			}
			err = AssignRoom(context.Background(), c, assignment("10017", "room_id", "20017"), nil)
			require.ErrorIs(t, err, ErrAPI)
			for _, secret := range []string{"t0ken", "10017", "20017"} {
				assert.NotContains(t, err.Error(), secret)
			}
		})
	}
}

// TestAnswersThatAreNotHTTP: no error contains text of such an answer.
func TestAnswersThatAreNotHTTP(t *testing.T) {
	for _, row := range []struct{ desc, raw string }{
		{desc: "status line", raw: "HTTP/1.1 Jane Doe\r\n\r\n"},
		{desc: "header", raw: "HTTP/1.1 200 OK\r\nJane Doe\r\n\r\n"},
		{desc: "no HTTP at all", raw: "Jane Doe\r\n\r\n"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, config := setup(t)
			clinic.SetFault(vseetest.Fault{Raw: row.raw})
			_, err := SignIn(context.Background(), New(config), jane(), nil)
			require.ErrorIs(t, err, ErrAPI)
			assert.EqualError(t, err, "the API gave an unusable answer: "+
				"POST users/sso, attempt 1: the answer is not HTTP")
		})
	}
}

// failing fails every request.
type failing struct{ err error }

func (f *failing) RoundTrip(_ *http.Request) (*http.Response, error) { return nil, f.err }

// TestErrorsOfTheNetwork: no error contains the server's text from a net/http error.
func TestErrorsOfTheNetwork(t *testing.T) {
	_, config := setup(t)
	c := Through(New(config), &failing{errors.New(`http2: server sent GOAWAY, debug="Jane Doe"`)})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := SignIn(ctx, c, jane(), nil)
	require.Error(t, err)
	assert.ErrorContains(t, err, "GOAWAY")
	assert.NotContains(t, err.Error(), "Jane")
}
