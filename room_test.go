package clinicpass

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/clinicpass/clinicpass/vsee"
)

func testRoom(slug, name string, who identity) vsee.Room {
	rules := &roomRules{account: "vclinic", domain: "clinic.example.com", slug: slug, name: name}
	return rules.room(newProvider(&providerRules{code: "{id}", nameOrder: firstLast}, &who))
}

func TestRoomOfAProvider(t *testing.T) {
	for _, test := range []struct {
		desc, slug, name   string
		who                identity
		wantSlug, wantName string
	}{
		{"defaults", "provider-{hash}", "{firstName} {lastName}", identity{id: "u-17", name: "Jane Doe"}, "provider-HASH", "Jane Doe"},
		{"an unknown last name", "provider-{hash}", "{firstName} {lastName}", identity{id: "u-17", name: "Jane"}, "provider-HASH", "Jane"},
		{"no name at all", "provider-{hash}", "Dr. {name}", identity{id: "u-17"}, "provider-HASH", "Dr. u-17"},
		{"a name that comes out empty", "provider-{hash}", "{email}", identity{id: "u-17"}, "provider-HASH", "u-17"},
		{"blanks", "provider-{hash}", " Dr.  {name} ", identity{id: "u-17", name: "Jane   Doe"}, "provider-HASH", "Dr. Jane Doe"},
		{"names in the slug", "{lastName}-{firstName}-{hash}", "{name}", identity{id: "u-17", name: "José O'Neil-Smith"}, "o-neil-smith-jos-HASH", "José O'Neil-Smith"},
		{"no letters for the slug", "{name}-{hash}", "{name}", identity{id: "u-17", name: "王小明"}, "HASH", "王小明"},
		{"signs in the slug's template", "Dr. {hash}!", "{name}", identity{id: "u-17", name: "J"}, "dr-HASH", "J"},
		{"a long name", "{name}-{hash}", "{name}", identity{id: "u-17", name: strings.Repeat("ab", 100)}, strings.Repeat("ab", 16) + "-HASH", strings.Repeat("ab", 50)},
	} {
		got := testRoom(test.slug, test.name, test.who)
		if want := strings.ReplaceAll(test.wantSlug, "HASH", digest("u-17")[:16]); got.Slug != want || got.Name != test.wantName {
			t.Errorf("%s: slug %q, name %q; want %q, %q", test.desc, got.Slug, got.Name, want, test.wantName)
		}
	}
}

func TestRoomCodesDiffer(t *testing.T) {
	codes := map[string]string{}
	for _, id := range []string{"José", "Jose", "JOSE", "jose!", "a", "b", "a\nb"} {
		room := testRoom("provider-{hash}", "{name}", identity{id: id, name: "Jane Doe"})
		if len(room.Code) != 16 || strings.Trim(room.Code, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("%q has code %q", id, room.Code)
		}
		if other, taken := codes[room.Code]; taken {
			t.Errorf("%q and %q share a code", id, other)
		}
		codes[room.Code] = id
	}
	p := newProvider(&providerRules{code: "{id}"}, &identity{id: "a", name: "J"})
	for _, rules := range []*roomRules{{account: "other", domain: "clinic.example.com"}, {account: "vclinic", domain: "other.example.com"}} {
		if id, taken := codes[rules.room(p).Code]; taken {
			t.Errorf("another account or domain has the code of %q", id)
		}
	}
	if a, b := testRoom("{hash}", "x", identity{id: "a", name: "Jane"}), testRoom("{hash}", "x", identity{id: "a", name: "John"}); a.Code != b.Code || a.Slug != b.Slug {
		t.Error("a changed name changes the room")
	}
}

func TestProvisionerGivesTurns(t *testing.T) {
	p := newProvisioner()
	ctx := context.Background()
	if err := p.begin(ctx, "jane"); err != nil {
		t.Fatal(err)
	}
	if err := p.begin(ctx, "john"); err != nil {
		t.Errorf("another provider has to wait: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := p.begin(short, "jane"); !errors.Is(err, vsee.ErrTimeout) {
		t.Errorf("a second click did not wait: %v", err)
	}
	left, leave := context.WithCancel(ctx)
	leave()
	if err := p.begin(left, "jane"); !errors.Is(err, vsee.ErrCanceled) {
		t.Errorf("a closed tab waits: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { p.end("jane") })
	if err := p.begin(ctx, "jane"); err != nil {
		t.Errorf("the turn was not passed on: %v", err)
	}
	p.end("jane")
	p.end("john")
	if len(p.underway) != 0 {
		t.Errorf("%d turns are left over", len(p.underway))
	}
}

func TestMemoryForgets(t *testing.T) {
	m := newMemory(time.Hour)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	count(m, "jane", 1, start)
	for _, test := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {59 * time.Minute, 1}, {60 * time.Minute, 0}, {61 * time.Minute, 0}} {
		if got := count(m, "jane", 0, start.Add(test.after)); got.count != test.want {
			t.Errorf("after %s: %d, want %d", test.after, got.count, test.want)
		}
	}
	if n := len(m.younger); n != 0 {
		t.Errorf("asking alone is remembered: %d", n)
	}
}
