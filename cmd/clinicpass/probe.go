package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/clinicpass/clinicpass"
	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
)

type probeCommand struct {
	URL      string    `arg:"" name:"url" help:"Address of the clinic, such as https://portal.example.com/clinic. Requests go to http and https, or only to the given scheme if the address has a port."`
	Preset   string    `default:"oauth2-proxy" help:"Send the headers of this identity.preset."`
	Header   []string  `help:"Also send this header, such as your own ID header or the proof header." placeholder:"NAME"`
	Value    string    `default:"clinicpass-probe@example.com" help:"Fictitious person to name in the headers."`
	Insecure bool      `help:"Accept any certificate."`
	JSON     bool      `name:"json" help:"Print the answers as JSON."`
	out      io.Writer // set by main and by tests
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	timeout  time.Duration // of a request; 0 is 10s
	rows     []probe
	notes    []string
}

// Help is what --help prints below the summary.
func (*probeCommand) Help() string {
	return `Sends at most 100 requests without a session, one at a time. The identity headers name a fictitious person. If a request is
signed in, delete this person's account at VSee.

Examples:

  clinicpass probe https://portal.example.com/clinic
  clinicpass probe --preset authentik --header X-Staff-Id https://portal.example.com/clinic

Exit codes:

  0  no request was signed in
  1  a request was signed in, or failed only after Clinicpass accepted the identity
  2  the command line is wrong, or the address could not be tested`
}

// probe is a request and its result.
type probe struct {
	Method  string `json:"method"`
	URL     string `json:"url"`
	Sent    string `json:"sent"`
	Status  int    `json:"status"`  // 0 without an answer
	Outcome string `json:"outcome"` // the plugin's word, or "", or noAnswer
	request *http.Request
}

// forgery is a header that a stranger sends.
type forgery struct{ name, value, label string }

const maxProbes, noAnswer = 100, "no answer"

// spellings are what a program may take for the header of a name, or for one line of it.
var spellings = []struct {
	how   string
	spell func(string) string
	lines int
}{
	{"", strings.Clone, 1},
	{", with underscores", strings.NewReplacer("-", "_").Replace, 1},
	{", with dots", strings.NewReplacer("-", ".").Replace, 1},
	{", twice", strings.Clone, 2},
	{", in lower case", strings.ToLower, 1},
	{", in upper case", strings.ToUpper, 1},
	{", named in Connection", strings.Clone, 1},
}

// Run sends the requests, which have no session.
func (c *probeCommand) Run() error {
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.RawQuery+u.Fragment != "" {
		return errors.New("the address must have http or https, a host and a path, such as https://portal.example.com/clinic")
	}
	targets := []*url.URL{u, u.JoinPath()}
	targets[1].Scheme = map[string]string{"http": "https", "https": "http"}[u.Scheme]
	if u.Port() != "" {
		targets = targets[:1]
		c.note("Only %s is tested, because the address has a port.", u.Scheme)
	}
	forgeries, err := c.forgeries()
	if err == nil {
		err = c.ask(plan(targets, forgeries))
	}
	return err
}

// forgeries returns the headers that the preset and the flags name.
func (c *probeCommand) forgeries() (list []forgery, err error) {
	h, token := identity.Names(config.Identity{Preset: c.Preset})
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"sub":%[1]q,"email":%[1]q,"userId":%[1]q,"exp":4102444800}`, c.Value))
	switch {
	case !config.Token.MatchString(strings.ReplaceAll(c.Value, "@", "")):
		err = errors.New("--value must be one word, such as an email address")
	case token != "":
		list = []forgery{{token, "eyJhbGciOiJub25lIn0." + claims + ".", token + " (unsigned token)"}} // {"alg":"none"}
	case c.Preset == "azure": // its principal is neither plain nor signed
		list = []forgery{{"X-MS-CLIENT-PRINCIPAL", claims, "X-MS-CLIENT-PRINCIPAL"}}
	case h.ID == "" && (c.Preset != "custom" || len(c.Header) == 0):
		err = fmt.Errorf("--preset: %q has no headers; use another preset, or custom with --header", c.Preset)
	}
	for _, name := range append([]string{h.ID, h.Email, h.Name, h.FirstName, h.LastName, h.Groups}, c.Header...) {
		if name != "" && !config.Token.MatchString(name) {
			err = fmt.Errorf("--header: %q is not a header name", name)
		}
		if name != "" && !slices.ContainsFunc(list, func(f forgery) bool { return strings.EqualFold(f.name, name) }) {
			list = append(list, forgery{name, c.Value, name})
		}
	}
	return list, err
}

// plan returns the requests, those of a scheme that tell most first.
func plan(targets []*url.URL, forgeries []forgery) (probes []probe) {
	add := func(method string, target *url.URL, sent string, kinds int, with ...forgery) {
		for _, s := range spellings[:kinds] {
			header := http.Header{"Sec-Fetch-Site": {"none"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "User-Agent": {"clinicpass/" + clinicpass.Version + " probe"}}
			for _, f := range with {
				header[s.spell(f.name)] = slices.Repeat([]string{f.value}, s.lines)
				if strings.HasSuffix(s.how, "Connection") {
					header.Set("Connection", strings.TrimPrefix(header.Get("Connection")+", "+f.name, ", "))
				}
			}
			probes = append(probes, probe{method, target.String(), sent + s.how, 0, noAnswer, &http.Request{Method: method, URL: target, Header: header}})
		}
	}
	for _, target := range targets {
		add(http.MethodGet, target, "nothing", 1)
		add(http.MethodGet, target, "all headers", len(spellings), forgeries...)
		for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions} {
			add(method, target, "all headers", 1, forgeries...)
		}
		add(http.MethodGet, target.JoinPath("/"), "nothing", 1)
		add(http.MethodGet, target.JoinPath("/"), "all headers", 1, forgeries...)
		for _, f := range forgeries {
			add(http.MethodGet, target, f.label, len(spellings), f)
		}
	}
	return probes
}

// ask sends the requests one at a time, follows no redirect, and leaves a scheme out that does not answer the first.
func (c *probeCommand) ask(probes []probe) error {
	tlsConfig := &tls.Config{InsecureSkipVerify: c.Insecure}                                               //nolint:gosec // as asked for; that it is set keeps HTTP/2 out
	transport := &http.Transport{DialContext: c.dial, TLSClientConfig: tlsConfig, MaxIdleConnsPerHost: -1} // so that it repeats nothing
	given, answers := probes[0].request.URL.Scheme, map[string]bool{}
	for sent := 0; len(probes) > 0; sent++ {
		if sent == maxProbes {
			c.note("%d requests were not sent: the limit is %d.", len(probes), maxProbes)
			break
		}
		p, scheme := probes[0], probes[0].request.URL.Scheme
		probes = probes[1:]
		ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(c.timeout, 10*time.Second))
		answer, err := transport.RoundTrip(p.request.WithContext(ctx))
		cancel()
		if err == nil {
			_ = answer.Body.Close()
			p.Status, p.Outcome = answer.StatusCode, answer.Header.Get("Clinicpass-Outcome")
			if strings.Trim(p.Outcome, "abcdefghijklmnopqrstuvwxyz_") != "" {
				p.Outcome = "unreadable"
			}
			answers[scheme] = true
		}
		if answers[scheme] {
			c.rows = append(c.rows, p)
			if !c.JSON {
				fmt.Fprintf(c.out, "%-7s %s  %-54s → %d %s\n", p.Method, p.URL, p.Sent, p.Status, cmp.Or(p.Outcome, "no outcome"))
			}
			continue
		}
		why := "no HTTP answer" // what a server says that is not HTTP is not printed
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			why = "connection refused"
		case errors.As(err, new(*tls.CertificateVerificationError)):
			why = "the certificate is not valid; use --insecure to accept it"
		case errors.As(err, new(*net.DNSError)):
			why = "the host name cannot be resolved"
		}
		probes = slices.DeleteFunc(probes, func(p probe) bool { return p.request.URL.Scheme == scheme })
		if (scheme == "https" && given == "https") || len(probes)+len(c.rows) == 0 {
			return fmt.Errorf("%s: %s", p.URL, why)
		}
		c.note("%s was not tested: %s.", scheme, why)
	}
	return c.conclude()
}

// conclude prints the verdict.
func (c *probeCommand) conclude() (err error) {
	count := map[string]int{}
	for _, p := range c.rows {
		count[p.Outcome]++
	}
	if n := count["not_allowed"] + count["too_many"] + count["credentials_refused"] + count["api_error"] + count["api_unavailable"] + count["api_timeout"]; n > 0 {
		err = errFindings
		c.note("%d more answers show that Clinicpass accepted the fictitious person and failed only later: too many sign-ins, a group, or VSee's API.", n)
	}
	if count[noAnswer] > 0 {
		c.note("%d requests got no answer.", count[noAnswer])
	}
	if count[""]+count[noAnswer] == len(c.rows) {
		c.note("No answer came from Clinicpass: the auth layer answered first, or the address is not the clinic's.")
	}
	if count["signed_in"] > 0 {
		err = errFindings
		c.note("%d of %d requests were SIGNED IN. Put the auth middleware before Clinicpass on every router that uses it, and list every identity header in authResponseHeaders. Then delete the fictitious person's account at VSee.", count["signed_in"], len(c.rows))
	} else {
		c.note("%d requests, none signed in.", len(c.rows))
	}
	if c.JSON {
		text, _ := json.MarshalIndent(map[string]any{"notes": c.notes, "rows": c.rows, "signedIn": count["signed_in"]}, "", "  ") // cannot fail
		fmt.Fprintf(c.out, "%s\n", text)
	}
	return err
}

func (c *probeCommand) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
	if !c.JSON {
		fmt.Fprintln(c.out, c.notes[len(c.notes)-1])
	}
}
