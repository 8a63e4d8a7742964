package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// recorder passes requests on and keeps the last answer.
type recorder struct{ last []byte }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	r.last = body
	return resp, err
}

// token says what the last answer tells of the token: its lifetime and the user's type. VSee documents neither.
func (r *recorder) token() string {
	var answer struct {
		Data struct {
			Token struct {
				Expiry int64 `json:"expiry"`
				Type   any   `json:"user_type"`
			} `json:"token"`
		} `json:"data"`
	}
	if json.Unmarshal(r.last, &answer) != nil || answer.Data.Token.Expiry == 0 {
		return "no expiry given"
	}
	told := "valid for " + time.Until(time.Unix(answer.Data.Token.Expiry, 0)).Round(time.Minute).String()
	if answer.Data.Token.Type != nil {
		told += fmt.Sprintf(", user type %v", answer.Data.Token.Type)
	}
	return told
}
