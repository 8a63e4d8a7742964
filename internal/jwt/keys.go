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
	maxFolder    = 256              // key ids that are known where each key has a file
	keysLife     = time.Hour        // after which a key set is fetched again
	keysPatience = 10 * time.Second // before another try where the last one failed
	keysRecheck  = 2 * time.Second  // between two fetches because of unknown key ids
	keysRespite  = 5 * time.Minute  // that a good set gets when it cannot be fetched again
	keysTimeout  = 5 * time.Second  // of a fetch
)

// ErrKeys says that there are no keys to verify with.
var ErrKeys = errors.New("cannot be checked: the keys cannot be fetched")

// Keys holds the keys by which tokens are verified. They are fetched when first needed and again,
// by a request that needs them, when they are old or a token names an unknown one. The last good
// set stays through an outage.
type Keys struct {
	address string           // of a JWKS (RFC 7517), or of one key's PEM file; "" for fixed keys
	folder  map[string]*Keys // by key id, where each key has a PEM file below the address; else nil
	isPEM   bool             // the keys are one PEM file
	mu      sync.Mutex
	keys    []*key
	fetched time.Time   // when the keys were good
	again   time.Time   // when they may be fetched again
	real    atomic.Bool // the address had a key once
}

// foreign matches what the server's text may be in an error of net/http.
var foreign = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?|[[:cntrl:]]`)

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// FetchedKeys returns keys that are fetched from the address of a JWKS, or with perKey of a folder
// with a PEM file for each key's id. Nothing is fetched yet.
func FetchedKeys(address string, perKey bool) *Keys {
	k := &Keys{address: address}
	if perKey {
		k.folder = map[string]*Keys{}
	}
	return k
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

// find returns the keys that may have signed a token that names a key and an algorithm. It returns
// ErrKeys when there are no keys at all.
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

// fileOf returns the keys of the id's file. Each id has its own, so that made-up ids never take the
// turn of a new key. Where there are too many, those without a key are forgotten.
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

// matching returns the keys with the id, or every key for a token that names none; of those the ones
// for the algorithm, up to a number that a forger may make us try.
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

// refresh fetches the keys. The mutex is locked.
func refresh(ctx context.Context, k *Keys, now time.Time) {
	k.again = now.Add(keysPatience)
	keys, err := fetch(ctx, k)
	if err != nil {
		logs.Error("identity.jwt: " + err.Error())
		if len(k.keys) > 0 { // the last good set serves on
			k.fetched = now.Add(keysRespite - keysLife)
		}
		return
	}
	k.keys = keys
	k.fetched = now
	k.again = now.Add(keysRecheck)
	k.real.Store(len(keys) > 0)
}

// fetch gets the keys. It outlives the request and follows no redirect.
func fetch(ctx context.Context, k *Keys) ([]*key, error) {
	if len(k.keys) > 0 { // the others go on with them meanwhile
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
	if k.isPEM && resp.StatusCode == http.StatusNotFound { // made up, or withdrawn
		return nil, nil
	}
	if resp.StatusCode != http.StatusOK { // before the body is read: no deadline ends that of a 101
		return nil, errors.New("the address of the keys answers HTTP " + strconv.Itoa(resp.StatusCode))
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys))
	if err != nil {
		return nil, err
	}
	if k.isPEM {
		if one := parsePEM(content); one != nil {
			return []*key{one}, nil
		}
		return nil, errors.New("the key's address answers without an ECDSA key")
	}
	if keys := parseJWKS(content); len(keys) > 0 {
		return keys, nil
	}
	return nil, errors.New("identity.jwt.jwksURL answers without keys for signatures")
}
