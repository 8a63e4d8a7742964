package vsee

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

const maxAnswer = 64 << 10 // bytes of an answer that are read; a sign-in's has about 1 KiB

// request is a call of the API.
type request struct {
	method  string
	path    string // as VSee documents it, fit for a log
	address string
	header  http.Header   // with the credential that VSee documents for it
	fields  []interface{} // of a POST: a name, a value, a name, ...; all texts
}

// answer is how VSee wraps every answer: data on success, code and message on failure.
type answer struct {
	Code    json.RawMessage `json:"code"`
	Message json.RawMessage `json:"message"`
	Data    interface{}     `json:"data"` // a pointer to what is expected
}

// failure is what became of a request that did not succeed.
type failure struct {
	kind       error         // one of this package's errors
	detail     string        // what it looked like, not yet redacted
	again      bool          // the request may be sent again
	retryAfter time.Duration // the least wait before that; 0 when the API named none
	limited    bool          // the API answered 429
}

// call sends a request, again where the API was not reached or asks to come back, and decodes the
// answer's data. Every call of this package may be repeated safely.
func call(ctx context.Context, c *Client, r *request, data interface{}, trace *Trace) error {
	if trace == nil {
		trace = &Trace{}
	}
	body := encode(c.encoder, r.fields)
	for attempt := 1; ; attempt++ {
		trace.Calls++
		f := send(ctx, c, r, body, &answer{Data: data})
		if f == nil {
			return nil
		}
		if isFinal(ctx, f, attempt) {
			return failed(ctx, c, r, attempt, f, trace)
		}
		forget(data)
	}
}

// isFinal waits before another attempt, and reports whether there is to be none.
func isFinal(ctx context.Context, f *failure, attempt int) bool {
	return !f.again || !pause(ctx, attempt, f.retryAfter)
}

// forget clears what an attempt that failed has decoded.
func forget(data interface{}) {
	if data != nil {
		decoded := reflect.ValueOf(data).Elem()
		decoded.Set(reflect.Zero(decoded.Type()))
	}
}

// failed returns the error for a request's last failure.
func failed(ctx context.Context, c *Client, r *request, attempt int, f *failure, trace *Trace) error {
	if ctx.Err() == context.Canceled {
		f.kind = ErrCanceled
	}
	if f.limited {
		trace.RetryAfter = atLeast(f.retryAfter, defaultRetryAfter)
	}
	return fmt.Errorf("%w: %s %s, attempt %d: %s",
		f.kind, r.method, r.path, attempt, redact(c, f.detail, r.fields))
}

// send sends a request once. It fills the answer, or returns what became of the request.
func send(ctx context.Context, c *Client, r *request, body string, a *answer) *failure {
	req, err := http.NewRequestWithContext(ctx, r.method, r.address, strings.NewReader(body))
	if err != nil {
		return unsendable(c)
	}
	req.Header = r.header
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return connectionFailure(ctx, err)
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	if err != nil {
		return cutOff(ctx, err)
	}
	err = json.Unmarshal(content, a)
	readable := err == nil && len(content) <= maxAnswer
	if readable && resp.StatusCode == http.StatusOK && a.Code == nil {
		return nil
	}
	return judge(resp, a, readable)
}

// unsendable says why there was nothing to send.
func unsendable(c *Client) *failure {
	if c.encoder.encoding == "" {
		return &failure{kind: ErrAPI, detail: "unknown encoding " + c.config.Encoding}
	}
	return &failure{kind: ErrAPI, detail: "the address is not a URL"}
}

// cutOff says what became of a request that was answered, if not to the end: it is not sent again.
func cutOff(ctx context.Context, err error) *failure {
	f := connectionFailure(ctx, err)
	f.again = false
	return f
}

// connectionFailure says what a request without a complete answer came to.
func connectionFailure(ctx context.Context, err error) *failure {
	f := &failure{kind: ErrUnavailable, detail: err.Error()}
	var distrusted *tls.CertificateVerificationError
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		f.kind = ErrTimeout
	case ctx.Err() == context.Canceled:
		f.kind = ErrCanceled
	case strings.Contains(f.detail, "malformed") ||
		strings.Contains(f.detail, "response headers exceeded"):
		// net/http has no type for an answer that is not HTTP; other errors mean that none came.
		f.kind = ErrAPI
	case !errors.As(err, &distrusted): //nolint:forbidigo // a target of the standard library
		f.again = true
	}
	return f
}

// judge tells what an answer means, by the HTTP status and by the body's code, because VSee
// documents both. It returns nil for a success.
func judge(resp *http.Response, a *answer, readable bool) *failure {
	status := effectiveStatus(resp.StatusCode, text(a.Code))
	message := text(a.Message)
	f := &failure{kind: ErrAPI, retryAfter: retryAfter(resp.Header)}
	f.detail = fmt.Sprintf("HTTP %d", resp.StatusCode)
	if status != resp.StatusCode {
		f.detail += fmt.Sprintf(" with code %d in the body", status)
	}
	if message != "" {
		f.detail += ": " + message
	}
	switch {
	case status < 300 && readable:
		return nil
	case status < 300:
		f.detail += " with a body that is not JSON of the documented form, or has over " +
			strconv.Itoa(maxAnswer) + " bytes"
	case status < 400:
		f.detail += ", a redirect, which is not followed: check the API's address"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		f.kind = ErrCredentials
	case status == http.StatusTooManyRequests:
		f.kind = ErrUnavailable
		f.again = true
		f.limited = true
	case status >= 500:
		f.kind = ErrUnavailable
		f.again = status == http.StatusServiceUnavailable
	case (status == http.StatusBadRequest || status == http.StatusConflict) && already(message):
		f.kind = ErrExists
	}
	return f
}

// already reports whether a refusal says that what was asked for is so already. VSee documents
// "... already exists." for a room and nothing for an assignment.
func already(message string) bool { return strings.Contains(strings.ToLower(message), "already") }

// effectiveStatus returns the body's code where it says more than the HTTP status: a refusal always
// counts, any other failure when the status claims success.
func effectiveStatus(status int, bodyCode string) int {
	code, err := strconv.Atoi(bodyCode)
	refusal := code == http.StatusUnauthorized || code == http.StatusForbidden
	if err == nil && (refusal || (status < 300 && code >= 300)) {
		return code
	}
	return status
}

// text returns a JSON string's or number's text, and "" for anything else. VSee prints ids as
// strings; numbers are accepted too.
func text(raw json.RawMessage) string {
	var decoded string
	if json.Unmarshal(raw, &decoded) == nil {
		return decoded
	}
	if strings.Trim(string(raw), "0123456789") == "" {
		return string(raw)
	}
	return ""
}
