package vseetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

var providerForm = url.Values{"type": {"400"}, "code": {"u-17"}, "first_name": {"Jane"}, "last_name": {"Doe"}}

// call sends a form to the API and returns the status and the decoded answer.
func call(t *testing.T, s *Server, method, path string, form url.Values, headers ...string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(method, s.API()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-AccountCode", AccountCode)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// at follows keys into a decoded answer.
func at(t *testing.T, answer map[string]any, keys ...string) any {
	t.Helper()
	var value any = answer
	for _, key := range keys {
		object, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("no %v in %v", keys, answer)
		}
		value = object[key]
	}
	return value
}

func TestSignIn(t *testing.T) {
	s := NewServer()
	defer s.Close()
	status, first := call(t, s, "POST", "users/sso", providerForm, "X-ApiKey", Key)
	_, second := call(t, s, "POST", "users/sso.json", providerForm, "X-ApiKey", Key, "X-ApiSecret", Secret)
	if status != 200 || at(t, first, "data", "id") != at(t, second, "data", "id") {
		t.Errorf("the second sign-in is not the first one's user: %v, %v", first, second)
	}
	token, _ := at(t, first, "data", "token", "token").(string)
	if len(token) != 32 || token == at(t, second, "data", "token", "token") {
		t.Errorf("tokens %v, %v", token, at(t, second, "data", "token", "token"))
	}
	if users := s.Users(); len(users) != 1 || users[0].SignIns != 2 || users[0].FirstName != "Jane" || len(s.Tokens()) != 2 {
		t.Errorf("users %+v, %d tokens", users, len(s.Tokens()))
	}
	if user, known := s.UserOf(token); !known || user.Code != "u-17" {
		t.Errorf("the token is %+v's", user)
	}
	if _, known := s.UserOf("x"); known {
		t.Error("an unknown token is somebody's")
	}
	for desc, headers := range map[string][]string{
		"wrong key":     {"X-ApiKey", "x"},
		"no key":        {},
		"wrong secret":  {"X-ApiKey", Key, "X-ApiSecret", "x"},
		"wrong account": {"X-ApiKey", Key, "X-AccountCode", "x"},
	} {
		if status, answer := call(t, s, "POST", "users/sso", providerForm, headers...); status != 401 || at(t, answer, "code") != 401.0 {
			t.Errorf("%s: %d %v", desc, status, answer)
		}
	}
	for field, value := range map[string]string{"type": "500", "code": strings.Repeat("x", 129), "first_name": "", "last_name": ""} {
		form := url.Values{}
		for name, values := range providerForm {
			form[name] = values
		}
		form.Set(field, value)
		if status, answer := call(t, s, "POST", "users/sso", form, "X-ApiKey", Key); status != 400 {
			t.Errorf("%s = %q: %d %v", field, value, status, answer)
		}
	}
}

func TestRooms(t *testing.T) {
	s := NewServer()
	defer s.Close()
	_, signedIn := call(t, s, "POST", "users/sso", providerForm, "X-ApiKey", Key)
	userID, _ := at(t, signedIn, "data", "id").(string)
	form := url.Values{"domain": {"clinic.example.com"}, "slug": {"jane"}, "name": {"Jane Doe"}, "code": {"abc123"}}

	if status, _ := call(t, s, "POST", "rooms", form, "X-ApiToken", "x"); status != 401 {
		t.Errorf("a wrong token: %d", status)
	}
	status, room := call(t, s, "POST", "rooms", form, "X-ApiToken", AdminToken)
	roomID, _ := at(t, room, "data", "id").(string)
	if status != 200 || roomID == "" || at(t, room, "data", "code") != "abc123" {
		t.Errorf("created: %d %v", status, room)
	}
	if status, answer := call(t, s, "POST", "rooms", form, "X-ApiToken", AdminToken); status != 400 ||
		at(t, answer, "message") != "In domain 'clinic.example.com' slug 'jane' already exists." {
		t.Errorf("the same slug: %d %v", status, answer)
	}
	form.Set("slug", "another")
	if status, _ := call(t, s, "POST", "rooms", form, "X-ApiToken", AdminToken); status != 400 {
		t.Errorf("the same code: %d", status)
	}
	form.Del("code")
	if _, answer := call(t, s, "POST", "rooms", form, "X-ApiToken", AdminToken); at(t, answer, "data", "code") == "" {
		t.Errorf("no code was generated: %v", answer)
	}
	if status, answer := call(t, s, "GET", "rooms/abc123", nil); status != 200 || at(t, answer, "data", "id") != roomID {
		t.Errorf("by code: %d %v", status, answer)
	}
	if status, _ := call(t, s, "GET", "rooms/none", nil); status != 404 {
		t.Errorf("unknown code: %d", status)
	}
	if _, answer := call(t, s, "GET", "rooms", nil); len(answer["data"].([]any)) != 2 {
		t.Errorf("all rooms: %v", answer)
	}

	assign := func(form url.Values) int {
		status, _ := call(t, s, "POST", "users/"+userID+"/rooms", form, "X-ApiToken", AdminToken)
		return status
	}
	for desc, step := range map[string]struct {
		form url.Values
		want int
	}{"unknown room": {url.Values{"room_id": {"1"}}, 400}, "no room": {url.Values{}, 400}} {
		if got := assign(step.form); got != step.want {
			t.Errorf("%s: %d, want %d", desc, got, step.want)
		}
	}
	if first, again := assign(url.Values{"room_id": {roomID}}), assign(url.Values{"room_code": {"abc123"}}); first != 200 || again != 400 {
		t.Errorf("assigned: %d, again: %d", first, again)
	}
	if _, answer := call(t, s, "GET", "rooms/abc123/providers", nil); len(answer["data"].([]any)) != 1 {
		t.Errorf("providers: %v", answer)
	}
	if rooms := s.Rooms(); len(rooms) != 2 || len(rooms[0].Providers) != 1 || rooms[0].Providers[0] != userID {
		t.Errorf("rooms %+v", rooms)
	}
}

// TestPortal: the auth page signs in, obeys next below the portal's base path only, and keeps strangers out.
func TestPortal(t *testing.T) {
	s := NewServer()
	defer s.Close()
	get := func(client *http.Client, address string) (int, string, string) {
		response, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, response.Request.URL.String(), string(body)
	}
	call(t, s, "POST", "users/sso", providerForm, "X-ApiKey", Key)
	token := s.Tokens()[0]
	for next, want := range map[string]string{
		"/providers/dashboard":   "providers/dashboard",
		"/visits/7%3Ftab%3Dn":    "visits/7?tab=n",
		"":                       "",
		"//evil.example.com/x":   "evil.example.com/x",
		"/%5Cevil.example.com/x": "evil.example.com/x",
	} {
		jar, _ := cookiejar.New(nil)
		status, landed, body := get(&http.Client{Jar: jar}, s.Portal()+"auth?sso_token="+token+"&next="+next)
		if status != 200 || landed != s.Portal()+want || !strings.Contains(body, `<dd id="user">Jane Doe</dd>`) {
			t.Errorf("next=%s: %d at %s, want %s", next, status, landed, s.Portal()+want)
		}
	}
	patientForm := url.Values{"type": {"200"}, "code": {"p-1"}, "first_name": {"Ann"}, "last_name": {"Roe"}}
	_, answer := call(t, s, "POST", "users/sso", patientForm, "X-ApiKey", Key)
	token, _ = at(t, answer, "data", "token", "token").(string)
	for next, want := range map[string]int{"/u/clinic": 200, "/visits/7": 200, "/providers/dashboard": 403} {
		jar, _ := cookiejar.New(nil)
		if status, landed, _ := get(&http.Client{Jar: jar}, s.Portal()+"auth?sso_token="+token+"&next="+next); status != want {
			t.Errorf("a patient at %s: %d, want %d", landed, status, want)
		}
	}
	for _, path := range []string{"auth?sso_token=x&next=/a", "auth", "providers/dashboard"} {
		if status, _, body := get(&http.Client{}, s.Portal()+path); status != 401 || strings.Contains(body, "Jane") {
			t.Errorf("a stranger at %s: %d", path, status)
		}
	}
}

func TestFaults(t *testing.T) {
	s := NewServer()
	defer s.Close()
	s.Script(
		Fault{Status: 418, Header: map[string]string{"X-A": "b"}, Body: "teapot"},
		Fault{Reset: true},
		Fault{Status: 200, Body: "abc", Truncate: true},
		Fault{Raw: "no HTTP\r\n\r\n"},
		Fault{Status: 200, Body: "abc", Drip: time.Millisecond},
		Fault{Delay: 20 * time.Millisecond},
	)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	got := []string{}
	start := time.Now()
	for i := 0; i < 7; i++ {
		response, err := client.Post(s.API()+"users/sso", "application/json", strings.NewReader(`{"type":400}`))
		if err != nil {
			got = append(got, "error")
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		entry := response.Status[:3] + " " + response.Header.Get("X-A") + string(body)
		if err != nil {
			entry = "broken"
		}
		got = append(got, entry[:min(len(entry), 12)])
	}
	const refused = `401 {"code":4`
	want := []string{"418 bteapot", "error", "broken", "error", "200 abc", refused[:12], refused[:12]}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if time.Since(start) < 20*time.Millisecond {
		t.Error("nothing was delayed")
	}
	if requests := s.Requests(); len(requests) != 7 || requests[0].Fields["type"] != "400" || requests[0].Path != "users/sso" {
		t.Errorf("recorded %+v", requests)
	}
	s.Reset()
	if len(s.Requests()) != 0 {
		t.Error("Reset keeps requests")
	}
}
