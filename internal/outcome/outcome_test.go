package outcome

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// constants returns the outcomes that the source of this package names.
func constants(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	names := []string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		pattern := regexp.MustCompile(`(?m)^\t\w+ +Outcome += "(\w+)"`)
		for _, match := range pattern.FindAllStringSubmatch(string(content), -1) {
			names = append(names, match[1])
		}
	}
	return names
}

// TestReplies: an outcome without a reply would be answered with status 0.
func TestReplies(t *testing.T) {
	rows := []struct {
		desc         string
		outcome      Outcome
		status       int
		alarm, again bool
		desk         bool
	}{
		{desc: "signed_in", outcome: SignedIn, status: 302},
		{desc: "no_identity", outcome: NoIdentity, status: 401, alarm: true, again: true},
		{desc: "identity_refused", outcome: IdentityRefused, status: 403, alarm: true},
		{desc: "not_allowed", outcome: NotAllowed, status: 403, alarm: true, desk: true},
		{desc: "method_refused", outcome: MethodRefused, status: 405},
		{desc: "not_a_navigation", outcome: NotANavigation, status: 403},
		{desc: "too_many", outcome: TooMany, status: 429, alarm: true, again: true},
		{
			desc:    "credentials_refused",
			outcome: CredentialsRefused,
			status:  502,
			alarm:   true,
			desk:    true,
		},
		{desc: "api_error", outcome: APIError, status: 502, alarm: true, again: true},
		{desc: "api_unavailable", outcome: APIUnavailable, status: 502, alarm: true, again: true},
		{desc: "api_timeout", outcome: APITimeout, status: 504, alarm: true, again: true},
		{desc: "keys_unavailable", outcome: KeysUnavailable, status: 503, alarm: true, again: true},
		{desc: "client_closed", outcome: ClientClosed, status: 499},
	}
	described := []string{}
	for _, row := range rows {
		described = append(described, row.desc)
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.desc, string(row.outcome))
			reply := ReplyTo(row.outcome)
			assert.Equal(t, row.status, reply.Status)
			assert.Equal(t, row.alarm, reply.Alarm, "alarm")
			assert.Equal(t, row.again, reply.Again, "again")
			assert.Equal(t, row.desk, reply.Desk, "desk")
			assert.Equal(t, row.status, Status(&Result{Outcome: row.outcome}))
		})
	}
	assert.Equal(t, len(rows), len(replies), "replies")
	assert.ElementsMatch(t, described, constants(t))
}

// TestStatus: only an unavailable API that says when to come back changes the status, to 503.
func TestStatus(t *testing.T) {
	for name := range replies {
		t.Run(string(name), func(t *testing.T) {
			want := ReplyTo(name).Status
			assert.Equal(t, want, Status(&Result{Outcome: name}))
			if string(name) == "api_unavailable" {
				want = 503
			}
			assert.Equal(t, want, Status(&Result{Outcome: name, RetryAfter: time.Nanosecond}))
		})
	}
}

// TestWait: whole seconds, rounded up.
func TestWait(t *testing.T) {
	for _, row := range []struct {
		desc string
		wait time.Duration
		want int64
	}{
		{desc: "none", wait: 0, want: 0},
		{desc: "less than a second", wait: 1, want: 1},
		{desc: "a second", wait: time.Second, want: 1},
		{desc: "more than a second", wait: time.Second + 1, want: 2},
		{desc: "a minute", wait: time.Minute, want: 60},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.want, Wait(&Result{RetryAfter: row.wait}))
		})
	}
}

func TestRefuse(t *testing.T) {
	refusal := Refuse(NotAllowed, "reason")
	assert.Equal(t, "not_allowed", string(refusal.Outcome))
	assert.Equal(t, "reason", refusal.Why)
	assert.Zero(t, refusal.RetryAfter)
}

// TestResultAsJSON: what is for the log only, or has the token, is in no audit line.
func TestResultAsJSON(t *testing.T) {
	for _, row := range []struct {
		desc, want string
		result     Result
	}{
		{
			desc: "everything",
			result: Result{
				Time:        time.Date(2026, 11, 25, 17, 30, 0, 5000000, time.UTC),
				Outcome:     SignedIn,
				Status:      302,
				Ref:         "0123456789",
				Trace:       "0af7651916cd43dd8448eb211c80319c",
				Middleware:  "clinic@file",
				Clinic:      "vclinic",
				Provider:    "0123456789abcdef",
				Room:        "created",
				Assigned:    true,
				NextRefused: true,
				Calls:       3,
				MS:          17,
				APIMS:       15,
				Why:         "a secret reason",
				Location:    "https://portal.example.com/auth?sso_token=a-secret-token",
				RetryAfter:  42 * time.Second,
			},
			want: `{"time":"2026-11-25T17:30:00.005Z","outcome":"signed_in",` +
				`"status":302,"ref":"0123456789","trace":"0af7651916cd43dd8448eb211c80319c",` +
				`"middleware":"clinic@file","clinic":"vclinic","provider":"0123456789abcdef",` +
				`"room":"created","assigned":true,"next_refused":true,"calls":3,"ms":17,` +
				`"api_ms":15}`,
		},
		{
			desc: "what is always there",
			result: Result{
				Time:    time.Date(2026, 11, 25, 17, 30, 0, 0, time.UTC),
				Outcome: NoIdentity,
				Why:     "a secret reason",
			},
			want: `{"time":"2026-11-25T17:30:00Z","outcome":"no_identity","status":0,"ref":"",` +
				`"middleware":"","clinic":"","calls":0,"ms":0,"api_ms":0}`,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			result := row.result
			line, err := json.Marshal(&result)
			require.NoError(t, err)
			assert.Equal(t, row.want, string(line))
			assert.NotContains(t, string(line), "secret")
		})
	}
}
