package vsee

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// status returns an answer with the status, and with Retry-After unless it is "".
func status(status int, retryAfter string) vseetest.Fault {
	return vseetest.Fault{Status: status, Header: map[string]string{"Retry-After": retryAfter}}
}

func TestRetries(t *testing.T) {
	reset := vseetest.Fault{Reset: true}
	for _, row := range []struct {
		desc       string
		script     []vseetest.Fault
		want       error
		calls      int
		retryAfter time.Duration
	}{
		{
			desc:   "503 twice",
			script: []vseetest.Fault{status(503, ""), status(503, "")},
			calls:  3,
		},
		{
			desc: "503 for long",
			script: []vseetest.Fault{
				status(503, ""), status(503, ""), status(503, ""), status(503, ""),
			},
			want:  ErrUnavailable,
			calls: 4,
		},
		{
			desc:   "503 with a wait beyond the budget",
			script: []vseetest.Fault{status(503, "3600")},
			want:   ErrUnavailable,
			calls:  1,
		},
		{
			desc:   "503 in the body",
			script: []vseetest.Fault{{Status: 200, Body: `{"code":503}`}},
			calls:  2,
		},
		{
			desc:   "429 with a short wait",
			script: []vseetest.Fault{status(429, "0")},
			calls:  2,
		},
		{
			desc:       "429 with a wait beyond the budget",
			script:     []vseetest.Fault{status(429, "3600")},
			want:       ErrUnavailable,
			calls:      1,
			retryAfter: time.Hour,
		},
		{
			desc: "429 for long",
			script: []vseetest.Fault{
				status(429, ""), status(429, ""), status(429, ""), status(429, ""),
			},
			want:       ErrUnavailable,
			calls:      4,
			retryAfter: defaultRetryAfter,
		},
		{
			desc:   "429 and then 500",
			script: []vseetest.Fault{status(429, "0"), status(500, "")},
			want:   ErrUnavailable,
			calls:  2,
		},
		{
			desc:   "503 and then 401",
			script: []vseetest.Fault{status(503, ""), status(401, "")},
			want:   ErrCredentials,
			calls:  2,
		},
		{
			desc:   "500 is not repeated",
			script: []vseetest.Fault{status(500, "0")},
			want:   ErrUnavailable,
			calls:  1,
		},
		{
			desc:   "502 is not repeated",
			script: []vseetest.Fault{status(502, "0")},
			want:   ErrUnavailable,
			calls:  1,
		},
		{
			desc:   "400 is not repeated",
			script: []vseetest.Fault{status(400, "0")},
			want:   ErrAPI,
			calls:  1,
		},
		{
			desc:   "401 is not repeated",
			script: []vseetest.Fault{status(401, "0")},
			want:   ErrCredentials,
			calls:  1,
		},
		{
			desc:   "an unusable answer is not repeated",
			script: []vseetest.Fault{{Status: 200, Body: "{}"}},
			want:   ErrAPI,
			calls:  1,
		},
		{desc: "reset", script: []vseetest.Fault{reset, reset, reset}, calls: 4},
		{
			desc:   "reset for long",
			script: []vseetest.Fault{reset, reset, reset, reset},
			want:   ErrUnavailable,
			calls:  4,
		},
		{
			desc:   "broken body",
			script: []vseetest.Fault{{Status: 200, Body: "{", Truncate: true}},
			want:   ErrUnavailable,
			calls:  1,
		},
		{
			desc:   "not HTTP",
			script: []vseetest.Fault{{Raw: "hello\r\n\r\n"}},
			want:   ErrAPI,
			calls:  1,
		},
		{
			desc: "headers without end",
			script: []vseetest.Fault{
				{Raw: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 200<<10) + "\r\n\r\n"},
			},
			want:  ErrAPI,
			calls: 1,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, config := setup(t)
			clinic.Script(row.script...)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			trace := &Trace{}
			sso, err := SignIn(ctx, New(config), jane(), trace)
			require.NoError(t, ctx.Err(), "it waited until the deadline for what could not come")
			assertIs(t, row.want, err)
			assert.Equal(t, row.want == nil, sso != nil)
			assert.Equal(t, row.calls, trace.Calls)
			assert.Equal(t, row.retryAfter.String(), trace.RetryAfter.String())
			calls := clinic.Requests()
			require.Len(t, calls, row.calls)
			for _, call := range calls {
				assert.Equal(t, calls[0].Fields, call.Fields, "another body")
				assert.Equal(t, "u-17", call.Fields["code"])
				assert.Equal(t, vseetest.Key, call.Header.Get("X-ApiKey"))
			}
			if row.want != nil && row.calls > 1 {
				assert.ErrorContains(t, err, "attempt "+strconv.Itoa(row.calls)+": ")
			}
		})
	}
}

// TestTracesAddUp: a trace counts all calls that use it.
func TestTracesAddUp(t *testing.T) {
	clinic, config := setup(t)
	c := New(config)
	trace := &Trace{}
	clinic.Script(status(503, ""))
	_, err := SignIn(context.Background(), c, jane(), trace)
	require.NoError(t, err)
	_, err = CreateRoom(context.Background(), c, testRoom(), trace)
	require.NoError(t, err)
	assert.Equal(t, 3, trace.Calls)
}

// TestNothingRemainsOfAnEarlierAttempt: no data of a repeated attempt is in the next answer.
func TestNothingRemainsOfAnEarlierAttempt(t *testing.T) {
	stale := `{"code":503,"data":{"id":"9","rooms":[{"code":"abc123"}],` +
		`"token":{"token":"stale","user_type":"400"}}}`
	staleRoom := `{"data":{"id":"9","code":"abc123","slug":"stale","provider_ids":["9"]}}`
	later := func(t *testing.T, status int, before, body string) *Client {
		t.Helper()
		clinic, config := setup(t)
		first := vseetest.Fault{Status: status, Body: before}
		first.Header = map[string]string{"Retry-After": "0"}
		clinic.Script(first, vseetest.Fault{Status: 200, Body: body})
		return New(config)
	}
	ctx := context.Background()
	for _, row := range []struct {
		desc   string
		status int
		body   string
	}{
		{desc: "no data after 503", status: 503, body: `{}`},
		{desc: "data null after 503", status: 503, body: `{"data":null}`},
		{desc: "no token after 503", status: 503, body: `{"data":{"id":"1"}}`},
		{desc: "an empty token after 429", status: 429, body: `{"data":{"token":{}}}`},
		{desc: "no data after 503 in the body", status: 200, body: `{}`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			trace := &Trace{}
			sso, err := SignIn(ctx, later(t, row.status, stale, row.body), jane(), trace)
			assert.ErrorIs(t, err, ErrAPI)
			assert.True(t, sso == nil, "a token of the attempt that failed")
			assert.Equal(t, 2, trace.Calls)
		})
	}
	t.Run("rooms", func(t *testing.T) {
		sso, err := SignIn(ctx, later(t, 503, stale, success), jane(), nil)
		require.NoError(t, err)
		assert.Equal(t, "66bcd0acff324e8a44992d9596b5d361", sso.Token.Token)
		assert.Equal(t, "1", UserID(sso))
		assert.Empty(t, RoomCodes(sso))
	})
	t.Run("id", func(t *testing.T) {
		body := `{"data":{"token":{"token":"fresh"}}}`
		sso, err := SignIn(ctx, later(t, 503, stale, body), jane(), nil)
		require.NoError(t, err)
		assert.Equal(t, "fresh", sso.Token.Token)
		assert.Empty(t, UserID(sso))
	})
	t.Run("type of user", func(t *testing.T) {
		u := jane()
		u.Type = Patient
		_, err := SignIn(ctx, later(t, 503, stale, success), u, nil)
		assert.NoError(t, err)
	})
	t.Run("room", func(t *testing.T) {
		_, err := RoomByCode(ctx, later(t, 503, staleRoom, `{}`), "abc123", nil)
		assert.ErrorIs(t, err, ErrAPI)
	})
	t.Run("members of a room", func(t *testing.T) {
		c := later(t, 503, staleRoom, `{"data":{"code":"abc123"}}`)
		got, err := RoomByCode(ctx, c, "abc123", nil)
		require.NoError(t, err)
		assert.Empty(t, got.ID)
		assert.Empty(t, got.Slug)
		assert.Empty(t, got.ProviderIDs)
	})
	t.Run("providers", func(t *testing.T) {
		c := later(t, 503, `{"data":[{"id":"9"}]}`, `{}`)
		_, err := RoomProviders(ctx, c, "abc123", nil)
		assert.ErrorIs(t, err, ErrAPI)
	})
	t.Run("ids of providers", func(t *testing.T) {
		c := later(t, 503, `{"data":[{"id":"9"},{"id":"8"}]}`, `{"data":[{}]}`)
		ids, err := RoomProviders(ctx, c, "abc123", nil)
		require.NoError(t, err)
		assert.Equal(t, []string{""}, ids)
	})
}

func TestDeadlineAndCancel(t *testing.T) {
	for _, row := range []struct {
		desc  string
		fault vseetest.Fault
	}{
		{desc: "no answer", fault: vseetest.Fault{Delay: time.Minute}},
		{
			desc: "a slow body",
			fault: vseetest.Fault{
				Status: 200,
				Body:   strings.Repeat(" ", 1000),
				Drip:   100 * time.Millisecond,
			},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, config := setup(t)
			clinic.SetFault(row.fault)
			c := New(config)
			trace := &Trace{}
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			_, err := SignIn(ctx, c, jane(), trace)
			assert.ErrorIs(t, err, ErrTimeout)
			assert.Equal(t, 1, trace.Calls)

			left, leave := context.WithCancel(context.Background())
			timer := time.AfterFunc(50*time.Millisecond, leave)
			defer timer.Stop()
			_, err = SignIn(left, c, jane(), trace)
			assert.ErrorIs(t, err, ErrCanceled)
			assert.Equal(t, 2, trace.Calls)
		})
	}
}

// TestCanceledBetweenAttempts: a cancel during the wait is ErrCanceled, not ErrUnavailable.
func TestCanceledBetweenAttempts(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
		time.AfterFunc(100*time.Millisecond, leave)
	}))
	trace := &Trace{}
	_, err := SignIn(ctx, c, jane(), trace)
	assert.ErrorIs(t, err, ErrCanceled)
	assert.Equal(t, 1, trace.Calls)
}

// TestCanceledBefore: a canceled context causes no call.
func TestCanceledBefore(t *testing.T) {
	clinic, config := setup(t)
	ctx, leave := context.WithCancel(context.Background())
	leave()
	_, err := SignIn(ctx, New(config), jane(), nil)
	assert.ErrorIs(t, err, ErrCanceled)
	assert.Empty(t, clinic.Requests())
}

// TestGetHasNoBody: some servers refuse one.
func TestGetHasNoBody(t *testing.T) {
	lengths := make(chan int64, 1)
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lengths <- r.ContentLength + int64(len(r.Header.Get("Content-Type")))
	}))
	_, _ = RoomByCode(context.Background(), c, "r00m", nil)
	assert.Equal(t, int64(0), <-lengths)
}
