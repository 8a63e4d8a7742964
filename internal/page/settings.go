package page

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"unicode"

	"github.com/clinicpass/clinicpass/internal/config"
)

const maxContact = 200 // bytes

// Pages are the failure pages of one configuration.
type Pages struct {
	home        string
	contactText string // "" for a link with the language's own label
	contactLink string // "" for a contact without a link
	languages   map[string]*language
	policy      string // Content-Security-Policy
	audited     bool   // the audit has every answer's reference
}

// Parse checks the section pages. A page of the same origin may show a failure page in a frame.
// With portal.allowFrame any page may, because pages of the same site open the clinic in frames.
func Parse(c *config.Config, p *config.Problems) *Pages {
	styleHash := sha256.Sum256([]byte(pageStyle))
	pages := &Pages{
		home: c.Pages.Home, languages: languages, audited: c.Audit.File != "",
		policy: "default-src 'none'; style-src 'sha256-" +
			base64.StdEncoding.EncodeToString(styleHash[:]) + "'; base-uri 'none'; form-action 'none'",
	}
	if !c.Portal.AllowFrame {
		pages.policy += "; frame-ancestors 'self'"
	}
	checkHome(c.Pages.Home, p)
	parseContact(pages, strings.TrimSpace(c.Pages.Contact), p)
	if c.Pages.Texts != "" {
		pages.languages = readTexts(c.Pages.Texts, p)
	}
	return pages
}

func checkHome(home string, p *config.Problems) {
	if strings.Contains(home, "://") {
		config.URL("pages.home", home, p)
		return
	}
	p.Require(config.PlainPath(home), "pages.home", "must be a plain path such as /portal, without "+
		"//, \\, %%, . or .. segments, or an address such as https://portal.example.com")
}

// parseContact accepts a text, or a mailto:, tel: or https: link, also in <> after a label.
func parseContact(pages *Pages, contact string, p *config.Problems) {
	oneLine := len(contact) <= maxContact && strings.IndexFunc(contact, unicode.IsControl) < 0
	p.Require(oneLine, "pages.contact", "must be one line of at most %d bytes", maxContact)
	pages.contactText = contact
	label, link := "", contact
	if before, inside, _ := strings.Cut(contact, "<"); strings.HasSuffix(inside, ">") {
		label = strings.TrimSpace(before)
		link = strings.TrimSuffix(inside, ">")
	}
	for _, scheme := range []string{"mailto:", "tel:", "https://"} {
		address, isLink := strings.CutPrefix(link, scheme)
		if !isLink {
			continue
		}
		shown, _, _ := strings.Cut(address, "?")
		p.Require(shown != "" && !strings.ContainsAny(address, " <>"), "pages.contact",
			"is not a complete link: write an address without spaces after %s", scheme)
		if scheme == "https://" {
			shown = "" // people cannot use the bare address
		}
		pages.contactText = config.OrElse(label, shown)
		pages.contactLink = link
	}
	unsafe := strings.HasPrefix(link, "http:") || strings.HasPrefix(link, "javascript:")
	p.Require(!unsafe, "pages.contact", "must be a text or a mailto:, tel: or https: link")
}
