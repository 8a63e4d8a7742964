package authlayer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

const (
	// CallbackPath is where the OpenID provider sends people back to; oauth2-proxy serves it.
	CallbackPath = "/oauth2/callback"

	startLimit = 30 * time.Second
)

// IdentityHeaders is what forwardAuth must list in authResponseHeaders.
var IdentityHeaders = []string{
	"X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups",
}

// BuildOAuth2Proxy builds the oauth2-proxy that the folder oauth2-proxy pins and returns the binary's path. It writes to
// progress while it works.
func BuildOAuth2Proxy(progress io.Writer) (string, error) {
	binary := filepath.Join(traefik.Root(), ".bin", "oauth2-proxy")
	return binary, program.Build(program.Source{
		Name:    "oauth2-proxy",
		Module:  filepath.Join(traefik.Root(), "e2e", "authlayer", "oauth2-proxy"),
		Package: "github.com/oauth2-proxy/oauth2-proxy/v7",
		Binary:  binary,
	}, progress)
}

// OAuth2Proxy is a running oauth2-proxy.
type OAuth2Proxy struct {
	// URL is its address, without a trailing slash.
	URL string

	*program.Process
}

// StartOAuth2Proxy runs oauth2-proxy for the site at the host and waits until it answers. More flags can be given.
func StartOAuth2Proxy(binary, host string, provider *OpenIDProvider, flags ...string) (*OAuth2Proxy, error) {
	address, err := program.FreeAddress()
	if err != nil {
		return nil, err
	}
	command := exec.Command(binary, append([]string{
		"--http-address=" + address,
		"--provider=oidc",
		"--oidc-issuer-url=" + provider.Issuer,
		"--client-id=" + clientID,
		"--client-secret=" + ClientSecret,
		"--code-challenge-method=S256",
		"--scope=openid email profile " + scopeGroups,
		"--redirect-url=http://" + host + CallbackPath,
		"--whitelist-domain=" + host,
		"--email-domain=example.com",
		"--cookie-secret=" + rand.Text()[:24], // the length of an AES key
		"--cookie-secure=false",               // there is no TLS on loopback
		"--reverse-proxy=true",
		"--set-xauthrequest=true",
	}, flags...)...)
	return run(command, address)
}

// StartStructured runs oauth2-proxy at the address with a file for --alpha-config and flags, and waits until it answers.
func StartStructured(binary, address, file string, flags ...string) (*OAuth2Proxy, error) {
	return run(exec.Command(binary, append([]string{"--alpha-config=" + file}, flags...)...), address)
}

func run(command *exec.Cmd, address string) (*OAuth2Proxy, error) {
	var err error
	running := &OAuth2Proxy{URL: "http://" + address}
	if running.Process, err = program.Start(command, nil); err != nil {
		return nil, err
	}
	if err := running.waitUntilReady(); err != nil {
		running.Stop()
		return nil, fmt.Errorf("%w; its log:\n%s", err, running.Log())
	}
	return running, nil
}

func (o *OAuth2Proxy) waitUntilReady() error {
	client := &http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-o.Exited():
			return errors.New("the oauth2-proxy process ended")
		default:
		}
		response, err := client.Get(o.URL + "/ping")
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("no answer after " + startLimit.String())
}
