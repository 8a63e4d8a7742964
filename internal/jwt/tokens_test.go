package jwt

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tokenTable has good and bad tokens whose result does not depend on the time. e2e/tokens_test.go
// generates it and also compares it with other libraries.
type tokenTable struct {
	JWKS     json.RawMessage `json:"jwks"`
	Issuer   string          `json:"issuer"`
	Audience string          `json:"audience"`
	Rows     []struct {
		Desc    string `json:"desc"`
		Token   string `json:"token"`
		Refused bool   `json:"refused"`
		Why     string `json:"why"`
	} `json:"rows"`
}

func readTokens(t *testing.T) *tokenTable {
	t.Helper()
	content, err := os.ReadFile("../../testdata/tokens.json")
	require.NoError(t, err)
	table := &tokenTable{}
	require.NoError(t, json.Unmarshal(content, table))
	require.Greater(t, len(table.Rows), 60)
	return table
}

func TestTokens(t *testing.T) {
	table := readTokens(t)
	keys := FixedKeys(table.JWKS)
	require.NotNil(t, keys)
	v := &Verifier{Issuer: table.Issuer, Audience: table.Audience, Keys: keys}
	for _, row := range table.Rows {
		t.Run(row.Desc, func(t *testing.T) {
			claims, err := Verify(context.Background(), v, row.Token)
			if !row.Refused {
				require.NoError(t, err, row.Why)
				assert.Equal(t, table.Issuer, Text(claims["iss"]))
				return
			}
			require.Error(t, err, row.Why)
			assert.NotEqual(t, ErrKeys.Error(), err.Error())
			assert.Zero(t, len(claims), "claims of a refused token")
			assert.NotRegexp(t, `admin|u-17|example|portal|RS|ES`, err.Error(), "quotes a value")
		})
	}
}
