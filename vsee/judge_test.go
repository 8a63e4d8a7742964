package vsee

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJudgement(t *testing.T) {
	longToken := strings.Repeat("x", maxToken)
	for _, row := range []struct {
		desc   string
		status int
		body   string
		want   error // nil for success
	}{
		{desc: "success", status: 200, body: success},
		{desc: "success with code 200", status: 200, body: `{"code":200,` + success[1:]},
		{desc: "success with code null", status: 200, body: `{"code":null,` + success[1:]},
		{desc: "success with a word for a code", status: 200, body: `{"code":"OK",` + success[1:]},
		{desc: "created", status: 201, body: success},
		{
			desc:   "an id that is a number",
			status: 200,
			body:   strings.Replace(success, `"1"`, `12345678901234567890`, 1),
		},
		{desc: "no id", status: 200, body: strings.Replace(success, `"1"`, `null`, 1)},
		{
			desc:   "a member that nobody asked for",
			status: 200,
			body:   `{"token":17,"debug":{"data":[]},` + success[1:],
		},
		{desc: "400", status: 400, body: `{"code":400,"message":"no"}`, want: ErrAPI},
		{desc: "404", status: 404, body: `{"code":404,"message":"no"}`, want: ErrAPI},
		{desc: "401", status: 401, body: ``, want: ErrCredentials},
		{desc: "403", status: 403, body: `<html>`, want: ErrCredentials},
		{desc: "403 in the body", status: 200, body: `{"code":403}`, want: ErrCredentials},
		{
			desc:   "401 in the body as a text",
			status: 400,
			body:   `{"code":"401"}`,
			want:   ErrCredentials,
		},
		{desc: "500 in the body", status: 200, body: `{"code":500}`, want: ErrUnavailable},
		{desc: "404 in the body", status: 200, body: `{"code":404,` + success[1:], want: ErrAPI},
		{
			desc:   "a code in the body of a 404 does not make it better",
			status: 404,
			body:   `{"code":200}`,
			want:   ErrAPI,
		},
		{desc: "a success with status 400", status: 400, body: success, want: ErrAPI},
		{desc: "500", status: 500, body: ``, want: ErrUnavailable},
		{desc: "502 from a gateway", status: 502, body: `<html>`, want: ErrUnavailable},
		{desc: "504", status: 504, body: ``, want: ErrUnavailable},
		{desc: "304", status: 304, body: ``, want: ErrAPI},
		{desc: "empty", status: 200, body: ``, want: ErrAPI},
		{desc: "null", status: 200, body: `null`, want: ErrAPI},
		{desc: "a list", status: 200, body: `[]`, want: ErrAPI},
		{desc: "no data", status: 200, body: `{}`, want: ErrAPI},
		{desc: "HTML", status: 200, body: `<html>`, want: ErrAPI},
		{desc: "text behind the JSON", status: 200, body: success + "x", want: ErrAPI},
		{desc: "data null", status: 200, body: `{"data":null}`, want: ErrAPI},
		{desc: "data that is a list", status: 200, body: `{"data":[{"id":"1"}]}`, want: ErrAPI},
		{desc: "data that is a text", status: 200, body: `{"data":"abc"}`, want: ErrAPI},
		{desc: "token null", status: 200, body: `{"data":{"token":null}}`, want: ErrAPI},
		{desc: "token empty", status: 200, body: `{"data":{"token":{"token":""}}}`, want: ErrAPI},
		{desc: "token true", status: 200, body: `{"data":{"token":{"token":true}}}`, want: ErrAPI},
		{
			desc:   "token with a space",
			status: 200,
			body:   `{"data":{"token":{"token":"a b"}}}`,
			want:   ErrAPI,
		},
		{
			desc:   "token with a line break",
			status: 200,
			body:   `{"data":{"token":{"token":"a\n"}}}`,
			want:   ErrAPI,
		},
		{desc: "token that is a text", status: 200, body: `{"data":{"token":"abc"}}`, want: ErrAPI},
		{
			desc:   "token just not too long",
			status: 200,
			body:   `{"data":{"token":{"token":"` + longToken + `"}}}`,
		},
		{
			desc:   "token too long",
			status: 200,
			body:   `{"data":{"token":{"token":"` + longToken + `x"}}}`,
			want:   ErrAPI,
		},
		{
			desc:   "too long by one",
			status: 200,
			body:   success + strings.Repeat(" ", maxAnswer+1-len(success)),
			want:   ErrAPI,
		},
		{
			desc:   "just not too long",
			status: 200,
			body:   success + strings.Repeat(" ", maxAnswer-len(success)),
		},
		{
			desc:   "a code 401 beside data that is a list",
			status: 200,
			body:   `{"data":["x"],"code":401}`,
			want:   ErrCredentials,
		},
		{
			desc:   "a code 401 beside data that is a text",
			status: 200,
			body:   `{"code":401,"data":"x"}`,
			want:   ErrCredentials,
		},
		{
			desc:   "a code 401 beside a token that is a list",
			status: 200,
			body:   `{"data":{"id":"1","token":[]},"code":401}`,
			want:   ErrCredentials,
		},
		{
			desc:   "a code 401 beside a success",
			status: 200,
			body:   `{"code":401,` + success[1:],
			want:   ErrCredentials,
		},
		{
			desc:   "a code 500 beside data that is a list",
			status: 200,
			body:   `{"data":[],"code":500}`,
			want:   ErrUnavailable,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := answering(t, row.status, row.body)
			trace := &Trace{}
			sso, err := SignIn(context.Background(), c, jane(), trace)
			assert.Equal(t, 1, trace.Calls)
			if row.want != nil {
				assert.ErrorIs(t, err, row.want)
				assert.True(t, sso == nil, "a token beside the error")
				return
			}
			require.NoError(t, err)
			assert.NotEmpty(t, sso.Token.Token)
		})
	}
}

func TestExistsOnlyWhereTheMessageSaysSo(t *testing.T) {
	for _, row := range []struct {
		desc   string
		status int
		body   string
		want   error
	}{
		{
			desc:   "VSee's words",
			status: 400,
			body:   `{"code":400,"message":"In domain 'd' slug 's' already exists."}`,
			want:   ErrExists,
		},
		{
			desc:   "no code",
			status: 400,
			body:   `{"message":"ALREADY ASSIGNED"}`,
			want:   ErrExists,
		},
		{
			desc:   "409",
			status: 409,
			body:   `{"code":409,"message":"is already taken"}`,
			want:   ErrExists,
		},
		{
			desc:   "other words",
			status: 400,
			body:   `{"code":400,"message":"exists not"}`,
			want:   ErrAPI,
		},
		{desc: "no JSON", status: 400, body: `already exists`, want: ErrAPI},
		{
			desc:   "404",
			status: 404,
			body:   `{"code":404,"message":"already gone"}`,
			want:   ErrAPI,
		},
		{
			desc:   "500",
			status: 500,
			body:   `{"code":500,"message":"already exists"}`,
			want:   ErrUnavailable,
		},
		{
			desc:   "401",
			status: 401,
			body:   `{"code":401,"message":"already signed out"}`,
			want:   ErrCredentials,
		},
		{
			desc:   "401 in the body",
			status: 400,
			body:   `{"code":401,"message":"already signed out"}`,
			want:   ErrCredentials,
		},
		{
			desc:   "400 in the body",
			status: 200,
			body:   `{"code":400,"message":"already exists"}`,
			want:   ErrExists,
		},
		{
			desc:   "a message beside data of another type",
			status: 400,
			body:   `{"data":[],"message":"already exists"}`,
			want:   ErrExists,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := answering(t, row.status, row.body)
			made, err := CreateRoom(context.Background(), c, testRoom(), nil)
			assert.ErrorIs(t, err, row.want)
			assert.Empty(t, made.Code)
			exists := errors.Is(row.want, ErrExists)
			assert.Equal(t, exists, errors.Is(err, ErrExists), "ErrExists too")
		})
	}
}

// TestErrorsSayWhatTheAPISaid: status, code and words of the message, and the call as VSee
// documents it.
func TestErrorsSayWhatTheAPISaid(t *testing.T) {
	for _, row := range []struct {
		desc   string
		status int
		body   string
		want   string
	}{
		{
			desc:   "message",
			status: 400,
			body:   `{"code":400,"message":"Invalid type."}`,
			want: "the API gave an unusable answer: POST users/sso, attempt 1: " +
				"HTTP 400, with a message of 13 bytes that is not shown (words in it: invalid, type)",
		},
		{
			desc:   "code in the body",
			status: 200,
			body:   `{"code":"403","message":"no"}`,
			want: "the API refused the credentials: POST users/sso, attempt 1: " +
				"HTTP 200 with code 403 in the body, " +
				"with a message of 2 bytes that is not shown (words in it: )",
		},
		{
			desc:   "nothing",
			status: 500,
			want:   "the API is unavailable: POST users/sso, attempt 1: HTTP 500",
		},
		{
			desc:   "a message that is no text",
			status: 500,
			body:   `{"message":{"token":"abc"}}`,
			want:   "the API is unavailable: POST users/sso, attempt 1: HTTP 500",
		},
		{
			desc:   "no token",
			status: 200,
			body:   `{"data":{"id":"1"}}`,
			want: "the API gave an unusable answer: " +
				"POST users/sso succeeded without a usable data.token.token",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, err := SignIn(context.Background(), answering(t, row.status, row.body), jane(), nil)
			assert.EqualError(t, err, row.want)
		})
	}
}

func TestText(t *testing.T) {
	for _, row := range []struct {
		desc, raw, want string
	}{
		{desc: "nothing"},
		{desc: "text", raw: `"a\u00e9\"b"`, want: `aé"b`},
		{desc: "empty text", raw: `""`},
		{desc: "number", raw: `12345678901234567890`, want: "12345678901234567890"},
		{desc: "negative number", raw: `-1`},
		{desc: "fraction", raw: `1.5`},
		{desc: "null", raw: `null`},
		{desc: "true", raw: `true`},
		{desc: "object", raw: `{"a":"b"}`},
		{desc: "list", raw: `["a"]`},
		{desc: "broken", raw: `"a`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, text(json.RawMessage(row.raw)))
		})
	}
}
