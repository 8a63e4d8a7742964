// Command demo shows the plugin at work on one machine: a hospital portal behind a real Traefik, two simulated VSee
// Clinics, one of which gives every provider a waiting room, and the plugin between them.
//
// With DEMO_SMOKE=1 it signs one provider in by itself, prints the title of the page it lands on, and exits.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/clinicpass/clinicpass/e2e/portal"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

func main() {
	giveBack := takeTerminal()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv("DEMO_SMOKE") != "")
	if err != nil { // Ctrl-C may have ended a program that the demo waited for, and be known here only now
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	if ctx.Err() != nil { // somebody stopped it, maybe amid a build
		fmt.Println("\nStopped.")
		err = nil
	}
	stop()
	giveBack()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, smoke bool) error {
	binary, err := traefik.Locate(os.Stdout)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "clinicpass-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	clinic, family := vseetest.NewUnstartedServer(), vseetest.NewUnstartedServer()
	if clinic.URL, err = serve("127.0.0.1:8081", withOutage(clinic)); err != nil {
		return err
	}
	if family.URL, err = serve("127.0.0.1:8082", family); err != nil {
		return err
	}
	site, err := serve("127.0.0.1:0", portal.New())
	if err != nil {
		return err
	}
	d := demo{
		clinic: clinic, family: family, site: site,
		audit: filepath.Join(dir, "audit.jsonl"), key: filepath.Join(dir, "vsee_key"), token: filepath.Join(dir, "vsee_admin_token"),
	}
	for file, content := range map[string]string{d.key: vseetest.Key + "\n", d.token: vseetest.AdminToken + "\n", d.audit: ""} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return err
		}
	}
	dynamic, err := d.dynamic()
	if err != nil {
		return err
	}
	instance, err := traefik.Start(traefik.Options{Binary: binary, Address: preferred("127.0.0.1:8080"), Dynamic: dynamic, Static: metrics, Probe: "127.0.0.1"})
	if err != nil {
		return err
	}
	defer instance.Stop()

	if smoke {
		return d.smoke(instance.URL)
	}
	d.explain(instance.URL)
	go d.tellSignIns(ctx)
	select {
	case <-ctx.Done():
		return nil
	case <-instance.Exited():
		return fmt.Errorf("the Traefik process ended; its log:\n%s", instance.Log())
	}
}

// metrics is static configuration: Traefik's metrics, at /metrics of its address.
const metrics = "metrics: {prometheus: {entryPoint: web, addRoutersLabels: true, buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30]}}\n"

// withOutage adds a path to a simulated clinic: POST /outage lets its API refuse the key, DELETE /outage ends that.
func withOutage(clinic *vseetest.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", clinic)
	mux.HandleFunc("POST /outage", func(http.ResponseWriter, *http.Request) {
		clinic.SetFault(vseetest.Fault{Status: http.StatusForbidden, Body: `{"code": 403, "message": "Simulated outage."}`})
	})
	mux.HandleFunc("DELETE /outage", func(http.ResponseWriter, *http.Request) { clinic.Reset() })
	return mux
}

type demo struct {
	clinic, family    *vseetest.Server
	site              string
	audit, key, token string // files
}

type object = map[string]any

// dynamic returns Traefik's dynamic configuration: the portal as it was, and one more router for the clinic.
func (d demo) dynamic() (string, error) {
	raw, err := json.MarshalIndent(object{"http": object{
		"routers": object{
			"portal": object{"rule": "PathPrefix(`/`)", "service": "portal", "priority": 1},
			"clinic": router("/clinic", "clinic"),
			"family": router("/family-clinic", "family"),
		},
		"services": object{"portal": object{"loadBalancer": object{"servers": []any{object{"url": d.site}}}}},
		"middlewares": object{
			"auth":   object{"forwardAuth": object{"address": d.site + portal.ForwardAuthPath, "authResponseHeaders": portal.IdentityHeaders}},
			"clinic": d.middleware("/clinic", d.clinic, object{"enabled": false}),
			"family": d.middleware("/family-clinic", d.family, object{"enabled": true, "name": "Dr. {name}"}),
		},
	}}, "", "  ")
	return string(raw), err
}

func router(prefix, middleware string) object {
	return object{
		"rule":        "Path(`" + prefix + "`) || PathPrefix(`" + prefix + "/`)",
		"middlewares": []string{"auth", middleware},
		"service":     "portal", // never reached; Traefik has no metrics of internal services
		"priority":    10,
	}
}

func (d demo) middleware(prefix string, clinic *vseetest.Server, room object) object {
	return object{"plugin": object{"clinicpass": object{
		"pathPrefix": prefix,
		"portal":     object{"url": clinic.Portal()},
		"api": object{
			"url": clinic.API(), "accountCode": vseetest.AccountCode, "key": "file:" + d.key, "token": "file:" + d.token,
		},
		"identity": object{"preset": "oauth2-proxy", "headers": object{"name": "X-Auth-Request-Name"}, "allowedGroups": []string{"clinicians"}},
		"room":     room,
		"audit":    object{"file": d.audit},
		"pages":    object{"contact": "IT support, extension 100 (fictitious)"},
	}}}
}

func (d demo) explain(address string) {
	fmt.Printf(`
Open this portal in your browser:  %s/

Simulated clinics:  %s
                    %s

Try this:
  1. Sign in as Jane Doe and click "Open clinic". You land on the clinic's dashboard as Jane Doe.
  2. Open a link to a page of the clinic:  %s/clinic/visits/7?tab=notes
  3. Click "Open family clinic". Your first click creates your waiting room there and assigns it to you.
  4. Open a page of the portal:  %s/schedule  Clinicpass does not touch it.
  5. Sign in as Alex Roe, who is in no allowed group, and click "Open clinic".

Each sign-in prints a line below. Press Ctrl-C to stop.

`, address, d.clinic.Portal(), d.family.Portal(), address, address)
}

// tellSignIns prints a line for each new line of the audit file.
func (d demo) tellSignIns(ctx context.Context) {
	file, err := os.Open(d.audit)
	if err != nil {
		return
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	for line := ""; ctx.Err() == nil; {
		part, err := lines.ReadString('\n')
		line += part
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		var entry struct {
			Outcome, Ref, Provider, Room string
			Calls, MS                    int
		}
		if json.Unmarshal([]byte(line), &entry) == nil {
			line := fmt.Sprintf("%s  %-18s provider %-16s  %d API call(s), %d ms, reference %s", time.Now().Format(time.TimeOnly),
				entry.Outcome, orNone(entry.Provider), entry.Calls, entry.MS, entry.Ref)
			if entry.Room != "" {
				line += ", room " + entry.Room
			}
			fmt.Println(line)
		}
		line = ""
	}
}

func orNone(provider string) string {
	if provider == "" {
		return "unknown"
	}
	return provider
}

var titlePattern = regexp.MustCompile(`<title>(.*?)</title>`)

// smoke does what a person would do in the browser.
func (d demo) smoke(address string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	visit := func(path, wantTitle, wantURL string) error {
		response, err := client.Get(address + path)
		if err != nil {
			return err
		}
		return check(response, wantTitle, wantURL)
	}
	if err := visit("/clinic/", "Sign in - Example Hospital portal", address+"/sign-in?to=%2Fclinic%2F"); err != nil {
		return err
	}
	response, err := client.PostForm(address+"/sign-in", url.Values{"id": {portal.Providers[0].ID}, "to": {"/clinic/"}})
	if err != nil {
		return err
	}
	const dashboard = "Dashboard of Jane Doe - Simulated VSee Clinic"
	if err := errors.Join(
		check(response, dashboard, d.clinic.Portal()+"providers/dashboard"),
		visit("/clinic/visits/7?tab=notes", "Page /visits/7 - Simulated VSee Clinic", d.clinic.Portal()+"visits/7?tab=notes"),
		visit("/family-clinic/", dashboard, d.family.Portal()+"providers/dashboard"),
		visit("/schedule", "Schedule - Example Hospital portal", address+"/schedule"),
	); err != nil {
		return err
	}
	if rooms := d.family.Rooms(); len(rooms) != 1 || rooms[0].Name != "Dr. Jane Doe" || len(rooms[0].Providers) != 1 || len(d.clinic.Rooms()) != 0 {
		return fmt.Errorf("the waiting rooms are %+v and %+v", d.clinic.Rooms(), rooms)
	}
	fmt.Println("The provider landed on:", dashboard)
	return nil
}

// check compares the page that was landed on.
func check(response *http.Response, wantTitle, wantURL string) error {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	landed := response.Request.URL.String()
	title := titlePattern.FindStringSubmatch(string(body))
	if len(title) != 2 || title[1] != wantTitle || landed != wantURL {
		return fmt.Errorf("landed at %s on %q, want %s on %q", landed, title, wantURL, wantTitle)
	}
	return nil
}

// serve serves handler at the address, or at a free port when that is taken, until the process ends.
func serve(address string, handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", preferred(address))
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), nil
}

// preferred returns the address if nobody listens there, else one with a free port.
func preferred(address string) string {
	for _, candidate := range []string{address, "127.0.0.1:0"} {
		listener, err := net.Listen("tcp", candidate)
		if err == nil {
			defer listener.Close()
			return listener.Addr().String()
		}
	}
	return address
}
