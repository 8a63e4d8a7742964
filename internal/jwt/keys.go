package jwt

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/clinicpass/clinicpass/internal/logs"
)

const (
	maxKeys      = 256 << 10        // bytes of a key set
	maxPEMs      = 16               // keys that are kept where each has a file
	keysLife     = time.Hour        // after which a key set is fetched again
	keysPatience = 10 * time.Second // between two fetches
	keysRespite  = 5 * time.Minute  // that a good set gets when it cannot be fetched again
	keysTimeout  = 5 * time.Second  // of a fetch
)

// ErrKeys says that there are no keys to verify with.
var ErrKeys = errors.New("cannot be checked: the keys cannot be fetched")

// Keys holds the keys by which tokens are verified. They are fetched when first needed and again,
// by a request that needs them, when they are old or a token names an unknown one. The last good
// set stays through an outage.
type Keys struct {
	address string // of a JWKS (RFC 7517), or with perKey of a folder with a PEM file for each key
	perKey  bool

	mu      sync.Mutex
	keys    map[string]*key // by key id
	fetched time.Time
	tried   time.Time
}

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// FetchedKeys returns keys that are fetched from the address of a JWKS, or with perKey of a folder
// with a PEM file for each key's id. Nothing is fetched yet.
func FetchedKeys(address string, perKey bool) *Keys {
	return &Keys{address: address, perKey: perKey, keys: map[string]*key{}}
}

// FixedKeys returns the keys of a JWKS, or nil where it has none that verifies signatures.
func FixedKeys(jwks []byte) *Keys {
	keys := parseJWKS(jwks)
	if len(keys) == 0 {
		return nil
	}
	return &Keys{keys: keys}
}

// Fetched reports whether the keys come from an address and so are worth keeping.
func Fetched(k *Keys) bool { return k.address != "" }

// find returns the key with the id, or nil when there is none. It returns ErrKeys when there are no
// keys at all.
func find(ctx context.Context, k *Keys, id string) (*key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := lookUp(k, id)
	now := time.Now()
	old := now.Sub(k.fetched) >= keysLife
	if k.address == "" || (found != nil && !old) || now.Sub(k.tried) < keysPatience {
		if found == nil && k.address != "" && len(k.keys) == 0 {
			return nil, ErrKeys
		}
		return found, nil
	}
	if k.perKey && !keyIDPattern.MatchString(id) {
		return nil, nil
	}
	k.tried = now
	waiting := len(k.keys) == 0 // the others; with keys at hand they go on meanwhile
	if !waiting {
		k.mu.Unlock()
	}
	keys, err := fetch(ctx, k, id)
	if !waiting {
		k.mu.Lock()
	}
	if err != nil {
		logs.Error("identity.jwt: " + err.Error())
		if len(k.keys) == 0 {
			return nil, ErrKeys
		}
		if found != nil { // the last good set serves on
			k.fetched = now.Add(keysRespite - keysLife)
		}
		return found, nil
	}
	for other, known := range k.keys { // a load balancer rotates among few
		if k.perKey && keys[other] == nil && len(keys) < maxPEMs {
			keys[other] = known
		}
	}
	k.fetched = now
	k.keys = keys
	return lookUp(k, id), nil
}

// lookUp finds a key by its id, or the only key for a token that names none.
func lookUp(k *Keys, id string) *key {
	if id == "" && len(k.keys) == 1 {
		for _, only := range k.keys {
			return only
		}
	}
	return k.keys[id]
}

// fetch gets the set, or with perKey the one key.
func fetch(ctx context.Context, k *Keys, id string) (map[string]*key, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	if !k.perKey {
		content, err := get(ctx, k.address)
		if err != nil {
			return nil, err
		}
		keys := parseJWKS(content)
		if len(keys) == 0 {
			return nil, errors.New("identity.jwt.jwksURL answers without keys for signatures")
		}
		return keys, nil
	}
	content, err := get(ctx, k.address+id)
	if err != nil {
		return nil, err
	}
	parsed := parsePEM(content)
	if parsed == nil {
		return nil, errors.New("the key's address answers without an ECDSA key")
	}
	return map[string]*key{id: parsed}, nil
}

// get fetches a small document. Redirects are not followed.
func get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New("the address of the keys answers " + resp.Status)
	}
	return content, err
}
