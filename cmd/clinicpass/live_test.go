package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// patient returns what edits the configuration so that it signs patients in and sends them to the
// page next.
func patient(next string) []string {
	return []string{
		"        clinicpass:\n", "        clinicpass:\n          provider: {type: patient}\n",
		"          portal:\n", "          portal:\n            defaultNext: " + next + "\n",
		"enabled: true", "enabled: false",
	}
}

// Answers to a sign-in, the second of which does not tell when the token expires.
const (
	providersToken = `{"data": {"id": "10001", "token": ` +
		`{"token": "0123456789abcdef0123456789abcdef", "user_type": "400"}}}`
	tokenWithoutExpiry = `{"data": {"id": "10001", "token": ` +
		`{"token": "0123456789abcdef0123456789abcdef"}}}`
)

// liveCommand signs the test provider in that the flags have by default.
func liveCommand(file string, out io.Writer) *checkCommand {
	return &checkCommand{
		Files: []string{file}, Plugin: "clinicpass", Live: true, out: out,
		Ignore: []string{"literal-secret", "header-not-listed"},
		Code:   "clinicpass-check", FirstName: "Clinicpass", LastName: "Check",
	}
}

// TestLive: each step is told, no token and no secret is, and what does not work is said with what
// to do.
func TestLive(t *testing.T) {
	for _, row := range []struct {
		desc   string
		edit   []string // of the configuration
		quirks vseetest.Quirks
		faults []vseetest.Fault
		room   bool
		err    error
		want   []string
		absent []string
	}{
		{
			desc: "a token and the page",
			want: []string{
				"POST users/sso ",
				"valid for 24h0m0s",
				"a new token",
				"code's case      ok      user",
				"GET auth",
				"/vc/next/providers/dashboard",
			},
			absent: []string{"FAILED", "rooms"},
		},
		{
			desc: "a room",
			room: true,
			want: []string{
				"created room chk",
				"with its ID",
				"assigned by room_id with the room's id",
				"again      ok      rejected as existing",
				"the test provider is among 1",
				"GET auth",
			},
			absent: []string{"FAILED", "room.assign"},
		},
		{
			desc:   "codes that differ by case are one user",
			quirks: vseetest.Quirks{OneCase: true},
			err:    errFindings,
			want:   []string{"code's case      FAILED", "numbers or UUIDs"},
			absent: []string{"GET auth"},
		},
		{
			desc:   "an API that is too slow",
			edit:   []string{"accountCode:", "timeout: 200ms\n            accountCode:"},
			faults: []vseetest.Fault{{Delay: 2 * time.Second}},
			err:    errFindings,
			want:   []string{"POST users/sso", "FAILED", "raise api.timeout"},
			absent: []string{"GET auth"},
		},
		{
			desc:   "an assignment of another name",
			err:    errFindings,
			room:   true,
			edit:   []string{"room:", "room:\n            assign: {field: room, value: id}"},
			want:   []string{"room.assign: {field: room_id, value: id}"},
			absent: []string{"FAILED"},
		},
		{
			desc:   "rooms without an id",
			err:    errFindings,
			room:   true,
			quirks: vseetest.Quirks{NoRoomID: true},
			want:   []string{"room.assign: {field: room_code, value: code}", "GET auth"},
			absent: []string{"FAILED"},
		},
		{
			desc:   "a patient",
			edit:   patient("/u/clinic"),
			quirks: vseetest.Quirks{TellUserType: true},
			want:   []string{"user type 200", "HTTP 200 at /vc/next/u/clinic"},
			absent: []string{"FAILED", "rooms"},
		},
		{
			desc:   "a patient with a provider's code",
			edit:   patient("/u/clinic"),
			faults: []vseetest.Fault{{Status: 200, Body: providersToken}},
			err:    errFindings,
			want:   []string{"FAILED", "not a patient"},
			absent: []string{"0123"},
		},
		{
			desc: "a patient on the providers' page",
			edit: patient("/providers/patients"),
			err:  errFindings,
			want: []string{"GET auth", "HTTP 403"},
		},
		{
			desc:   "a wrong key",
			edit:   []string{vseetest.Key, "not-a-real-key"},
			err:    errFindings,
			want:   []string{"FAILED", "refused the credentials", "Check api.accountCode, api.key"},
			absent: []string{"GET auth"},
		},
		{
			desc:   "a wrong admin token",
			room:   true,
			edit:   []string{vseetest.AdminToken, "not-a-real-token"},
			err:    errFindings,
			want:   []string{"POST rooms", "FAILED", "api.token"},
			absent: []string{"GET auth"},
		},
		{
			desc:   "a portal that sends people away",
			quirks: vseetest.Quirks{BounceTo: "https://elsewhere.example.com/"},
			err:    errFindings,
			want:   []string{"GET auth", "FAILED", "elsewhere.example.com"},
		},
		{
			desc:   "no portal there",
			edit:   []string{"/vc/next/\n          api:", "0/vc/next/\n          api:"},
			err:    errFindings,
			want:   []string{"GET auth", "FAILED"},
			absent: []string{"sso_token"},
		},
		{
			desc: "no page there",
			edit: []string{"vc/next/\n          api", "vc/nowhere/\n          api"},
			err:  errFindings,
			want: []string{"GET auth", "FAILED", "HTTP 404"},
		},
		{
			desc:   "no token",
			faults: []vseetest.Fault{{Status: 200, Body: `{"data": {}}`}},
			err:    errFindings,
			want:   []string{"POST users/sso", "FAILED", "data.token.token", "/api_v3/"},
		},
		{
			desc:   "an API that fails",
			faults: []vseetest.Fault{{Status: 500, Body: `{}`}},
			err:    errFindings,
			want:   []string{"POST users/sso", "FAILED", "HTTP 500", "try again later"},
		},
		{
			desc:   "a token without an expiry",
			faults: []vseetest.Fault{{Status: 200, Body: tokenWithoutExpiry}},
			want:   []string{"no expiry given", "token 0123..."},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic := start(t)
			clinic.SetQuirks(row.quirks)
			clinic.Script(row.faults...)
			var out bytes.Buffer
			command := liveCommand(written(t, clinic, row.edit...), &out)
			command.Room = row.room
			require.ErrorIs(t, command.Run(), row.err, &out)
			for _, want := range row.want {
				assert.Contains(t, out.String(), want)
			}
			secrets := append(clinic.Tokens(), vseetest.Key, vseetest.AdminToken, "not-a-real")
			for _, absent := range append(secrets, row.absent...) {
				assert.NotContains(t, out.String(), absent)
			}
		})
	}
}

// TestLiveDistrusted: an API whose certificate no authority of this machine signed, as behind a proxy
// of the network, and a host that nobody knows.
func TestLiveDistrusted(t *testing.T) {
	api := httptest.NewUnstartedServer(http.NotFoundHandler())
	api.Config.ErrorLog = log.New(io.Discard, "", 0)
	api.StartTLS()
	t.Cleanup(api.Close)
	clinic := start(t)
	var out bytes.Buffer
	command := liveCommand(written(t, clinic, clinic.API(), api.URL+"/api_v3/"), &out)
	require.ErrorIs(t, command.Run(), errFindings)
	assert.Contains(t, out.String(), "x509: certificate signed by unknown authority")
	assert.Contains(t, out.String(), "SSL_CERT_FILE")
	assert.Contains(t, advice(fmt.Errorf("%w: dial tcp: lookup api.example.com: no such host",
		vsee.ErrUnavailable)), "DNS")
}

// TestLiveRepeated: a second check finds the first one's room.
func TestLiveRepeated(t *testing.T) {
	clinic := start(t)
	file := written(t, clinic)
	for _, row := range []struct{ desc, want string }{
		{desc: "first", want: "created room"},
		{desc: "second", want: "from an earlier check"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			var out bytes.Buffer
			command := checkCommand{
				Files:     []string{file},
				Plugin:    "clinicpass",
				Ignore:    []string{"literal-secret"},
				Live:      true,
				Room:      true,
				Code:      "c",
				FirstName: "A",
				LastName:  "B",
				out:       &out,
			}
			assert.NoError(t, command.Run(), &out)
			assert.Contains(t, out.String(), row.want)
		})
	}
	rooms := clinic.Rooms()
	require.Len(t, rooms, 1)
	assert.Len(t, rooms[0].Providers, 1)
}

// TestLiveRefusals: what cannot be tried is refused before anything is sent.
func TestLiveRefusals(t *testing.T) {
	clinic := start(t)
	for _, row := range []struct {
		desc    string
		edit    []string
		command checkCommand
		want    string
	}{
		{
			desc:    "another middleware",
			command: checkCommand{Middleware: "clinik@file"},
			want:    "clinic@file",
		},
		{
			desc: "no token for rooms",
			edit: []string{
				"token: " + vseetest.AdminToken, "timeout: 5s",
				"enabled: true", "enabled: false",
			},
			command: checkCommand{Room: true},
			want:    "api.token",
		},
		{
			desc:    "a patient's room",
			edit:    patient("/u/clinic"),
			command: checkCommand{Room: true},
			want:    "patients",
		},
		{
			desc: "secrets of a cluster",
			edit: []string{"key: " + vseetest.Key, "key: urn:k8s:secret:vsee:key"},
			want: "Kubernetes",
		},
		{
			desc: "a mistake",
			edit: []string{"preset: oauth2-proxy", "preset: oauth3"},
			want: "accepts",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			command := row.command
			command.Files = []string{written(t, clinic, row.edit...)}
			command.Plugin = "clinicpass"
			command.Live = true
			command.out = &bytes.Buffer{}
			assert.ErrorContains(t, command.Run(), row.want)
		})
	}
	assert.Empty(t, clinic.Requests(), "requests were sent")
}

// TestCheckFlags: flags that make no sense together are refused.
func TestCheckFlags(t *testing.T) {
	for _, row := range []struct {
		desc    string
		command checkCommand
	}{
		{desc: "a room only", command: checkCommand{Room: true}},
		{desc: "a middleware only", command: checkCommand{Middleware: "x"}},
		{desc: "live as JSON", command: checkCommand{Live: true, JSON: true}},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Error(t, row.command.Validate())
		})
	}
}

// start starts a simulated clinic for the time of the test.
func start(t *testing.T) *vseetest.Server {
	t.Helper()
	clinic := vseetest.NewServer()
	t.Cleanup(clinic.Close)
	return clinic
}

// written writes the example for the simulated clinic and returns the file.
func written(t *testing.T, clinic *vseetest.Server, edit ...string) string {
	t.Helper()
	content, err := os.ReadFile("../../examples/file/clinic.yml")
	require.NoError(t, err)
	text := strings.NewReplacer(
		"https://vclinic.vseepreview.com/vc/next/", clinic.Portal(),
		"https://api-vclinic.vseepreview.com/vc/next/api_v3/", clinic.API(),
		"key: file:/run/secrets/vsee_key",
		"key: "+vseetest.Key+"\n            token: "+vseetest.AdminToken,
		oauth2Proxy, oauth2Proxy+"\n          room:\n            enabled: true",
	).Replace(string(content))
	for i := 0; i < len(edit); i += 2 {
		require.Contains(t, text, edit[i])
	}
	edited := strings.NewReplacer(edit...).Replace(text)
	if len(edit) > 0 {
		require.NotEqual(t, text, edited, "%v changed nothing", edit)
	}
	file := filepath.Join(t.TempDir(), "clinic.yml")
	require.NoError(t, os.WriteFile(file, []byte(edited), 0o600))
	return file
}
