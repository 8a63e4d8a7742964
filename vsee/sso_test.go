package vsee

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// TestSignIn: the API receives the same values in every encoding.
func TestSignIn(t *testing.T) {
	for _, row := range []struct {
		desc, encoding, contentType string
	}{
		{desc: "default", encoding: "", contentType: "multipart/form-data; boundary="},
		{desc: "multipart", encoding: Multipart, contentType: "multipart/form-data; boundary="},
		{desc: "JSON", encoding: JSON, contentType: "application/json"},
		{desc: "form", encoding: Form, contentType: "application/x-www-form-urlencoded"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, config := setup(t)
			config.Encoding = row.encoding
			u := jane()
			u.FirstName = "José \"Pepe\" & Co=1"
			u.DisableEmails = true
			trace := &Trace{}
			sso, err := SignIn(context.Background(), New(config), u, trace)
			require.NoError(t, err)
			assert.Len(t, sso.Token.Token, 32)
			require.Len(t, clinic.Users(), 1)
			assert.Equal(t, clinic.Users()[0].ID, UserID(sso))
			assert.Empty(t, RoomCodes(sso))
			assert.Equal(t, 1, trace.Calls)
			assert.Equal(t, "0s", trace.RetryAfter.String())

			require.Len(t, clinic.Requests(), 1)
			call := clinic.Requests()[0]
			assert.Equal(t, "POST", call.Method)
			assert.Equal(t, "users/sso", call.Path)
			assert.True(t, strings.HasPrefix(call.Header.Get("Content-Type"), row.contentType),
				call.Header.Get("Content-Type"))
			assert.Equal(t, map[string]string{
				"type":           "400",
				"code":           "u-17",
				"first_name":     "José \"Pepe\" & Co=1",
				"last_name":      "Doe",
				"email":          "jane.doe@example.com",
				"disable_emails": "1",
			}, call.Fields)
			assert.Equal(t, vseetest.AccountCode, call.Header.Get("X-AccountCode"))
			assert.Equal(t, vseetest.Key, call.Header.Get("X-ApiKey"))
			assert.Equal(t, vseetest.Secret, call.Header.Get("X-ApiSecret"))
			assert.Equal(t, "test/1", call.Header.Get("User-Agent"))
		})
	}
}

// TestSignInSendsOnlyWhatIsKnown: empty optional values are not sent.
func TestSignInSendsOnlyWhatIsKnown(t *testing.T) {
	clinic, config := setup(t)
	config.Secret = ""
	u := &User{Type: Patient, Code: "p-1", FirstName: "Ann", LastName: "-"}
	_, err := SignIn(context.Background(), New(config), u, nil)
	require.NoError(t, err)
	call := clinic.Requests()[0]
	assert.Len(t, call.Header.Values("X-ApiSecret"), 0)
	assert.Equal(t, map[string]string{
		"type":       "200",
		"code":       "p-1",
		"first_name": "Ann",
		"last_name":  "-",
	}, call.Fields)
}

// TestSignInAgain: a code is the same user, with a new token for every sign-in.
func TestSignInAgain(t *testing.T) {
	_, config := setup(t)
	c := New(config)
	trace := &Trace{}
	first, err := SignIn(context.Background(), c, jane(), trace)
	require.NoError(t, err)
	second, err := SignIn(context.Background(), c, jane(), trace)
	require.NoError(t, err)
	assert.Equal(t, UserID(first), UserID(second))
	assert.NotEqual(t, first.Token.Token, second.Token.Token)
	assert.Equal(t, 2, trace.Calls)
}

// TestPatientsOnly: a patient never gets another type of user's token, if the answer has the type.
func TestPatientsOnly(t *testing.T) {
	for _, row := range []struct {
		desc   string
		quirks vseetest.Quirks
		want   error // for a patient with a provider's code
	}{
		{desc: "nothing is told"},
		{desc: "texts", quirks: vseetest.Quirks{TellUserType: true}, want: ErrAPI},
		{
			desc:   "numbers",
			quirks: vseetest.Quirks{TellUserType: true, NumericIDs: true},
			want:   ErrAPI,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			clinic, config := setup(t)
			clinic.SetQuirks(row.quirks)
			c := New(config)
			signIn := func(userType, code string) error {
				u := &User{Type: userType, Code: code, FirstName: "Ann", LastName: "Roe"}
				sso, err := SignIn(context.Background(), c, u, nil)
				assert.Equal(t, err == nil, sso != nil, "a token beside an error")
				return err
			}
			assert.NoError(t, signIn(Provider, "17"))
			assertIs(t, row.want, signIn(Patient, "17"))
			assert.NoError(t, signIn(Patient, "18"))
			assert.NoError(t, signIn(Provider, "18"))
		})
	}
}

func TestToldUserType(t *testing.T) {
	for _, row := range []struct {
		desc, told string
		want       error // for a patient
	}{
		{desc: "nothing", told: ``},
		{desc: "null", told: `,"user_type":null`},
		{desc: "word", told: `,"user_type":"member"`},
		{desc: "object", told: `,"user_type":{}`},
		{desc: "patient's number", told: `,"user_type":200`},
		{desc: "patient's text", told: `,"user_type":"200"`},
		{desc: "provider's text", told: `,"user_type":"400"`, want: ErrAPI},
		{desc: "another number", told: `,"user_type":600`, want: ErrAPI},
	} {
		t.Run(row.desc, func(t *testing.T) {
			c := answering(t, 200, `{"data":{"id":"1","token":{"token":"t"`+row.told+`}}}`)
			u := jane()
			u.Type = Patient
			_, err := SignIn(context.Background(), c, u, nil)
			assertIs(t, row.want, err)
			u.Type = Provider
			_, err = SignIn(context.Background(), c, u, nil)
			assert.NoError(t, err, "for a provider")
		})
	}
}

func TestRoomsInTheSignIn(t *testing.T) {
	for _, row := range []struct {
		desc, rooms, want string
	}{
		{desc: "two rooms", rooms: `[{"code":"a"},{"code":"b","id":1}]`, want: "a,b"},
		{desc: "a code of digits", rooms: `[{"code":17}]`, want: "17"},
		{desc: "no rooms", rooms: `[]`},
		{desc: "null", rooms: `null`},
		{desc: "an object", rooms: `{"code":"a"}`},
		{desc: "a list of texts", rooms: `["a"]`},
		{desc: "a room without a code", rooms: `[{"id":1}]`},
		{desc: "a text", rooms: `"a"`},
	} {
		t.Run(row.desc, func(t *testing.T) {
			body := `{"data":{"id":"1","rooms":` + row.rooms + `,"token":{"token":"t"}}}`
			c := answering(t, 200, body)
			sso, err := SignIn(context.Background(), c, jane(), nil)
			require.NoError(t, err)
			assert.Equal(t, "t", sso.Token.Token)
			assert.Equal(t, row.want, strings.Join(RoomCodes(sso), ","))
		})
	}
}
