package clinicpass

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const corpus = "testdata/next"

// nextClasses returns the names of the corpus's files, without their extension.
func nextClasses(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no payloads in %s: %v", corpus, err)
	}
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
	if err != nil {
		t.Fatal(err)
	}
	payloads := []string{}
	for _, line := range strings.Split(string(content), "\n") {
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		if strings.HasPrefix(line, `"`) {
			quoted, err := strconv.Unquote(line)
			if err != nil {
				t.Fatalf("%s: %s: %v", class, line, err)
			}
			line = quoted
		}
		payloads = append(payloads, line)
	}
	return payloads
}

// corpusPortals are the configurations that every payload meets.
var corpusPortals = []struct {
	desc   string
	config PortalConfig
}{
	{"portal at a path", PortalConfig{URL: "https://portal.example.com/vc/next/", KeepQuery: true}},
	{"portal at the root", PortalConfig{URL: "https://portal.example.com:8443", KeepQuery: true}},
	{"some paths allowed", PortalConfig{
		URL: "https://portal.example.com/vc/next/", KeepQuery: true, AllowedNext: []string{"/visits", "/u/clinic/"},
	}},
	{"query dropped", PortalConfig{URL: "https://portal.example.com/vc/next/"}},
	{"parameters added", PortalConfig{
		URL: "https://portal.example.com/vc/next/", KeepQuery: true,
		AuthParams: map[string]string{"disable_navigation": "1", "back": "/a&next=//evil.example.com#"},
	}},
}

func corpusPortal(t *testing.T, config PortalConfig) *portal {
	t.Helper()
	if config.DefaultNext == "" {
		config.DefaultNext = "/providers/dashboard"
	}
	var found problems
	p := newPortal(config, &found)
	if len(found.lines) > 0 {
		t.Fatal(found.lines)
	}
	return p
}

func TestNextCorpus(t *testing.T) {
	for _, test := range corpusPortals {
		t.Run(test.desc, func(t *testing.T) {
			p := corpusPortal(t, test.config)
			for _, class := range nextClasses(t) {
				for _, payload := range nextPayloads(t, class) {
					if flaw := flawOfTarget(p, "/clinic"+payload); flaw != "" {
						t.Errorf("%s: request for /clinic%q: %s", class, payload, flaw)
					}
					path, query := cutQuery(payload)
					if flaw := flawOfNext(p, path, clean(query)); flaw != "" {
						t.Errorf("%s: next(%q, %q): %s", class, path, query, flaw)
					}
				}
			}
		})
	}
}

// TestNextCorpusIsDistinct: no payload is there twice.
func TestNextCorpusIsDistinct(t *testing.T) {
	seen := map[string]string{}
	for _, class := range nextClasses(t) {
		for _, payload := range nextPayloads(t, class) {
			if other, known := seen[payload]; known {
				t.Errorf("%q is in %s and in %s", payload, other, class)
			}
			seen[payload] = class
		}
	}
	if len(seen) < 600 {
		t.Errorf("the corpus has %d payloads, fewer than 600", len(seen))
	}
}

// TestHonestPathsGoThrough: what looks a little like an attack and is none arrives as it was asked for.
func TestHonestPathsGoThrough(t *testing.T) {
	p := corpusPortal(t, corpusPortals[0].config)
	for _, payload := range nextPayloads(t, "honest") {
		path, query := cutQuery(payload)
		next, refused := landOn(p, path, query)
		if refused {
			t.Errorf("next(%q) is refused", payload)
			continue
		}
		want, err := url.PathUnescape(path)
		if path == "" || path == "/" {
			want = p.defaultNext
		}
		gotPath, gotQuery := cutQuery(next)
		got, _ := url.PathUnescape(gotPath)
		if err != nil || got != want || gotQuery != query {
			t.Errorf("next(%q) = %q", payload, next)
		}
	}
}

func cutQuery(target string) (path, query string) {
	if i := strings.IndexByte(target, '?'); i >= 0 {
		return target[:i], target[i+1:]
	}
	return target, ""
}

// controls are the bytes that Go's HTTP server lets into no URL.
const controls = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// clean drops the control bytes.
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

// flawOfTarget reads a request target as Go's HTTP server does, and returns what is wrong with the answer to it: "" when
// nothing is, or when the request would not reach the sign-in.
func flawOfTarget(p *portal, target string) string {
	s := &signIn{prefix: "/clinic", segments: 1}
	u, err := url.ParseRequestURI(target)
	if err != nil || !strings.HasPrefix(u.Path, s.prefix) || !owns(s, u.EscapedPath()) {
		return ""
	}
	return flawOfNext(p, rest(s, u.EscapedPath()), u.RawQuery)
}

// landOn is landing for what follows the prefix in a request's escaped path.
func landOn(p *portal, rest, query string) (string, bool) {
	s := &signIn{prefix: "/clinic", segments: 1, portal: p}
	path, err := url.PathUnescape(rest)
	if err != nil || (rest != "" && rest[0] != '/') {
		return p.next(rest, query) // net/http would not let it through
	}
	asked := &url.URL{Path: "/clinic" + path, RawQuery: query}
	if asked.EscapedPath() != "/clinic"+rest {
		asked.RawPath = "/clinic" + rest
	}
	return landing(s, asked)
}

// flawOfNext returns what is wrong with the address that p makes of a path and a query, or "".
func flawOfNext(p *portal, rest, query string) string {
	next, refused := landOn(p, rest, query)
	if slowly, alsoRefused := p.next(rest, query); slowly != next || alsoRefused != refused {
		return "as an ordinary path it lands on " + next + ", else on " + slowly
	}
	if flaw := flawOfValue(p, next); flaw != "" {
		return flaw + ": " + strconv.Quote(next)
	}
	path, kept := cutQuery(next)
	decoded, _ := url.PathUnescape(path)
	asked, err := url.PathUnescape(rest)
	if refused && (decoded != p.defaultNext || kept != "") {
		return "refused, yet not the default page: " + strconv.Quote(next)
	}
	if !refused && kept != query && p.keepQuery {
		return "another query than asked for: " + strconv.Quote(next)
	}
	if !refused && rest != "" && rest != "/" && (err != nil || decoded != asked) {
		return "another path than asked for: " + strconv.Quote(next)
	}
	// A lone slash asks for the default page, which need not be among the allowed ones.
	settled := path == "/" || (decoded == p.defaultNext && len(p.allowedNext) > 0)
	if again, _ := landOn(p, path, kept); again != next && !settled {
		return "asked for again, " + strconv.Quote(next) + " becomes " + strconv.Quote(again)
	}
	return flawOfLocation(p, next)
}

// flawOfValue returns what is wrong with a value of next, or "".
func flawOfValue(p *portal, next string) string {
	path, query := cutQuery(next)
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return "the path has broken escapes"
	}
	if twice, err := url.PathUnescape(decoded); err != nil || twice != decoded {
		return "the path changes when decoded twice"
	}
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.HasPrefix(next, `/\`) {
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
	if strings.ContainsAny(path, " #\\\"<>") || !isASCII(path) || strings.ContainsAny(query, controls) {
		return "has bytes that belong escaped"
	}
	if !p.keepQuery && query != "" {
		return "the query was kept"
	}
	if len(decoded)+len(query) > 2048 {
		return "too long"
	}
	if len(p.allowedNext) > 0 && decoded != p.defaultNext && !below(p.allowedNext, decoded) {
		return "the path is not allowed"
	}
	return ""
}

func below(prefixes []string, path string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(path+"/", prefix+"/") {
			return true
		}
	}
	return false
}

// flawOfLocation returns what is wrong with the finished address, or "".
func flawOfLocation(p *portal, next string) string {
	location := location(p, "t&next=/token#?", next)
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
	want := *p.base
	want.Path += "auth"
	query := u.RawQuery
	u.RawQuery = ""
	if u.String() != want.String() {
		return "leads to " + u.String()
	}
	parameters := strings.Split(query, "&")
	if len(parameters) != 2+strings.Count(p.authParams, "&") || !strings.HasPrefix(parameters[0], "sso_token=t%26") {
		return "has other parameters: " + query
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values["next"]) != 1 || values.Get("next") != next || len(values["sso_token"]) != 1 {
		return "next arrives as " + strconv.Quote(strings.Join(values["next"], ", "))
	}
	return ""
}
