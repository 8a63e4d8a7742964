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
	address        string // of a JWKS (RFC 7517), or with perKey of a folder with PEM files by key id
	perKey         bool
	mu             sync.Mutex
	keys           map[string]*key // by key id
	fetched, tried time.Time
}

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// FetchedKeys returns keys that are fetched from the address of a JWKS, or with perKey of a folder
// with a PEM file for each key's id. Nothing is fetched yet.
func FetchedKeys(address string, perKey bool) *Keys {
	return &Keys{address: address, perKey: perKey, keys: map[string]*key{}}
}

// FixedKeys returns the keys of a JWKS, or nil where it has none that verifies signatures.
func FixedKeys(jwks []byte) *Keys {
	if keys := parseJWKS(jwks); len(keys) > 0 {
		return &Keys{keys: keys}
	}
	return nil
}

// Fetched reports whether the keys come from an address and so are worth keeping.
func Fetched(k *Keys) bool { return k.address != "" }

// key is a public key and the one algorithm it is for, whatever a token claims.
type key struct {
	algorithm string
	public    interface{} // of one of the types that x509 knows
}

// find returns the key with the id, or nil when there is none. It returns ErrKeys when there are no
// keys at all.
func find(ctx context.Context, k *Keys, id string) (*key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	old := now.Sub(k.fetched) >= keysLife
	if k.address != "" && (old || lookUp(k, id) == nil) && now.Sub(k.tried) >= keysPatience {
		if k.perKey && !keyIDPattern.MatchString(id) {
			return nil, nil
		}
		refresh(ctx, k, id, now)
	}
	if len(k.keys) == 0 {
		return nil, ErrKeys
	}
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

// refresh fetches the keys. The mutex is locked.
func refresh(ctx context.Context, k *Keys, id string, now time.Time) {
	k.tried = now
	keys, err := fetch(ctx, k, id)
	if err != nil {
		logs.Error("identity.jwt: " + err.Error())
		if lookUp(k, id) != nil { // the last good set serves on
			k.fetched = now.Add(keysRespite - keysLife)
		}
		return
	}
	for other, known := range k.keys { // a load balancer rotates among few
		if k.perKey && keys[other] == nil && len(keys) < maxPEMs {
			keys[other] = known
		}
	}
	k.fetched, k.keys = now, keys
}

// fetch gets the set, or with perKey the one key. It outlives the request and follows no redirect.
func fetch(ctx context.Context, k *Keys, id string) (map[string]*key, error) {
	if len(k.keys) > 0 { // the others go on with them meanwhile
		k.mu.Unlock()
		defer k.mu.Lock()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	address := k.address
	if k.perKey {
		address += id
	}
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
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("the address of the keys answers " + resp.Status)
	}
	if k.perKey {
		if one := parsePEM(content); one != nil {
			return map[string]*key{id: one}, nil
		}
		return nil, errors.New("the key's address answers without an ECDSA key")
	}
	if keys := parseJWKS(content); len(keys) > 0 {
		return keys, nil
	}
	return nil, errors.New("identity.jwt.jwksURL answers without keys for signatures")
}
