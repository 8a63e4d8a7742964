// Package authlayer runs a hospital's sign-in as it is in production: an OpenID provider with accounts of its own, and
// oauth2-proxy, which asks it and tells Traefik's forwardAuth who is signed in.
package authlayer

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"html/template"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	clientID = "portal"

	// ClientSecret is what its client shows to the provider.
	ClientSecret = "fictitious-client-secret"

	tokenLife   = time.Hour
	scopeGroups = "groups"
	signInPath  = "/sign-in"
)

// Person is somebody with an account at the OpenID provider.
type Person struct {
	Subject   string // the stable user ID, the claim sub
	Email     string // also what the person signs in with
	Password  string
	Name      string
	FirstName string // the claim given_name
	LastName  string // the claim family_name
	Username  string // the claim preferred_username
	Groups    []string
}

// OpenIDProvider is an OpenID provider on a loopback address with one client, for which it asks for a password only.
type OpenIDProvider struct {
	// Issuer is its address.
	Issuer string

	server *httptest.Server
	store  *store
}

// NewOpenIDProvider starts an OpenID provider whose client may have people sent back to redirectURI.
func NewOpenIDProvider(redirectURI string, people ...Person) (*OpenIDProvider, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	p := &OpenIDProvider{
		server: httptest.NewUnstartedServer(nil),
		store: &store{
			key: key, people: people, client: client{redirectURI: redirectURI},
			requests: map[string]*authRequest{}, tokens: map[string]string{},
		},
	}
	p.Issuer = "http://" + p.server.Listener.Addr().String()
	config := &op.Config{CodeMethodS256: true, SupportedScopes: []string{
		oidc.ScopeOpenID, oidc.ScopeEmail, oidc.ScopeProfile, scopeGroups,
	}}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		return nil, err
	}
	protocol, err := op.NewProvider(config, p.store, op.StaticIssuer(p.Issuer), op.WithAllowInsecure())
	if err != nil {
		return nil, err
	}
	back := op.AuthCallbackURL(protocol)
	mux := http.NewServeMux()
	mux.Handle("/", protocol)
	mux.HandleFunc("GET "+signInPath, func(w http.ResponseWriter, r *http.Request) {
		showForm(w, http.StatusOK, r.FormValue("request"), "")
	})
	mux.HandleFunc("POST "+signInPath, func(w http.ResponseWriter, r *http.Request) {
		request := r.PostFormValue("request")
		if !p.store.signIn(request, r.PostFormValue("email"), r.PostFormValue("password")) {
			showForm(w, http.StatusForbidden, request, "Nobody has this address and password.")
			return
		}
		http.Redirect(w, r, back(op.ContextWithIssuer(r.Context(), p.Issuer), request), http.StatusSeeOther)
	})
	p.server.Config.Handler = mux
	p.server.Start()
	return p, nil
}

// Close ends the provider.
func (p *OpenIDProvider) Close() { p.server.Close() }

var form = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Example Hospital sign-in</title></head><body>
<h1>Example Hospital sign-in</h1>{{with .Problem}}<p role="alert">{{.}}</p>{{end}}
<form method="post" action="` + signInPath + `">
<input type="hidden" name="request" value="{{.Request}}">
<p><label>Email <input type="email" name="email" autocomplete="username"></label></p>
<p><label>Password <input type="password" name="password" autocomplete="current-password"></label></p>
<button>Sign in</button></form></body></html>
`))

func showForm(w http.ResponseWriter, status int, request, problem string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = form.Execute(w, map[string]string{"Request": request, "Problem": problem})
}

// client is oauth2-proxy, as the provider knows it.
type client struct {
	redirectURI string
}

func (c client) GetID() string                        { return clientID }
func (c client) RedirectURIs() []string               { return []string{c.redirectURI} }
func (c client) PostLogoutRedirectURIs() []string     { return nil }
func (c client) ApplicationType() op.ApplicationType  { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod          { return oidc.AuthMethodBasic }
func (c client) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c client) LoginURL(request string) string       { return signInPath + "?request=" + request }
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration       { return tokenLife }
func (c client) DevMode() bool                        { return false }
func (c client) IsScopeAllowed(scope string) bool     { return scope == scopeGroups }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }

func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

//nolint:revive // the library calls it so
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// authRequest is one attempt to sign in.
type authRequest struct {
	asked   oidc.AuthRequest
	id      string
	code    string
	subject string // "" until the password was right
	at      time.Time
}

func (r *authRequest) GetID() string                      { return r.id }
func (r *authRequest) GetACR() string                     { return "" }
func (r *authRequest) GetAMR() []string                   { return []string{"pwd"} }
func (r *authRequest) GetAudience() []string              { return []string{r.asked.ClientID} }
func (r *authRequest) GetAuthTime() time.Time             { return r.at }
func (r *authRequest) GetClientID() string                { return r.asked.ClientID }
func (r *authRequest) GetNonce() string                   { return r.asked.Nonce }
func (r *authRequest) GetRedirectURI() string             { return r.asked.RedirectURI }
func (r *authRequest) GetResponseType() oidc.ResponseType { return r.asked.ResponseType }
func (r *authRequest) GetResponseMode() oidc.ResponseMode { return r.asked.ResponseMode }
func (r *authRequest) GetScopes() []string                { return r.asked.Scopes }
func (r *authRequest) GetState() string                   { return r.asked.State }
func (r *authRequest) GetSubject() string                 { return r.subject }
func (r *authRequest) Done() bool                         { return r.subject != "" }

func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	if r.asked.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.asked.CodeChallenge, Method: r.asked.CodeChallengeMethod}
}

// store is what the provider remembers. What its client never asks for (refresh tokens, introspection, revocation and
// assertions in place of a secret) is refused.
type store struct {
	key    *rsa.PrivateKey
	people []Person
	client client

	mu       sync.Mutex
	requests map[string]*authRequest // by id; never changed, but replaced
	tokens   map[string]string       // access token's id to the person's subject
}

var (
	errUnknown     = errors.New("unknown")
	errUnsupported = errors.New("not supported")
)

// signIn reports whether the password is right, and notes who it is.
func (s *store) signIn(id, email, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	request := s.requests[id]
	if request == nil {
		return false
	}
	for _, person := range s.people {
		if strings.EqualFold(person.Email, email) && person.Password == password {
			done := *request
			done.subject, done.at = person.Subject, time.Now()
			s.requests[id] = &done
			return true
		}
	}
	return false
}

func (s *store) person(subject string) (Person, error) {
	for _, person := range s.people {
		if person.Subject == subject {
			return person, nil
		}
	}
	return Person{}, errUnknown
}

// claims tells about a person what the scopes allow.
func (s *store) claims(info *oidc.UserInfo, subject string, scopes []string) error {
	person, err := s.person(subject)
	if err != nil {
		return err
	}
	info.Subject = person.Subject
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.Email = person.Email
		info.EmailVerified = true
	}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.Name, info.GivenName, info.FamilyName = person.Name, person.FirstName, person.LastName
		info.PreferredUsername = person.Username
	}
	if slices.Contains(scopes, scopeGroups) && len(person.Groups) > 0 {
		info.AppendClaims("groups", person.Groups)
	}
	return nil
}

func (s *store) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	request := &authRequest{asked: *asked, id: rand.Text()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[request.id] = request
	return request, nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if request := s.requests[id]; request != nil {
		return request, nil
	}
	return nil, errUnknown
}

func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, request := range s.requests {
		if code != "" && request.code == code {
			return request, nil
		}
	}
	return nil, errUnknown
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	request := s.requests[id]
	if request == nil {
		return errUnknown
	}
	coded := *request
	coded.code = code
	s.requests[id] = &coded
	return nil
}

func (s *store) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *store) CreateAccessToken(_ context.Context, request op.TokenRequest) (id string, expiry time.Time, err error) {
	id = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[id] = request.GetSubject()
	return id, time.Now().Add(tokenLife), nil
}

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != clientID {
		return nil, errUnknown
	}
	return s.client, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != clientID || secret != ClientSecret {
		return errUnknown
	}
	return nil
}

// SetUserinfoFromScopes does nothing: the library calls SetUserinfoFromRequest too.
func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	return s.claims(info, request.GetSubject(), scopes)
}

func (s *store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, tokenID, _, _ string) error {
	s.mu.Lock()
	subject := s.tokens[tokenID]
	s.mu.Unlock()
	return s.claims(info, subject, []string{oidc.ScopeEmail, oidc.ScopeProfile, scopeGroups})
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return signingKey{s.key}, nil }

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{&s.key.PublicKey}}, nil
}

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *store) Health(context.Context) error { return nil }

func (s *store) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (id, refresh string, expiry time.Time, err error) {
	return "", "", time.Time{}, errUnsupported
}

func (s *store) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errUnsupported
}

func (s *store) TerminateSession(context.Context, string, string) error { return errUnsupported }

func (s *store) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrInvalidRequest()
}

func (s *store) GetRefreshTokenInfo(context.Context, string, string) (userID, tokenID string, err error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *store) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnsupported
}

func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnsupported
}

func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnsupported
}

const keyID = "only"

type signingKey struct{ key *rsa.PrivateKey }

func (k signingKey) ID() string                                  { return keyID }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                    { return k.key }

type publicKey struct{ key *rsa.PublicKey }

func (k publicKey) ID() string                         { return keyID }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return k.key }
