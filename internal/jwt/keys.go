package jwt

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clinicpass/clinicpass/internal/logs"
)

const (
	maxKeys      = 256 << 10        // bytes of a key set
	maxFolder    = 256              // key IDs to remember, if each key has its own file
	keysLife     = time.Hour        // age at which a key set is fetched again
	keysPatience = 10 * time.Second // wait after a failed fetch
	keysRecheck  = 2 * time.Second  // wait between fetches for unknown key IDs
	keysRespite  = 5 * time.Minute  // extra life of an old set after a failed fetch
	keysTimeout  = 5 * time.Second  // of one fetch
)

// ErrKeys means that Clinicpass has no keys to verify a token.
var ErrKeys = errors.New("cannot be checked: the keys cannot be fetched")

// Keys holds the keys that verify tokens. A request fetches them if there are none yet, if they are
// older than keysLife, or if its token names an unknown key. During an outage, the last good set
// stays valid.
type Keys struct {
	address string           // of a JWKS (RFC 7517), or of one key's PEM file; "" for fixed keys
	folder  map[string]*Keys // by key ID, if each key has a PEM file below the address
	isPEM   bool             // the keys are one PEM file
	mu      sync.Mutex
	keys    []*key
	fetched time.Time   // when the keys were last good
	again   time.Time   // earliest time of the next fetch
	real    atomic.Bool // the address has returned a key
}

// foreign matches text in a net/http error that may come from the server.
var foreign = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?|[[:cntrl:]]`)

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// FetchedKeys returns keys that are fetched from the address of a JWKS. With perKey, the address is
// a folder with a PEM file for each key ID. It fetches nothing yet.
func FetchedKeys(address string, perKey bool) *Keys {
	k := &Keys{address: address}
	if perKey {
		k.folder = map[string]*Keys{}
	}
	return k
}

// FixedKeys returns the keys of a JWKS, or nil if it has no keys for signatures.
func FixedKeys(jwks []byte) *Keys {
	if keys := parseJWKS(jwks); len(keys) > 0 {
		return &Keys{keys: keys}
	}
	return nil
}

// Fetched reports whether the keys come from an address, so that a reload should keep them.
func Fetched(k *Keys) bool { return k.address != "" }

// find returns the keys that may have signed a token with the key ID and algorithm. It returns
// ErrKeys if there are no keys at all.
func find(ctx context.Context, k *Keys, id, algorithm string) ([]*key, error) {
	if k.folder != nil {
		if !keyIDPattern.MatchString(id) {
			return nil, nil
		}
		k = fileOf(k, id)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	found := matching(k, id, algorithm)
	needed := len(found) == 0 || now.Sub(k.fetched) >= keysLife
	if k.address != "" && needed && !now.Before(k.again) {
		refresh(ctx, k, now)
		found = matching(k, id, algorithm)
	}
	if k.address != "" && k.fetched.IsZero() {
		return nil, ErrKeys
	}
	return found, nil
}

// fileOf returns the keys of the ID's file. Each ID has its own waits, so that made-up IDs never
// delay a new key. At maxFolder IDs, it forgets those without a key.
func fileOf(k *Keys, id string) *Keys {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.folder) >= maxFolder {
		kept := map[string]*Keys{}
		for known, file := range k.folder {
			if file.real.Load() && len(kept) < maxFolder/2 {
				kept[known] = file
			}
		}
		k.folder = kept
	}
	if k.folder[id] == nil {
		k.folder[id] = &Keys{address: k.address + id, isPEM: true}
	}
	return k.folder[id]
}

// matching returns the keys for the algorithm with the ID, or with any ID for a token without one.
// maxTries limits the signatures that a forged token makes Clinicpass check.
func matching(k *Keys, id, algorithm string) []*key {
	found := []*key{}
	for _, key := range k.keys {
		fits := key.algorithm == algorithm && (id == "" || k.isPEM || key.id == id)
		if fits && len(found) < maxTries {
			found = append(found, key)
		}
	}
	return found
}

// refresh fetches the keys. The caller holds k.mu.
func refresh(ctx context.Context, k *Keys, now time.Time) {
	k.again = now.Add(keysPatience)
	keys, err := fetch(ctx, k)
	if err != nil {
		logs.Error("identity.jwt: " + err.Error())
		if len(k.keys) > 0 { // keep the last good set
			k.fetched = now.Add(keysRespite - keysLife)
		}
		return
	}
	k.keys = keys
	k.fetched = now
	k.again = now.Add(keysRecheck)
	k.real.Store(len(keys) > 0)
}

// fetch gets the keys. It continues if the browser leaves, and follows no redirect.
func fetch(ctx context.Context, k *Keys) ([]*key, error) {
	if len(k.keys) > 0 { // other requests use these in the meantime
		k.mu.Unlock()
		defer k.mu.Lock()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, errors.New(foreign.ReplaceAllLiteralString(err.Error(), `"..."`))
	}
	defer resp.Body.Close()
	if k.isPEM && resp.StatusCode == http.StatusNotFound { // a made-up or withdrawn ID
		return nil, nil
	}
	if resp.StatusCode != http.StatusOK { // check this first: no deadline ends the read of a 101's body
		return nil, errors.New("the keys' address answered HTTP " + strconv.Itoa(resp.StatusCode))
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys))
	if err != nil {
		return nil, err
	}
	if k.isPEM {
		if one := parsePEM(content); one != nil {
			return []*key{one}, nil
		}
		return nil, errors.New("the key's address returned no ECDSA key")
	}
	if keys := parseJWKS(content); len(keys) > 0 {
		return keys, nil
	}
	return nil, errors.New("identity.jwt.jwksURL returned no keys for signatures")
}
