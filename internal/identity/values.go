package identity

import (
	"io"
	"mime"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxValue = 1024 // bytes of one value, groups excepted

// Encodings of header values: raw UTF-8, with names also in RFC 2047 or windows-1252;
// percent-encoded UTF-8; or windows-1252, which includes Latin-1.
const auto, percent, latin1 = "auto", "percent", "latin1"

// decode undoes the auth layer's encoding of a value. It reads a name as well as possible. It
// refuses other values that have two possible readings: a person who can choose a user name could
// choose one that decodes to another person's.
func decode(encoding, value string, isName bool) (decoded string, ok bool) {
	if encoding == percent {
		unescaped, err := url.PathUnescape(value)
		if err == nil {
			value = unescaped
		} else if !isName {
			return "", false
		}
	} else if strings.HasPrefix(value, "=?") && strings.HasSuffix(value, "?=") {
		return decodeWords(value), isName
	}
	if encoding != latin1 && utf8.ValidString(value) {
		return value, true
	}
	return decode1252(value), isName || encoding == latin1
}

// decodeWords decodes RFC 2047 in UTF-8, Latin-1 or windows-1252. It returns "" for anything else.
func decodeWords(value string) string {
	decoder := &mime.WordDecoder{CharsetReader: read1252}
	decoded, err := decoder.DecodeHeader(value)
	if err != nil || !utf8.ValidString(decoded) {
		return ""
	}
	return decoded
}

func read1252(charset string, encoded io.Reader) (io.Reader, error) {
	raw, err := io.ReadAll(encoded)
	if !strings.EqualFold(charset, "windows-1252") || err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return strings.NewReader(decode1252(string(raw))), nil
}

// upper1252 are the letters of windows-1252 from 0x80 to 0x9f, where Latin-1 has control characters.
var upper1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

func decode1252(value string) string {
	decoded := []rune{}
	for _, letter := range []byte(value) {
		c := rune(letter)
		if c >= 0x80 && c < 0xa0 {
			c = upper1252[c-0x80]
		}
		decoded = append(decoded, c)
	}
	return string(decoded)
}

// cleanName returns a usable name, or "", because a name never stops a sign-in.
func cleanName(value string) string {
	if !utf8.ValidString(value) || len(value) > maxValue {
		return ""
	}
	return strings.Join(strings.FieldsFunc(value, isBreak), " ")
}

func isBreak(c rune) bool {
	return c == utf8.RuneError || unicode.In(c, unicode.Cc, unicode.White_Space, unicode.Bidi_Control)
}

// checkValue returns an ID or email address without spaces around it, or why it is refused.
func checkValue(value string, isID bool) (plain, problem string) {
	plain = strings.TrimSpace(value)
	switch {
	case len(value) > maxValue:
		return "", "is too long"
	case strings.IndexFunc(value, isHidden) >= 0:
		return "", "has control characters or invisible characters"
	case isID && plain != "" && plain != value: // without the space, it could be another person's
		return "", "has a space before or after the ID"
	}
	return plain, ""
}

// isHidden reports whether an ID with the character could look like another ID.
func isHidden(c rune) bool {
	const emptyBraille = '\u2800'
	return c != ' ' && (c == utf8.RuneError || c == emptyBraille || unicode.In(c, unicode.Cc, unicode.Cf,
		unicode.Z, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point))
}

// placeholder matches a line that auth layers, web servers and templates write for a missing value.
// Words match in exactly this case, because some people are named Null.
var placeholder = regexp.MustCompile(`(?m)^(?:<(?:no value|nil|null|none|empty)>|nil|null|undefined|None|` +
	`\((?:null|none|nil)\)|map\[\]|\[\]|\{\}|-+|N/A|n/a|unknown|anonymous|anonymousUser|` +
	`\[object Object\]|null null|undefined undefined|None None|Unknown Unknown|` +
	`%\{.*\}[a-z]?|%[A-Z_]+%|%![a-z]\(.*\)|\$\{?[A-Za-z_][A-Za-z0-9_.]*\}?|` +
	`\{\{.*\}\}|\{[a-z_]+(?:\.[a-z_]+)+\}|Not supported currently\. Use oid claim\.)$`)
