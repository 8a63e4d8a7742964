package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/clinicpass/clinicpass"
	way "github.com/clinicpass/clinicpass/internal/clinic"
	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/signin"
	"github.com/clinicpass/clinicpass/vsee"
)

// errLive ends a sign-in that failed at a step, which has been printed.
var errLive = fmt.Errorf("%w: the sign-in did not succeed", errFindings)

// trial is one sign-in of the test provider, step by step.
type trial struct {
	command *checkCommand
	config  *config.Config
	client  *vsee.Client
	answers *recorder
	out     io.Writer
	changes bool // the configuration has to be changed
}

// signIn does with the configuration what the plugin would do, and prints each step.
func (c *checkCommand) signIn(k *checker) error {
	chosen, err := c.choose(k)
	if err != nil {
		return err
	}
	for _, secret := range config.Secrets(chosen.config) {
		if strings.HasPrefix(*secret.Value, "urn:k8s:secret:") {
			return errors.New("--live cannot read secrets from Kubernetes; use file:PATH or env:NAME for the check")
		}
	}
	if len(signin.Check(chosen.config)) > 0 {
		return errors.New("--live needs a configuration that the plugin accepts; fix the findings above first")
	}
	target := way.Target(chosen.config.API, "clinicpass/"+clinicpass.Version, &config.Problems{})
	if c.Room && target.Token == "" {
		return errors.New("--room needs api.token, the clinic admin's token")
	}
	if c.Room && chosen.config.Provider.Type == "patient" {
		return errors.New("--room is for providers; this middleware signs patients in")
	}
	t := &trial{command: c, config: chosen.config, answers: &recorder{}, out: c.out}
	t.client = vsee.Through(vsee.New(target), t.answers)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return t.run(ctx)
}

// choose returns the middleware to try.
func (c *checkCommand) choose(k *checker) (*clinic, error) {
	if chosen := k.ours[c.Middleware]; chosen != nil {
		return chosen, nil
	}
	if c.Middleware == "" && len(k.ours) == 1 {
		return k.ours[sorted(k.ours)[0]], nil
	}
	return nil, fmt.Errorf("--middleware must name one of: %s", strings.Join(sorted(k.ours), ", "))
}

func (t *trial) run(ctx context.Context) error {
	user := &vsee.User{
		Type: vsee.Provider, Code: t.command.Code, FirstName: t.command.FirstName, LastName: t.command.LastName,
		Email: t.command.Email, DisableEmails: true,
	}
	if t.config.Provider.Type == "patient" {
		user.Type = vsee.Patient
		user.Code += "-patient" // VSee knows people by their code, whatever their type
	}
	sso, err := t.mint(ctx, user)
	if err != nil {
		return t.failed("POST users/sso", err, advice(err))
	}
	t.tell("POST users/sso", "user %s, token %s, %s", vsee.UserID(sso), shortened(sso.Token.Token), t.answers.token())
	again, err := t.mint(ctx, user)
	if err != nil {
		return t.failed("POST users/sso, again", err, "A second sign-in of the same provider must work.")
	}
	same := "a new token"
	if again.Token.Token == sso.Token.Token {
		same = "the same token"
	}
	t.tell("POST users/sso, again", "user %s, %s", vsee.UserID(again), same)
	if vsee.UserID(again) != vsee.UserID(sso) {
		return t.failed("POST users/sso, again", errors.New("a different user for the same code"), "Ask VSee.")
	}
	if err := t.otherCase(ctx, *user, vsee.UserID(sso)); err != nil {
		return err
	}
	if t.command.Room {
		if err := t.room(ctx, vsee.UserID(sso)); err != nil {
			return err
		}
	}
	if err := t.open(ctx, again.Token.Token); err != nil {
		return err
	}
	if t.changes {
		fmt.Fprintln(t.out, "The configuration does not work as it is. Add the lines above to it.")
		return errLive
	}
	return nil
}

// advice says what to do about a failed sign-in.
func advice(err error) string {
	told := err.Error()
	switch {
	case errors.Is(err, vsee.ErrCredentials):
		return "Check api.accountCode, api.key and api.secret, and ask VSee whether SSO is enabled for the account."
	case errors.Is(err, vsee.ErrTimeout):
		return "Check the firewall and HTTPS_PROXY. If VSee is only slow, raise api.timeout."
	case strings.Contains(told, "x509:") || strings.Contains(told, "certificate"):
		return "Check the host in api.url. If a proxy of your network replaces certificates, set SSL_CERT_FILE to a file with its authority, here and for Traefik."
	case strings.Contains(told, "no such host"):
		return "Check the host in api.url and this machine's DNS."
	case errors.Is(err, vsee.ErrUnavailable):
		return "Check the host in api.url, the firewall and HTTPS_PROXY. If VSee answers with an error, try again later."
	}
	return "Check api.url, which ends in /api_v3/, and api.encoding. Ask VSee whether SSO is enabled for the account."
}

// otherCase finds out whether VSee tells codes apart that differ only by case, which VSee does not document.
func (t *trial) otherCase(ctx context.Context, user vsee.User, id string) error {
	const step = "POST users/sso, code's case"
	code := strings.ToUpper(user.Code)
	if code == user.Code {
		code = strings.ToLower(user.Code)
	}
	user.Code = code
	sso, err := t.mint(ctx, &user)
	if err != nil {
		return t.failed(step, err, "A sign-in with the code in another case must work.")
	}
	if vsee.UserID(sso) == id {
		return t.failed(step, errors.New("the same user for the code in another case"),
			"VSee treats IDs that differ only by case as one person. Use IDs without letter case, such as numbers or UUIDs.")
	}
	t.tell(step, "user %s: codes that differ by case are different users", vsee.UserID(sso))
	return nil
}

// mint asks for a token within the time that the plugin would wait.
func (t *trial) mint(ctx context.Context, user *vsee.User) (*vsee.SSO, error) {
	timeout, err := time.ParseDuration(t.config.API.Timeout)
	if err != nil {
		return nil, err // impossible: the plugin has accepted it
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return vsee.SignIn(ctx, t.client, user, nil)
}

// open follows the auth address to the page that the provider would see.
func (t *trial) open(ctx context.Context, token string) error {
	jar, _ := cookiejar.New(nil) // fails never without options
	base := strings.TrimSuffix(t.config.Portal.URL, "/") + "/"
	path := ""
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		path = r.URL.Path
		if !strings.HasPrefix(r.URL.String(), base) {
			return fmt.Errorf("the portal redirects to another site, %s", r.URL.Host)
		}
		if len(via) > 10 {
			return errors.New("the portal redirects in a loop")
		}
		return nil
	}}
	address := base + "auth?sso_token=" + url.QueryEscape(token) + "&next=" + url.QueryEscape(t.config.Portal.DefaultNext)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("portal.url and portal.defaultNext do not make an address")
	}
	resp, err := client.Do(r)
	if err != nil {
		var wrapped *url.Error // whose text has the address, and so the token
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return t.failed("GET auth", err, "Check portal.url.")
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return t.failed("GET auth", fmt.Errorf("HTTP %d at %s", resp.StatusCode, path), "The portal rejects the token or has no such page. Check portal.url and portal.defaultNext.")
	}
	t.tell("GET auth", "HTTP 200 at %s; open this page once to verify that it is the right one", path)
	return nil
}

func (t *trial) tell(step, format string, args ...any) {
	fmt.Fprintf(t.out, "%-32s ok      %s\n", step, fmt.Sprintf(format, args...))
}

func (t *trial) failed(step string, err error, advice string) error {
	fmt.Fprintf(t.out, "%-32s FAILED  %v\n%-32s         %s\n", step, err, "", advice)
	return errLive
}

// shortened shows enough of a token to recognize it and too little to use it.
func shortened(token string) string {
	if len(token) < 16 {
		return "(set)"
	}
	return token[:4] + "..."
}
