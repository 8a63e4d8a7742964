package clinicpass

import (
	"strings"
	"testing"

	"github.com/clinicpass/clinicpass/vsee"
)

func TestSplitName(t *testing.T) {
	for _, test := range []struct{ name, order, first, last string }{
		{"Jane Doe", firstLast, "Jane", "Doe"},
		{"Jane Q. Doe", firstLast, "Jane Q.", "Doe"},
		{"  Jane   Doe ", firstLast, "Jane", "Doe"},
		{"Jane", firstLast, "Jane", "-"},
		{"Doe, Jane", firstLast, "Jane", "Doe"},
		{"Doe, Jane Q.", lastFirst, "Jane Q.", "Doe"},
		{"Doe Jane", lastFirst, "Jane", "Doe"},
		{"Nguyễn Thị Mai", lastFirst, "Thị Mai", "Nguyễn"},
		{"Jane", lastFirst, "Jane", "-"},
		{"Jane Doe, MD", firstLast, "Jane", "Doe"},
		{"Jane Doe, M.D., Ph.D.", firstLast, "Jane", "Doe"},
		{"Jane Doe, PA-C", firstLast, "Jane", "Doe"},
		{"Doe, Jane, RN", firstLast, "Jane", "Doe"},
		{"Jane Doe, MD FACP", firstLast, "Jane", "Doe"},
		{"Lin, Do", firstLast, "Do", "Lin"},
		{"van der Berg, Anna", firstLast, "Anna", "van der Berg"},
		{"Doe,", firstLast, "Doe", "-"},
		{", Jane", firstLast, "Jane", "-"},
		{",", firstLast, ",", "-"},
		{"王小明", firstLast, "王小明", "-"},
	} {
		first, last := splitName(test.name, test.order)
		if first != test.first || last != test.last {
			t.Errorf("splitName(%q, %s) = %q, %q; want %q, %q", test.name, test.order, first, last, test.first, test.last)
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		desc        string
		who         identity
		first, last string
	}{
		{"both headers beat the name", identity{id: "7", name: "J. D.", firstName: "Jane", lastName: "Doe"}, "Jane", "Doe"},
		{"one header does not", identity{id: "7", name: "Jane Doe", firstName: "J."}, "Jane", "Doe"},
		{"one header alone", identity{id: "7", lastName: "Doe", email: "x.y@example.com"}, "Doe", "-"},
		{"the e-mail", identity{id: "7", email: "jane.q.doe@example.com"}, "jane q", "doe"},
		{"an e-mail of one word", identity{id: "7", email: "jdoe@example.com"}, "jdoe", "-"},
		{"an e-mail of dots", identity{id: "7", email: "..@example.com"}, "7", "-"},
		{"only the id", identity{id: "7"}, "7", "-"},
	} {
		who := test.who
		p := newProvider(&providerRules{code: "{id}", nameOrder: firstLast}, &who)
		if p.who.firstName != test.first || p.who.lastName != test.last {
			t.Errorf("%s: names = %q, %q; want %q, %q", test.desc, who.firstName, who.lastName, test.first, test.last)
		}
	}
}

func TestUser(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, test := range []struct {
		desc, template string
		who            identity
		code, email    string
	}{
		{"the id", "{id}", identity{id: "u-17", email: "jane@example.com"}, "u-17", "jane@example.com"},
		{"a template", "a:{id}:{email}:{name}:{firstName}:{lastName}", identity{id: "7", email: "j@example.com", name: "Jane Doe"}, "a:7:j@example.com:Jane Doe:Jane:Doe", "j@example.com"},
		{"the name is made up from its parts", "{id}/{name}", identity{id: "7", firstName: "Jane", lastName: "Doe"}, "7/Jane Doe", ""},
		{"values are not templates", "{id}", identity{id: "{email}", email: "j@example.com"}, "{email}", "j@example.com"},
		{"values in a template are not templates", "x{id}", identity{id: "{email}", email: "j@example.com"}, "x{email}", "j@example.com"},
		{"128 bytes stay", "{id}", identity{id: long[:128]}, long[:128], ""},
		{"129 bytes become their hash", "{id}", identity{id: long}, digest(long), ""},
		{"an empty code", "{email}", identity{id: "7"}, "", ""},
	} {
		p := &providerRules{code: test.template, nameOrder: firstLast, userType: vsee.Provider}
		who := test.who
		got := newProvider(p, &who)
		if got == nil || test.code == "" {
			if got != nil || test.code != "" {
				t.Errorf("%s: provider = %+v; want code %q", test.desc, got, test.code)
			}
			continue
		}
		if user := user(p, got); user.Code != test.code || user.Email != test.email {
			t.Errorf("%s: user = %+v; want code %q, e-mail %q", test.desc, user, test.code, test.email)
		}
	}
	if known := digest("abc"); known != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("digest(abc) = %s", known)
	}
}
