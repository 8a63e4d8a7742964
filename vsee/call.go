package vsee

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	maxAnswer         = 64 << 10 // bytes of an answer; a sign-in's has about 1 KiB
	maxDetail         = 200      // logged characters of a net/http error
	maxMessage        = 1000     // searched characters of the API's message
	maxWords          = 8        // logged words of the API's message
	maxRetryAfter     = 24 * time.Hour
	maxAttempts       = 4
	backoff           = 100 * time.Millisecond // maximum of the first wait; doubles with each attempt
	defaultRetryAfter = 5 * time.Second        // if the API answers 429 without Retry-After
)

// answer is the form of every answer from VSee.
type answer struct {
	Code    json.RawMessage `json:"code"`
	Message json.RawMessage `json:"message"`
	Data    interface{}     `json:"data"` // a pointer to the expected type
}

// failure describes a failed request.
type failure struct {
	kind       error         // one of this package's errors
	detail     string        // safe to log
	status     int           // of the API's answer; 0 without a complete answer
	again      bool          // the request may be repeated
	retryAfter time.Duration // minimum wait before that
}

// call sends a request with fields and decodes the answer's data. It retries if it could not reach
// the API, or if the API answers 429 or 503. Every call of this package is safe to repeat.
func call(ctx context.Context, c *Client, r *request, fields []interface{}, data interface{},
	trace *Trace,
) error {
	if trace == nil {
		trace = &Trace{}
	}
	body := encode(c.encoder, fields)
	for attempt := 1; ; attempt++ {
		trace.Calls++
		sent := time.Now()
		f := send(ctx, c, r, body, &answer{Data: data})
		trace.Took += time.Since(sent)
		if f == nil {
			return nil
		}
		if err := retry(ctx, r, attempt, f, data, trace); err != nil {
			return err
		}
	}
}

// retry waits before another attempt and clears the data from the failed one. If there is no other
// attempt, it returns the error.
func retry(ctx context.Context, r *request, attempt int, f *failure, data interface{},
	trace *Trace,
) error {
	if f.again && pause(ctx, attempt, f.retryAfter) {
		if data != nil {
			reflect.ValueOf(data).Elem().SetZero()
		}
		return nil
	}
	if ctx.Err() == context.Canceled {
		f.kind = ErrCanceled
	}
	if f.status == http.StatusTooManyRequests {
		trace.RetryAfter = atLeast(f.retryAfter, defaultRetryAfter)
	}
	return fmt.Errorf("%w: %s %s, attempt %d: %s",
		f.kind, r.method, r.path, attempt, f.detail)
}

// pause waits before the next attempt: a random part of an exponentially growing time (full
// jitter), but at least the time that the API asked for. It returns false at once after the last
// attempt, or if the deadline would pass before the next.
func pause(ctx context.Context, attempt int, asked time.Duration) bool {
	if attempt >= maxAttempts {
		return false
	}
	wait := atLeast(time.Duration(rand.Int63n(int64(backoff)<<uint(attempt-1))), asked)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	over, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	<-over.Done()
	return ctx.Err() == nil
}

func atLeast(d, least time.Duration) time.Duration {
	if d < least {
		return least
	}
	return d
}

// send sends a request once. It fills the answer or returns the failure.
func send(ctx context.Context, c *Client, r *request, body string, a *answer) *failure {
	req, err := http.NewRequestWithContext(ctx, r.method, r.address, strings.NewReader(body))
	if err != nil {
		return &failure{kind: ErrAPI, detail: c.unsendable}
	}
	req.Header = r.header
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return broken(ctx, resp, err)
	}
	var content []byte
	if resp.StatusCode != http.StatusSwitchingProtocols { // no deadline ends the read of its body
		content, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	}
	_ = resp.Body.Close()
	if err != nil {
		return broken(ctx, resp, err)
	}
	err = json.Unmarshal(content, a)
	readable := err == nil && len(content) <= maxAnswer
	if readable && resp.StatusCode == http.StatusOK && a.Code == nil {
		return nil
	}
	return judge(resp, a, readable)
}

// broken returns the failure of a request without a complete answer. After a partial answer, the
// request is not repeated.
func broken(ctx context.Context, resp *http.Response, err error) *failure {
	f := &failure{kind: ErrUnavailable, detail: describeError(err)}
	var distrusted *tls.CertificateVerificationError
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		f.kind = ErrTimeout
	case ctx.Err() == context.Canceled:
		f.kind = ErrCanceled
	case strings.Contains(f.detail, "malformed") ||
		strings.Contains(f.detail, "response headers exceeded"):
		// net/http has no error type for an answer that is not HTTP. Other errors mean no answer.
		f.kind = ErrAPI
		f.detail = "the answer is not HTTP"
	case !errors.As(err, &distrusted): //nolint:forbidigo // a target of the standard library
		f.again = resp == nil
	}
	return f
}

// judge returns the failure in an answer, or nil for a success. It uses the HTTP status and the
// code in the body, because VSee documents both. The code takes precedence if it is 401 or 403, or
// if it is a failure and the status is a success.
func judge(resp *http.Response, a *answer, readable bool) *failure {
	f := &failure{kind: ErrAPI, status: resp.StatusCode, retryAfter: retryAfter(resp.Header)}
	f.detail = fmt.Sprintf("HTTP %d", f.status)
	code, err := strconv.Atoi(text(a.Code))
	refusal := code == http.StatusUnauthorized || code == http.StatusForbidden
	if err == nil && code != f.status && (refusal || (f.status < 300 && code >= 300)) {
		f.status = code
		f.detail += fmt.Sprintf(" with code %d in the body", code)
	}
	message := text(a.Message)
	f.detail += describe(message)
	switch {
	case f.status < 300 && readable:
		return nil
	case f.status < 300:
		f.detail += " with a body that is not JSON of the documented form, or has over " +
			strconv.Itoa(maxAnswer) + " bytes"
	case f.status < 400:
		f.detail += ", a redirect, which is not followed: check the API's address"
	case f.status == http.StatusUnauthorized || f.status == http.StatusForbidden:
		f.kind = ErrCredentials
	case f.status == http.StatusTooManyRequests || f.status >= 500:
		f.kind = ErrUnavailable
		f.again = f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable
	case (f.status == http.StatusBadRequest || f.status == http.StatusConflict) &&
		strings.Contains(strings.ToLower(message), "already"):
		// VSee documents "... already exists." for a room and nothing for an assignment.
		f.kind = ErrExists
	}
	return f
}

// retryAfter reads the Retry-After header: whole seconds or a date (RFC 9110, 10.2.3). The maximum
// is maxRetryAfter.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	seconds, err := strconv.Atoi(value)
	wait := time.Duration(seconds) * time.Second
	if err != nil {
		at, _ := http.ParseTime(value) // the zero time if it is not a date
		wait = time.Until(at)
	}
	if wait > maxRetryAfter || seconds > int(maxRetryAfter/time.Second) {
		return maxRetryAfter
	}
	return atLeast(wait, 0)
}

// text returns a JSON string's or number's text, else "". VSee sends IDs as strings.
func text(raw json.RawMessage) string {
	var decoded string
	if json.Unmarshal(raw, &decoded) != nil && strings.Trim(string(raw), "0123456789") == "" {
		return string(raw)
	}
	return decoded
}

// vocabulary lists words of API messages that are safe to log. The message itself is never logged,
// because it may repeat a name, an email address or a token in any form.
var vocabulary = regexp.MustCompile(`(?i)\b(?:already exists|already|invalid|missing|required|expired|` +
	`not (?:found|enabled|allowed)|disabled|denied|unauthorized|forbidden|limit|too (?:long|many)|sso|` +
	`(?:first|last)_name|email|code|type|slug|domain|token|clinic|account|user|room)\b`)

// describe returns what is safe to log of an API message: its length and its words in vocabulary.
func describe(message string) string {
	if message == "" {
		return ""
	}
	words := vocabulary.FindAllString(fmt.Sprintf("%.*s", maxMessage, message), maxWords)
	return strings.ToLower(fmt.Sprintf(", with a message of %d bytes that is not shown (words in it: %s)",
		len(message), strings.Join(words, ", ")))
}

// foreign matches text in a net/http error that may come from the server.
var foreign = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?|[[:cntrl:]]`)

// describeError returns what is safe to log of a net/http error.
func describeError(err error) string {
	return fmt.Sprintf("%.*s", maxDetail, foreign.ReplaceAllLiteralString(err.Error(), `"..."`))
}
