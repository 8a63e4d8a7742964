package vsee

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRedaction(t *testing.T) {
	c := New(Config{Key: "the.key", Secret: "the+secret", Token: "the*token"})
	sent := fieldsOf(
		"type", "400",
		"code", "u-17",
		"first_name", "Jo",
		"last_name", "Jones",
		"middle", "Q",
		"email", "jo@example.com",
		"disable_emails", "12",
		"room", "type",
		"domain", "",
	)
	for _, row := range []struct {
		desc, detail, want string
	}{
		{
			desc:   "nothing to hide",
			detail: "HTTP 400: slug already exists",
			want:   "HTTP 400: slug already exists",
		},
		{
			desc:   "values, in any case, and not those of one character",
			detail: "HTTP 400: jo JONES, u-17 Q",
			want:   "HTTP 400: *** ***, *** Q",
		},
		{
			desc:   "credentials",
			detail: "keys the.key and the+secret, token the*token",
			want:   "keys *** and ***, token ***",
		},
		{desc: "a credential is no pattern", detail: "not thexkey", want: "not thexkey"},
		{
			desc:   "e-mail addresses, of others too",
			detail: "mail JO@EXAMPLE.COM, other@example.org!",
			want:   "mail ***, ***",
		},
		{
			desc:   "a token",
			detail: "token 66bcd0acff324e8a44992d9596b5d361 is expired",
			want:   "token *** is expired",
		},
		{
			desc:   "breaks",
			detail: "two\r\nlines\tand\x00more",
			want:   "two lines and more",
		},
		{
			desc:   "too long",
			detail: strings.Repeat("ab ", 100),
			want:   strings.Repeat("ab ", 66) + "ab...",
		},
		{
			desc:   "too long, in letters of several bytes",
			detail: strings.Repeat("éé ", 100),
			want:   strings.Repeat("éé ", 66) + "éé...",
		},
		{
			desc:   "names of fields, and documented numbers, stay",
			detail: "code, first_name, last_name: 400, 12",
			want:   "code, first_name, last_name: 400, 12",
		},
		{
			desc:   "a value that is like a field's name",
			detail: "wrong type",
			want:   "wrong ***",
		},
		{
			desc:   "a value inside a word",
			detail: "banjo",
			want:   "ban***",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, redact(c, row.detail, sent))
		})
	}
	assert.Len(t, sent, 18)
	assert.Equal(t, "type", sent[0], "the fields were changed")
}

// TestRedactionOfLongerValuesFirst: what is a part of another value hides no more than its part.
func TestRedactionOfLongerValuesFirst(t *testing.T) {
	c := New(Config{Key: "k3y"})
	sent := fieldsOf("first_name", "Jane", "slug", "jane-doe", "name", "Jane Doe")
	assert.Equal(t, "***, ***, ***", redact(c, "jane-doe, Jane Doe, Jane", sent))
}

// TestRedactionWithoutKnowledge: better no detail than a leak.
func TestRedactionWithoutKnowledge(t *testing.T) {
	for _, row := range []struct {
		desc   string
		config Config
		sent   []string
	}{
		{desc: "a value that is not UTF-8", sent: []string{"code", "\xff\xfe"}},
		{
			desc:   "a value that is not UTF-8 beside others",
			config: Config{Key: "k3y"},
			sent:   []string{"code", "u-17", "name", "\xff\xfe"},
		},
		{desc: "a credential that is not UTF-8", config: Config{Key: "\xff\xfe"}},
		{desc: "nothing is known"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, "***", redact(New(row.config), "some detail", fieldsOf(row.sent...)))
		})
	}
}

// TestErrorsTellNoSecrets: an API that repeats what it was sent does not get it into an error.
func TestErrorsTellNoSecrets(t *testing.T) {
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
			assert.ErrorContains(t, err, "X-Apikey")
			for _, secret := range []string{"k3y", "s3cret", "u-17", "Jane", "Doe"} {
				assert.NotContains(t, err.Error(), secret)
			}
			err = AssignRoom(context.Background(), c, assignment("10017", "room_id", "20017"), nil)
			require.ErrorIs(t, err, ErrAPI)
			for _, secret := range []string{"t0ken", "10017", "20017"} {
				assert.NotContains(t, err.Error(), secret)
			}
			_, err = RoomByCode(context.Background(), c, "r00mc0de", nil)
			require.ErrorIs(t, err, ErrAPI)
			assert.NotContains(t, err.Error(), "t0ken")
		})
	}
}
