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
	for name, secret := range map[string]string{"vsee_key": vseetest.Key, "vsee_admin_token": vseetest.AdminToken} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys := ""
	for line := range strings.Lines(example(t, "replicas/keys.redis")) {
		if !strings.HasPrefix(line, "#") {
			keys += line
		}
	}
	for old, now := range map[string]string{
		"https://vclinic.vseepreview.com/vc/next/\n":            b.clinic.Portal() + "\n",
		"https://api-vclinic.vseepreview.com/vc/next/api_v3/\n": b.clinic.API() + "\n",
		"http://oauth2-proxy:4180/":                             auth,
		"accountCode vclinic":                                   "accountCode " + vseetest.AccountCode,
		"/run/secrets":                                          folder,
	} {
		if !strings.Contains(keys, old) {
			t.Fatalf("the sample lacks %q", old)
		}
		keys = strings.ReplaceAll(keys, old, now)
	}
	return keys + "SET traefik/http/routers/probe/rule \"Host(`" + probe + "`)\"\nSET traefik/http/routers/probe/service noop@internal\n"
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
	if c.redis, err = redis.Start(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.redis.Stop)
	if err := c.redis.Run(sampleKeys(t, c.b, auth.URL)); err != nil {
		t.Fatal(err)
	}
	versions := traefikVersions()
	binary, err := traefik.Build(versions[len(versions)-1], os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	// A probe by noop@internal is answered with 418, which shows that the configuration is there.
	c.options = traefik.Options{Binary: binary, Provider: `redis: {endpoints: ["` + c.redis.Address + `"]}`, Probe: probe}
	for range replicas {
		address, err := program.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
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
	options.Address = c.addresses[i]
	instance, err := traefik.Start(options)
	if err != nil {
		c.t.Fatal(err)
	}
	c.instances[i] = instance
}

// balance listens, and passes each connection on to the next Traefik that accepts it.
func (c *cluster) balance() {
	c.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
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
		if request, err = http.NewRequest(http.MethodGet, "http://"+address+"/clinic/visits", nil); err != nil {
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
			return "", fmt.Errorf("%d %s", response.StatusCode, response.Header.Get("Clinicpass-Outcome"))
		}
		return response.Header.Get("Location"), nil
	}
	return "", err
}

// check signs a provider in and looks whom the token is for.
func (c *cluster) check(id string) {
	location, err := c.signIn(c.balancer, id)
	if err != nil {
		c.t.Errorf("%s: %v", id, err)
		return
	}
	u, err := url.Parse(location)
	if err != nil {
		c.t.Errorf("%s: %v", id, err)
		return
	}
	if user, known := c.b.clinic.UserOf(u.Query().Get("sso_token")); !known || user.Code != id {
		c.t.Errorf("%s got a token for %q", id, user.Code)
	}
}

// TestReplicas: three Traefiks with one configuration, of which one is killed and started again while providers sign in and a
// changed configuration is rolled out. Everybody gets in, and everybody has one room.
func TestReplicas(t *testing.T) {
	if err := redis.Find(); err != nil {
		if redis.Excused() {
			t.Skip(err)
		}
		t.Fatal(err)
	}
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
			if err := c.redis.Run("SET traefik/http/middlewares/clinic/plugin/clinicpass/portal/authParams/disable_navigation 1"); err != nil {
				t.Error(err)
			}
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
		for attempt := 0; ; attempt++ {
			location, err := c.signIn(address, fmt.Sprintf("provider-%d", 10*i+attempt%10))
			if err == nil && strings.HasSuffix(location, "&disable_navigation=1") {
				break
			}
			if attempt == 50 {
				c.t.Errorf("Traefik %d lacks the changed configuration: %v", i+1, err)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// checkRooms checks that every provider has one room.
func (c *cluster) checkRooms() {
	c.t.Helper()
	owners := map[string]int{}
	for _, room := range c.b.clinic.Rooms() {
		if len(room.Providers) != 1 {
			c.t.Errorf("room %s is assigned to %v", room.Slug, room.Providers)
			continue
		}
		owners[room.Providers[0]]++
	}
	users := c.b.clinic.Users()
	for _, user := range users {
		if owners[user.ID] != 1 {
			c.t.Errorf("%s has %d rooms", user.Code, owners[user.ID])
		}
	}
	if len(users) != replicaProviders || len(owners) != replicaProviders {
		c.t.Errorf("%d users and %d rooms for %d providers", len(users), len(owners), replicaProviders)
	}
}
