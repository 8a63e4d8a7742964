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

// How header values are written: raw UTF-8, where names may be in RFC 2047 or windows-1252 as well;
// percent-encoded UTF-8; or windows-1252, of which Latin-1 is a part.
const auto, percent, latin1 = "auto", "percent", "latin1"

// decode undoes the auth layer's encoding of a value. A name is read as well as it can be. Other
// values are refused where they could be read in two ways: whoever can choose a user name could
// otherwise choose one that decodes to somebody else's.
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

// decodeWords decodes RFC 2047 in any of the encodings known here, or returns "".
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

// cleanName makes a name out of what arrived, or returns "": a name never stops a sign-in.
func cleanName(value string) string {
	if !utf8.ValidString(value) || len(value) > maxValue {
		return ""
	}
	return strings.Join(strings.FieldsFunc(value, isBreak), " ")
}

func isBreak(c rune) bool {
	return c == utf8.RuneError || unicode.In(c, unicode.Cc, unicode.White_Space, unicode.Bidi_Control)
}

// checkValue returns an id or an e-mail address without blanks around it, or why it is refused.
func checkValue(value string, isID bool) (plain, problem string) {
	plain = strings.TrimSpace(value)
	switch {
	case len(value) > maxValue:
		return "", "is too long"
	case strings.IndexFunc(value, isHidden) >= 0:
		return "", "has control characters, or others that nobody can see"
	case isID && plain != "" && plain != value: // without the blank, it could be somebody else's
		return "", "has a blank before or behind the id"
	}
	return plain, ""
}

// isHidden reports whether an id with the character could look like another id.
func isHidden(c rune) bool {
	const emptyBraille = '\u2800'
	return c != ' ' && (c == utf8.RuneError || c == emptyBraille || unicode.In(c, unicode.Cc, unicode.Cf,
		unicode.Z, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point))
}

// placeholder matches a line that auth layers, web servers and templates write where they have no
// value. A word is one in this case only: there are people called Null.
var placeholder = regexp.MustCompile(`(?m)^(?:<(?:no value|nil|null|none|empty)>|nil|null|undefined|None|` +
	`\((?:null|none|nil)\)|map\[\]|\[\]|\{\}|-+|N/A|n/a|unknown|anonymous|anonymousUser|` +
	`\[object Object\]|null null|undefined undefined|None None|Unknown Unknown|` +
	`%\{.*\}[a-z]?|%[A-Z_]+%|%![a-z]\(.*\)|\$\{?[A-Za-z_][A-Za-z0-9_.]*\}?|` +
	`\{\{.*\}\}|\{[a-z_]+(?:\.[a-z_]+)+\}|Not supported currently\. Use oid claim\.)$`)
