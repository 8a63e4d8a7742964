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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var providerForm = url.Values{
	"type":       {"400"},
	"code":       {"u-17"},
	"first_name": {"Jane"},
	"last_name":  {"Doe"},
}

// start starts a simulated clinic until the test ends.
func start(t *testing.T) *Server {
	t.Helper()
	s := NewServer()
	t.Cleanup(s.Close)
	return s
}

// call sends a form to the API and returns the status and the decoded answer.
func call(
	t *testing.T, s *Server, method, path string, form url.Values, headers ...string,
) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(method, s.API()+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-AccountCode", AccountCode)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	answer := map[string]any{}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	return response.StatusCode, answer
}

// at returns the value at a path of keys in a decoded answer.
func at(t *testing.T, answer map[string]any, keys ...string) any {
	t.Helper()
	var value any = answer
	for _, key := range keys {
		require.IsType(t, map[string]any{}, value, "no %v in %v", keys, answer)
		value = value.(map[string]any)[key]
	}
	return value
}

// textAt is at for texts.
func textAt(t *testing.T, answer map[string]any, keys ...string) string {
	t.Helper()
	value := at(t, answer, keys...)
	require.IsType(t, "", value, "%v in %v", keys, answer)
	return value.(string)
}

func TestSignIn(t *testing.T) {
	s := start(t)
	status, first := call(t, s, "POST", "users/sso", providerForm, "X-ApiKey", Key)
	assert.Equal(t, 200, status, "%v", first)
	_, second := call(t, s, "POST", "users/sso.json", providerForm,
		"X-ApiKey", Key, "X-ApiSecret", Secret)
	assert.Equal(t, textAt(t, first, "data", "id"), textAt(t, second, "data", "id"))
	token := textAt(t, first, "data", "token", "token")
	assert.Len(t, token, 32)
	assert.NotEqual(t, token, at(t, second, "data", "token", "token"))

	users := s.Users()
	require.Len(t, users, 1)
	assert.Equal(t, 2, users[0].SignIns)
	assert.Equal(t, "Jane", users[0].FirstName)
	assert.Len(t, s.Tokens(), 2)
	user, known := s.UserOf(token)
	assert.True(t, known, "the token is nobody's")
	assert.Equal(t, "u-17", user.Code)
	_, known = s.UserOf("x")
	assert.False(t, known, "an unknown token is somebody's")

	for _, row := range []struct {
		desc    string
		headers []string
	}{
		{desc: "wrong key", headers: []string{"X-ApiKey", "x"}},
		{desc: "no key"},
		{desc: "wrong secret", headers: []string{"X-ApiKey", Key, "X-ApiSecret", "x"}},
		{desc: "wrong account", headers: []string{"X-ApiKey", Key, "X-AccountCode", "x"}},
	} {
		t.Run(row.desc, func(t *testing.T) {
			status, answer := call(t, s, "POST", "users/sso", providerForm, row.headers...)
			assert.Equal(t, 401, status)
			assert.Equal(t, 401.0, at(t, answer, "code"))
		})
	}
	for _, row := range []struct{ desc, field, value string }{
		{desc: "unknown type", field: "type", value: "500"},
		{desc: "long code", field: "code", value: strings.Repeat("x", 129)},
		{desc: "no first name", field: "first_name"},
		{desc: "no last name", field: "last_name"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			form := url.Values{}
			for name, values := range providerForm {
				form[name] = values
			}
			form.Set(row.field, row.value)
			status, answer := call(t, s, "POST", "users/sso", form, "X-ApiKey", Key)
			assert.Equal(t, 400, status, "%v", answer)
		})
	}
}

func TestRooms(t *testing.T) {
	s := start(t)
	_, signedIn := call(t, s, "POST", "users/sso", providerForm, "X-ApiKey", Key)
	userID := textAt(t, signedIn, "data", "id")
	form := url.Values{
		"domain": {"clinic.example.com"},
		"slug":   {"jane"},
		"name":   {"Jane Doe"},
		"code":   {"abc123"},
	}

	status, _ := call(t, s, "POST", "rooms", form, "X-ApiToken", "x")
	assert.Equal(t, 401, status, "a wrong token")
	status, room := call(t, s, "POST", "rooms", form, "X-ApiToken", AdminToken)
	assert.Equal(t, 200, status, "%v", room)
	roomID := textAt(t, room, "data", "id")
	assert.NotEmpty(t, roomID)
	assert.Equal(t, "abc123", at(t, room, "data", "code"))
	status, answer := call(t, s, "POST", "rooms", form, "X-ApiToken", AdminToken)
	assert.Equal(t, 400, status, "the same slug")
	assert.Equal(t, "In domain 'clinic.example.com' slug 'jane' already exists.",
		at(t, answer, "message"))
	form.Set("slug", "another")
	status, _ = call(t, s, "POST", "rooms", form, "X-ApiToken", AdminToken)
	assert.Equal(t, 400, status, "the same code")
	form.Del("code")
	_, answer = call(t, s, "POST", "rooms", form, "X-ApiToken", AdminToken)
	assert.NotEmpty(t, at(t, answer, "data", "code"), "no code was generated")
	status, answer = call(t, s, "GET", "rooms/abc123", nil)
	assert.Equal(t, 200, status, "by code")
	assert.Equal(t, roomID, at(t, answer, "data", "id"))
	status, _ = call(t, s, "GET", "rooms/none", nil)
	assert.Equal(t, 404, status, "unknown code")
	_, answer = call(t, s, "GET", "rooms", nil)
	assert.Len(t, answer["data"], 2)

	for _, row := range []struct {
		desc string
		form url.Values
		want int
	}{
		{desc: "assign an unknown room", form: url.Values{"room_id": {"1"}}, want: 400},
		{desc: "assign no room", form: url.Values{}, want: 400},
		{desc: "assign", form: url.Values{"room_id": {roomID}}, want: 200},
		{desc: "assign again", form: url.Values{"room_code": {"abc123"}}, want: 400},
	} {
		t.Run(row.desc, func(t *testing.T) {
			path := "users/" + userID + "/rooms"
			status, answer := call(t, s, "POST", path, row.form, "X-ApiToken", AdminToken)
			assert.Equal(t, row.want, status, "%v", answer)
		})
	}
	_, answer = call(t, s, "GET", "rooms/abc123/providers", nil)
	assert.Len(t, answer["data"], 1)
	rooms := s.Rooms()
	require.Len(t, rooms, 2)
	assert.Equal(t, []string{userID}, rooms[0].Providers)
}

// get returns the status, the final address, and the page.
func get(t *testing.T, client *http.Client, address string) (status int, landed, page string) {
	t.Helper()
	response, err := client.Get(address)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Request.URL.String(), string(body)
}

// newcomer returns a client that stores cookies and has none yet.
func newcomer(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar}
}

// TestPortal: the auth page signs in, resolves next only below the portal's base path, and refuses
// unknown tokens.
func TestPortal(t *testing.T) {
	s := start(t)
	call(t, s, "POST", "users/sso", providerForm, "X-ApiKey", Key)
	require.Len(t, s.Tokens(), 1)
	token := s.Tokens()[0]
	for _, row := range []struct{ desc, next, want string }{
		{desc: "dashboard", next: "/providers/dashboard", want: "providers/dashboard"},
		{desc: "query", next: "/visits/7%3Ftab%3Dn", want: "visits/7?tab=n"},
		{desc: "no next", next: "", want: ""},
		{desc: "another host", next: "//evil.example.com/x", want: "evil.example.com/x"},
		{desc: "a backslash", next: "/%5Cevil.example.com/x", want: "evil.example.com/x"},
	} {
		t.Run("provider, "+row.desc, func(t *testing.T) {
			address := s.Portal() + "auth?sso_token=" + token + "&next=" + row.next
			status, landed, page := get(t, newcomer(t), address)
			assert.Equal(t, 200, status)
			assert.Equal(t, s.Portal()+row.want, landed)
			assert.Contains(t, page, `<dd id="user">Jane Doe</dd>`)
		})
	}

	patientForm := url.Values{
		"type":       {"200"},
		"code":       {"p-1"},
		"first_name": {"Ann"},
		"last_name":  {"Roe"},
	}
	_, answer := call(t, s, "POST", "users/sso", patientForm, "X-ApiKey", Key)
	token = textAt(t, answer, "data", "token", "token")
	for _, row := range []struct {
		desc string
		next string
		want int
	}{
		{desc: "waiting room", next: "/u/clinic", want: 200},
		{desc: "visit", next: "/visits/7", want: 200},
		{desc: "dashboard", next: "/providers/dashboard", want: 403},
	} {
		t.Run("patient, "+row.desc, func(t *testing.T) {
			address := s.Portal() + "auth?sso_token=" + token + "&next=" + row.next
			status, landed, _ := get(t, newcomer(t), address)
			assert.Equal(t, row.want, status, landed)
		})
	}
	for _, row := range []struct{ desc, path string }{
		{desc: "unknown token", path: "auth?sso_token=x&next=/a"},
		{desc: "no token", path: "auth"},
		{desc: "dashboard", path: "providers/dashboard"},
	} {
		t.Run("stranger, "+row.desc, func(t *testing.T) {
			status, _, page := get(t, &http.Client{}, s.Portal()+row.path)
			assert.Equal(t, 401, status)
			assert.NotContains(t, page, "Jane")
		})
	}
}

func TestFaults(t *testing.T) {
	s := start(t)
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
	begin := time.Now()
	for i := 0; i < 7; i++ {
		body := strings.NewReader(`{"type":400}`)
		response, err := client.Post(s.API()+"users/sso", "application/json", body)
		if err != nil {
			got = append(got, "error")
			continue
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		entry := response.Status[:3] + " " + response.Header.Get("X-A") + string(answer)
		if err != nil {
			entry = "broken"
		}
		got = append(got, entry[:min(len(entry), 12)])
	}
	took := time.Since(begin)
	const refused = `401 {"code":4`
	want := []string{
		"418 bteapot", "error", "broken", "error", "200 abc", refused[:12], refused[:12],
	}
	assert.Equal(t, want, got)
	assert.GreaterOrEqual(t, took, 20*time.Millisecond, "nothing was delayed")
	requests := s.Requests()
	require.Len(t, requests, 7)
	assert.Equal(t, "400", requests[0].Fields["type"])
	assert.Equal(t, "users/sso", requests[0].Path)
	s.Reset()
	assert.Empty(t, s.Requests(), "Reset keeps requests")
}
