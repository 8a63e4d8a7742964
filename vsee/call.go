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
	maxAnswer         = 64 << 10 // bytes of an answer that are read; a sign-in's has about 1 KiB
	maxDetail         = 200      // characters of an error of net/http that are logged
	maxMessage        = 1000     // characters of the API's message that are looked at
	maxWords          = 8        // of it that are logged
	maxRetryAfter     = 24 * time.Hour
	maxAttempts       = 4
	backoff           = 100 * time.Millisecond // the first wait's upper end; doubled for each further
	defaultRetryAfter = 5 * time.Second        // for an API that answers 429 without naming a time
)

// answer is how VSee wraps every answer.
type answer struct {
	Code    json.RawMessage `json:"code"`
	Message json.RawMessage `json:"message"`
	Data    interface{}     `json:"data"` // a pointer to what is expected
}

// failure is what became of a request that did not succeed.
type failure struct {
	kind       error         // one of this package's errors
	detail     string        // what it looked like, fit for a log
	status     int           // that the API answered with; 0 without a complete answer
	again      bool          // the request may be sent again
	retryAfter time.Duration // the least wait before that
}

// call sends a request with fields, again where the API was not reached or asks to come back, and
// decodes the answer's data. Every call of this package may be repeated safely.
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

// retry waits before another attempt and clears what the failed one has decoded, or returns the
// error for the request's last failure.
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

// pause waits before the attempt after the given one: a random share of an exponentially growing
// time (full jitter), and at least what the API asked for. It reports false, at once, when attempts
// are used up or the deadline would pass before the next.
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

// send sends a request once. It fills the answer, or returns what became of the request.
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
	if resp.StatusCode != http.StatusSwitchingProtocols { // no deadline ends a read of its body
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

// broken says what a request without a complete answer came to. Half an answer is not repeated.
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
		// net/http has no type for an answer that is not HTTP; other errors mean that none came.
		f.kind = ErrAPI
		f.detail = "the answer is not HTTP"
	case !errors.As(err, &distrusted): //nolint:forbidigo // a target of the standard library
		f.again = resp == nil
	}
	return f
}

// judge tells what an answer means, by the HTTP status and by the body's code, because VSee
// documents both. The code counts where it says more: a refusal always, any other failure when the
// status claims success. It returns nil for a success.
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

// retryAfter reads the Retry-After header: whole seconds or a date (RFC 9110, 10.2.3), up to a day.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	seconds, err := strconv.Atoi(value)
	wait := time.Duration(seconds) * time.Second
	if err != nil {
		at, _ := http.ParseTime(value) // long ago when it is no date
		wait = time.Until(at)
	}
	if wait > maxRetryAfter || seconds > int(maxRetryAfter/time.Second) {
		return maxRetryAfter
	}
	return atLeast(wait, 0)
}

// text returns a JSON string's or number's text, else "". VSee prints ids as strings.
func text(raw json.RawMessage) string {
	var decoded string
	if json.Unmarshal(raw, &decoded) != nil && strings.Trim(string(raw), "0123456789") == "" {
		return string(raw)
	}
	return decoded
}

// vocabulary are words of an API's message that tell nothing of a person. The message itself is never
// logged: it may repeat a name, an address or a token in any form.
var vocabulary = regexp.MustCompile(`(?i)\b(?:already exists|already|invalid|missing|required|expired|` +
	`not (?:found|enabled|allowed)|disabled|denied|unauthorized|forbidden|limit|too (?:long|many)|sso|` +
	`(?:first|last)_name|email|code|type|slug|domain|token|clinic|account|user|room)\b`)

// describe returns what may be logged of an API's message: its length and the known words in it.
func describe(message string) string {
	if message == "" {
		return ""
	}
	words := vocabulary.FindAllString(fmt.Sprintf("%.*s", maxMessage, message), maxWords)
	return strings.ToLower(fmt.Sprintf(", with a message of %d bytes that is not shown (words in it: %s)",
		len(message), strings.Join(words, ", ")))
}

// foreign matches what somebody else's text may be in an error of net/http.
var foreign = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?|[[:cntrl:]]`)

// describeError returns what may be logged of a request that got no answer.
func describeError(err error) string {
	return fmt.Sprintf("%.*s", maxDetail, foreign.ReplaceAllLiteralString(err.Error(), `"..."`))
}
