package vsee

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

func testRoom() Room {
	return Room{
		Code:   "abc123",
		Slug:   "jane",
		Name:   "Jane Doe & Co",
		Domain: "clinic.example.com",
	}
}

func assignment(userID, field, value string) Assignment {
	return Assignment{UserID: userID, Field: field, Value: value}
}

func TestRoomCalls(t *testing.T) {
	for _, row := range []struct {
		desc   string
		quirks vseetest.Quirks
	}{
		{desc: "ids that are texts"},
		{desc: "ids that are numbers", quirks: vseetest.Quirks{NumericIDs: true}},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, config := setup(t)
			clinic.SetQuirks(row.quirks)
			c := New(config)
			ctx := context.Background()
			want := testRoom()
			trace := &Trace{}
			sso, err := SignIn(ctx, c, jane(), trace)
			require.NoError(t, err)
			require.NotEmpty(t, UserID(sso))

			made, err := CreateRoom(ctx, c, want, trace)
			require.NoError(t, err)
			assert.NotEmpty(t, made.ID)
			assert.Equal(t, want.Code, made.Code)
			assert.Equal(t, want.Slug, made.Slug)
			assert.Equal(t, want.Name, made.Name)
			assert.Equal(t, want.Domain, made.Domain)
			assert.Empty(t, made.ProviderIDs)
			_, err = CreateRoom(ctx, c, want, trace)
			assert.ErrorIs(t, err, ErrExists)

			err = AssignRoom(ctx, c, assignment(UserID(sso), "room_id", made.ID), trace)
			assert.NoError(t, err)
			err = AssignRoom(ctx, c, assignment(UserID(sso), "room_code", made.Code), trace)
			assert.ErrorIs(t, err, ErrExists)

			found, err := RoomByCode(ctx, c, want.Code, trace)
			require.NoError(t, err)
			assert.Equal(t, made.ID, found.ID)
			assert.Equal(t, []string{UserID(sso)}, found.ProviderIDs)
			ids, err := RoomProviders(ctx, c, want.Code, trace)
			require.NoError(t, err)
			assert.Equal(t, []string{UserID(sso)}, ids)
			assert.Equal(t, 7, trace.Calls)

			sent := clinic.Requests()
			assert.Equal(t, map[string]string{
				"code":   "abc123",
				"slug":   "jane",
				"name":   "Jane Doe & Co",
				"domain": "clinic.example.com",
			}, sent[1].Fields)
			assert.Equal(t, map[string]string{"room_id": made.ID}, sent[3].Fields)
			assert.Equal(t, map[string]string{"room_code": made.Code}, sent[4].Fields)
		})
	}
}

func TestRoomRefusals(t *testing.T) {
	_, config := setup(t)
	ctx := context.Background()
	c := New(config)
	_, err := RoomByCode(ctx, c, "none", nil)
	assert.ErrorIs(t, err, ErrAPI, "unknown room")
	ids, err := RoomProviders(ctx, c, "none", nil)
	assert.ErrorIs(t, err, ErrAPI, "providers of an unknown room")
	assert.Empty(t, ids)
	err = AssignRoom(ctx, c, assignment("1", "room_id", "2"), nil)
	assert.ErrorIs(t, err, ErrAPI, "unknown user")
	assert.NotContains(t, err.Error(), "users/1/")
	config.Token = "wrong"
	_, err = CreateRoom(ctx, New(config), testRoom(), nil)
	assert.ErrorIs(t, err, ErrCredentials, "wrong token")
	err = AssignRoom(ctx, New(config), assignment("1", "room_id", "2"), nil)
	assert.ErrorIs(t, err, ErrCredentials, "wrong token")
}

// TestPathsAreEscaped: an invalid ID or code does not lead to another call.
func TestPathsAreEscaped(t *testing.T) {
	clinic, config := setup(t)
	c := New(config)
	ctx := context.Background()
	_ = AssignRoom(ctx, c, assignment("../rooms", "room_id", "2"), nil)
	_, _ = RoomByCode(ctx, c, "a/providers?x=1", nil)
	_, _ = RoomProviders(ctx, c, "a b#c", nil)
	calls := clinic.Requests()
	require.Len(t, calls, 3)
	assert.Equal(t, "users/../rooms/rooms", calls[0].Path) // as the server decodes %2F
	assert.Equal(t, "rooms/a/providers?x=1", calls[1].Path)
	assert.Equal(t, "rooms/a b#c/providers", calls[2].Path)
}

func TestRoomAnswers(t *testing.T) {
	for _, row := range []struct {
		desc, body string
		want       Room
		err        error
	}{
		{
			desc: "all of it",
			body: `{"data":{"id":"1","code":"abc123","slug":"s","name":"n","domain":"d",` +
				`"provider_ids":["7",8]}}`,
			want: Room{
				ID:          "1",
				Code:        "abc123",
				Slug:        "s",
				Name:        "n",
				Domain:      "d",
				ProviderIDs: []string{"7", "8"},
			},
		},
		{desc: "the code only", body: `{"data":{"code":"abc123"}}`, want: Room{Code: "abc123"}},
		{desc: "a code of digits", body: `{"data":{"code":123}}`, err: ErrAPI},
		{
			desc: "providers that are no list",
			body: `{"data":{"code":"abc123","provider_ids":"7"}}`,
			want: Room{Code: "abc123"},
		},
		{
			desc: "providers that are objects",
			body: `{"data":{"code":"abc123","provider_ids":[{}]}}`,
			want: Room{Code: "abc123", ProviderIDs: []string{""}},
		},
		{
			desc: "providers null",
			body: `{"data":{"code":"abc123","provider_ids":null}}`,
			want: Room{Code: "abc123"},
		},
		{desc: "another code", body: `{"data":{"id":"1","code":"ABC123"}}`, err: ErrAPI},
		{desc: "no code", body: `{"data":{"id":"1"}}`, err: ErrAPI},
		{desc: "a list", body: `{"data":[]}`, err: ErrAPI},
		{desc: "a list of the room", body: `{"data":[{"code":"abc123"}]}`, err: ErrAPI},
		{desc: "data null", body: `{"data":null}`, err: ErrAPI},
		{desc: "data missing", body: `{}`, err: ErrAPI},
	} {
		t.Run(row.desc, func(t *testing.T) {
			got, err := RoomByCode(context.Background(), answering(t, 200, row.body), "abc123", nil)
			assertIs(t, row.err, err)
			assert.Equal(t, row.want.ID, got.ID)
			assert.Equal(t, row.want.Code, got.Code)
			assert.Equal(t, row.want.Slug, got.Slug)
			assert.Equal(t, row.want.Name, got.Name)
			assert.Equal(t, row.want.Domain, got.Domain)
			assert.Equal(t, len(row.want.ProviderIDs), len(got.ProviderIDs))
			assert.Equal(t, strings.Join(row.want.ProviderIDs, ","),
				strings.Join(got.ProviderIDs, ","))
		})
	}
}

// TestRoomOfNoCode: an answer without a room code is refused.
func TestRoomOfNoCode(t *testing.T) {
	c := answering(t, 200, `{"data":{"id":"1"}}`)
	_, err := RoomByCode(context.Background(), c, "abc123", nil)
	assert.EqualError(t, err, "the API gave an unusable answer: "+
		"the answer has another room's code, or none")
}

func TestProvidersAnswers(t *testing.T) {
	for _, row := range []struct {
		desc, body, want string
		err              error
	}{
		{desc: "texts and numbers", body: `{"data":[{"id":"7"},{"id":8}]}`, want: "7,8"},
		{desc: "nobody", body: `{"data":[]}`},
		{desc: "a provider without an ID", body: `{"data":[{"id":"7"},{}]}`, want: "7,"},
		{desc: "an object", body: `{"data":{"id":"7"}}`, err: ErrAPI},
		{desc: "a list of texts", body: `{"data":["7"]}`, err: ErrAPI},
		{desc: "data null", body: `{"data":null}`, err: ErrAPI},
		{desc: "data missing", body: `{}`, err: ErrAPI},
		{desc: "a code 403 beside an object", body: `{"data":{},"code":403}`, err: ErrCredentials},
	} {
		t.Run(row.desc, func(t *testing.T) {
			ids, err := RoomProviders(context.Background(), answering(t, 200, row.body), "a", nil)
			assertIs(t, row.err, err)
			assert.Equal(t, row.want, strings.Join(ids, ","))
		})
	}
}

// TestAssignmentAnswers: VSee does not document the data of a success, so any data is accepted.
func TestAssignmentAnswers(t *testing.T) {
	for _, row := range []struct {
		desc, body string
		want       error
	}{
		{desc: "an object", body: `{"data":{"id":"1"}}`},
		{desc: "a list", body: `{"data":[1,"a"]}`},
		{desc: "a text", body: `{"data":"done"}`},
		{desc: "data null", body: `{"data":null}`},
		{desc: "data missing", body: `{}`},
		{desc: "nothing", body: ``, want: ErrAPI},
		{desc: "no JSON", body: `done`, want: ErrAPI},
		{desc: "a code 401 beside a list", body: `{"data":[],"code":401}`, want: ErrCredentials},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := answering(t, 200, row.body)
			err := AssignRoom(context.Background(), c, assignment("1", "room_id", "2"), nil)
			assertIs(t, row.want, err)
		})
	}
}
