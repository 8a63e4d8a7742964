package portal

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
)

// BenchmarkNext builds the address of the redirect.
func BenchmarkNext(b *testing.B) {
	c := config.Default().Portal
	c.URL = "https://clinic.example.com/vc/next/"
	p := &config.Problems{}
	to := Parse(c, p)
	require.Empty(b, p.Lines)
	prefix := clinicPrefix()
	asked := httptest.NewRequest(http.MethodGet, "/clinic/visits/17?tab=notes", nil).URL
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		next, refused := Land(to, prefix, asked)
		if refused || Location(to, "66bcd0acff324e8a44992d9596b5d361", next) == "" {
			b.Fatal("refused")
		}
	}
}
