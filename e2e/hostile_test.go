package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needle is a part of every hostile value: where it is found, something of the value is.
const needle = "n33dle"

// hidden matches what can write over a line, begin another, or turn the rest of it around: control
// characters but the line's end, line separators, and marks of direction.
var hidden = regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{2028}\x{2029}\x{61c}` +
	`\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`)

// masked matches such a character as Traefik's log or JSON shows it.
var masked = regexp.MustCompile(`\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\[abtvfr]`)

// checkClean checks that a text has nothing of a hostile value, and nothing hidden.
func checkClean(t *testing.T, text, about string) {
	t.Helper()
	assert.NotContains(t, strings.ToLower(text), needle, about)
	assert.NotRegexp(t, hidden, text, about)
	assert.True(t, utf8.ValidString(text), "%s is not UTF-8: %q", about, text)
}

// checkLog waits for the references, and checks all that was logged after the given place.
func checkLog(t *testing.T, running *running, after int, refs ...string) {
	t.Helper()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		log := pluginLines(running.log()[after:])
		for _, ref := range refs {
			assert.Contains(c, log, "ref="+ref)
		}
	}, 5*time.Second, 5*time.Millisecond)
	log := running.log()[after:]
	for line := range strings.Lines(log) {
		// net/http itself, not the plugin, tells of an answer that goes on behind its end. It quotes.
		if strings.Contains(line, "Unsolicited response received on idle HTTP channel") {
			log = strings.ReplaceAll(log, line, "")
		}
	}
	checkClean(t, log, "the log")
	assert.NotRegexp(t, masked, pluginLines(log), "the log")
}

// hostileText is a value, and what comes of an id that has it.
type hostileText struct {
	desc, text string
	id         string
	asData     bool // as a name, VSee gets it unchanged
}

// control matches what no HTTP server lets through in a header.
var control = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f]`)

// The ways to write a value.

func raw(text string) string { return strings.ReplaceAll(text, "\n", "\n ") } // a folded line

func encodedWord(text string) string {
	return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(text)) + "?="
}

// hostilePlace is where a request has a value.
type hostilePlace struct {
	desc   string
	host   string              // "" for those that take plain headers as they are
	form   func(string) string // raw when nil
	target string              // with %s for the value; /clinic when empty
	header string              // the line's name and form, with %s for the value
	want   func(row hostileText) []string
}

func refusedAlways(hostileText) []string { return []string{"identity_refused"} }

func noClick(hostileText) []string { return []string{"not_a_navigation"} }

func ignored(hostileText) []string { return []string{"signed_in"} }

// someServersRefuse it before the plugin.
func someServersRefuse(hostileText) []string { return []string{"signed_in", ""} }

func asID(row hostileText) []string { return []string{row.id} }

// asAddress: what cannot be an address is left out.
func asAddress(row hostileText) []string {
	if row.id == "identity_refused" {
		return []string{row.id}
	}
	return []string{"signed_in"}
}

// wants returns the outcomes of the place with a text; "" is for an answer of the server.
func (p hostilePlace) wants(row hostileText) []string {
	asIs := p.form == nil && p.target == ""
	if asIs && control.MatchString(row.text) {
		return []string{""}
	}
	if asIs && strings.Contains(row.text, "\n") { // a blank comes of the fold
		row.id = "signed_in"
	}
	return p.want(row)
}

// request writes the request of a visitor, in lines.
func (p hostilePlace) request(row hostileText, visitor, accept string) string {
	form := p.form
	if form == nil {
		form = raw
	}
	value := form(row.text)
	target := "/clinic"
	if p.target != "" {
		target = fmt.Sprintf(p.target, value)
	}
	headers := map[string]string{
		"X-Auth-Request-User": "X-Auth-Request-User: " + visitor,
		"Accept":              "Accept: " + accept,
	}
	if p.header != "" {
		name, _, _ := strings.Cut(p.header, ":")
		headers[name] = fmt.Sprintf(p.header, value)
	}
	lines := "GET " + target + " HTTP/1.1"
	for _, line := range headers {
		lines += "\n" + line
	}
	return lines
}

// hostileRun is an environment that takes hostile requests.
type hostileRun struct {
	b       *bench
	running *running
	refs    []string
}

// send sends the request and checks all that came of it but the log.
func (h *hostileRun) send(t *testing.T, host, lines, about string, want ...string) []string {
	t.Helper()
	h.b.clinic.Reset()
	before, _ := os.ReadFile(h.b.audit)
	got := h.running.sendRaw(t, host, lines)
	outcome := got.outcome()
	require.Contains(t, want, outcome, "%s: %d", about, got.status)
	content, _ := os.ReadFile(h.b.audit)
	line := string(content[len(before):])
	calls := h.b.clinic.Requests()
	if outcome == "" {
		assert.GreaterOrEqual(t, got.status, 300, about)
		assert.Empty(t, line, "%s: the audit", about)
		assert.Empty(t, calls, about)
		return nil
	}
	entry := map[string]any{}
	require.Regexp(t, `^[^\n]+\n$`, line, "%s: the audit has one line", about)
	require.NoError(t, json.Unmarshal([]byte(line), &entry), about)
	assert.Equal(t, outcome, entry["outcome"], about)
	checkClean(t, line, about+": the audit")
	assert.NotRegexp(t, masked, line, "%s: the audit", about)
	h.refs = append(h.refs, fmt.Sprint(entry["ref"]))
	checkClean(t, got.body, about+": the page")
	for name, values := range got.header {
		if name != "Location" {
			checkClean(t, strings.Join(values, "\n"), about+": header "+name)
		}
	}
	if outcome == "signed_in" {
		location := got.header.Get("Location")
		assert.Regexp(t, "^"+regexp.QuoteMeta(h.b.clinic.Portal())+`auth\?[!-~]+$`, location, about)
		parsed, err := url.Parse(location)
		require.NoError(t, err, about)
		query := parsed.Query()
		assert.Len(t, query, 2, about)
		assert.Len(t, query["next"], 1, about)
		assert.Regexp(t, "^[0-9a-f]{32}$", query.Get("sso_token"), about)
	}
	firstNames := []string{}
	for _, call := range calls {
		checkClean(t, fmt.Sprint(call.Header, call.Path), about+": what the API gets beside fields")
		for name, value := range call.Fields {
			assert.NotRegexp(t, hidden, value, "%s: %s", about, name)
			assert.NotContains(t, value, "\n", "%s: %s", about, name)
		}
		if slug, isRoom := call.Fields["slug"]; isRoom {
			assert.Regexp(t, "^[a-z0-9]+(?:-[a-z0-9]+)*$", slug, about)
		}
		if name := call.Fields["first_name"]; name != "" {
			firstNames = append(firstNames, name)
		}
	}
	return firstNames
}

// TestHostileValues: whatever a request has in its path, query or headers, or an auth layer in a
// token, nothing of it is in the log, the audit, the page or a header of the answer, and nothing
// hidden reaches VSee. Markup in names does: VSee gets names as data, as they are.
func TestHostileValues(t *testing.T) {
	const refused = "identity_refused"
	texts := []hostileText{
		{desc: "line break", text: "n33dle\nclinicpass:forged", id: refused},
		{desc: "carriage return", text: "n33dle\rclinicpass:forged", id: refused},
		{desc: "tab", text: "n33dle\tx", id: refused},
		{desc: "NUL", text: "n33dle\x00x", id: refused},
		{desc: "ANSI escapes", text: "\x1b[31mn33dle\x1b[2J\x1b]0;x\a", id: refused},
		{desc: "DEL and backspace", text: "n33dle\x7f\b", id: refused},
		{desc: "C1 control character", text: "\u009b31mn33dle\u0085x", id: refused},
		{desc: "C1 control character of one byte", text: "\x9b31mn33dle", id: refused},
		{desc: "right-to-left override", text: "n33dle\u202egpj.exe", id: refused},
		{desc: "isolates and marks of direction", text: "\u2066n33dle\u2069\u200f\u061cx", id: refused},
		{desc: "line separators", text: "n33dle\u2028x\u2029y", id: refused},
		{desc: "script", text: "<script>n33dle</script>", id: "signed_in", asData: true},
		{desc: "end of an attribute", text: `"><img/src=x/alt=n33dle>`, id: "signed_in", asData: true},
		{desc: "entity", text: "n33dle&lt;&amp;x", id: "signed_in", asData: true},
		{desc: "template", text: "{{n33dle}}", id: "no_identity"},
		{desc: "template with words", text: "x{{.n33dle}}{hash}", id: "signed_in", asData: true},
		{desc: "lookup", text: "${jndi:ldap://n33dle.example/x}", id: "signed_in", asData: true},
		{desc: "format", text: "%s%n%!vn33dle", id: "signed_in"},
		{desc: "long", text: needle + strings.Repeat("x", 2000), id: refused},
		{desc: "long and wide", text: needle + strings.Repeat("\U0001f9d1", 500), id: refused},
	}
	user, address := "X-Auth-Request-User: %s", "X-Auth-Request-Email: %s@example.com"
	const azure = "X-MS-CLIENT-PRINCIPAL: %s"
	places := []hostilePlace{
		{desc: "id", header: user, want: asID},
		{desc: "id in RFC 2047", header: user, form: encodedWord, want: refusedAlways},
		{desc: "id percent-encoded", host: "percent", header: user, form: url.PathEscape, want: asID},
		{desc: "e-mail", header: address, want: asAddress},
		{
			desc:   "e-mail percent-encoded",
			host:   "percent",
			header: address,
			form:   url.PathEscape,
			want:   asAddress,
		},
		{desc: "name", header: "X-Auth-Request-Name: %s", want: ignored},
		{
			desc: "name in RFC 2047", header: "X-Auth-Request-Name: %s", form: encodedWord, want: ignored,
		},
		{
			desc:   "name percent-encoded",
			host:   "percent",
			header: "X-Auth-Request-Name: %s",
			form:   url.PathEscape,
			want:   ignored,
		},
		{desc: "first name", header: "X-First: %s", want: ignored},
		{desc: "last name in RFC 2047", header: "X-Last: %s", form: encodedWord, want: ignored},
		{desc: "groups", header: "X-Auth-Request-Groups: %s,x", want: ignored},
		{desc: "path", target: "/clinic/%s", form: url.PathEscape, want: someServersRefuse},
		{desc: "path as it is", target: "/clinic/%s", want: someServersRefuse},
		{desc: "query", target: "/clinic?q=%s", form: url.QueryEscape, want: ignored},
		{desc: "query as it is", target: "/clinic/visits?%s", want: someServersRefuse},
		{desc: "language", header: "Accept-Language: %s, vi;q=0.5", want: ignored},
		{desc: "accept", header: "Accept: application/json, %s", want: ignored},
		{desc: "browser", header: "User-Agent: %s", want: ignored},
		{desc: "referrer", header: "Referer: https://portal.example.com/%s", want: ignored},
		{desc: "cookie", header: "Cookie: %s=%[1]s", want: ignored},
		{desc: "forwarded address", header: "X-Forwarded-For: %s", want: ignored},
		{desc: "fetch mode", header: "Sec-Fetch-Mode: %s", want: noClick},
		{desc: "fetch destination", header: "Sec-Fetch-Dest: %s", want: noClick},
		{desc: "claim sub", host: "token", header: "X-Token: %s", want: asID},
		{desc: "claim email", host: "token", header: "X-Token: %s", want: asAddress},
		{desc: "claim name", host: "token", header: "X-Token: %s", want: ignored},
		{desc: "claim iss", host: "token", header: "X-Token: %s", want: refusedAlways},
		{desc: "claim aud", host: "token", header: "X-Token: %s", want: refusedAlways},
		{desc: "header kid", host: "token", header: "X-Token: %s", want: refusedAlways},
		{desc: "header alg", host: "token", header: "X-Token: %s", want: refusedAlways},
		{desc: "principal id", host: "principal", header: azure, want: asID},
		{desc: "principal name", host: "principal", header: azure, want: ignored},
	}
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		signer := newSigner(t)
		h := &hostileRun{b: b}
		h.running = start(hostileConfigs(b, signer))
		for i, row := range texts {
			t.Run(row.desc, func(t *testing.T) {
				logged := len(h.running.log())
				h.refs = nil
				for n, place := range places {
					visitor := fmt.Sprintf("visitor-%d-%d", i, n)
					if place.host == "token" || place.host == "principal" {
						carried := signer.carry(t, place, row, visitor)
						place.form = func(string) string { return carried }
					}
					host := place.host
					if host == "" {
						host = "clinic"
					}
					wants := place.wants(row)
					lines := place.request(row, visitor, "text/html")
					names := h.send(t, host, lines, place.desc, wants...)
					if row.asData && strings.HasPrefix(place.desc, "name") {
						assert.Equal(t, []string{row.text}, names, "VSee gets the name as it is")
					}
					if place.host != "" {
						continue
					}
					closed := []string{} // nobody is in the group
					for _, want := range wants {
						closed = append(closed, strings.ReplaceAll(want, "signed_in", "not_allowed"))
					}
					h.send(t, "closed", lines, place.desc+", closed", closed...)
					lines = place.request(row, visitor, "application/json")
					h.send(t, "closed", lines, place.desc+", closed, as problem details", closed...)
				}
				checkLog(t, h.running, logged, h.refs...)
			})
		}
		clicks(t, h.running, "clinic", 1)
	})
}

// hostileConfigs are the middlewares that hostile values meet, by host.
func hostileConfigs(b *bench, signer *signer) map[string]map[string]any {
	unlimited := b.roomConfig(section(0, "limits", "signIns"))
	room := map[string]any{
		"slug": "{name}-{id}-{hash}", "name": "{name} {firstName} {id} {email}",
	}
	names := map[string]any{"firstName": "X-First", "lastName": "X-Last"}
	clinic := overlay(overlay(unlimited, section(names, "identity", "headers")),
		section(room, "room"))
	elsewhere := overlay(clinic, section(nil, "identity"))
	token := map[string]any{
		"header": "X-Token", "issuer": "issuer", "audience": "portal",
		"jwksURL": signer.server.URL + "/jwks.json",
	}
	return map[string]map[string]any{
		"clinic":    clinic,
		"percent":   overlay(clinic, section("percent", "identity", "encoding")),
		"closed":    overlay(clinic, section([]string{"nobody"}, "identity", "allowedGroups")),
		"token":     overlay(elsewhere, section(token, "identity", "jwt")),
		"principal": overlay(elsewhere, section("azure", "identity", "preset")),
	}
}

// crowd sends so many requests, several at once.
func crowd(
	t *testing.T, running *running, host string, count int, want string,
	header func(i int) http.Header,
) {
	t.Helper()
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; i < count && !t.Failed(); i += 8 {
				got := running.exchange(t, host, request{path: "/clinic", header: header(i)})
				assert.Equal(t, want, got.outcome(), "%d: %d", i, got.status)
			}
		})
	}
	wait.Wait()
}

// TestHostileFloods: a flood of made-up key ids, identities or configurations keeps nobody else
// from signing in. A set is not fetched for each made-up token, nor a key again that is known.
func TestHostileFloods(t *testing.T) {
	const arn = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/x/y"
	rows := []struct {
		desc, host, id string
		most           int // fetches of keys, besides one every 2 seconds
	}{
		{desc: "key ids of a set", host: "set", id: "made-up-%d", most: 2},
		{desc: "key ids with a file each", host: "files", id: "made-up-%d", most: 300},
		{desc: "key ids that are no file's name", host: "files", id: "../key-1?%d", most: 0},
	}
	inEveryEnvironment(t, func(t *testing.T, b *bench, start starter) {
		signer := newSigner(t)
		set, setURL := newLiar(t, hostileAnswer{}, signer.server.URL+"/jwks.json")
		files, filesURL := newLiar(t, hostileAnswer{}, signer.server.URL+"/")
		set.honest.Store(true)
		files.honest.Store(true)
		unlimited := overlay(overlay(b.baseConfig(), section(0, "limits", "signIns")),
			section(nil, "identity"))
		by := func(preset any, jwt map[string]any) map[string]any {
			return overlay(overlay(unlimited, section(jwt, "identity", "jwt")),
				section(preset, "identity", "preset"))
		}
		middlewares := map[string]map[string]any{
			"clinic": b.roomConfig(nil),
			"set": by(nil, map[string]any{
				"header": "X-Token", "issuer": "issuer", "audience": "portal", "jwksURL": setURL,
			}),
			"files": by("aws-alb", map[string]any{
				"issuer": "issuer", "audience": arn, "jwksURL": filesURL,
			}),
		}
		for i := range 60 {
			contact := section(fmt.Sprint("extension ", i), "pages", "contact")
			middlewares[fmt.Sprint("more-", i)] = b.roomConfig(contact)
		}
		running := start(middlewares)
		for _, row := range rows {
			t.Run(row.desc, func(t *testing.T) {
				keys, header := set, "X-Token"
				token := &signedToken{Claims: map[string]any{
					"iss": "issuer", "aud": "portal", "sub": "x",
				}}
				if row.host == "files" {
					keys, header = files, "X-Amzn-Oidc-Data"
					token.Signer = arn
				}
				honest := func() {
					signed := signer.sign(t, token, func(text string) string { return text })
					crowd(t, running, row.host, 1, "signed_in", func(int) http.Header {
						return http.Header{header: {signed}}
					})
				}
				begun := time.Now()
				honest()
				fetched, known := keys.count(""), keys.count("/key-1")
				crowd(t, running, row.host, 300, "identity_refused", func(i int) http.Header {
					head := map[string]any{"alg": "ES256", "signer": arn}
					return http.Header{header: {forged(t, head, "kid", fmt.Sprintf(row.id, i))}}
				})
				most := row.most
				if most > 0 {
					most += int(time.Since(begun) / (2 * time.Second))
				}
				assert.LessOrEqual(t, keys.count("")-fetched, most, "fetches")
				honest()
				assert.Equal(t, known, keys.count("/key-1"), "fetches of the known key")
			})
		}
		t.Run("identities", func(t *testing.T) {
			b.visit(t, running, "clinic", "first", "Jane Doe").
				check(t, "the first", "signed_in", "created", true, mint, create, assign)
			logged := len(running.log())
			crowd(t, running, "clinic", 2000, "signed_in", func(i int) http.Header {
				return http.Header{"X-Auth-Request-User": {fmt.Sprint("many-", i)}}
			})
			b.visit(t, running, "clinic", "first", "Jane Doe").
				check(t, "the first, again", "signed_in", "remembered", false, mint)
			checkLog(t, running, logged, fmt.Sprint(lastAudit(t, b.audit)["ref"]))
			for line := range strings.Lines(pluginLines(running.log()[logged:])) {
				require.Contains(t, line, " signed_in ref=")
			}
		})
		t.Run("configurations", func(t *testing.T) {
			for i := range 60 {
				host := fmt.Sprint("more-", i)
				b.visit(t, running, host, "everywhere", "Jane Doe")
				b.visit(t, running, host, "everywhere", "Jane Doe").
					check(t, host, "signed_in", "remembered", false, mint)
			}
		})
	})
}

// TestHostileReloads: of many configurations, which become others again and again, none forgets a
// room that is still its own.
func TestHostileReloads(t *testing.T) {
	t.Run("traefik", func(t *testing.T) {
		b := newBench(t)
		r := newReloading(t, b, map[string]map[string]any{"clinic": b.roomConfig(nil)})
		b.visit(t, r.running, "clinic", "first", "Jane Doe")
		for i := range 5 {
			for n := range 60 {
				contact := section(fmt.Sprintf("extension %d of %d", n, i), "pages", "contact")
				r.middlewares[fmt.Sprint("more-", n)] = b.roomConfig(contact)
			}
			r.reload(t)
			b.visit(t, r.running, "clinic", "first", "Jane Doe").
				check(t, "the first", "signed_in", "remembered", false, mint)
			clicks(t, r.running, fmt.Sprint("more-", i), 1)
		}
	})
}
