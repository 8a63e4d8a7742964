package identity

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
	_ "github.com/clinicpass/clinicpass/internal/config/configtest" // allows temporary files
	"github.com/clinicpass/clinicpass/internal/outcome"
)

// Outcomes of Read.
const (
	noIdentity = "no_identity"
	refused    = "identity_refused"
)

func testReader(t *testing.T, c config.Identity) *Reader {
	t.Helper()
	if c.Encoding == "" {
		c.Encoding = auto
	}
	p := &config.Problems{}
	r := Parse(c, p)
	require.Empty(t, p.Lines)
	return r
}

// fiveHeaders has a header for each part, in the order of an Identity's fields.
func fiveHeaders() config.Identity {
	return config.Identity{
		Headers: config.Headers{ID: "A", Email: "B", Name: "C", FirstName: "D", LastName: "E"},
	}
}

// readFrom returns the identity from the headers. If Read refuses it, the identity is empty, and
// readFrom returns the outcome and the reason.
func readFrom(r *Reader, h http.Header) (who *Identity, refusedAs, why string) {
	return told(Read(r, &http.Request{Header: h}))
}

func told(who *Identity, refusal *outcome.Refusal) (*Identity, string, string) {
	if refusal == nil {
		return who, "", ""
	}
	if who != nil {
		panic("an identity beside a refusal")
	}
	return &Identity{}, string(refusal.Outcome), refusal.Why
}

// partsOf returns an identity in one line, the groups last.
func partsOf(who *Identity) string {
	parts := []string{who.ID, who.Email, who.Name, who.FirstName, who.LastName}
	parts = append(parts, strings.Join(who.Groups, ","))
	return strings.Join(parts, "|")
}

// TestDoubledHeader: no part of an identity may arrive twice, in any header.
func TestDoubledHeader(t *testing.T) {
	r := testReader(t, fiveHeaders())
	for _, doubled := range []string{"A", "B", "C", "D", "E"} {
		t.Run(doubled, func(t *testing.T) {
			h := http.Header{
				"A": {"u-17"},
				"B": {"jane@example.com"},
				"C": {"Jane Doe"},
				"D": {"Jane"},
				"E": {"Doe"},
			}
			who, refusedAs, _ := readFrom(r, h)
			require.Empty(t, refusedAs)
			require.Equal(t, "u-17|jane@example.com|Jane Doe|Jane|Doe|", partsOf(who))
			h.Add(doubled, h.Get(doubled))
			who, refusedAs, why := readFrom(r, h)
			assert.Equal(t, refused, refusedAs)
			assert.Equal(t, "header "+doubled+" arrived more than once", why)
			assert.Empty(t, who.ID)
		})
	}
}

func TestHeaders(t *testing.T) {
	r := testReader(t, config.Identity{Preset: "basic-auth"})
	for _, row := range []struct {
		desc      string
		header    http.Header
		refusedAs string
		id        string
	}{
		{
			desc:   "as configured, as Traefik's basicAuth writes it",
			header: http.Header{"X-WebAuth-User": {"jdoe"}},
			id:     "jdoe",
		},
		{
			desc:   "canonical",
			header: http.Header{"X-Webauth-User": {"jdoe"}},
			id:     "jdoe",
		},
		{
			desc:      "both",
			header:    http.Header{"X-WebAuth-User": {"jdoe"}, "X-Webauth-User": {"evil"}},
			refusedAs: refused,
		},
		{
			desc:      "a third case",
			header:    http.Header{"X-WEBAUTH-USER": {"evil"}},
			refusedAs: refused,
		},
		{
			desc:      "a third case beside it",
			header:    http.Header{"X-WebAuth-User": {"jdoe"}, "x-webauth-user": {"evil"}},
			refusedAs: refused,
		},
		{
			desc:      "two lines",
			header:    http.Header{"X-Webauth-User": {"jdoe", "jdoe"}},
			refusedAs: refused,
		},
		{
			desc:      "two lines as configured",
			header:    http.Header{"X-WebAuth-User": {"jdoe", "jdoe"}},
			refusedAs: refused,
		},
		{
			desc:      "two lines, one of them empty",
			header:    http.Header{"X-Webauth-User": {"", "jdoe"}},
			refusedAs: refused,
		},
		{
			desc:      "underscore",
			header:    http.Header{"X-Webauth-User": {"jdoe"}, "X_webauth_user": {"evil"}},
			refusedAs: refused,
		},
		{
			desc:      "underscore alone",
			header:    http.Header{"X_webauth_user": {"evil"}},
			refusedAs: refused,
		},
		{
			desc:      "mixed signs",
			header:    http.Header{"X-Webauth-User": {"jdoe"}, "X.webauth_user": {"evil"}},
			refusedAs: refused,
		},
		{
			desc:   "another header of that length",
			header: http.Header{"X-Webauth-User": {"jdoe"}, "X-Webauth-Uses": {"x"}},
			id:     "jdoe",
		},
		{
			desc:   "a longer header",
			header: http.Header{"X-Webauth-User": {"jdoe"}, "X_webauth_user_": {"x"}},
			id:     "jdoe",
		},
		{
			desc:      "none",
			header:    http.Header{},
			refusedAs: noIdentity,
		},
		{
			desc:      "an empty list",
			header:    http.Header{"X-Webauth-User": {}},
			refusedAs: noIdentity,
		},
		{
			desc:      "only spaces",
			header:    http.Header{"X-Webauth-User": {" "}},
			refusedAs: noIdentity,
		},
		{
			desc:      "spaces that nobody can tell from others",
			header:    http.Header{"X-Webauth-User": {" \u00a0\u2003"}},
			refusedAs: refused,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			before := len(row.header)
			who, refusedAs, why := readFrom(r, row.header)
			assert.Equal(t, row.refusedAs, refusedAs)
			assert.Equal(t, row.id, who.ID)
			assert.NotRegexp(t, "jdoe|evil", why, "quotes a value")
			assert.Len(t, row.header, before, "the request was changed")
		})
	}
}

// TestEveryHeaderIsWatched: no configured header is accepted in another spelling.
func TestEveryHeaderIsWatched(t *testing.T) {
	c := config.Identity{
		Headers: config.Headers{
			ID:        "X-Id",
			Email:     "X-Email",
			Name:      "X-Name",
			FirstName: "X-First",
			LastName:  "X-Last",
			Groups:    "X-Groups",
		},
		Proof: config.Proof{Header: "X-Proof", Secret: "s3cret"},
	}
	r := testReader(t, c)
	good := http.Header{"X-Id": {"u-17"}, "X-Proof": {"s3cret"}}
	_, refusedAs, _ := readFrom(r, good)
	require.Empty(t, refusedAs)
	for _, name := range []string{"Id", "Email", "Name", "First", "Last", "Groups", "Proof"} {
		t.Run(name, func(t *testing.T) {
			h := good.Clone()
			h["X_"+name] = []string{"evil"}
			_, refusedAs, why := readFrom(r, h)
			assert.Equal(t, refused, refusedAs)
			assert.Equal(t, "header X_"+name+
				" is another spelling of a configured header", why)
		})
	}
}

// TestOneHeaderForTwoParts: one header can be both user name and email address.
func TestOneHeaderForTwoParts(t *testing.T) {
	for _, row := range []struct {
		desc   string
		config config.Identity
		header http.Header
	}{
		{
			desc:   "preset",
			config: config.Identity{Preset: "traefik-forward-auth"},
			header: http.Header{"X-Forwarded-User": {"jane@example.com"}},
		},
		{
			desc: "canonical name",
			config: config.Identity{
				Preset:  "basic-auth",
				Headers: config.Headers{Email: "X-WebAuth-User"},
			},
			header: http.Header{"X-Webauth-User": {"jane@example.com"}},
		},
		{
			desc: "name as configured, as Traefik's basicAuth writes it",
			config: config.Identity{
				Preset:  "basic-auth",
				Headers: config.Headers{Email: "X-WebAuth-User"},
			},
			header: http.Header{"X-WebAuth-User": {"jane@example.com"}},
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			who, refusedAs, why := readFrom(testReader(t, row.config), row.header)
			require.Empty(t, refusedAs, why)
			assert.Equal(t, "jane@example.com|jane@example.com||||", partsOf(who))
		})
	}
}

// TestParse has mistakes that testdata/config.json lacks, or whose order matters.
func TestParse(t *testing.T) {
	good := config.JWT{
		Header:   "X-Token",
		JWKSURL:  "https://auth.example.com/jwks.json",
		Issuer:   "https://auth.example.com",
		Audience: "portal",
	}
	noAudience, noIssuer, noHeader, twoKeys := good, good, good, good
	noAudience.Audience = ""
	noIssuer.Issuer = ""
	noHeader.Header = ""
	twoKeys.JWKS = "file:/nowhere/jwks.json"
	noKeys, literal, plainHTTP, fragment, noSet := good, good, good, good, good
	plainHTTP.JWKSURL = "http://auth.example.com/jwks.json?a=b"
	fragment.JWKSURL = "https://auth.example.com/jwks.json#a"
	noSet.JWKSURL = ""
	noSet.JWKS = jwksFile(t, `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`)
	noKeys.JWKSURL = ""
	literal.JWKSURL = ""
	literal.JWKS = `{"keys":[]}`
	for _, row := range []struct {
		desc   string
		config config.Identity
		want   string
	}{
		{desc: "no id", want: "identity.headers.id: is required"},
		{
			desc:   "unknown preset",
			config: config.Identity{Preset: "kerberos", Headers: config.Headers{ID: "X"}},
			want:   `identity.preset: "kerberos" is unknown; choose one of authelia, `,
		},
		{
			desc:   "header that is none",
			config: config.Identity{Headers: config.Headers{ID: "X User"}},
			want:   `identity.headers.id: "X User" is not a header name`,
		},
		{
			desc: "groups without a header",
			config: config.Identity{
				Headers:       config.Headers{ID: "X"},
				AllowedGroups: []string{"staff"},
			},
			want: "identity.allowedGroups: needs identity.headers.groups",
		},
		{
			desc: "proof without a header",
			config: config.Identity{
				Preset: "authelia",
				Proof:  config.Proof{Secret: "s3cret"},
			},
			want: "identity.proof.header: is required",
		},
		{
			desc: "proof without a secret",
			config: config.Identity{
				Preset: "authelia",
				Proof:  config.Proof{Header: "X-Proof"},
			},
			want: "identity.proof.secret: is required",
		},
		{
			desc:   "token without an audience",
			config: config.Identity{JWT: noAudience},
			want:   "identity.jwt.audience: is required",
		},
		{
			desc:   "token without an issuer",
			config: config.Identity{JWT: noIssuer},
			want:   "identity.jwt.issuer: is required",
		},
		{
			desc:   "token without a header",
			config: config.Identity{JWT: noHeader},
			want:   "identity.jwt.header: is required",
		},
		{
			desc:   "token without keys",
			config: config.Identity{JWT: noKeys},
			want:   "identity.jwt: needs either jwksURL",
		},
		{
			desc:   "token with keys in two places",
			config: config.Identity{JWT: twoKeys},
			want:   "identity.jwt: needs either jwksURL",
		},
		{
			desc:   "keys in the configuration",
			config: config.Identity{JWT: literal},
			want:   "identity.jwt.jwks: must be file:PATH",
		},
		{
			desc:   "file without keys for signatures",
			config: config.Identity{JWT: noSet},
			want:   "identity.jwt.jwks: must be file:PATH",
		},
		{
			desc:   "address without TLS, and a query",
			config: config.Identity{JWT: plainHTTP},
			want:   "identity.jwt.jwksURL: must be https",
		},
		{
			desc:   "address with a fragment",
			config: config.Identity{JWT: fragment},
			want:   "identity.jwt.jwksURL: must have no user, query or fragment",
		},
		{
			desc:   "unknown encoding",
			config: config.Identity{Preset: "authelia", Encoding: "utf8"},
			want:   `identity.encoding: "utf8" is unknown; choose one of auto, percent, latin1`,
		},
		{
			desc: "region that is none",
			config: config.Identity{
				Preset: "aws-alb",
				JWT: config.JWT{
					Issuer: "https://auth.example.com",
					Audience: "arn:aws:elasticloadbalancing:evil.example.com/:1:loadbalancer/" +
						"app/portal/1",
					JWKSURL: "https://keys.example.com/",
				},
			},
			want: "identity.jwt.audience: must be the ARN of the load balancer or Verified Access",
		},
		{
			desc: "ARN of something else",
			config: config.Identity{
				Preset: "aws-verified-access",
				JWT: config.JWT{
					Issuer:   "https://auth.example.com",
					Audience: "arn:aws:ec2:us-east-1:1:instance/i-1",
					JWKSURL:  "https://keys.example.com/",
				},
			},
			want: "identity.jwt.audience: must be the ARN of the load balancer or Verified Access",
		},
		{
			desc: "audience that is no load balancer",
			config: config.Identity{
				Preset: "aws-alb",
				JWT: config.JWT{
					Issuer:   "https://auth.example.com",
					Audience: "portal",
					JWKSURL:  "https://keys.example.com/",
				},
			},
			want: "identity.jwt.audience: must be the ARN of the load balancer or Verified Access",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			if row.config.Encoding == "" {
				row.config.Encoding = auto
			}
			p := &config.Problems{}
			Parse(row.config, p)
			require.NotEmpty(t, p.Lines)
			assert.Contains(t, p.Lines[0], row.want)
			assert.Len(t, p.Lines, 1)
		})
	}
}

// TestProven: whether a client that bypasses the auth layer could forge an identity.
func TestProven(t *testing.T) {
	for _, row := range []struct {
		desc   string
		config config.Identity
		proven bool
	}{
		{desc: "headers", config: config.Identity{Preset: "authelia"}},
		{desc: "principal", config: config.Identity{Preset: "azure"}},
		{
			desc: "headers and a proof",
			config: config.Identity{
				Preset: "authelia",
				Proof:  config.Proof{Header: "X-Proof", Secret: "s3cret"},
			},
			proven: true,
		},
		{
			desc: "signed token",
			config: config.Identity{
				Preset: "google-iap",
				JWT:    config.JWT{Audience: "portal"},
			},
			proven: true,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			assert.Equal(t, row.proven, testReader(t, row.config).Proven)
		})
	}
}

// TestSetInFront: only these presets need no auth middleware in Traefik.
func TestSetInFront(t *testing.T) {
	inFront := map[string]bool{"azure": true, "oauth2-proxy-upstream": true, "tailscale": true}
	for name := range presets {
		assert.Equal(t, inFront[name], SetInFront(name), name)
	}
	assert.False(t, SetInFront("unknown"))
}

func TestNames(t *testing.T) {
	for _, row := range []struct {
		desc      string
		config    config.Identity
		id, email string
		token     string
	}{
		{
			desc:   "custom",
			config: config.Identity{Headers: config.Headers{ID: "X-User"}},
			id:     "X-User",
		},
		{
			desc:   "preset",
			config: config.Identity{Preset: "authelia"},
			id:     "Remote-User",
			email:  "Remote-Email",
		},
		{
			desc: "preset and one more",
			config: config.Identity{
				Preset:  "basic-auth",
				Headers: config.Headers{Email: "X-Mail"},
			},
			id:    "X-WebAuth-User",
			email: "X-Mail",
		},
		{
			desc:   "token of a preset",
			config: config.Identity{Preset: "cloudflare"},
			token:  "Cf-Access-Jwt-Assertion",
		},
		{
			desc:   "token",
			config: config.Identity{JWT: config.JWT{Header: "X-Token"}},
			token:  "X-Token",
		},
		{
			desc:   "token of AWS Verified Access",
			config: config.Identity{Preset: "aws-verified-access"},
			token:  "X-Amzn-Ava-User-Context",
		},
		{
			desc:   "Vouch Proxy",
			config: config.Identity{Preset: "vouch"},
			id:     "X-Vouch-IdP-Claims-Sub",
			email:  "X-Vouch-User",
		},
		{desc: "unknown preset", config: config.Identity{Preset: "kerberos"}},
	} {
		t.Run(row.desc, func(t *testing.T) {
			headers, token := Names(row.config)
			assert.Equal(t, row.id, headers.ID)
			assert.Equal(t, row.email, headers.Email)
			assert.Equal(t, row.token, token)
		})
	}
}
