package vsee

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

func adminClient(api string) *Client {
	return New(Config{API: api, AccountCode: vseetest.AccountCode, Key: vseetest.Key, Token: vseetest.AdminToken})
}

var room = Room{Code: "abc123", Slug: "jane", Name: "Jane Doe & Co", Domain: "clinic.example.com"}

func TestRoomCalls(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	ctx := context.Background()
	for _, numeric := range []bool{false, true} {
		clinic.SetQuirks(vseetest.Quirks{NumericIDs: numeric})
		want := room
		if numeric {
			want.Code = "def456"
			want.Slug = "john"
		}
		c := adminClient(clinic.API())
		sso, err := c.SSO(ctx, User{Type: Provider, Code: want.Slug, FirstName: "Jane", LastName: "Doe"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		made, err := c.CreateRoom(ctx, want, nil)
		if err != nil || made.ID == "" || made.Code != want.Code || made.Slug != want.Slug || made.Name != want.Name || made.Domain != want.Domain {
			t.Errorf("created %+v, %v", made, err)
		}
		if _, err := c.CreateRoom(ctx, want, nil); !errors.Is(err, ErrExists) {
			t.Errorf("created twice: %v", err)
		}
		if err := c.AssignRoom(ctx, sso.UserID, "room_id", made.ID, nil); err != nil {
			t.Errorf("assigned: %v", err)
		}
		if err := c.AssignRoom(ctx, sso.UserID, "room_code", made.Code, nil); !errors.Is(err, ErrExists) {
			t.Errorf("assigned twice: %v", err)
		}
		found, err := c.RoomByCode(ctx, want.Code, nil)
		if err != nil || found.ID != made.ID || len(found.ProviderIDs) != 1 || found.ProviderIDs[0] != sso.UserID {
			t.Errorf("found %+v, %v", found, err)
		}
		ids, err := c.RoomProviders(ctx, want.Code, nil)
		if err != nil || len(ids) != 1 || ids[0] != sso.UserID {
			t.Errorf("providers %v, %v", ids, err)
		}
	}
	for _, r := range clinic.Requests() {
		if isSSO := r.Path == "users/sso"; isSSO == (r.Header.Get("X-ApiToken") != "") || isSSO == (r.Header.Get("X-ApiKey") == "") {
			t.Errorf("%s was sent the wrong credentials", r.Path)
		}
		if r.Method == "GET" && (r.Header.Get("Content-Type") != "" || len(r.Fields) > 0) {
			t.Errorf("GET %s has a body", r.Path)
		}
	}
}

func TestRoomRefusals(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	ctx := context.Background()
	c := adminClient(clinic.API())
	if _, err := c.RoomByCode(ctx, "none", nil); !errors.Is(err, ErrAPI) {
		t.Errorf("unknown room: %v", err)
	}
	if _, err := c.RoomProviders(ctx, "none", nil); !errors.Is(err, ErrAPI) {
		t.Errorf("providers of an unknown room: %v", err)
	}
	if err := c.AssignRoom(ctx, "1", "room_id", "2", nil); !errors.Is(err, ErrAPI) || strings.Contains(err.Error(), "users/1/") {
		t.Errorf("unknown user: %v", err)
	}
	config := c.config
	config.Token = "wrong"
	if _, err := New(config).CreateRoom(ctx, room, nil); !errors.Is(err, ErrCredentials) {
		t.Errorf("wrong token: %v", err)
	}
	clinic.Reset()
	_ = c.AssignRoom(ctx, "../rooms", "room_id", "2", nil)
	if path := clinic.Requests()[0].Path; path != "users/../rooms/rooms" { // as the server decodes %2F
		t.Errorf("an id changed the path to %s", path)
	}
}

func TestRoomAnswers(t *testing.T) {
	for _, test := range []struct {
		desc, body string
		want       Room
		err        error
	}{
		{"all of it", `{"data":{"id":"1","code":"abc123","slug":"s","name":"n","domain":"d","provider_ids":["7",8]}}`, Room{ID: "1", Code: "abc123", Slug: "s", Name: "n", Domain: "d", ProviderIDs: []string{"7", "8"}}, nil},
		{"the code only", `{"data":{"code":"abc123"}}`, Room{Code: "abc123"}, nil},
		{"a code of digits", `{"data":{"code":123}}`, Room{}, ErrAPI},
		{"providers that are no list", `{"data":{"code":"abc123","provider_ids":"7"}}`, Room{Code: "abc123"}, nil},
		{"providers that are objects", `{"data":{"code":"abc123","provider_ids":[{}]}}`, Room{Code: "abc123", ProviderIDs: []string{""}}, nil},
		{"another code", `{"data":{"id":"1","code":"ABC123"}}`, Room{}, ErrAPI},
		{"no code", `{"data":{"id":"1"}}`, Room{}, ErrAPI},
		{"a list", `{"data":[]}`, Room{}, ErrAPI},
		{"nothing", `{}`, Room{}, ErrAPI},
	} {
		api := answering(200, test.body)
		got, err := adminClient(api.URL+"/").RoomByCode(context.Background(), "abc123", nil)
		api.Close()
		if !errors.Is(err, test.err) || got.ID != test.want.ID || got.Code != test.want.Code || got.Slug != test.want.Slug || got.Name != test.want.Name ||
			got.Domain != test.want.Domain || strings.Join(got.ProviderIDs, ",") != strings.Join(test.want.ProviderIDs, ",") {
			t.Errorf("%s: %+v, %v; want %+v, %v", test.desc, got, err, test.want, test.err)
		}
	}
}

func TestExistsOnlyWhereTheMessageSaysSo(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		want   error
	}{
		{400, `{"code":400,"message":"In domain 'd' slug 's' already exists."}`, ErrExists},
		{400, `{"message":"ALREADY ASSIGNED"}`, ErrExists},
		{409, `{"code":409,"message":"is already taken"}`, ErrExists},
		{400, `{"code":400,"message":"exists not"}`, ErrAPI},
		{400, `already exists`, ErrAPI},
		{404, `{"code":404,"message":"already gone"}`, ErrAPI},
		{500, `{"code":500,"message":"already exists"}`, ErrUnavailable},
		{401, `{"code":401,"message":"already signed out"}`, ErrCredentials},
		{400, `{"code":401,"message":"already signed out"}`, ErrCredentials},
		{200, `{"code":400,"message":"already exists"}`, ErrExists},
	} {
		api := answering(test.status, test.body)
		_, err := adminClient(api.URL+"/").CreateRoom(context.Background(), room, nil)
		api.Close()
		if !errors.Is(err, test.want) {
			t.Errorf("%d %s: %v, want %v", test.status, test.body, err, test.want)
		}
	}
}

func TestRoomsInTheSignIn(t *testing.T) {
	for rooms, want := range map[string]string{
		`[{"code":"a"},{"code":"b","id":1}]`: "a,b", `[]`: "", `null`: "", `{"code":"a"}`: "", `["a"]`: "", `[{"id":1}]`: "", `"a"`: "",
	} {
		api := answering(200, `{"data":{"id":"1","rooms":`+rooms+`,"token":{"token":"t"}}}`)
		sso, err := testClient(api.URL+"/").SSO(context.Background(), jane, nil)
		api.Close()
		if got := strings.Join(sso.RoomCodes, ","); err != nil || got != want {
			t.Errorf("rooms %s: %q, %v; want %q", rooms, got, err, want)
		}
	}
}
