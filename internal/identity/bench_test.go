package identity

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// BenchmarkIdentity reads the identity from its headers.
func BenchmarkIdentity(b *testing.B) {
	c := config.Default().Identity
	c.Preset = "oauth2-proxy"
	p := &config.Problems{}
	reader := Parse(c, p)
	require.Empty(b, p.Lines)
	r := vseetest.Click("/clinic")
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if _, refusal := Read(reader, r); refusal != nil {
			b.Fatal(refusal.Why)
		}
	}
}
