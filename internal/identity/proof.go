package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/clinicpass/clinicpass/internal/config"
)

// proof is a header that only the auth layer can add, because only it knows the secret. With it, an
// identity that a client sent past the auth layer is refused.
type proof struct {
	header header
	secret [32]byte // its SHA-256, so that a comparison takes as long whatever is compared
}

func parseProof(c config.Proof, p *config.Problems) *proof {
	if c == (config.Proof{}) {
		return nil
	}
	if c.Header == "" {
		p.Add("identity.proof.header", "is required: the header in which the auth layer sends the secret")
	}
	secret := config.CheckSecret("identity.proof.secret", c.Secret, true, p)
	return &proof{
		header: parseHeader("identity.proof.header", c.Header, p),
		secret: sha256.Sum256([]byte(secret)),
	}
}

// given reports whether the request has the secret, once.
func given(p *proof, h http.Header) bool {
	lines := h[p.header.canonical]
	if len(lines) != 1 {
		return false
	}
	sum := sha256.Sum256([]byte(lines[0]))
	return subtle.ConstantTimeCompare(sum[:], p.secret[:]) == 1
}
