package clinicpass

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// proof is a header that only the auth layer can add, because only it knows the secret. With it, an identity that a client
// sent past the auth layer is refused.
type proof struct {
	header identityHeader
	secret [32]byte // its SHA-256, so that a comparison takes as long whatever is compared
}

func newProof(c ProofConfig, found *problems) *proof {
	if c == (ProofConfig{}) {
		return nil
	}
	if c.Header == "" {
		found.add("identity.proof.header", "is required: the header in which the auth layer sends the secret")
	}
	secret := checkSecret("identity.proof.secret", c.Secret, true, found)
	return &proof{header: newIdentityHeader("identity.proof.header", c.Header, found), secret: sha256.Sum256([]byte(secret))}
}

// given reports whether the request has the secret, once.
func (p *proof) given(h http.Header) bool {
	lines := linesOf(p.header, h)
	if len(lines) != 1 {
		return false
	}
	sum := sha256.Sum256([]byte(lines[0]))
	return subtle.ConstantTimeCompare(sum[:], p.secret[:]) == 1
}
