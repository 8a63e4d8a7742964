package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// patient returns what edits the configuration so that it signs patients in and sends them to the page next.
func patient(next string) []string {
	return []string{
		"        clinicpass:\n", "        clinicpass:\n          provider: {type: patient}\n",
		"          portal:\n", "          portal:\n            defaultNext: " + next + "\n",
		"enabled: true", "enabled: false",
	}
}

// TestLive: each step is told, no token and no secret is, and what does not work is said with what to do.
func TestLive(t *testing.T) {
	for _, tt := range []struct {
		desc   string
		edit   []string // of the configuration
		quirks vseetest.Quirks
		faults []vseetest.Fault
		room   bool
		err    error
		want   []string
		absent []string
	}{
		{desc: "a token and the page", want: []string{"POST users/sso ", "good for 24h0m0s", "another token", "GET auth", "/vc/next/providers/dashboard"}, absent: []string{"FAILED", "rooms"}},
		{desc: "a room", room: true, want: []string{"created room chk", "with its id", "assigned by room_id with the room's id", "again      ok      refused as there already", "the test provider is among 1", "GET auth"}, absent: []string{"FAILED", "room.assign"}},
		{desc: "an API that is too slow", edit: []string{"accountCode:", "timeout: 200ms\n            accountCode:"}, faults: []vseetest.Fault{{Delay: 2 * time.Second}}, err: errFindings, want: []string{"POST users/sso", "FAILED"}, absent: []string{"GET auth"}},
		{desc: "an assignment of another name", err: errFindings, room: true, edit: []string{"room:", "room:\n            assign: {field: room, value: id}"}, want: []string{"room.assign: {field: room_id, value: id}"}, absent: []string{"FAILED"}},
		{desc: "rooms without an id", err: errFindings, room: true, quirks: vseetest.Quirks{NoRoomID: true}, want: []string{"room.assign: {field: room_code, value: code}", "GET auth"}, absent: []string{"FAILED"}},
		{desc: "a patient", edit: patient("/u/clinic"), quirks: vseetest.Quirks{TellUserType: true}, want: []string{"user type 200", "HTTP 200 at /vc/next/u/clinic"}, absent: []string{"FAILED", "rooms"}},
		{desc: "a patient with a provider's code", edit: patient("/u/clinic"), faults: []vseetest.Fault{{Status: 200, Body: `{"data": {"id": "10001", "token": {"token": "0123456789abcdef0123456789abcdef", "user_type": "400"}}}`}}, err: errFindings, want: []string{"FAILED", "no patient"}, absent: []string{"0123"}},
		{desc: "a patient on the providers' page", edit: patient("/providers/patients"), err: errFindings, want: []string{"GET auth", "HTTP 403"}},
		{desc: "a wrong key", edit: []string{vseetest.Key, "not-a-real-key"}, err: errFindings, want: []string{"FAILED", "refused the credentials", "api.key"}, absent: []string{"GET auth"}},
		{desc: "a wrong admin token", room: true, edit: []string{vseetest.AdminToken, "not-a-real-token"}, err: errFindings, want: []string{"POST rooms", "FAILED", "api.token"}, absent: []string{"GET auth"}},
		{desc: "a portal that sends people away", quirks: vseetest.Quirks{BounceTo: "https://elsewhere.example.com/"}, err: errFindings, want: []string{"GET auth", "FAILED", "elsewhere.example.com"}},
		{desc: "no portal there", edit: []string{"/vc/next/\n          api:", "0/vc/next/\n          api:"}, err: errFindings, want: []string{"GET auth", "FAILED"}, absent: []string{"sso_token"}},
		{desc: "no page there", edit: []string{"vc/next/\n          api", "vc/nowhere/\n          api"}, err: errFindings, want: []string{"GET auth", "FAILED", "HTTP 404"}},
		{desc: "no token", faults: []vseetest.Fault{{Status: 200, Body: `{"data": {}}`}}, err: errFindings, want: []string{"POST users/sso", "FAILED", "data.token.token"}},
		{desc: "a token without an expiry", faults: []vseetest.Fault{{Status: 200, Body: `{"data": {"id": "10001", "token": {"token": "0123456789abcdef0123456789abcdef"}}}`}}, want: []string{"no expiry named", "token 0123..."}},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			clinic := vseetest.NewServer()
			t.Cleanup(clinic.Close)
			clinic.SetQuirks(tt.quirks)
			clinic.Script(tt.faults...)
			command := checkCommand{Files: []string{written(t, clinic, tt.edit...)}, Plugin: "clinicpass", Ignore: []string{"literal-secret", "header-not-listed"}, Live: true, Room: tt.room, Code: "clinicpass-check", FirstName: "Clinicpass", LastName: "Check"}
			var out bytes.Buffer
			command.out = &out
			if err := command.Run(); !errors.Is(err, tt.err) {
				t.Fatalf("%v, want %v:\n%s", err, tt.err, out.String())
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
			for _, absent := range append(clinic.Tokens(), append(tt.absent, vseetest.Key, vseetest.AdminToken, "not-a-real")...) {
				if strings.Contains(out.String(), absent) {
					t.Errorf("%q is in:\n%s", absent, out.String())
				}
			}
		})
	}
}

// TestLiveRepeated: a second check finds the first one's room.
func TestLiveRepeated(t *testing.T) {
	clinic := vseetest.NewServer()
	t.Cleanup(clinic.Close)
	file := written(t, clinic)
	for _, want := range []string{"created room", "from an earlier check"} {
		var out bytes.Buffer
		command := checkCommand{Files: []string{file}, Plugin: "clinicpass", Ignore: []string{"literal-secret"}, Live: true, Room: true, Code: "c", FirstName: "A", LastName: "B", out: &out}
		if err := command.Run(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%v, %q is missing in:\n%s", err, want, out.String())
		}
	}
	if rooms := clinic.Rooms(); len(rooms) != 1 || len(rooms[0].Providers) != 1 {
		t.Errorf("%+v", rooms)
	}
}

// TestLiveRefusals: what cannot be tried is refused before anything is sent.
func TestLiveRefusals(t *testing.T) {
	clinic := vseetest.NewServer()
	t.Cleanup(clinic.Close)
	for desc, tt := range map[string]struct {
		edit    []string
		command checkCommand
		want    string
	}{
		"another middleware":   {command: checkCommand{Middleware: "clinik@file"}, want: "clinic@file"},
		"no token for rooms":   {edit: []string{"token: " + vseetest.AdminToken, "timeout: 5s", "enabled: true", "enabled: false"}, command: checkCommand{Room: true}, want: "api.token"},
		"a patient's room":     {edit: patient("/u/clinic"), command: checkCommand{Room: true}, want: "patients"},
		"secrets of a cluster": {edit: []string{"key: " + vseetest.Key, "key: urn:k8s:secret:vsee:key"}, want: "Kubernetes"},
		"a mistake":            {edit: []string{"preset: oauth2-proxy", "preset: oauth3"}, want: "accepts"},
	} {
		tt.command.Files, tt.command.Plugin, tt.command.Live, tt.command.out = []string{written(t, clinic, tt.edit...)}, "clinicpass", true, &bytes.Buffer{}
		if err := tt.command.Run(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", desc, err)
		}
	}
	if n := len(clinic.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	for _, command := range []checkCommand{{Room: true}, {Middleware: "x"}, {Live: true, JSON: true}} {
		if command.Validate() == nil {
			t.Errorf("%+v is accepted", command)
		}
	}
}

// written writes the example for the simulated clinic and returns the file.
func written(t *testing.T, clinic *vseetest.Server, edit ...string) string {
	t.Helper()
	content, err := os.ReadFile("../../examples/file/clinic.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(
		"https://vclinic.vseepreview.com/vc/next/", clinic.Portal(), "https://api-vclinic.vseepreview.com/vc/next/api_v3/", clinic.API(),
		"key: file:/run/secrets/vsee_key", "key: "+vseetest.Key+"\n            token: "+vseetest.AdminToken,
		"preset: oauth2-proxy", "preset: oauth2-proxy\n          room:\n            enabled: true",
	).Replace(string(content))
	edited := strings.NewReplacer(edit...).Replace(text)
	if len(edit) > 0 && edited == text {
		t.Fatalf("%v changed nothing", edit)
	}
	file := filepath.Join(t.TempDir(), "clinic.yml")
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
