package signin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
)

// TestKeysOutliveReloads: a reload, which builds every handler anew, fetches no keys again.
func TestKeysOutliveReloads(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "testdata", "tokens.json"))
	require.NoError(t, err)
	var tokens struct {
		JWKS     json.RawMessage `json:"jwks"`
		Issuer   string          `json:"issuer"`
		Audience string          `json:"audience"`
		Rows     []struct {
			Token   string `json:"token"`
			Refused bool   `json:"refused"`
		} `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(content, &tokens))
	require.NotEmpty(t, tokens.Rows)
	require.False(t, tokens.Rows[0].Refused)

	_, c := setup(t)
	fetches := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches++
		_, _ = w.Write(tokens.JWKS)
	}))
	t.Cleanup(server.Close)
	c.Identity = config.Default().Identity
	c.Identity.JWT = config.JWT{
		Header:   "X-Token",
		Issuer:   tokens.Issuer,
		Audience: tokens.Audience,
		JWKSURL:  server.URL,
	}
	for reload := 0; reload < 3; reload++ {
		h, err := New(c, "clinic@test", "test")
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodGet, "/clinic", nil)
		r.Header.Set("X-Token", tokens.Rows[0].Token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, "signed_in", w.Header().Get("Clinicpass-Outcome"))
		assert.Equal(t, 1, fetches, "reload %d", reload)
	}
}
