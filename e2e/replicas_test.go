package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/redis"
	"github.com/clinicpass/clinicpass/e2e/traefik"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

const (
	replicas         = 3
	replicaProviders = 1000
)

// cluster is several Traefiks with one configuration, and a load balancer in front.
type cluster struct {
	t         *testing.T
	b         *bench
	redis     *redis.Server
	options   traefik.Options
	addresses []string
	instances []*traefik.Instance
	balancer  string
	retries   atomic.Int32
}

// sampleKeys returns the commands of the example with the addresses of this test.
func sampleKeys(t *testing.T, b *bench, auth string) string {
	t.Helper()
	folder := t.TempDir()
	for name, secret := range map[string]string{
		"vsee_key": vseetest.Key, "vsee_admin_token": vseetest.AdminToken,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(secret), 0o600))
	}
	keys := ""
	for line := range strings.Lines(example(t, "replicas/keys.redis")) {
		if !strings.HasPrefix(line, "#") {
			keys += line
		}
	}
	for _, change := range []struct{ old, now string }{
		{"https://vclinic.vseepreview.com/vc/next/\n", b.clinic.Portal() + "\n"},
		{"https://api-vclinic.vseepreview.com/vc/next/api_v3/\n", b.clinic.API() + "\n"},
		{"http://oauth2-proxy:4180/", auth},
		{"accountCode vclinic", "accountCode " + vseetest.AccountCode},
		{"/run/secrets", folder},
	} {
		require.Contains(t, keys, change.old)
		keys = strings.ReplaceAll(keys, change.old, change.now)
	}
	return keys + "SET traefik/http/routers/probe/rule \"Host(`" + probe + "`)\"\n" +
		"SET traefik/http/routers/probe/service noop@internal\n"
}

// authService is an auth layer that believes whom the cookie names.
func authService() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := r.Cookie("who")
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Auth-Request-User", who.Value)
		w.Header().Set("X-Auth-Request-Preferred-Username", "Jane Doe")
	})
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, b: newBench(t)}
	auth := httptest.NewServer(authService())
	t.Cleanup(auth.Close)
	var err error
	c.redis, err = redis.Start(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(c.redis.Stop)
	require.NoError(t, c.redis.Run(sampleKeys(t, c.b, auth.URL)))
	versions := traefikVersions()
	binary, err := traefik.Build(versions[len(versions)-1], os.Stderr)
	require.NoError(t, err)
	// A probe by noop@internal is answered with 418, which shows that the configuration is there.
	c.options = traefik.Options{
		Binary:   binary,
		Provider: `redis: {endpoints: ["` + c.redis.Address + `"]}`,
		Probe:    probe,
		Secure:   true,
	}
	for range replicas {
		address, err := program.FreeAddress()
		require.NoError(t, err)
		c.addresses = append(c.addresses, address)
		c.instances = append(c.instances, nil)
	}
	for i := range replicas {
		c.start(i)
	}
	t.Cleanup(func() {
		for _, instance := range c.instances {
			instance.Stop()
			written.add(t.Name(), "Traefik's log", instance.Log())
		}
	})
	c.balance()
	return c
}

func (c *cluster) start(i int) {
	c.t.Helper()
	options := c.options
	options.SecureAddress = c.addresses[i]
	instance, err := traefik.Start(options)
	require.NoError(c.t, err)
	c.instances[i] = instance
}

// balance listens, and passes each connection on to the next Traefik that accepts it.
func (c *cluster) balance() {
	c.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = listener.Close() })
	c.balancer = listener.Addr().String()
	go func() {
		for turn := 0; ; turn++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = client.Close() }()
				for i := range replicas {
					server, err := net.Dial("tcp", c.addresses[(turn+i)%replicas])
					if err != nil {
						continue
					}
					defer func() { _ = server.Close() }()
					go func() { _, _ = io.Copy(server, client) }()
					_, _ = io.Copy(client, server)
					return
				}
			}()
		}
	}()
}

// signIn clicks as a provider, again where a connection breaks, and returns the redirect's address.
func (c *cluster) signIn(address, id string) (string, error) {
	var err error
	for range 5 {
		var request *http.Request
		request, err = http.NewRequest(http.MethodGet, "https://"+address+"/clinic/visits", nil)
		if err != nil {
			return "", err
		}
		request.Host = "portal.example.com"
		request.AddCookie(&http.Cookie{Name: "who", Value: id})
		request.Close = true
		var response *http.Response
		if response, err = client.Do(request); err != nil {
			c.retries.Add(1)
			time.Sleep(20 * time.Millisecond)
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusFound {
			outcome := response.Header.Get("Clinicpass-Outcome")
			return "", fmt.Errorf("%d %s", response.StatusCode, outcome)
		}
		return response.Header.Get("Location"), nil
	}
	return "", err
}

// check signs a provider in and looks whom the token is for. It may run in any goroutine.
func (c *cluster) check(id string) {
	c.t.Helper()
	location, err := c.signIn(c.balancer, id)
	if !assert.NoError(c.t, err, id) {
		return
	}
	u, err := url.Parse(location)
	if !assert.NoError(c.t, err, id) {
		return
	}
	user, known := c.b.clinic.UserOf(u.Query().Get("sso_token"))
	assert.True(c.t, known, "%s got no token of the clinic's", id)
	assert.Equal(c.t, id, user.Code)
}

// TestReplicas: three Traefiks with one configuration, of which one is killed and started again
// while providers sign in and a changed configuration is rolled out. Everybody gets in, and
// everybody has one room.
func TestReplicas(t *testing.T) {
	err := redis.Find()
	if err != nil && redis.Excused() {
		t.Skip(err)
	}
	require.NoError(t, err)
	c := newCluster(t)
	var wait sync.WaitGroup
	work := make(chan string)
	for range 16 {
		wait.Go(func() {
			for id := range work {
				c.check(id)
			}
		})
	}
	for i := range replicaProviders {
		switch i {
		case replicaProviders * 3 / 10:
			c.instances[1].Kill()
		case replicaProviders * 5 / 10:
			const key = "traefik/http/middlewares/clinic/plugin/clinicpass/" +
				"portal/authParams/disable_navigation"
			assert.NoError(t, c.redis.Run("SET "+key+" 1"))
		case replicaProviders * 7 / 10:
			c.start(1)
		}
		clicks := 1
		if i%10 == 0 {
			clicks = 3
		}
		for range clicks {
			work <- fmt.Sprint("provider-", i)
		}
	}
	close(work)
	wait.Wait()
	c.checkRollout()
	c.checkRooms()
	t.Logf("%d clicks were repeated because a connection broke", c.retries.Load())
}

// checkRollout waits until each Traefik has the changed configuration.
func (c *cluster) checkRollout() {
	c.t.Helper()
	for i, address := range c.addresses {
		attempt := 0
		assert.EventuallyWithT(c.t, func(t *assert.CollectT) {
			location, err := c.signIn(address, fmt.Sprintf("provider-%d", 10*i+attempt%10))
			attempt++
			assert.NoError(t, err)
			assert.Regexp(t, "&disable_navigation=1$", location)
		}, 10*time.Second, 200*time.Millisecond, "the changed configuration of Traefik %d", i+1)
	}
}

// checkRooms checks that every provider has one room.
func (c *cluster) checkRooms() {
	c.t.Helper()
	owners := map[string]int{}
	for _, room := range c.b.clinic.Rooms() {
		if assert.Len(c.t, room.Providers, 1, "providers of %s", room.Slug) {
			owners[room.Providers[0]]++
		}
	}
	users := c.b.clinic.Users()
	for _, user := range users {
		assert.Equal(c.t, 1, owners[user.ID], "rooms of %s", user.Code)
	}
	assert.Len(c.t, users, replicaProviders)
	assert.Len(c.t, owners, replicaProviders)
}
