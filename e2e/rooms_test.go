package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// roomConfig is the base configuration with waiting rooms.
func (b *bench) roomConfig(more map[string]any) map[string]any {
	return overlay(overlay(b.baseConfig(), map[string]any{
		"api": map[string]any{"token": vseetest.AdminToken}, "room": map[string]any{"enabled": true},
	}), more)
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
	v := visit{outcome: got.header.Get("Clinicpass-Outcome"), location: got.header.Get("Location"), body: got.body}
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

func (v visit) check(t *testing.T, desc, outcome, room string, assigned bool, calls ...string) {
	t.Helper()
	if v.outcome != outcome || v.room != room || v.assigned != assigned || strings.Join(v.calls, ", ") != strings.Join(calls, ", ") {
		t.Errorf("%s: %s, room %q, assigned %v by %v\nwant %s, room %q, assigned %v by %v", desc,
			v.outcome, v.room, v.assigned, v.calls, outcome, room, assigned, calls)
	}
}

// inEveryEnvironment runs a test with a clinic of its own in each environment.
func inEveryEnvironment(t *testing.T, test func(t *testing.T, b *bench, start func(map[string]map[string]any) *running)) {
	t.Helper()
	for _, e := range environments() {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t)
			test(t, b, func(middlewares map[string]map[string]any) *running { return e.start(t, b.site.URL, middlewares) })
		})
	}
}

const (
	mint   = "POST users/sso"
	create = "POST rooms"
	find   = "GET rooms/CODE"
	assign = "POST users/ID/rooms"
)

// TestRooms: the three calls of a first sign-in, what a later one and another replica need, and every way to fail.
func TestRooms(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start func(map[string]map[string]any) *running) {
		byCode := map[string]any{"room": map[string]any{"assign": map[string]any{"field": "room_code", "value": "code"}}}
		replica := func(n int) map[string]any { // another configuration has another memory, as another replica has
			return map[string]any{"pages": map[string]any{"contact": fmt.Sprint("replica ", n)}}
		}
		running := start(map[string]map[string]any{
			"multipart": b.roomConfig(nil),
			"json":      b.roomConfig(map[string]any{"api": map[string]any{"encoding": "json"}}),
			"form":      b.roomConfig(map[string]any{"api": map[string]any{"encoding": "form"}}),
			"code":      b.roomConfig(byCode),
			"replica":   b.roomConfig(replica(1)),
			"replica2":  b.roomConfig(replica(2)),
			"bad-token": b.roomConfig(map[string]any{"api": map[string]any{"token": "not-the-token"}}),
			"domain":    b.roomConfig(map[string]any{"room": map[string]any{"domain": "clinic.example.com", "slug": "dr-{lastName}-{hash}", "name": "Dr. {name}"}}),
		})

		for _, encoding := range []string{"multipart", "json", "form", "code"} {
			id := "first-" + encoding
			first := b.visit(t, running, encoding, id, "José Doe")
			first.check(t, encoding, "signed_in", "created", true, mint, create, assign)
			b.visit(t, running, encoding, id, "José Doe").check(t, encoding+" again", "signed_in", "remembered", false, mint)
			room := lastRoom(b)
			made := map[string]string{"domain": "127.0.0.1", "slug": "provider-" + hash(id), "name": "José Doe", "code": room.Code}
			if sent := first.requests[1].Fields; !maps.Equal(sent, made) || !regexp.MustCompile(`^[0-9a-z]{16}$`).MatchString(room.Code) {
				t.Errorf("%s: sent %v, want %v", encoding, sent, made)
			}
			assigned := map[string]string{"room_id": room.ID}
			if encoding == "code" {
				assigned = map[string]string{"room_code": room.Code}
			}
			if sent := first.requests[2].Fields; !maps.Equal(sent, assigned) {
				t.Errorf("%s: assigned by %v, want %v", encoding, sent, assigned)
			}
			for n, r := range first.requests {
				key, token := r.Header.Get("X-ApiKey"), r.Header.Get("X-ApiToken")
				if admin := n > 0; (admin && (key != "" || token != vseetest.AdminToken)) || (!admin && (key != vseetest.Key || token != "")) {
					t.Errorf("%s: %s was sent key %q and token %q", encoding, first.calls[n], key, token)
				}
			}
			if page := land(t, first.location); !strings.Contains(page, "José Doe (/u/provider-"+hash(id)+")") {
				t.Errorf("%s: the dashboard lacks the room: %s", encoding, page)
			}
		}

		b.visit(t, running, "replica", "first-multipart", "José Doe").
			check(t, "on another replica", "signed_in", "found", false, mint, create, find)

		custom := b.visit(t, running, "domain", "u-7", "Jane Doe")
		want := map[string]string{"domain": "clinic.example.com", "slug": "dr-doe-" + hash("u-7"), "name": "Dr. Jane Doe", "code": custom.requests[1].Fields["code"]}
		if sent := custom.requests[1].Fields; !maps.Equal(sent, want) {
			t.Errorf("templates: sent %v, want %v", sent, want)
		}

		// The assignment is refused; the next click resumes, on whatever replica.
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{}, vseetest.Fault{Status: 400, Body: `{"code":400,"message":"Invalid room."}`})
		b.visit(t, running, "multipart", "refused", "").check(t, "refused", "api_error", "created", false, mint, create, assign, find)
		b.visit(t, running, "replica", "refused", "").check(t, "resumed", "signed_in", "found", true, mint, create, find, assign)
		b.visit(t, running, "multipart", "refused", "").check(t, "resumed, seen from the first", "signed_in", "found", false, mint, create, find)

		// "Already assigned", in other words than the simulation's.
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{}, vseetest.Fault{Status: 409, Body: `{"code":409,"message":"User ALREADY has this room"}`})
		b.visit(t, running, "multipart", "already", "").check(t, "already assigned", "signed_in", "created", true, mint, create, assign)

		// It is assigned, but neither the room nor the refusal says so; the list of the room's providers does.
		b.visit(t, running, "multipart", "listed", "")
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{}, vseetest.Fault{Status: 200, Body: `{"data":{"id":"1","code":"` + lastRoom(b).Code + `"}}`},
			vseetest.Fault{Status: 400, Body: `{"code":400,"message":"Invalid room."}`})
		b.visit(t, running, "replica", "listed", "").check(t, "the list says so", "signed_in", "found", true, mint, create, find, assign, find)

		// What exists is not ours: somebody's room has our slug.
		b.byHand(t, "rooms", "domain", "127.0.0.1", "slug", "provider-"+hash("foreign"), "name", "Somebody else's", "code", "foreigncode1")
		b.visit(t, running, "multipart", "foreign", "").check(t, "foreign room", "api_error", "", false, mint, create, find)
		// A 400 that does not say so is no "exists".
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{Status: 400, Body: `{"code":400,"message":"Invalid domain."}`})
		b.visit(t, running, "multipart", "other-400", "").check(t, "another 400", "api_error", "", false, mint, create)
		// A room of another code is refused, whoever says it is ours.
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{Status: 200, Body: `{"data":{"id":"1","code":"another"}}`})
		b.visit(t, running, "multipart", "other-code", "").check(t, "another code", "api_error", "", false, mint, create)
		for _, room := range b.clinic.Rooms() {
			if strings.HasPrefix(room.Code, "foreign") && len(room.Providers) > 0 {
				t.Errorf("a provider was assigned to a foreign room: %+v", room)
			}
		}

		// Nobody to assign the room to.
		b.clinic.Script(vseetest.Fault{Status: 200, Body: `{"data":{"token":{"token":"66bcd0acff324e8a44992d9596b5d361"}}}`})
		b.visit(t, running, "multipart", "nobody", "").check(t, "no user id", "api_error", "", false, mint)

		// Connections break between the steps.
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{Reset: true}, vseetest.Fault{}, vseetest.Fault{Status: 503})
		b.visit(t, running, "multipart", "broken", "").check(t, "broken connections", "signed_in", "created", true, mint, create, create, assign, assign)

		// What VSee's documentation leaves open.
		b.clinic.SetQuirks(vseetest.Quirks{NumericIDs: true})
		b.visit(t, running, "multipart", "numbers", "").check(t, "numbers for ids", "signed_in", "created", true, mint, create, assign)
		b.visit(t, running, "replica", "numbers", "").check(t, "numbers for ids", "signed_in", "found", false, mint, create, find)
		b.clinic.SetQuirks(vseetest.Quirks{ListRoomsAtSignIn: true})
		b.visit(t, running, "replica2", "numbers", "").check(t, "the sign-in lists the room", "signed_in", "found", false, mint)
		b.visit(t, running, "replica2", "not-listed", "").check(t, "the sign-in lists no room", "signed_in", "created", true, mint, create, assign)
		b.byHand(t, "rooms", "domain", "other.example.com", "slug", "shared", "name", "Everybody's", "code", "sharedcode1")
		users := b.clinic.Users()
		b.byHand(t, "users/"+users[len(users)-1].ID+"/rooms", "room_code", "sharedcode1")
		b.visit(t, running, "replica", "not-listed", "").check(t, "the sign-in lists their room and another", "signed_in", "found", false, mint)
		b.visit(t, running, "replica2", "lists-another", "")
		users = b.clinic.Users()
		b.clinic.Script(vseetest.Fault{Status: 200, Body: `{"data":{"id":"` + users[len(users)-1].ID + `","rooms":[{"code":"sharedcode1"}],"token":{"token":"66bcd0acff324e8a44992d9596b5d361"}}}`})
		b.visit(t, running, "replica", "lists-another", "").check(t, "the sign-in lists another room only", "signed_in", "found", false, mint, create, find)
		b.clinic.SetQuirks(vseetest.Quirks{NoRoomID: true})
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{}, vseetest.Fault{Status: 500})
		b.visit(t, running, "multipart", "no-id", "").check(t, "assignment fails", "api_unavailable", "created", false, mint, create, assign)
		b.visit(t, running, "multipart", "no-id", "").check(t, "no id", "api_error", "found", false, mint, create, find)
		running.waitForLog(t, 0, "set room.assign.value: code")
		b.visit(t, running, "code", "no-id", "").check(t, "the code instead", "signed_in", "found", true, mint, create, find, assign)
		b.clinic.SetQuirks(vseetest.Quirks{})

		// The admin's token is wrong though the key is right.
		refused := b.visit(t, running, "bad-token", "u-8", "")
		refused.check(t, "wrong admin token", "credentials_refused", "", false, mint, create)
		if !strings.Contains(refused.body, "This is not because of your account") {
			t.Errorf("the page blames the provider: %s", refused.body)
		}
		running.waitForLog(t, 0, "POST rooms, attempt 1: HTTP 401")
		b.checkRooms(t)
	})
}

// checkRooms: no room has two providers, and no provider two rooms of one domain.
func (b *bench) checkRooms(t *testing.T) {
	t.Helper()
	owner := map[string]string{}
	for _, room := range b.clinic.Rooms() {
		if len(room.Providers) > 1 {
			t.Errorf("room %s has providers %v", room.Slug, room.Providers)
		}
		for _, id := range room.Providers {
			if other := owner[id+room.Domain]; other != "" {
				t.Errorf("provider %s has rooms %s and %s", id, other, room.Slug)
			}
			owner[id+room.Domain] = room.Slug
		}
	}
}

func lastRoom(b *bench) vseetest.Room {
	rooms := b.clinic.Rooms()
	return rooms[len(rooms)-1]
}

// hash is {hash}.
func hash(code string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(code)))[:16]
}

// land follows a sign-in to its page.
func land(t *testing.T, location string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Jar: jar}).Get(location)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// byHand calls the API as the clinic's administrator.
func (b *bench) byHand(t *testing.T, path string, fields ...string) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, b.clinic.API()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-AccountCode", vseetest.AccountCode)
	r.Header.Set("X-ApiToken", vseetest.AdminToken)
	response, err := client.Do(r)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v %v", path, response, err)
	}
	_ = response.Body.Close()
}

// TestRoomsOfLookAlikes: names that come to the same letters, no letters, or too many, never meet in one room.
func TestRoomsOfLookAlikes(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start func(map[string]map[string]any) *running) {
		running := start(map[string]map[string]any{
			"plain": b.roomConfig(nil),
			"named": b.roomConfig(map[string]any{"room": map[string]any{"slug": "{firstName}-{lastName}-{id}-{hash}", "domain": "named.example.com"}}),
		})
		names := []string{"José", "Jose", "JOSE", "jose!", "", "王小明", "王小红", strings.Repeat("Jane ", 40), strings.Repeat("Jane ", 41), "-", "<b>Jane</b>"}
		ids := []string{"José", "Jose", "JOSE", "jose!", "jose.", "王", "王小", "a-b", "a--b", "A-B", "a_b"}
		for _, host := range []string{"plain", "named"} {
			for n, id := range ids {
				b.visit(t, running, host, id, names[n]).check(t, host+" "+id, "signed_in", "created", true, mint, create, assign)
			}
		}
		if rooms := b.clinic.Rooms(); len(rooms) != 2*len(ids) {
			t.Errorf("%d rooms for %d providers in two domains", len(rooms), len(ids))
		}
		slugs := map[string]bool{}
		for _, room := range b.clinic.Rooms() {
			slugs[room.Domain+room.Slug] = true
			if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(room.Slug) || len(room.Slug) > 130 || room.Name == "" || len([]rune(room.Name)) > 100 {
				t.Errorf("slug %q, name %q", room.Slug, room.Name)
			}
		}
		if len(slugs) != len(b.clinic.Rooms()) {
			t.Error("two rooms share a slug")
		}
	})
}

// TestRoomsAtOnce: clicks of one provider at once make the room once, and those that waited sign in as well.
func TestRoomsAtOnce(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start func(map[string]map[string]any) *running) {
		running := start(map[string]map[string]any{"clinic": b.roomConfig(nil)})
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				got := running.send(t, "clinic", request{path: "/clinic", header: defaultHeaders("at-once")})
				if got.status != http.StatusFound {
					t.Errorf("%d: %s", got.status, got.body)
				}
			})
		}
		wait.Wait()
		counted := map[string]int{}
		for _, r := range b.clinic.Requests() {
			counted[r.Method+" "+number.ReplaceAllString(r.Path, "/ID/")]++
		}
		if want := map[string]int{mint: 8, create: 1, assign: 1}; !maps.Equal(counted, want) {
			t.Errorf("calls %v, want %v", counted, want)
		}
	})
}

// TestRoomsOfReplicas: two replicas that know nothing of each other, 100 providers who click twice at once on each.
func TestRoomsOfReplicas(t *testing.T) {
	const providers = 100
	inEveryEnvironment(t, func(t *testing.T, b *bench, start func(map[string]map[string]any) *running) {
		config := map[string]map[string]any{"clinic": b.roomConfig(nil)}
		replicas := []*running{start(config), start(config)}
		work := make(chan int)
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for n := range work {
					got := replicas[n%2].send(t, "clinic", request{path: "/clinic", header: defaultHeaders(fmt.Sprint("provider-", n/4))})
					if got.status != http.StatusFound {
						t.Errorf("%d: %s", got.status, got.body)
					}
				}
			})
		}
		for n := range 4 * providers {
			work <- n
		}
		close(work)
		wait.Wait()
		rooms := b.clinic.Rooms()
		if len(rooms) != providers {
			t.Errorf("%d rooms, want %d", len(rooms), providers)
		}
		for _, room := range rooms {
			if len(room.Providers) != 1 {
				t.Errorf("room %s has providers %v", room.Slug, room.Providers)
			}
		}
		b.checkRooms(t)
	})
}

// TestRoomOfAClosedTab: what has begun is finished without the browser, and the next click finds it done.
func TestRoomOfAClosedTab(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start func(map[string]map[string]any) *running) {
		running := start(map[string]map[string]any{"clinic": b.roomConfig(nil)})
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{Delay: 300 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, running.url+"/clinic", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "clinic"
		r.Header = defaultHeaders("closed-tab")
		go func() {
			for len(b.clinic.Requests()) < 2 && ctx.Err() == nil { // until the room is being made
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		if response, err := client.Do(r); err == nil {
			_ = response.Body.Close()
			t.Fatal("the tab was not closed in time")
		}
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if rooms := b.clinic.Rooms(); len(rooms) == 1 && len(rooms[0].Providers) == 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the room was not finished: %+v", b.clinic.Rooms())
			}
		}
		running.waitForLog(t, 0, "client_closed")
		b.visit(t, running, "clinic", "closed-tab", "Jane Doe").check(t, "the next click", "signed_in", "remembered", false, mint)
	})
}

// TestRoomAfterARestart: a Traefik that starts from nothing finishes what another one began, and finds what is done.
func TestRoomAfterARestart(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, b *bench, start func(map[string]map[string]any) *running) {
		config := map[string]map[string]any{"clinic": b.roomConfig(nil)}
		first := start(config)
		b.visit(t, first, "clinic", "done", "Jane Doe").check(t, "done before", "signed_in", "created", true, mint, create, assign)
		b.clinic.Script(vseetest.Fault{}, vseetest.Fault{}, vseetest.Fault{Status: 500})
		b.visit(t, first, "clinic", "begun", "José Doe").check(t, "begun before", "api_unavailable", "created", false, mint, create, assign)

		second := start(config)
		b.visit(t, second, "clinic", "begun", "José Doe").check(t, "finished after", "signed_in", "found", true, mint, create, find, assign)
		b.visit(t, second, "clinic", "begun", "José Doe").check(t, "then remembered", "signed_in", "remembered", false, mint)
		if got := b.visit(t, second, "clinic", "done", "Jane Doe"); got.outcome != "signed_in" || len(b.clinic.Rooms()) != 2 {
			t.Errorf("done before: %s, %d rooms", got.outcome, len(b.clinic.Rooms()))
		}
		b.checkRooms(t)
	})
}
