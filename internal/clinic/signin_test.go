package clinic

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
	"github.com/clinicpass/clinicpass/vsee"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestSignIn: VSee receives the provider's data and nothing else.
func TestSignIn(t *testing.T) {
	for _, row := range []struct {
		desc   string
		change func(c *config.Config)
		who    identity.Identity
		want   map[string]string
	}{
		{
			desc:   "provider",
			change: func(c *config.Config) {},
			who:    identity.Identity{ID: "u-17", Email: "jane@example.com", Name: "Jane Doe"},
			want: map[string]string{
				"type":       "400",
				"code":       "u-17",
				"first_name": "Jane",
				"last_name":  "Doe",
				"email":      "jane@example.com",
			},
		},
		{
			desc:   "no e-mail",
			change: func(c *config.Config) {},
			who:    identity.Identity{ID: "u-17"},
			want: map[string]string{
				"type":       "400",
				"code":       "u-17",
				"first_name": "u-17",
				"last_name":  "-",
			},
		},
		{
			desc:   "no e-mails to the user",
			change: func(c *config.Config) { c.Provider.DisableEmails = true },
			who:    identity.Identity{ID: "u-17", FirstName: "Jane", LastName: "Doe"},
			want: map[string]string{
				"type":           "400",
				"code":           "u-17",
				"first_name":     "Jane",
				"last_name":      "Doe",
				"disable_emails": "1",
			},
		},
		{
			desc:   "patient",
			change: func(c *config.Config) { c.Provider.Type = "patient" },
			who:    identity.Identity{ID: "p-1", FirstName: "Ann", LastName: "Roe"},
			want: map[string]string{
				"type":       "200",
				"code":       "p-1",
				"first_name": "Ann",
				"last_name":  "Roe",
			},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server, c := setup(t)
			row.change(c)
			ticket, err := SignIn(context.Background(), mustNew(t, c), someone(t, row.who))
			require.NoError(t, err)
			user, known := server.UserOf(ticket.Token)
			require.True(t, known)
			assert.Equal(t, row.want["code"], user.Code)
			assert.Empty(t, ticket.Room)
			assert.False(t, ticket.Assigned)
			assert.Equal(t, 1, ticket.Trace.Calls)
			calls := server.Requests()
			require.Len(t, calls, 1)
			assert.Equal(t, row.want, calls[0].Fields)
			assert.Equal(t, "test/1", calls[0].Header.Get("User-Agent"))
		})
	}
}

// TestNeedlessCredentials: a call carries only the secrets that it needs.
func TestNeedlessCredentials(t *testing.T) {
	server, c := setup(t)
	c.API.Token = vseetest.AdminToken
	_, err := SignIn(context.Background(), mustNew(t, c), jane(t))
	require.NoError(t, err)
	assert.Len(t, server.Requests()[0].Header.Values("X-ApiToken"), 0)
}

// TestFailedSignIns: each has a ticket, an outcome, and what it shows about the API.
func TestFailedSignIns(t *testing.T) {
	for _, row := range []struct {
		desc       string
		fault      vseetest.Fault
		want       string
		failures   int // after one earlier failure
		retryAfter string
	}{
		{
			desc:       "refused",
			fault:      vseetest.Fault{Status: 401},
			want:       "credentials_refused",
			retryAfter: "0s",
		},
		{
			desc:       "unusable",
			fault:      vseetest.Fault{Status: 200, Body: "{}"},
			want:       "api_error",
			retryAfter: "0s",
		},
		{
			desc:       "unavailable",
			fault:      vseetest.Fault{Status: 500},
			want:       "api_unavailable",
			failures:   2,
			retryAfter: "0s",
		},
		{
			desc: "too many requests",
			fault: vseetest.Fault{
				Status: 429,
				Header: map[string]string{"Retry-After": "60"},
			},
			want:       "api_unavailable",
			retryAfter: "1m0s",
		},
		{
			desc:       "timeout",
			fault:      vseetest.Fault{Delay: time.Minute},
			want:       "api_timeout",
			failures:   2,
			retryAfter: "0s",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server, c := setup(t)
			c.API.Timeout = "500ms"
			to := mustNew(t, c)
			setFailures(to.breaker, 1)
			server.SetFault(row.fault)
			ticket, err := SignIn(context.Background(), to, jane(t))
			require.Error(t, err)
			assert.Equal(t, row.want, string(OutcomeOf(err)))
			require.NotNil(t, ticket)
			assert.Empty(t, ticket.Token)
			assert.Equal(t, 1, ticket.Trace.Calls)
			assert.Equal(t, row.retryAfter, ticket.Trace.RetryAfter.String())
			assert.Equal(t, row.failures, failuresOf(to.breaker))
		})
	}
}

// TestClosedTabSaysNothing about the API.
func TestClosedTabSaysNothing(t *testing.T) {
	server, c := setup(t)
	to := mustNew(t, c)
	ctx, leave := context.WithCancel(context.Background())
	leave()
	for _, failures := range []int{0, 3} {
		setFailures(to.breaker, failures)
		ticket, err := SignIn(ctx, to, jane(t))
		require.Error(t, err)
		assert.Equal(t, "client_closed", string(OutcomeOf(err)))
		assert.Empty(t, ticket.Token)
		assert.Equal(t, failures, failuresOf(to.breaker))
	}
	assert.Empty(t, server.Requests())
}

// TestOpenBreaker: after repeated failures, sign-ins fail at once and call the API only for a
// probe.
func TestOpenBreaker(t *testing.T) {
	server, c := setup(t)
	to := mustNew(t, c)
	ctx := context.Background()
	server.SetFault(vseetest.Fault{Status: 500})
	for i := 0; i < breakAfter; i++ {
		p := someone(t, identity.Identity{ID: fmt.Sprint("failing-", i)})
		_, err := SignIn(ctx, to, p)
		require.ErrorIs(t, err, vsee.ErrUnavailable)
	}
	require.Len(t, server.Requests(), breakAfter)

	refused := func(to *Clinic) {
		t.Helper()
		ticket, err := SignIn(ctx, to, someone(t, identity.Identity{ID: "refused"}))
		require.ErrorIs(t, err, errOpen)
		assert.Equal(t, "api_unavailable", string(OutcomeOf(err)))
		assert.Empty(t, ticket.Token)
		assert.Equal(t, 0, ticket.Trace.Calls)
		assert.Greater(t, int64(ticket.Trace.RetryAfter), int64(0))
		assert.LessOrEqual(t, int64(ticket.Trace.RetryAfter), int64(breakFor))
	}
	refused(to)
	refused(mustNew(t, c)) // after a reload
	require.Len(t, server.Requests(), breakAfter)

	to.breaker.until = time.Now()
	_, err := SignIn(ctx, to, jane(t))
	assert.ErrorIs(t, err, vsee.ErrUnavailable, "the probe")
	require.Len(t, server.Requests(), breakAfter+1)
	refused(to)

	to.breaker.until = time.Now()
	left, leave := context.WithCancel(ctx)
	leave()
	_, err = SignIn(left, to, someone(t, identity.Identity{ID: "gone"}))
	assert.ErrorIs(t, err, vsee.ErrCanceled, "a probe whose browser left")
	server.Reset()
	ticket, err := SignIn(ctx, to, someone(t, identity.Identity{ID: "lucky"}))
	require.NoError(t, err, "the next probe")
	assert.NotEmpty(t, ticket.Token)
	assert.Equal(t, 0, failuresOf(to.breaker))
	_, err = SignIn(ctx, to, jane(t))
	assert.NoError(t, err)
}

// TestOnePersonIsHeldOff after repeated failures, even if others succeed in between.
func TestOnePersonIsHeldOff(t *testing.T) {
	server, c := setup(t)
	to := mustNew(t, c)
	ctx := context.Background()
	patient := someone(t, identity.Identity{ID: "patient"})
	server.SetFault(vseetest.Fault{Status: 500})
	for i := 0; i < holdAfter; i++ {
		_, err := SignIn(ctx, to, patient)
		require.ErrorIs(t, err, vsee.ErrUnavailable)
	}
	server.Reset()
	for i := 0; i < 2; i++ {
		_, err := SignIn(ctx, to, jane(t))
		require.NoError(t, err, "somebody else")
		asked := len(server.Requests())
		ticket, err := SignIn(ctx, to, patient)
		require.ErrorIs(t, err, errOpen)
		assert.Greater(t, int64(ticket.Trace.RetryAfter), int64(0))
		assert.LessOrEqual(t, int64(ticket.Trace.RetryAfter), int64(holdFor))
		assert.Len(t, server.Requests(), asked)
	}
}

// TestRenewedKey: a replaced key needs no restart.
func TestRenewedKey(t *testing.T) {
	_, c := setup(t)
	c.API.Key = "an-old-key"
	to := mustNew(t, c)
	_, err := SignIn(context.Background(), to, jane(t))
	require.ErrorIs(t, err, vsee.ErrCredentials)
	replace(to, func(api *config.API) { api.Key = vseetest.Key })
	ticket, err := SignIn(context.Background(), to, jane(t))
	require.NoError(t, err)
	assert.NotEmpty(t, ticket.Token)
	assert.Equal(t, 2, ticket.Trace.Calls)
}

func TestOutcomeOf(t *testing.T) {
	assert.Equal(t, "api_unavailable", string(OutcomeOf(errOpen)), "not asked")
	for _, row := range []struct {
		desc string
		err  error
		want string
	}{
		{desc: "credentials", err: vsee.ErrCredentials, want: "credentials_refused"},
		{desc: "unavailable", err: vsee.ErrUnavailable, want: "api_unavailable"},
		{desc: "timeout", err: vsee.ErrTimeout, want: "api_timeout"},
		{desc: "a browser that left", err: vsee.ErrCanceled, want: "client_closed"},
		{desc: "an unusable answer", err: vsee.ErrAPI, want: "api_error"},
		{desc: "there already", err: vsee.ErrExists, want: "api_error"},
		{desc: "another error", err: errors.New("other"), want: "api_error"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, string(OutcomeOf(row.err)))
			wrapped := fmt.Errorf("%w: POST users/sso", row.err)
			assert.Equal(t, row.want, string(OutcomeOf(wrapped)))
		})
	}
}
