package vseetest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

const tokenLife = 24 * time.Hour // from the numbers in VSee's sample

// User is a user of the simulated clinic.
type User struct {
	ID            string
	Code          string
	Type          string // "400" for a provider, "200" for a patient
	FirstName     string
	LastName      string
	Email         string
	DisableEmails bool
	SignIns       int // tokens minted
}

// Room is a waiting room.
type Room struct {
	ID        string
	Code      string
	Slug      string
	Name      string
	Domain    string
	Providers []string // users' IDs, in the order of assignment
}

type token struct {
	userID string
	expiry time.Time
}

// state is the clinic's data. Server.mu guards it.
type state struct {
	users    map[string]*User // by code
	rooms    map[string]*Room // by code
	tokens   map[string]token
	sessions map[string]string // by cookie: the user's ID
	lastID   int
}

func newState() state {
	return state{
		users:    map[string]*User{},
		rooms:    map[string]*Room{},
		tokens:   map[string]token{},
		sessions: map[string]string{},
		lastID:   10000,
	}
}

// Users returns all users, in the order of their IDs.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := []User{}
	for _, u := range s.state.users {
		users = append(users, *u)
	}
	sort.Slice(users, func(i, j int) bool { return users[i].ID < users[j].ID })
	return users
}

// Rooms returns all waiting rooms, in the order of their IDs.
func (s *Server) Rooms() []Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := []Room{}
	for _, r := range s.state.rooms {
		room := *r
		room.Providers = append([]string(nil), r.Providers...)
		rooms = append(rooms, room)
	}
	sort.Slice(rooms, func(i, j int) bool { return rooms[i].ID < rooms[j].ID })
	return rooms
}

// Tokens returns every SSO token minted so far. Tests use it to find leaked tokens.
func (s *Server) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := []string{}
	for t := range s.state.tokens {
		tokens = append(tokens, t)
	}
	return tokens
}

// UserOf returns the user that a token signs in.
func (s *Server) UserOf(ssoToken string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := s.userByID(s.state.tokens[ssoToken].userID)
	if user == nil {
		return User{}, false
	}
	return *user, true
}

// reply is an answer of the API: data on success, message otherwise.
type reply struct {
	status  int
	message string
	data    interface{}
}

func failure(status int, format string, args ...interface{}) reply {
	return reply{status: status, message: fmt.Sprintf(format, args...)}
}

func (s *Server) serveAPI(w http.ResponseWriter, call Request) {
	s.mu.Lock()
	answer := s.dispatch(call)
	s.mu.Unlock()

	var body interface{} = map[string]interface{}{"data": answer.data}
	if answer.status != http.StatusOK {
		body = map[string]interface{}{"code": answer.status, "message": answer.message}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) dispatch(call Request) reply {
	if call.Header.Get("X-AccountCode") != AccountCode {
		return failure(http.StatusUnauthorized, "Unknown account.")
	}
	path := strings.Split(strings.TrimSuffix(call.Path, ".json"), "/")
	route := call.Method + " " + path[0]
	switch {
	case route == "POST users" && len(path) == 2 && path[1] == "sso":
		return s.signIn(call)
	case route == "POST users" && len(path) == 3 && path[2] == "rooms":
		return s.assignRoom(call, path[1])
	case route == "POST rooms" && len(path) == 1:
		return s.createRoom(call)
	case route == "GET rooms" && len(path) == 1:
		return s.listRooms()
	case route == "GET rooms" && len(path) == 2:
		return s.findRoom(path[1])
	case route == "GET rooms" && len(path) == 3 && path[2] == "providers":
		return s.listProviders(path[1])
	}
	return failure(http.StatusNotFound, "Not found.")
}

// anyCase returns the user with the code in any case, or nil.
func (s *Server) anyCase(code string) *User {
	for known, user := range s.state.users {
		if strings.EqualFold(known, code) {
			return user
		}
	}
	return nil
}

func (s *Server) signIn(call Request) reply {
	secret := call.Header.Get("X-ApiSecret")
	if call.Header.Get("X-ApiKey") != Key || (secret != "" && secret != Secret) {
		return failure(http.StatusUnauthorized, "Invalid API key or secret.")
	}
	f := call.Fields
	switch {
	case f["type"] != "200" && f["type"] != "400" && f["type"] != "600":
		return failure(http.StatusBadRequest, "Invalid type.")
	case f["first_name"] == "" || f["last_name"] == "":
		return failure(http.StatusBadRequest, "First name and last name are required.")
	case f["code"] == "" || len(f["code"]) > 128:
		return failure(http.StatusBadRequest, "Code is required and has at most 128 characters.")
	}
	user := s.state.users[f["code"]]
	if s.quirks.OneCase {
		user = s.anyCase(f["code"])
	}
	if user == nil {
		user = &User{
			ID: s.nextID(), Code: f["code"], Type: f["type"], FirstName: f["first_name"], LastName: f["last_name"],
			Email: f["email"], DisableEmails: f["disable_emails"] == "1",
		}
		s.state.users[user.Code] = user
	}
	user.SignIns++
	now := time.Now()
	t := random()
	s.state.tokens[t] = token{userID: user.ID, expiry: now.Add(tokenLife)}
	minted := map[string]interface{}{
		"user_id": s.id(user.ID), "token": t, "expiry": now.Add(tokenLife).Unix(),
		"refresh_token": map[string]interface{}{
			"user_id": s.id(user.ID), "token": random(), "expiry": now.Add(30 * tokenLife).Unix(), "created": now.Unix(),
		},
	}
	if s.quirks.TellUserType {
		minted["user_type"] = s.id(user.Type)
	}
	data := map[string]interface{}{
		"id": s.id(user.ID), "code": user.Code, "first_name": user.FirstName, "last_name": user.LastName,
		"username": user.Code, "active": true, "tos": false, "subtype": "", "token": minted,
	}
	if s.quirks.ListRoomsAtSignIn {
		data["rooms"] = s.roomsOf(user.ID)
	}
	return reply{status: http.StatusOK, data: data}
}

// id returns an ID in the form that the API sends.
func (s *Server) id(id string) interface{} {
	if s.quirks.NumericIDs {
		return json.Number(id)
	}
	return id
}

func (s *Server) roomsOf(userID string) []interface{} {
	rooms := []interface{}{}
	for _, room := range s.state.rooms {
		for _, id := range room.Providers {
			if id == userID {
				rooms = append(rooms, s.details(room))
			}
		}
	}
	return rooms
}

func (s *Server) createRoom(call Request) reply {
	if call.Header.Get("X-ApiToken") != AdminToken {
		return failure(http.StatusUnauthorized, "Invalid token.")
	}
	f := call.Fields
	if f["domain"] == "" || f["slug"] == "" || f["name"] == "" {
		return failure(http.StatusBadRequest, "Domain, slug and name are required.")
	}
	for _, room := range s.state.rooms {
		if room.Domain == f["domain"] && room.Slug == f["slug"] {
			return failure(http.StatusBadRequest, "In domain '%s' slug '%s' already exists.", room.Domain, room.Slug)
		}
	}
	code := f["code"]
	if code == "" {
		code = random()[:8]
	}
	if s.state.rooms[code] != nil {
		return failure(http.StatusBadRequest, "Room code '%s' already exists.", code)
	}
	room := &Room{ID: s.nextID(), Code: code, Slug: f["slug"], Name: f["name"], Domain: f["domain"]}
	s.state.rooms[code] = room
	return reply{status: http.StatusOK, data: s.details(room)}
}

// details returns a room as the API sends it. The list of rooms omits the ID, as VSee's sample
// does.
func (s *Server) details(r *Room) map[string]interface{} {
	providers := []interface{}{}
	for _, id := range r.Providers {
		providers = append(providers, s.id(id))
	}
	d := r.summary()
	d["id"] = s.id(r.ID)
	d["active"] = true
	d["account_code"] = AccountCode
	d["provider_ids"] = providers
	return d
}

func (r *Room) summary() map[string]interface{} {
	return map[string]interface{}{"code": r.Code, "slug": r.Slug, "name": r.Name, "domain": r.Domain}
}

func (s *Server) listRooms() reply {
	rooms := []interface{}{}
	for _, room := range s.state.rooms {
		rooms = append(rooms, room.summary())
	}
	return reply{status: http.StatusOK, data: rooms}
}

func (s *Server) findRoom(code string) reply {
	room := s.state.rooms[code]
	if room == nil {
		return failure(http.StatusNotFound, "Room not found.")
	}
	details := s.details(room)
	if s.quirks.NoRoomID {
		delete(details, "id")
	}
	return reply{status: http.StatusOK, data: details}
}

func (s *Server) listProviders(code string) reply {
	room := s.state.rooms[code]
	if room == nil {
		return failure(http.StatusNotFound, "Room not found.")
	}
	providers := []interface{}{}
	for _, id := range room.Providers {
		user := s.userByID(id)
		providers = append(providers, map[string]interface{}{
			"id": s.id(user.ID), "code": user.Code, "first_name": user.FirstName, "last_name": user.LastName, "status": true,
		})
	}
	return reply{status: http.StatusOK, data: providers}
}

func (s *Server) assignRoom(call Request, userID string) reply {
	if call.Header.Get("X-ApiToken") != AdminToken {
		return failure(http.StatusUnauthorized, "Invalid token.")
	}
	if s.userByID(userID) == nil {
		return failure(http.StatusNotFound, "User not found.")
	}
	for _, room := range s.state.rooms {
		if room.ID != call.Fields["room_id"] && room.Code != call.Fields["room_code"] {
			continue
		}
		for _, id := range room.Providers {
			if id == userID {
				return failure(http.StatusBadRequest, "Room is already assigned.")
			}
		}
		room.Providers = append(room.Providers, userID)
		return reply{status: http.StatusOK, data: s.details(room)}
	}
	return failure(http.StatusBadRequest, "Room not found.")
}

func (s *Server) userByID(id string) *User {
	for _, user := range s.state.users {
		if user.ID == id {
			return user
		}
	}
	return nil
}

func (s *Server) nextID() string {
	s.state.lastID++
	return strconv.Itoa(s.state.lastID)
}

// fields decodes the request's body from any of the three encodings.
func fields(r *http.Request, body []byte) map[string]string {
	decoded := map[string]string{}
	mediaType, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	values := url.Values{}
	switch mediaType {
	case "application/json":
		object := map[string]interface{}{}
		_ = json.Unmarshal(body, &object)
		for name, value := range object {
			values.Set(name, fmt.Sprint(value))
		}
	case "multipart/form-data":
		form, err := multipart.NewReader(r.Body, parameters["boundary"]).ReadForm(maxBody)
		if err == nil {
			values = form.Value
		}
	case "application/x-www-form-urlencoded":
		values, _ = url.ParseQuery(string(body))
	}
	for name := range values {
		decoded[name] = values.Get(name)
	}
	return decoded
}

// random returns 32 hexadecimal digits, like VSee's tokens.
func random() string {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		panic(err)
	}
	return hex.EncodeToString(raw)
}
