package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clinicpass/clinicpass/vsee"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestSimulate: the flags come to what they say.
func TestSimulate(t *testing.T) {
	for _, tt := range []struct {
		desc    string
		command simulateCommand
		want    []error // of calls one after the other
	}{
		{"no fault", simulateCommand{}, []error{nil, nil}},
		{"always 500", simulateCommand{Fail: 500}, []error{vsee.ErrUnavailable, vsee.ErrUnavailable}},
		{"401 once", simulateCommand{Fail: 401, FailFirst: 1}, []error{vsee.ErrCredentials, nil, nil}},
		{"reset", simulateCommand{Reset: true}, []error{vsee.ErrUnavailable}},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			clinic := tt.command.clinic()
			server := httptest.NewServer(clinic)
			t.Cleanup(server.Close)
			clinic.URL = server.URL
			client := vsee.New(vsee.Config{API: clinic.API(), AccountCode: vseetest.AccountCode, Key: vseetest.Key})
			for i, want := range tt.want {
				_, err := client.SSO(t.Context(), vsee.User{Type: vsee.Provider, Code: "u-17", FirstName: "Jane", LastName: "Doe"}, nil)
				if !errors.Is(err, want) {
					t.Errorf("call %d: %v, want %v", i, err, want)
				}
			}
		})
	}
}

// TestSimulateFlags: what makes no sense is refused with the flag's name.
func TestSimulateFlags(t *testing.T) {
	for flag, command := range map[string]simulateCommand{
		"--listen":     {Listen: "0.0.0.0:8081"},
		"--listen:":    {Listen: "8081"},
		"--fail:":      {Listen: "127.0.0.1:0", Fail: 200},
		"--fail-first": {Listen: "127.0.0.1:0", FailFirst: 2},
		"--delay":      {Listen: "127.0.0.1:0", Delay: -1},
	} {
		if err := command.Validate(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%+v: %v", command, err)
		}
	}
	if err := (&simulateCommand{Listen: "[::1]:0", Fail: 503, FailFirst: 1}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestSimulateRuns: it serves until it is told to stop, and says so when the port is taken.
func TestSimulateRuns(t *testing.T) {
	taken := httptest.NewServer(nil)
	t.Cleanup(taken.Close)
	command := simulateCommand{Listen: strings.TrimPrefix(taken.URL, "http://")}
	if err := command.serve(t.Context()); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("a port that is taken: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	command.Listen = "127.0.0.1:0"
	if err := command.serve(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
