package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// roomConfig is the base configuration with waiting rooms.
func (b *bench) roomConfig(more map[string]any) map[string]any {
	rooms := map[string]any{
		"api":  map[string]any{"token": vseetest.AdminToken},
		"room": map[string]any{"enabled": true},
	}
	return overlay(overlay(b.baseConfig(), rooms), more)
}

// visit is one click: what came of it, and the calls it took.
type visit struct {
	outcome, room string
	assigned      bool
	location      string
	body          string
	calls         []string // such as "POST rooms"
	requests      []vseetest.Request
}

var number = regexp.MustCompile(`/\d+/`)

// visit clicks once as the provider.
func (b *bench) visit(t *testing.T, running *running, host, id, name string) visit {
	t.Helper()
	before := len(b.clinic.Requests())
	header := map[string][]string{"X-Auth-Request-User": {id}}
	if name != "" {
		header["X-Auth-Request-Name"] = []string{name}
	}
	got := running.send(t, host, request{path: "/clinic", header: header})
	audit := lastAudit(t, b.audit)
	v := visit{
		outcome:  got.header.Get("Clinicpass-Outcome"),
		location: got.header.Get("Location"),
		body:     got.body,
	}
	v.room, _ = audit["room"].(string)
	v.assigned, _ = audit["assigned"].(bool)
	v.requests = b.clinic.Requests()[before:]
	for _, r := range v.requests {
		path := number.ReplaceAllString(r.Path, "/ID/")
		if code, isRoom := strings.CutPrefix(path, "rooms/"); isRoom && code != "" {
			path = "rooms/CODE"
		}
		v.calls = append(v.calls, r.Method+" "+path)
	}
	return v
}

func (v visit) check(
	t *testing.T, desc, outcome, room string, assigned bool, calls ...string,
) {
	t.Helper()
	assert.Equal(t, outcome, v.outcome, desc)
	assert.Equal(t, room, v.room, desc)
	assert.Equal(t, assigned, v.assigned, desc)
	assert.Equal(t, calls, v.calls, desc)
}

// starter starts middlewares by host name.
type starter = func(middlewares map[string]map[string]any) *running

// inEveryEnvironment runs a test with a clinic of its own in each environment.
func inEveryEnvironment(t *testing.T, test func(t *testing.T, b *bench, start starter)) {
	t.Helper()
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			test(t, b, func(middlewares map[string]map[string]any) *running {
				return e.start(t, b.site.URL, middlewares)
			})
		})
	}
}

const (
	mint   = "POST users/sso"
	create = "POST rooms"
	find   = "GET rooms/CODE"
	assign = "POST users/ID/rooms"
)

// TestRooms: the three calls of a first sign-in, what a later one and another replica need, and
// every way to fail.
func TestRooms(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		encoded := func(encoding string) map[string]any {
			return b.roomConfig(map[string]any{"api": map[string]any{"encoding": encoding}})
		}
		// Another configuration has another memory, as another replica has.
		replica := func(n int) map[string]any {
			contact := fmt.Sprint("replica ", n)
			return b.roomConfig(map[string]any{"pages": map[string]any{"contact": contact}})
		}
		roomed := func(room map[string]any) map[string]any {
			return b.roomConfig(map[string]any{"room": room})
		}
		running := start(map[string]map[string]any{
			"multipart": b.roomConfig(nil),
			"json":      encoded("json"),
			"form":      encoded("form"),
			"code": roomed(map[string]any{
				"assign": map[string]any{"field": "room_code", "value": "code"},
			}),
			"replica":  replica(1),
			"replica2": replica(2),
			"bad-token": b.roomConfig(map[string]any{
				"api": map[string]any{"token": "not-the-token"},
			}),
			"domain": roomed(map[string]any{
				"domain": "clinic.example.com",
				"slug":   "dr-{lastName}-{hash}",
				"name":   "Dr. {name}",
			}),
		})
		click := func(host, id, name string) visit {
			t.Helper()
			return b.visit(t, running, host, id, name)
		}

		for _, encoding := range []string{"multipart", "json", "form", "code"} {
			t.Run(encoding, func(t *testing.T) { checkFirstRoom(t, b, running, encoding) })
		}

		click("replica", "first-multipart", "José Doe").
			check(t, "on another replica", "signed_in", "found", false, mint, create, find)

		custom := click("domain", "u-7", "Jane Doe")
		require.Greater(t, len(custom.requests), 1)
		assert.Equal(t, map[string]string{
			"domain": "clinic.example.com",
			"slug":   "dr-doe-" + hash("u-7"),
			"name":   "Dr. Jane Doe",
			"code":   custom.requests[1].Fields["code"],
		}, custom.requests[1].Fields, "templates")

		// The assignment is refused; the next click resumes, on whatever replica.
		fine := vseetest.Fault{}
		invalidRoom := vseetest.Fault{Status: 400, Body: `{"code":400,"message":"Invalid room."}`}
		b.clinic.Script(fine, fine, invalidRoom)
		click("multipart", "refused", "").
			check(t, "refused", "api_error", "created", false, mint, create, assign, find)
		click("replica", "refused", "").
			check(t, "resumed", "signed_in", "found", true, mint, create, find, assign)
		click("multipart", "refused", "").
			check(t, "resumed, from the first", "signed_in", "found", false, mint, create, find)

		// "Already assigned", in other words than the simulation's.
		b.clinic.Script(fine, fine, vseetest.Fault{
			Status: 409, Body: `{"code":409,"message":"User ALREADY has this room"}`,
		})
		click("multipart", "already", "").
			check(t, "already assigned", "signed_in", "created", true, mint, create, assign)

		// It is assigned, but neither the room nor the refusal says so; the list of the room's
		// providers does.
		click("multipart", "listed", "")
		b.clinic.Script(fine, fine, vseetest.Fault{
			Status: 200, Body: `{"data":{"id":"1","code":"` + lastRoom(b).Code + `"}}`,
		}, invalidRoom)
		click("replica", "listed", "").check(t, "the list says so",
			"signed_in", "found", true, mint, create, find, assign, find)

		// What exists is not ours: somebody's room has our slug.
		b.byHand(t, "rooms",
			"domain", "127.0.0.1",
			"slug", "provider-"+hash("foreign"),
			"name", "Somebody else's",
			"code", "foreigncode1",
		)
		click("multipart", "foreign", "").
			check(t, "foreign room", "api_error", "", false, mint, create, find)
		// A 400 that does not say so is no "exists".
		b.clinic.Script(fine, vseetest.Fault{
			Status: 400, Body: `{"code":400,"message":"Invalid domain."}`,
		})
		click("multipart", "other-400", "").
			check(t, "another 400", "api_error", "", false, mint, create)
		// A room of another code is refused, whoever says it is ours.
		b.clinic.Script(fine, vseetest.Fault{
			Status: 200, Body: `{"data":{"id":"1","code":"another"}}`,
		})
		click("multipart", "other-code", "").
			check(t, "another code", "api_error", "", false, mint, create)
		foreign := 0
		for _, room := range b.clinic.Rooms() {
			if strings.HasPrefix(room.Code, "foreign") {
				foreign++
				assert.Empty(t, room.Providers, "providers of the foreign room %s", room.Slug)
			}
		}
		assert.Equal(t, 1, foreign, "foreign rooms")

		// Nobody to assign the room to.
		b.clinic.Script(vseetest.Fault{
			Status: 200, Body: `{"data":{"token":{"token":"66bcd0acff324e8a44992d9596b5d361"}}}`,
		})
		click("multipart", "nobody", "").check(t, "no user id", "api_error", "", false, mint)

		// Connections break between the steps.
		b.clinic.Script(fine, vseetest.Fault{Reset: true}, fine, vseetest.Fault{Status: 503})
		click("multipart", "broken", "").check(t, "broken connections",
			"signed_in", "created", true, mint, create, create, assign, assign)

		// What VSee's documentation leaves open.
		b.clinic.SetQuirks(vseetest.Quirks{NumericIDs: true})
		click("multipart", "numbers", "").
			check(t, "numbers for ids", "signed_in", "created", true, mint, create, assign)
		click("replica", "numbers", "").
			check(t, "numbers for ids", "signed_in", "found", false, mint, create, find)
		b.clinic.SetQuirks(vseetest.Quirks{ListRoomsAtSignIn: true})
		click("replica2", "numbers", "").
			check(t, "the sign-in lists the room", "signed_in", "found", false, mint)
		click("replica2", "not-listed", "").check(t, "the sign-in lists no room",
			"signed_in", "created", true, mint, create, assign)
		b.byHand(t, "rooms",
			"domain", "other.example.com",
			"slug", "shared",
			"name", "Everybody's",
			"code", "sharedcode1",
		)
		b.byHand(t, "users/"+lastUser(b).ID+"/rooms", "room_code", "sharedcode1")
		click("replica", "not-listed", "").check(t, "the sign-in lists their room and another",
			"signed_in", "found", false, mint)
		click("replica2", "lists-another", "")
		b.clinic.Script(vseetest.Fault{
			Status: 200,
			Body: `{"data":{"id":"` + lastUser(b).ID + `","rooms":[{"code":"sharedcode1"}],` +
				`"token":{"token":"66bcd0acff324e8a44992d9596b5d361"}}}`,
		})
		click("replica", "lists-another", "").check(t, "the sign-in lists another room only",
			"signed_in", "found", false, mint, create, find)
		b.clinic.SetQuirks(vseetest.Quirks{NoRoomID: true})
		b.clinic.Script(fine, fine, vseetest.Fault{Status: 500})
		click("multipart", "no-id", "").check(t, "assignment fails",
			"api_unavailable", "created", false, mint, create, assign)
		click("multipart", "no-id", "").
			check(t, "no id", "api_error", "found", false, mint, create, find)
		running.waitForLog(t, 0, "set room.assign.value: code")
		click("code", "no-id", "").
			check(t, "the code instead", "signed_in", "found", true, mint, create, find, assign)
		b.clinic.SetQuirks(vseetest.Quirks{})

		// The admin's token is wrong though the key is right.
		refused := click("bad-token", "u-8", "")
		refused.check(t, "wrong admin token", "credentials_refused", "", false, mint, create)
		assert.Contains(t, refused.body, "Your account is not the cause.")
		running.waitForLog(t, 0, "POST rooms, attempt 1: HTTP 401")
		b.checkRooms(t)
	})
}

// checkFirstRoom checks each call of a first sign-in, and that a second one remembers the room.
func checkFirstRoom(t *testing.T, b *bench, running *running, encoding string) {
	t.Helper()
	id := "first-" + encoding
	first := b.visit(t, running, encoding, id, "José Doe")
	first.check(t, "the first", "signed_in", "created", true, mint, create, assign)
	b.visit(t, running, encoding, id, "José Doe").
		check(t, "the second", "signed_in", "remembered", false, mint)
	require.Len(t, first.requests, 3)
	room := lastRoom(b)
	assert.Regexp(t, `^[0-9a-z]{16}$`, room.Code)
	assert.Equal(t, map[string]string{
		"domain": "127.0.0.1",
		"slug":   "provider-" + hash(id),
		"name":   "José Doe",
		"code":   room.Code,
	}, first.requests[1].Fields)
	assigned := map[string]string{"room_id": room.ID}
	if encoding == "code" {
		assigned = map[string]string{"room_code": room.Code}
	}
	assert.Equal(t, assigned, first.requests[2].Fields)
	for n, r := range first.requests {
		key, token := vseetest.Key, ""
		if n > 0 {
			key, token = "", vseetest.AdminToken
		}
		assert.Equal(t, key, r.Header.Get("X-ApiKey"), first.calls[n])
		assert.Equal(t, token, r.Header.Get("X-ApiToken"), first.calls[n])
	}
	dashboard := land(t, first.location)
	assert.Contains(t, dashboard, "José Doe (/u/provider-"+hash(id)+")", "the room's link")
}

// checkRooms: no room has two providers, and no provider two rooms of one domain.
func (b *bench) checkRooms(t *testing.T) {
	t.Helper()
	owner := map[string]string{}
	for _, room := range b.clinic.Rooms() {
		assert.LessOrEqual(t, len(room.Providers), 1, "providers of %s", room.Slug)
		for _, id := range room.Providers {
			assert.Empty(t, owner[id+room.Domain], "provider %s has %s as well", id, room.Slug)
			owner[id+room.Domain] = room.Slug
		}
	}
}

func lastRoom(b *bench) vseetest.Room {
	rooms := b.clinic.Rooms()
	return rooms[len(rooms)-1]
}

func lastUser(b *bench) vseetest.User {
	users := b.clinic.Users()
	return users[len(users)-1]
}

// hash is {hash}.
func hash(code string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(code)))[:16]
}

// land follows a sign-in to its page.
func land(t *testing.T, location string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	response, err := (&http.Client{Jar: jar}).Get(location)
	require.NoError(t, err)
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(page)
}

// byHand calls the API as the clinic's administrator.
func (b *bench) byHand(t *testing.T, path string, fields ...string) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	body := strings.NewReader(form.Encode())
	r, err := http.NewRequest(http.MethodPost, b.clinic.API()+path, body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-AccountCode", vseetest.AccountCode)
	r.Header.Set("X-ApiToken", vseetest.AdminToken)
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode, path)
}

// TestRoomsOfLookAlikes: names that come to the same letters, no letters, or too many, never meet
// in one room.
func TestRoomsOfLookAlikes(t *testing.T) {
	providers := []struct{ id, name string }{
		{id: "José", name: "José"},
		{id: "Jose", name: "Jose"},
		{id: "JOSE", name: "JOSE"},
		{id: "jose!", name: "jose!"},
		{id: "jose.", name: ""},
		{id: "王", name: "王小明"},
		{id: "王小", name: "王小红"},
		{id: "a-b", name: strings.Repeat("Jane ", 40)},
		{id: "a--b", name: strings.Repeat("Jane ", 41)},
		{id: "A-B", name: "-"},
		{id: "a_b", name: "<b>Jane</b>"},
	}
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		running := start(map[string]map[string]any{
			"plain": b.roomConfig(nil),
			"named": b.roomConfig(map[string]any{"room": map[string]any{
				"slug": "{firstName}-{lastName}-{id}-{hash}", "domain": "named.example.com",
			}}),
		})
		for _, host := range []string{"plain", "named"} {
			for _, provider := range providers {
				b.visit(t, running, host, provider.id, provider.name).check(t, host+" "+provider.id,
					"signed_in", "created", true, mint, create, assign)
			}
		}
		rooms := b.clinic.Rooms()
		assert.Len(t, rooms, 2*len(providers), "rooms in two domains")
		slugs := map[string]bool{}
		for _, room := range rooms {
			slugs[room.Domain+room.Slug] = true
			assert.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, room.Slug)
			assert.LessOrEqual(t, len(room.Slug), 130, room.Slug)
			assert.NotEmpty(t, room.Name, room.Slug)
			assert.LessOrEqual(t, len([]rune(room.Name)), 100, room.Name)
		}
		assert.Len(t, slugs, len(rooms), "rooms share a slug")
	})
}

// TestRoomsAtOnce: clicks of one provider at once make the room once, and those that waited sign in
// as well.
func TestRoomsAtOnce(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		running := start(map[string]map[string]any{"clinic": b.roomConfig(nil)})
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				r := request{path: "/clinic", header: defaultHeaders("at-once")}
				got := running.exchange(t, "clinic", r)
				assert.Equal(t, http.StatusFound, got.status, got.body)
			})
		}
		wait.Wait()
		counted := map[string]int{}
		for _, r := range b.clinic.Requests() {
			counted[r.Method+" "+number.ReplaceAllString(r.Path, "/ID/")]++
		}
		assert.Equal(t, map[string]int{mint: 8, create: 1, assign: 1}, counted)
	})
}

// TestRoomsOfReplicas: two replicas that know nothing of each other, 100 providers who click twice
// at once on each.
func TestRoomsOfReplicas(t *testing.T) {
	const providers = 100
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		config := map[string]map[string]any{"clinic": b.roomConfig(nil)}
		replicas := []*running{start(config), start(config)}
		work := make(chan int)
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for n := range work {
					header := defaultHeaders(fmt.Sprint("provider-", n/4))
					r := request{path: "/clinic", header: header}
					got := replicas[n%2].exchange(t, "clinic", r)
					assert.Equal(t, http.StatusFound, got.status, got.body)
				}
			})
		}
		for n := range 4 * providers {
			work <- n
		}
		close(work)
		wait.Wait()
		rooms := b.clinic.Rooms()
		assert.Len(t, rooms, providers)
		for _, room := range rooms {
			assert.Len(t, room.Providers, 1, "providers of %s", room.Slug)
		}
		b.checkRooms(t)
	})
}

// TestRoomOfAClosedTab: what has begun is finished without the browser, and the next click finds it
// done.
func TestRoomOfAClosedTab(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		running := start(map[string]map[string]any{"clinic": b.roomConfig(nil)})
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{Delay: 300 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, running.url+"/clinic", nil)
		require.NoError(t, err)
		r.Host = "clinic"
		r.Header = defaultHeaders("closed-tab")
		go func() {
			for len(b.clinic.Requests()) < 2 && ctx.Err() == nil { // until the room is being made
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		response, err := client.Do(r)
		if err == nil {
			_ = response.Body.Close()
		}
		require.Error(t, err, "the tab was not closed in time")
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			rooms := b.clinic.Rooms()
			require.Len(t, rooms, 1)
			assert.Len(t, rooms[0].Providers, 1)
		}, 5*time.Second, 5*time.Millisecond, "the room is finished")
		running.waitForLog(t, 0, "client_closed")
		b.visit(t, running, "clinic", "closed-tab", "Jane Doe").
			check(t, "the next click", "signed_in", "remembered", false, mint)
	})
}

// TestRoomAfterARestart: a Traefik that starts from nothing finishes what another one began, and
// finds what is done.
func TestRoomAfterARestart(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		config := map[string]map[string]any{"clinic": b.roomConfig(nil)}
		first := start(config)
		click := func(running *running, id, name string) visit {
			t.Helper()
			return b.visit(t, running, "clinic", id, name)
		}
		click(first, "done", "Jane Doe").
			check(t, "done before", "signed_in", "created", true, mint, create, assign)
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{}, vseetest.Fault{Status: 500})
		click(first, "begun", "José Doe").
			check(t, "begun before", "api_unavailable", "created", false, mint, create, assign)

		second := start(config)
		click(second, "begun", "José Doe").
			check(t, "finished after", "signed_in", "found", true, mint, create, find, assign)
		click(second, "begun", "José Doe").
			check(t, "then remembered", "signed_in", "remembered", false, mint)
		got := click(second, "done", "Jane Doe")
		assert.Equal(t, "signed_in", got.outcome, "done before")
		assert.Len(t, b.clinic.Rooms(), 2)
		b.checkRooms(t)
	})
}
