package clinic

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/memory"
	"github.com/clinicpass/clinicpass/vsee"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// paths returns the calls that the API received, in order.
func paths(server *vseetest.Server) string {
	list := []string{}
	for _, call := range server.Requests() {
		list = append(list, call.Method+" "+call.Path)
	}
	return strings.Join(list, ", ")
}

// reached waits until the API has received n calls.
func reached(t *testing.T, server *vseetest.Server, calls int) {
	t.Helper()
	for i := 0; len(server.Requests()) < calls; i++ {
		require.Less(t, i, 1000, "the API received %s", paths(server))
		time.Sleep(5 * time.Millisecond)
	}
}

// assertAssigned asserts that the only room is the only user's.
func assertAssigned(t *testing.T, server *vseetest.Server) {
	t.Helper()
	users := server.Users()
	rooms := server.Rooms()
	require.Len(t, users, 1)
	require.Len(t, rooms, 1)
	assert.Equal(t, users[0].ID, strings.Join(rooms[0].Providers, ","))
}

// turns counts the providers whose room is in progress.
func turns(c *Clinic) int {
	count := 0
	c.underway.Range(func(key, turn interface{}) bool {
		count++
		return true
	})
	return count
}

func TestProvisionerGivesTurns(t *testing.T) {
	_, settings := setup(t)
	p := mustNew(t, settings)
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	require.NoError(t, begin(ctx, p, "jane"))
	require.NoError(t, begin(ctx, p, "john"), "another provider has to wait")
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, begin(short, p, "jane"), vsee.ErrTimeout, "a second click did not wait")
	left, leave := context.WithCancel(ctx)
	leave()
	assert.ErrorIs(t, begin(left, p, "jane"), vsee.ErrCanceled, "a closed tab waits")
	time.AfterFunc(20*time.Millisecond, func() { end(p, "jane") })
	require.NoError(t, begin(ctx, p, "jane"), "the turn was not passed on")
	end(p, "jane")
	end(p, "john")
	assert.Equal(t, 0, turns(p))
}

// TestRoomIsProvided once, remembered by this replica, and found by another.
func TestRoomIsProvided(t *testing.T) {
	server, c := setupRooms(t)
	to := mustNew(t, c)
	ctx := context.Background()
	ticket, err := SignIn(ctx, to, jane(t))
	require.NoError(t, err)
	assert.Equal(t, roomCreated, ticket.Room)
	assert.True(t, ticket.Assigned)
	assert.Equal(t, 3, ticket.Trace.Calls)
	users := server.Users()
	require.Len(t, users, 1)
	assert.Equal(t, "POST users/sso, POST rooms, POST users/"+users[0].ID+"/rooms", paths(server))
	rooms := server.Rooms()
	require.Len(t, rooms, 1)
	want := roomOf(to.settings, jane(t))
	assert.Equal(t, want.Code, rooms[0].Code)
	assert.Equal(t, want.Slug, rooms[0].Slug)
	assert.Equal(t, "Jane Doe", rooms[0].Name)
	assert.Equal(t, portalHost, rooms[0].Domain)
	assertAssigned(t, server)
	assert.Equal(t, map[string]string{"room_id": rooms[0].ID}, server.Requests()[2].Fields)

	server.Reset()
	ticket, err = SignIn(ctx, to, jane(t))
	require.NoError(t, err)
	assert.Equal(t, roomRemembered, ticket.Room)
	assert.False(t, ticket.Assigned)
	assert.Equal(t, "POST users/sso", paths(server))

	server.Reset()
	ticket, err = SignIn(ctx, mustNew(t, c), jane(t))
	require.NoError(t, err)
	assert.Equal(t, roomFound, ticket.Room)
	assert.False(t, ticket.Assigned)
	assert.Equal(t, "POST users/sso, POST rooms, GET rooms/"+want.Code, paths(server))

	server.Reset()
	server.SetQuirks(vseetest.Quirks{ListRoomsAtSignIn: true})
	ticket, err = SignIn(ctx, mustNew(t, c), jane(t))
	require.NoError(t, err)
	assert.Equal(t, roomFound, ticket.Room, "listed at the sign-in")
	assert.False(t, ticket.Assigned)
	assert.Equal(t, "POST users/sso", paths(server))
	assert.Len(t, server.Rooms(), 1)
}

// TestNoRoomUnlessEnabled: without room.enabled, no provider gets a room.
func TestNoRoomUnlessEnabled(t *testing.T) {
	server, c := setupRooms(t)
	c.Room.Enabled = false
	ticket, err := SignIn(context.Background(), mustNew(t, c), jane(t))
	require.NoError(t, err)
	assert.Empty(t, ticket.Room)
	assert.Equal(t, "POST users/sso", paths(server))
}

// TestRoomResumes: a sign-in continues where an earlier one stopped.
func TestRoomResumes(t *testing.T) {
	const exists = `{"code":400,"message":"Room code already exists."}`
	fine := vseetest.Fault{}
	for _, row := range []struct {
		desc     string
		script   []vseetest.Fault // of a sign-in that creates the room
		by       string           // room.assign.value
		assigned bool             // before the sign-in
		quirks   vseetest.Quirks
		want     error
		told     string // in the error
		room     string
		now      bool // assigned in this sign-in
	}{
		{desc: "created and not assigned", room: roomFound, now: true},
		{desc: "by its code", by: assignCode, room: roomFound, now: true},
		{
			desc:   "an answer without an id",
			quirks: vseetest.Quirks{NoRoomID: true},
			want:   vsee.ErrAPI,
			told:   "room.assign.value: code",
			room:   roomFound,
		},
		{
			desc:   "by its code, without an id",
			by:     assignCode,
			quirks: vseetest.Quirks{NoRoomID: true},
			room:   roomFound,
			now:    true,
		},
		{
			desc:     "assigned already",
			assigned: true,
			script: []vseetest.Fault{
				fine,
				{Status: 400, Body: exists},
				{Status: 200, Body: `{"data":{"id":"ID","code":"CODE"}}`},
			},
			room: roomFound,
			now:  true,
		},
		{
			desc:     "assigned already, in words that do not say so",
			assigned: true,
			script: []vseetest.Fault{
				fine,
				{Status: 400, Body: exists},
				{Status: 200, Body: `{"data":{"id":"ID","code":"CODE"}}`},
				{Status: 400, Body: `{"code":400,"message":"Cannot do that."}`},
			},
			room: roomFound,
			now:  true,
		},
		{
			desc: "not assigned, by the same words",
			script: []vseetest.Fault{
				fine,
				fine,
				fine,
				{Status: 400, Body: `{"code":400,"message":"Cannot do that."}`},
			},
			want: vsee.ErrAPI,
			told: "a message of 15 bytes",
			room: roomFound,
		},
		{
			desc:   "the slug is another room's",
			script: []vseetest.Fault{fine, {Status: 400, Body: exists}, {Status: 404}},
			want:   vsee.ErrAPI,
			told:   "GET rooms/:code",
		},
		{
			desc:   "the admin's token is refused",
			script: []vseetest.Fault{fine, {Status: 401}},
			want:   vsee.ErrCredentials,
			told:   "POST rooms",
		},
		{
			desc:   "assignments are unavailable",
			script: []vseetest.Fault{fine, fine, fine, {Status: 500}},
			want:   vsee.ErrUnavailable,
			told:   "POST users/:id/rooms",
			room:   roomFound,
		},
		{
			desc: "a sign-in without an id",
			script: []vseetest.Fault{
				{Status: 200, Body: `{"data":{"token":{"token":"t"}}}`},
			},
			want: vsee.ErrAPI,
			told: "no data.id to assign the room to",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			server, c := setupRooms(t)
			if row.by == assignCode {
				c.Room.Assign.Field = "room_code"
				c.Room.Assign.Value = assignCode
			}
			to := mustNew(t, c)
			ctx := context.Background()
			want := roomOf(to.settings, jane(t))
			if row.assigned {
				_, err := SignIn(ctx, mustNew(t, c), jane(t))
				require.NoError(t, err)
			} else {
				_, err := vsee.CreateRoom(ctx, current(to), want, nil)
				require.NoError(t, err)
			}
			script := []vseetest.Fault{}
			for _, fault := range row.script {
				fault.Body = strings.ReplaceAll(fault.Body, "CODE", want.Code)
				fault.Body = strings.ReplaceAll(fault.Body, "ID", server.Rooms()[0].ID)
				script = append(script, fault)
			}
			server.Reset()
			server.Script(script...)
			server.SetQuirks(row.quirks)
			ticket, err := SignIn(ctx, to, jane(t))
			assert.NotEmpty(t, ticket.Token)
			assert.Equal(t, row.room, ticket.Room)
			assert.Equal(t, row.now, ticket.Assigned)
			assert.Equal(t, len(server.Requests()), ticket.Trace.Calls)
			if row.want == nil {
				require.NoError(t, err)
				assertAssigned(t, server)
				return
			}
			require.ErrorIs(t, err, row.want)
			assert.ErrorContains(t, err, row.told)
			server.Reset()
			ticket, err = SignIn(ctx, to, jane(t))
			require.NoError(t, err, "another try")
			assert.Equal(t, roomFound, ticket.Room, "a failure is remembered")
			assertAssigned(t, server)
		})
	}
}

// TestSimultaneousClicks: the first creates the room, and the others wait for it.
func TestSimultaneousClicks(t *testing.T) {
	server, c := setupRooms(t)
	to := mustNew(t, c)
	p := jane(t)
	done := make(chan string, 5)
	for i := 0; i < 5; i++ {
		go func() {
			ticket, err := SignIn(context.Background(), to, p)
			if err != nil {
				ticket.Room = err.Error()
			}
			done <- ticket.Room
		}()
	}
	rooms := map[string]int{}
	for i := 0; i < 5; i++ {
		rooms[<-done]++
	}
	assert.Equal(t, map[string]int{roomCreated: 1, roomRemembered: 4}, rooms)
	assert.Equal(t, 1, strings.Count(paths(server), "POST rooms"))
	assert.Equal(t, 0, turns(to))
}

// TestClosedTabLeavesARoom: Clinicpass finishes the room, for the next click.
func TestClosedTabLeavesARoom(t *testing.T) {
	server, c := setupRooms(t)
	to := mustNew(t, c)
	p := jane(t)
	server.Script(vseetest.Fault{}, vseetest.Fault{Delay: 200 * time.Millisecond})
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	done := make(chan error, 1)
	go func() {
		_, err := SignIn(ctx, to, p)
		done <- err
	}()
	reached(t, server, 2)
	leave()
	assert.ErrorIs(t, <-done, vsee.ErrCanceled)
	require.Len(t, server.Rooms(), 1)
	assert.Len(t, server.Rooms()[0].Providers, 1)
	ticket, err := SignIn(context.Background(), to, p)
	require.NoError(t, err)
	assert.Equal(t, roomRemembered, ticket.Room)
}

// TestDeadlineEndsARoom: the timeout applies to the whole sign-in.
func TestDeadlineEndsARoom(t *testing.T) {
	server, c := setupRooms(t)
	c.API.Timeout = "500ms"
	to := mustNew(t, c)
	server.Script(vseetest.Fault{}, vseetest.Fault{Delay: time.Minute})
	ticket, err := SignIn(context.Background(), to, jane(t))
	assert.ErrorIs(t, err, vsee.ErrTimeout)
	assert.NotEmpty(t, ticket.Token)
	assert.Empty(t, ticket.Room)
	assert.Equal(t, 1, failuresOf(to.breaker))
	assert.Equal(t, 0, turns(to), "the turn was not given back")
}

// TestWaitingForATurnIsNoFailure: repeated clicks count one slow API call only once.
func TestWaitingForATurnIsNoFailure(t *testing.T) {
	server, c := setupRooms(t)
	c.API.Timeout = "500ms"
	to := mustNew(t, c)
	p := jane(t)
	stuck := make(chan error, 1)
	server.Script(vseetest.Fault{}, vseetest.Fault{Delay: time.Minute})
	go func() {
		_, err := SignIn(context.Background(), to, p)
		stuck <- err
	}()
	reached(t, server, 2)
	waiting := make(chan error, 6)
	for i := 0; i < cap(waiting); i++ {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			_, err := SignIn(ctx, to, p)
			cancel()
			waiting <- err
		}()
	}
	for i := 0; i < cap(waiting); i++ {
		require.ErrorIs(t, <-waiting, errTurn)
	}
	require.ErrorIs(t, <-stuck, vsee.ErrTimeout)
	assert.Equal(t, 1, memory.Count(to.breaker.held, p.Hash, 0, time.Now()))
}

// TestRenewedToken: a replaced admin token needs no restart.
func TestRenewedToken(t *testing.T) {
	server, c := setupRooms(t)
	c.API.Token = "an-old-token"
	to := mustNew(t, c)
	replace(to, func(api *config.API) { api.Token = vseetest.AdminToken })
	ticket, err := SignIn(context.Background(), to, jane(t))
	require.NoError(t, err)
	assert.Equal(t, roomCreated, ticket.Room)
	assert.True(t, ticket.Assigned)
	assert.Equal(t, 4, ticket.Trace.Calls)
	assert.Equal(t, 2, strings.Count(paths(server), "POST rooms"))
}

// TestRenewed: Clinicpass reads refused credentials again, unless another sign-in already has.
func TestRenewed(t *testing.T) {
	_, c := setup(t)
	to := mustNew(t, c)
	first := current(to)
	assert.False(t, renewed(to, first, nil))
	assert.False(t, renewed(to, first, vsee.ErrAPI))
	assert.False(t, renewed(to, first, vsee.ErrCredentials), "the same are no others")
	assert.True(t, current(to) == first)

	replace(to, func(api *config.API) { api.Key = "two words" })
	assert.False(t, renewed(to, first, vsee.ErrCredentials), "what cannot be used is")
	assert.True(t, current(to) == first)

	replace(to, func(api *config.API) { api.Key = "another-key" })
	assert.True(t, renewed(to, first, errors.Join(vsee.ErrCredentials)))
	second := current(to)
	assert.False(t, second == first)

	replace(to, func(api *config.API) { api.Key = "a-third-key" })
	assert.True(t, renewed(to, first, vsee.ErrCredentials), "somebody has read them since")
	assert.True(t, current(to) == second, "they were read twice")
}

// TestUse: a reload replaces the client only if the credentials differ.
func TestUse(t *testing.T) {
	server, c := setup(t)
	to := mustNew(t, c)
	first := current(to)
	Use(to, to.settings)
	assert.True(t, current(to) == first)
	other := *to.settings
	other.target.Key = "wrong"
	Use(to, &other)
	assert.False(t, current(to) == first)
	_, err := vsee.SignIn(context.Background(), current(to), &vsee.User{}, nil)
	assert.ErrorIs(t, err, vsee.ErrCredentials)
	assert.Equal(t, "wrong", server.Requests()[0].Header.Get("X-ApiKey"))
}

// TestThrough: the given transport gets the calls.
func TestThrough(t *testing.T) {
	server, c := setup(t)
	to := mustNew(t, c)
	counted := &counting{}
	Through(to, counted)
	_, err := SignIn(context.Background(), to, jane(t))
	require.NoError(t, err)
	assert.Equal(t, 1, counted.calls)
	assert.Equal(t, vseetest.Key, server.Requests()[0].Header.Get("X-ApiKey"))
}

// counting counts API calls.
type counting struct{ calls int }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	return http.DefaultTransport.RoundTrip(r)
}
