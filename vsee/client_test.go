package vsee

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

var jane = User{Type: Provider, Code: "u-17", FirstName: "Jane", LastName: "Doe", Email: "jane.doe@example.com"}

func testClient(api string) *Client {
	return New(Config{API: api, AccountCode: vseetest.AccountCode, Key: vseetest.Key, Secret: vseetest.Secret, UserAgent: "test/1"})
}

// answering returns an API that always gives one answer.
func answering(status int, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
}

func TestSSO(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	contentTypes := map[string]string{
		"": "multipart/form-data", Multipart: "multipart/form-data", JSON: "application/json", Form: "application/x-www-form-urlencoded",
	}
	for encoding, contentType := range contentTypes {
		clinic.Reset()
		config := testClient(clinic.API()).config
		config.Encoding = encoding
		c := New(config)
		u := jane
		u.FirstName = "José \"Pepe\" & Co=1"
		u.DisableEmails = true
		var trace Trace
		sso, err := c.SSO(context.Background(), u, &trace)
		if err != nil {
			t.Fatalf("%s: %v", encoding, err)
		}
		if len(sso.Token) != 32 || sso.UserID != clinic.Users()[0].ID || trace.Calls != 1 {
			t.Errorf("%s: %v, %v", encoding, sso, trace)
		}
		call := clinic.Requests()[0]
		if got := call.Header.Get("Content-Type"); !strings.HasPrefix(got, contentType) {
			t.Errorf("%s: Content-Type %s", encoding, got)
		}
		want := map[string]string{
			"type": "400", "code": "u-17", "first_name": u.FirstName, "last_name": "Doe", "email": u.Email, "disable_emails": "1",
		}
		for name, value := range want {
			if call.Fields[name] != value {
				t.Errorf("%s: %s = %q, want %q", encoding, name, call.Fields[name], value)
			}
		}
		if len(call.Fields) != len(want) {
			t.Errorf("%s: sent %v", encoding, call.Fields)
		}
		for name, value := range map[string]string{
			"X-AccountCode": vseetest.AccountCode, "X-ApiKey": vseetest.Key, "X-ApiSecret": vseetest.Secret, "User-Agent": "test/1",
		} {
			if call.Header.Get(name) != value {
				t.Errorf("%s: %s = %q, want %q", encoding, name, call.Header.Get(name), value)
			}
		}
	}
}

func TestSSOSendsOnlyWhatIsKnown(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	config := testClient(clinic.API()).config
	config.Secret = ""
	c := New(config)
	if _, err := c.SSO(context.Background(), User{Type: Patient, Code: "p-1", FirstName: "Ann", LastName: "-"}, nil); err != nil {
		t.Fatal(err)
	}
	call := clinic.Requests()[0]
	if _, sent := call.Header["X-Apisecret"]; sent || len(call.Fields) != 4 || call.Fields["type"] != "200" {
		t.Errorf("sent %v with %v", call.Fields, call.Header)
	}
}

// TestPatientsOnly: a patient never gets the token of somebody who is none, as far as the API tells.
func TestPatientsOnly(t *testing.T) {
	for _, quirks := range []vseetest.Quirks{{}, {TellUserType: true}, {TellUserType: true, NumericIDs: true}} {
		clinic := vseetest.NewServer()
		defer clinic.Close()
		clinic.SetQuirks(quirks)
		c := testClient(clinic.API())
		var errs []error
		for _, user := range []User{{Type: Provider, Code: "17"}, {Type: Patient, Code: "17"}, {Type: Patient, Code: "18"}, {Type: Provider, Code: "18"}} {
			user.FirstName, user.LastName = "Ann", "Roe"
			_, err := c.SSO(context.Background(), user, nil)
			errs = append(errs, err)
		}
		if refused := errors.Is(errs[1], ErrAPI); refused != quirks.TellUserType || errs[0] != nil || errs[2] != nil || errs[3] != nil {
			t.Errorf("%+v: %v", quirks, errs)
		}
	}
	for told, refused := range map[string]bool{"": false, `,"user_type":null`: false, `,"user_type":"member"`: false, `,"user_type":200`: false, `,"user_type":"400"`: true, `,"user_type":600`: true} {
		answer := `{"id":"1","token":{"token":"66bcd0acff324e8a44992d9596b5d361"` + told + `}}`
		if _, err := decodeSSO([]byte(answer), Patient); errors.Is(err, ErrAPI) != refused {
			t.Errorf("%s: %v", told, err)
		}
		if _, err := decodeSSO([]byte(answer), Provider); err != nil {
			t.Errorf("%s, for a provider: %v", told, err)
		}
	}
}

func TestJudgement(t *testing.T) {
	const token = `{"data":{"id":"1","token":{"token":"66bcd0acff324e8a44992d9596b5d361"}}}`
	for _, test := range []struct {
		desc   string
		status int
		body   string
		want   error // nil for success
	}{
		{"success", 200, token, nil},
		{"success with code 200", 200, `{"code":200,` + token[1:], nil},
		{"created", 201, token, nil},
		{"an id that is a number", 200, strings.Replace(token, `"1"`, `12345678901234567890`, 1), nil},
		{"no id", 200, strings.Replace(token, `"1"`, `null`, 1), nil},
		{"400", 400, `{"code":400,"message":"no"}`, ErrAPI},
		{"404", 404, `{"code":404,"message":"no"}`, ErrAPI},
		{"401", 401, ``, ErrCredentials},
		{"403", 403, `<html>`, ErrCredentials},
		{"403 in the body", 200, `{"code":403}`, ErrCredentials},
		{"401 in the body as a text", 400, `{"code":"401"}`, ErrCredentials},
		{"500 in the body", 200, `{"code":500}`, ErrUnavailable},
		{"a code in the body of a 404 does not make it better", 404, `{"code":200}`, ErrAPI},
		{"500", 500, ``, ErrUnavailable},
		{"502 from a gateway", 502, `<html>`, ErrUnavailable},
		{"504", 504, ``, ErrUnavailable},
		{"304", 304, ``, ErrAPI},
		{"empty", 200, ``, ErrAPI},
		{"null", 200, `null`, ErrAPI},
		{"a list", 200, `[]`, ErrAPI},
		{"no data", 200, `{}`, ErrAPI},
		{"HTML", 200, `<html>`, ErrAPI},
		{"text behind the JSON", 200, token + "x", ErrAPI},
		{"token null", 200, `{"data":{"token":null}}`, ErrAPI},
		{"token empty", 200, `{"data":{"token":{"token":""}}}`, ErrAPI},
		{"token true", 200, `{"data":{"token":{"token":true}}}`, ErrAPI},
		{"token with a blank", 200, `{"data":{"token":{"token":"a b"}}}`, ErrAPI},
		{"token that is a text", 200, `{"data":{"token":"abc"}}`, ErrAPI},
		{"token too long", 200, `{"data":{"token":{"token":"` + strings.Repeat("x", maxToken+1) + `"}}}`, ErrAPI},
		{"too long by one", 200, token + strings.Repeat(" ", maxAnswer+1-len(token)), ErrAPI},
		{"just not too long", 200, token + strings.Repeat(" ", maxAnswer-len(token)), nil},
	} {
		api := answering(test.status, test.body)
		sso, err := testClient(api.URL+"/").SSO(context.Background(), jane, nil)
		api.Close()
		if test.want == nil {
			if err != nil || sso.Token == "" {
				t.Errorf("%s: %v, %v", test.desc, sso, err)
			}
			continue
		}
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.desc, err, test.want)
		}
		if sso.Token != "" {
			t.Errorf("%s: a token beside the error", test.desc)
		}
	}
}

func TestRetries(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	status := func(status int, retryAfter string) vseetest.Fault {
		return vseetest.Fault{Status: status, Header: map[string]string{"Retry-After": retryAfter}}
	}
	reset := vseetest.Fault{Reset: true}
	for _, test := range []struct {
		desc       string
		script     []vseetest.Fault
		want       error
		calls      int
		retryAfter time.Duration
	}{
		{"503 twice", []vseetest.Fault{status(503, ""), status(503, "")}, nil, 3, 0},
		{"503 for long", []vseetest.Fault{status(503, ""), status(503, ""), status(503, ""), status(503, "")}, ErrUnavailable, 4, 0},
		{"503 with a wait beyond the budget", []vseetest.Fault{status(503, "3600")}, ErrUnavailable, 1, 0},
		{"429 with a short wait", []vseetest.Fault{status(429, "0")}, nil, 2, 0},
		{"429 with a wait beyond the budget", []vseetest.Fault{status(429, "3600")}, ErrUnavailable, 1, time.Hour},
		{"429 for long", []vseetest.Fault{status(429, ""), status(429, ""), status(429, ""), status(429, "")}, ErrUnavailable, 4, defaultRetryAfter},
		{"500 is not repeated", []vseetest.Fault{status(500, "0")}, ErrUnavailable, 1, 0},
		{"400 is not repeated", []vseetest.Fault{status(400, "0")}, ErrAPI, 1, 0},
		{"401 is not repeated", []vseetest.Fault{status(401, "0")}, ErrCredentials, 1, 0},
		{"reset", []vseetest.Fault{reset, reset, reset}, nil, 4, 0},
		{"reset for long", []vseetest.Fault{reset, reset, reset, reset}, ErrUnavailable, 4, 0},
		{"broken body", []vseetest.Fault{{Status: 200, Body: "{", Truncate: true}}, ErrUnavailable, 1, 0},
		{"not HTTP", []vseetest.Fault{{Raw: "hello\r\n\r\n"}}, ErrAPI, 1, 0},
	} {
		clinic.Reset()
		clinic.Script(test.script...)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		var trace Trace
		_, err := testClient(clinic.API()).SSO(ctx, jane, &trace)
		if ctx.Err() != nil {
			t.Errorf("%s: waited until the deadline for what could not come", test.desc)
		}
		cancel()
		if (test.want == nil) != (err == nil) || (test.want != nil && !errors.Is(err, test.want)) {
			t.Errorf("%s: error %v, want %v", test.desc, err, test.want)
		}
		if trace.Calls != test.calls || len(clinic.Requests()) != test.calls || trace.RetryAfter != test.retryAfter {
			t.Errorf("%s: trace %+v, %d requests; want %d calls, retry after %s", test.desc, trace, len(clinic.Requests()), test.calls, test.retryAfter)
		}
	}
}

func TestDeadlineAndCancel(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	for _, fault := range []vseetest.Fault{
		{Delay: time.Minute},
		{Status: 200, Body: strings.Repeat(" ", 1000), Drip: 100 * time.Millisecond},
	} {
		clinic.Script(fault, fault)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		if _, err := testClient(clinic.API()).SSO(ctx, jane, nil); !errors.Is(err, ErrTimeout) {
			t.Errorf("%+v: error %v, want %v", fault, err, ErrTimeout)
		}
		cancel()
		ctx, cancel = context.WithCancel(context.Background())
		timer := time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := testClient(clinic.API()).SSO(ctx, jane, nil); !errors.Is(err, ErrCanceled) {
			t.Errorf("%+v: error %v, want %v", fault, err, ErrCanceled)
		}
		timer.Stop()
		cancel()
	}
}

// TestConnectionsAreReused: after answers of every kind the next call works, and good answers share one connection.
func TestConnectionsAreReused(t *testing.T) {
	clinic := vseetest.NewServer()
	defer clinic.Close()
	peers := map[string]bool{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peers[r.RemoteAddr] = true
		clinic.ServeHTTP(w, r)
	}))
	defer front.Close()
	c := testClient(front.URL + strings.TrimPrefix(clinic.API(), clinic.URL))
	clinic.Script(vseetest.Fault{Status: 400}, vseetest.Fault{}, vseetest.Fault{Status: 500, Body: "<html>"})
	for i := 0; i < 20; i++ {
		_, _ = c.SSO(context.Background(), jane, nil)
	}
	if len(peers) != 1 {
		t.Errorf("20 calls used %d connections", len(peers))
	}
	for _, fault := range []vseetest.Fault{
		{Status: 200, Body: strings.Repeat("x", 10<<20)}, {Reset: true}, {Raw: "hello"}, {Status: 200, Body: "{", Truncate: true},
	} {
		clinic.Script(fault)
		_, _ = c.SSO(context.Background(), jane, nil)
		if _, err := c.SSO(context.Background(), jane, nil); err != nil {
			t.Errorf("after %+v: %v", fault.Status, err)
		}
	}
}

// TestNoRedirects: the credentials go nowhere but to the configured host.
func TestNoRedirects(t *testing.T) {
	visited := false
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { visited = true }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		api := httptest.NewServer(http.RedirectHandler(other.URL, status))
		_, err := testClient(api.URL+"/").SSO(context.Background(), jane, nil)
		api.Close()
		if !errors.Is(err, ErrAPI) || visited {
			t.Errorf("%d: error %v, followed: %v", status, err, visited)
		}
	}
}

func TestUntrustedCertificate(t *testing.T) {
	api := httptest.NewTLSServer(http.NotFoundHandler()) // it logs the failed handshake
	defer api.Close()
	var trace Trace
	_, err := testClient(api.URL+"/").SSO(context.Background(), jane, &trace)
	if !errors.Is(err, ErrUnavailable) || trace.Calls != 1 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v after %d calls", err, trace.Calls)
	}
}

func TestRedaction(t *testing.T) {
	c := New(Config{Key: "the.key", Secret: "the+secret"})
	sent := []string{
		"type" + field + "400", "code" + field + "u-17", "first_name" + field + "Jo", "last_name" + field + "Jones",
		"middle" + field + "Q", "email" + field + "jo@example.com",
	}
	for detail, want := range map[string]string{
		"HTTP 400: slug already exists":                     "HTTP 400: slug already exists",
		"HTTP 400: jo JONES, u-17 Q":                        "HTTP 400: *** ***, *** Q",
		"keys the.key and the+secret":                       "keys *** and ***",
		"not thexkey":                                       "not thexkey",
		"mail JO@EXAMPLE.COM, other@example.org!":           "mail ***, ***",
		"token 66bcd0acff324e8a44992d9596b5d361 is expired": "token *** is expired",
		"two\r\nlines\tand\x00more":                         "two lines and more",
		strings.Repeat("ab ", 100):                          strings.Repeat("ab ", 66) + "ab...",
	} {
		if got := c.redact(detail, sent); got != want {
			t.Errorf("redact(%q)\n got %q\nwant %q", detail, got, want)
		}
	}
	if got := New(Config{}).redact("some detail", []string{"code" + field + "\xff\xfe"}); strings.Contains(got, "detail") {
		t.Errorf("unmaskable values: %q", got)
	}
}

// TestErrorsTellNoSecrets: an API that repeats everything it was sent does not get it into an error.
func TestErrorsTellNoSecrets(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"code":400,"message":%q}`, fmt.Sprint(r.Header, string(body)))
	}))
	defer api.Close()
	c := New(Config{API: api.URL + "/", AccountCode: "vclinic", Key: "k3y", Secret: "s3cret", Encoding: Form})
	_, err := c.SSO(context.Background(), User{Type: Provider, Code: "u-17", FirstName: "Jane", LastName: "Doe"}, nil)
	if err == nil || !strings.Contains(err.Error(), "X-Apikey") {
		t.Fatalf("the message is missing: %v", err)
	}
	for _, secret := range []string{"k3y", "s3cret", "u-17", "Jane", "Doe"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s is in %v", secret, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999999999": 0, "1.5": 0,
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("Retry-After %q: %s, want %s", value, got, want)
		}
	}
	future := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	if got := retryAfter(http.Header{"Retry-After": {future}}); got < 50*time.Second || got > time.Minute {
		t.Errorf("Retry-After in a minute: %s", got)
	}
}

// TestMultipart: the body is what mime/multipart makes of the same fields.
func TestMultipart(t *testing.T) {
	fields := []string{"code" + field + "u-17", "first_name" + field + "Zoë \r\n--x", "empty" + field}
	e := newEncoder(Multipart)
	got, err := encode(&e, fields)
	var want bytes.Buffer
	w := multipart.NewWriter(&want)
	_, boundary, _ := strings.Cut(e.contentType, "boundary=")
	if err := w.SetBoundary(boundary); err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, field)
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Close()
	if err != nil || got != want.String() || e.contentType != w.FormDataContentType() {
		t.Errorf("%v, %s\n got %q\nwant %q", err, e.contentType, got, want.String())
	}
	if other := newEncoder(Multipart); other.contentType == e.contentType || len(boundary) < 32 {
		t.Errorf("the boundary can be known: %q", boundary)
	}
}

// TestJSON: only what VSee documents as an integer is one, however much a code looks like it.
func TestJSON(t *testing.T) {
	e := newEncoder(JSON)
	got, err := encode(&e, []string{"type" + field + "400", "code" + field + "17"})
	if want := `{"code":"17","type":400}`; err != nil || got != want {
		t.Errorf("%v, %s, want %s", err, got, want)
	}
}

// TestCanceledBetweenAttempts: who leaves while the API is left alone for a moment is not told that it is unavailable.
func TestCanceledBetweenAttempts(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
		time.AfterFunc(100*time.Millisecond, cancel)
	}))
	defer api.Close()
	var trace Trace
	if _, err := testClient(api.URL+"/").SSO(ctx, jane, &trace); !errors.Is(err, ErrCanceled) || trace.Calls != 1 {
		t.Errorf("%v after %d calls", err, trace.Calls)
	}
}

// TestGetHasNoBody: some servers refuse one.
func TestGetHasNoBody(t *testing.T) {
	lengths := make(chan int64, 1)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lengths <- r.ContentLength + int64(len(r.Header.Get("Content-Type")))
	}))
	defer api.Close()
	_, _ = testClient(api.URL+"/").RoomByCode(context.Background(), "r00m", nil)
	if length := <-lengths; length != 0 {
		t.Errorf("a body of %d bytes", length)
	}
}

func TestUnknownEncoding(t *testing.T) {
	c := New(Config{API: "https://api.example.com/", Encoding: "xml"})
	if _, err := c.SSO(context.Background(), jane, nil); !errors.Is(err, ErrAPI) {
		t.Errorf("error %v", err)
	}
}
