package identity

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clinicpass/clinicpass/internal/config"
)

func TestProof(t *testing.T) {
	const (
		user  = "X-Auth-Request-User"
		proof = "X-Clinicpass-Proof"
		alias = "X_clinicpass_proof"
	)
	r := testReader(t, config.Identity{
		Preset: "oauth2-proxy",
		Proof:  config.Proof{Header: proof, Secret: "a-proof"},
	})
	for _, row := range []struct {
		desc   string
		header http.Header
		want   string
	}{
		{
			desc:   "given",
			header: http.Header{user: {"jane"}, proof: {"a-proof"}},
		},
		{
			desc:   "missing",
			header: http.Header{user: {"jane"}},
			want:   refused,
		},
		{
			desc:   "empty",
			header: http.Header{user: {"jane"}, proof: {""}},
			want:   refused,
		},
		{
			desc:   "wrong",
			header: http.Header{user: {"jane"}, proof: {"a-proof2"}},
			want:   refused,
		},
		{
			desc:   "another case",
			header: http.Header{user: {"jane"}, proof: {"A-Proof"}},
			want:   refused,
		},
		{
			desc:   "space after",
			header: http.Header{user: {"jane"}, proof: {"a-proof "}},
			want:   refused,
		},
		{
			desc:   "twice",
			header: http.Header{user: {"jane"}, proof: {"a-proof", "a-proof"}},
			want:   refused,
		},
		{
			desc:   "alias",
			header: http.Header{user: {"jane"}, alias: {"a-proof"}},
			want:   refused,
		},
		{
			desc:   "alias beside it",
			header: http.Header{user: {"jane"}, proof: {"a-proof"}, alias: {"a-proof"}},
			want:   refused,
		},
		{
			desc:   "no identity comes first",
			header: http.Header{proof: {"a-proof"}},
			want:   noIdentity,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			_, refusedAs, why := readFrom(r, row.header)
			assert.Equal(t, row.want, refusedAs, why)
			assert.NotContains(t, why, "a-proof")
		})
	}
}

// TestProofInAnotherCase: a middleware may write the header name exactly as configured.
func TestProofInAnotherCase(t *testing.T) {
	r := testReader(t, config.Identity{
		Preset: "oauth2-proxy",
		Proof:  config.Proof{Header: "X-ClinicPass-Proof", Secret: "a-proof"},
	})
	for _, row := range []struct {
		desc   string
		header http.Header
		want   string
	}{
		{desc: "as configured", header: http.Header{"X-ClinicPass-Proof": {"a-proof"}}},
		{desc: "canonical", header: http.Header{"X-Clinicpass-Proof": {"a-proof"}}},
		{
			desc: "both",
			header: http.Header{
				"X-ClinicPass-Proof": {"a-proof"},
				"X-Clinicpass-Proof": {"a-proof"},
			},
			want: refused,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			h := row.header.Clone()
			h["X-Auth-Request-User"] = []string{"jane"}
			_, refusedAs, why := readFrom(r, h)
			assert.Equal(t, row.want, refusedAs, why)
		})
	}
}

// TestProofOfEverySource: a principal or a token also needs the proof.
func TestProofOfEverySource(t *testing.T) {
	key := newKey(t)
	proof := config.Proof{Header: "X-Proof", Secret: "a-proof"}
	token := tokenConfig(t, key)
	token.Proof = proof
	for _, row := range []struct {
		desc, header, value string
		config              config.Identity
	}{
		{
			desc:   "principal",
			header: "X-Ms-Client-Principal",
			value:  principal(`{"typ":"oid","val":"u-17"}`),
			config: config.Identity{Preset: "azure", Proof: proof},
		},
		{
			desc:   "token",
			header: "X-Token",
			value:  sign(t, key, es256, goodClaims(t)),
			config: token,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			r := testReader(t, row.config)
			h := http.Header{row.header: {row.value}}
			_, refusedAs, _ := readFrom(r, h)
			assert.Equal(t, refused, refusedAs)
			h["X-Proof"] = []string{"a-proof"}
			who, refusedAs, why := readFrom(r, h)
			assert.Empty(t, refusedAs, why)
			assert.Equal(t, "u-17", who.ID)
		})
	}
}
