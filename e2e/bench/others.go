package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/clinicpass/clinicpass"
	"github.com/clinicpass/clinicpass/vsee"
)

// api is a clinic's API that takes its time and mints one and the same token.
func api(delay time.Duration) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(delay)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":{"id":"17","token":{"token":"66bcd0acff324e8a44992d9596b5d361"}}}`)
	}))
}

// site answers with a small page, and api's requests with nothing.
func site() *httptest.Server {
	page := []byte(strings.Repeat("<p>The hospital's own site.</p>\n", 32))
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(page) }))
}

// floor is the same plugin compiled into a reverse proxy of the standard library: what a sign-in costs without Traefik and
// without its interpreter. config is the middleware's, as JSON.
func floor(address, siteURL, config string) error {
	target, err := url.Parse(siteURL)
	if err != nil {
		return err
	}
	decoded := clinicpass.CreateConfig()
	if err := json.Unmarshal([]byte(config), decoded); err != nil {
		return err
	}
	handler, err := clinicpass.New(context.Background(), httputil.NewSingleHostReverseProxy(target), decoded, "clinic@bench")
	if err != nil {
		return err
	}
	return http.ListenAndServe(address, handler)
}

// service is what a team would write instead of the plugin, for Traefik's forwardAuth: at /auth it lets everything pass, at
// /mint it mints a token with the same client and answers with the redirect. It has none of the plugin's checks.
func service(address, apiURL string) error {
	client := vsee.New(vsee.Config{API: apiURL, AccountCode: "example", Key: "key", UserAgent: "service"})
	http.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Auth-Request-User", r.Header.Get("X-Auth-Request-User"))
	})
	http.HandleFunc("/mint", func(w http.ResponseWriter, r *http.Request) {
		first, last, _ := strings.Cut(r.Header.Get("X-Auth-Request-Preferred-Username"), " ")
		sso, err := vsee.SignIn(r.Context(), client, &vsee.User{
			Type:      vsee.Provider,
			Code:      r.Header.Get("X-Auth-Request-User"),
			FirstName: first,
			LastName:  last,
			Email:     r.Header.Get("X-Auth-Request-Email"),
		}, nil)
		if err != nil {
			http.Error(w, "no token", http.StatusBadGateway)
			return
		}
		next := strings.TrimPrefix(r.Header.Get("X-Forwarded-Uri"), "/clinic")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", "https://clinic.example.com/vc/next/auth?sso_token="+sso.Token.Token+"&next="+url.QueryEscape(next))
		w.WriteHeader(http.StatusFound)
	})
	return http.ListenAndServe(address, nil)
}
