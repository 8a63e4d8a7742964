package portal

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/request"
)

const corpus = "../../testdata/next"

// nextClasses returns the names of the corpus's files, without their extension.
func nextClasses(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, files, corpus)
	classes := []string{}
	for _, file := range files {
		classes = append(classes, strings.TrimSuffix(filepath.Base(file), ".txt"))
	}
	return classes
}

// nextPayloads returns the payloads of a class: what may follow /clinic in a request.
func nextPayloads(t testing.TB, class string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(corpus, class+".txt"))
	require.NoError(t, err)
	payloads := []string{}
	for _, line := range strings.Split(string(content), "\n") {
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		if strings.HasPrefix(line, `"`) {
			quoted, err := strconv.Unquote(line)
			require.NoError(t, err, "%s: %s", class, line)
			line = quoted
		}
		payloads = append(payloads, line)
	}
	return payloads
}

// corpusPortals are the configurations for every payload.
var corpusPortals = []struct {
	desc   string
	config config.Portal
}{
	{
		desc: "portal at a path",
		config: config.Portal{
			URL:       "https://portal.example.com/vc/next/",
			KeepQuery: true,
		},
	},
	{
		desc: "portal at the root",
		config: config.Portal{
			URL:       "https://portal.example.com:8443",
			KeepQuery: true,
		},
	},
	{
		desc: "some paths allowed",
		config: config.Portal{
			URL:         "https://portal.example.com/vc/next/",
			KeepQuery:   true,
			AllowedNext: []string{"/visits", "/u/clinic/"},
		},
	},
	{
		desc: "query dropped",
		config: config.Portal{
			URL: "https://portal.example.com/vc/next/",
		},
	},
	{
		desc: "parameters added",
		config: config.Portal{
			URL:       "https://portal.example.com/vc/next/",
			KeepQuery: true,
			AuthParams: map[string]string{
				"disable_navigation": "1",
				"back":               "/a&next=//evil.example.com#",
			},
		},
	},
}

func corpusPortal(t testing.TB, c config.Portal) *Portal {
	t.Helper()
	if c.DefaultNext == "" {
		c.DefaultNext = "/providers/dashboard"
	}
	p := &config.Problems{}
	to := Parse(c, p)
	require.Empty(t, p.Lines)
	return to
}

func TestNextCorpus(t *testing.T) {
	for _, row := range corpusPortals {
		t.Run(row.desc, func(t *testing.T) {
			to := corpusPortal(t, row.config)
			for _, class := range nextClasses(t) {
				for _, payload := range nextPayloads(t, class) {
					flaw := flawOfTarget(to, "/clinic"+payload)
					assert.Empty(t, flaw, "%s: request for /clinic%q", class, payload)
					path, query := cutQuery(payload)
					flaw = flawOfNext(to, path, clean(query))
					assert.Empty(t, flaw, "%s: path %q, query %q", class, path, query)
				}
			}
		})
	}
}

// never matches nothing.
var never = regexp.MustCompile(`[^\x00-\x{10FFFF}]`)

// unguard treats no path as ordinary, until the test ends.
func unguard(t testing.TB) {
	t.Helper()
	guard := ordinaryPath
	ordinaryPath = never
	t.Cleanup(func() { ordinaryPath = guard })
}

// landed is the result for a payload.
type landed struct {
	payload string
	path    string
	query   string
	next    string
	refused bool
}

// TestGuardIsNoException: judge gives the same result for all paths that ordinaryPath accepts.
func TestGuardIsNoException(t *testing.T) {
	for _, row := range corpusPortals {
		t.Run(row.desc, func(t *testing.T) {
			to := corpusPortal(t, row.config)
			guarded := []landed{}
			ordinary := 0
			for _, class := range nextClasses(t) {
				for _, payload := range nextPayloads(t, class) {
					path, query := cutQuery(payload)
					if ordinaryPath.MatchString(path) {
						ordinary++
					}
					next, refused := landOn(to, path, query)
					guarded = append(guarded, landed{
						payload: payload,
						path:    path,
						query:   query,
						next:    next,
						refused: refused,
					})
				}
			}
			require.Greater(t, ordinary, 20, "the corpus has too few ordinary paths")
			require.Greater(t, len(guarded)-ordinary, 500, "too much passes as ordinary")
			unguard(t)
			require.False(t, ordinaryPath.MatchString("/visits"))
			for _, with := range guarded {
				next, refused := landOn(to, with.path, with.query)
				assert.Equal(t, next, with.next, "%q", with.payload)
				assert.Equal(t, refused, with.refused, "%q", with.payload)
			}
		})
	}
	assert.True(t, ordinaryPath.MatchString("/visits"), "the guard was not restored")
}

// TestNextCorpusIsDistinct: the corpus has no duplicate payload.
func TestNextCorpusIsDistinct(t *testing.T) {
	seen := map[string]string{}
	for _, class := range nextClasses(t) {
		for _, payload := range nextPayloads(t, class) {
			assert.Empty(t, seen[payload], "%q is also in %s", payload, class)
			seen[payload] = class
		}
	}
	assert.GreaterOrEqual(t, len(seen), 600)
}

// TestHonestPathsGoThrough: harmless paths that resemble an attack arrive unchanged.
func TestHonestPathsGoThrough(t *testing.T) {
	to := corpusPortal(t, corpusPortals[0].config)
	for _, payload := range nextPayloads(t, "honest") {
		path, query := cutQuery(payload)
		want, err := url.PathUnescape(path)
		require.NoError(t, err, payload)
		if path == "" || path == "/" {
			want = to.defaultNext
		}
		next, refused := landOn(to, path, query)
		assert.False(t, refused, payload)
		landedPath, landedQuery := cutQuery(next)
		got, err := url.PathUnescape(landedPath)
		assert.NoError(t, err, payload)
		assert.Equal(t, want, got, payload)
		assert.Equal(t, query, landedQuery, payload)
	}
}

func cutQuery(target string) (string, string) {
	path, query, _ := strings.Cut(target, "?")
	return path, query
}

// controls are the bytes that Go's HTTP server refuses in a URL.
const controls = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// clean removes the control bytes.
func clean(query string) string {
	kept := []byte{}
	for i := 0; i < len(query); i++ {
		if strings.IndexByte(controls, query[i]) < 0 {
			kept = append(kept, query[i])
		}
	}
	return string(kept)
}

func isASCII(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// flawOfTarget parses a request target like Go's HTTP server, and returns what is wrong with the
// answer. It returns "" if nothing is, or if the request would not reach the sign-in.
func flawOfTarget(to *Portal, target string) string {
	prefix := clinicPrefix()
	u, err := url.ParseRequestURI(target)
	if err != nil || !strings.HasPrefix(u.Path, prefix.Path) ||
		!request.Owns(prefix, u.EscapedPath()) {
		return ""
	}
	below := request.Below(prefix, u.EscapedPath())
	next, _ := Land(to, prefix, u)
	if again, _ := landOn(to, below, u.RawQuery); again != next {
		return "lands on " + next + ", written anew on " + again
	}
	return flawOfNext(to, below, u.RawQuery)
}

// flawOfNext returns what is wrong with the address for a path and a query, or "".
func flawOfNext(to *Portal, below, query string) string {
	next, refused := landOn(to, below, query)
	if flaw := flawOfValue(to, next); flaw != "" {
		return flaw + ": " + strconv.Quote(next)
	}
	path, kept := cutQuery(next)
	decoded, _ := url.PathUnescape(path)
	asked, err := url.PathUnescape(below)
	if refused && (decoded != to.defaultNext || kept != "") {
		return "refused, yet not the default page: " + strconv.Quote(next)
	}
	if !refused && kept != query && !to.dropQuery {
		return "another query than asked for: " + strconv.Quote(next)
	}
	if !refused && below != "" && below != "/" && (err != nil || decoded != asked) {
		return "another path than asked for: " + strconv.Quote(next)
	}
	// A single slash requests the default page, which allowedNext does not have to contain.
	settled := path == "/" || (decoded == to.defaultNext && len(to.allowedNext) > 0)
	if again, _ := landOn(to, path, kept); again != next && !settled {
		return "asked for again, " + strconv.Quote(next) + " becomes " + strconv.Quote(again)
	}
	return flawOfLocation(to, next)
}

// flawOfValue returns what is wrong with a value of next, or "".
func flawOfValue(to *Portal, next string) string {
	path, query := cutQuery(next)
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return "the path has broken escapes"
	}
	if twice, err := url.PathUnescape(decoded); err != nil || twice != decoded {
		return "the path changes when decoded twice"
	}
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.HasPrefix(next, `/\`) {
		return "does not start with exactly one slash"
	}
	if !utf8.ValidString(decoded) {
		return "the path is not UTF-8"
	}
	for _, r := range decoded {
		if unicode.IsControl(r) || r == '\\' {
			return "the path has a control character or backslash"
		}
	}
	segments := strings.Split(decoded[1:], "/")
	for i, segment := range segments {
		if segment == "." || segment == ".." || (segment == "" && i < len(segments)-1) {
			return "the path has an empty segment or a dot segment"
		}
	}
	if strings.ContainsAny(path, " #\\\"<>") || !isASCII(path) ||
		strings.ContainsAny(query, controls) {
		return "has bytes that belong escaped"
	}
	if to.dropQuery && query != "" {
		return "the query was kept"
	}
	if len(decoded)+len(query) > 2048 {
		return "too long"
	}
	if len(to.allowedNext) > 0 && decoded != to.defaultNext && !lies(decoded, to.allowedNext) {
		return "the path is not allowed"
	}
	return ""
}

// lies reports whether a path is one of the prefixes or is below one.
func lies(path string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(path+"/", prefix+"/") {
			return true
		}
	}
	return false
}

// flawOfLocation returns what is wrong with the finished address, or "".
func flawOfLocation(to *Portal, next string) string {
	location := Location(to, "t&next=/token#?", next)
	if location == "" {
		return "would lead away from the portal"
	}
	for i := 0; i < len(location); i++ {
		if location[i] <= ' ' || location[i] > '~' || location[i] == '\\' {
			return "not plain printable ASCII: " + strconv.Quote(location)
		}
	}
	u, err := url.Parse(location)
	if err != nil {
		return err.Error()
	}
	want, _, _ := strings.Cut(to.address, "?")
	query := u.RawQuery
	u.RawQuery = ""
	if u.String() != want {
		return "leads to " + u.String()
	}
	parameters := strings.Split(query, "&")
	if len(parameters) != 2+strings.Count(to.authParams, "&") ||
		!strings.HasPrefix(parameters[0], "sso_token=t%26") {
		return "has other parameters: " + query
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values["next"]) != 1 || values.Get("next") != next ||
		len(values["sso_token"]) != 1 {
		return "next arrives as " + strconv.Quote(strings.Join(values["next"], ", "))
	}
	return ""
}
