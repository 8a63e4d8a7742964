package provider

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/identity"
)

func TestSplitName(t *testing.T) {
	for _, row := range []struct {
		desc, name, order, first, last string
	}{
		{desc: "two words", name: "Jane Doe", order: firstLast, first: "Jane", last: "Doe"},
		{
			desc:  "an initial",
			name:  "Jane Q. Doe",
			order: firstLast,
			first: "Jane Q.",
			last:  "Doe",
		},
		{desc: "blanks", name: "  Jane   Doe ", order: firstLast, first: "Jane", last: "Doe"},
		{desc: "tab", name: "Jane\tQ. Doe", order: firstLast, first: "Jane Q.", last: "Doe"},
		{desc: "one word", name: "Jane", order: firstLast, first: "Jane", last: "-"},
		{desc: "last name first", name: "Doe, Jane", order: firstLast, first: "Jane", last: "Doe"},
		{
			desc:  "last name first, by comma and by order",
			name:  "Doe, Jane Q.",
			order: lastFirst,
			first: "Jane Q.",
			last:  "Doe",
		},
		{desc: "by order", name: "Doe Jane", order: lastFirst, first: "Jane", last: "Doe"},
		{
			desc:  "three words by order",
			name:  "Nguyễn Thị Mai",
			order: lastFirst,
			first: "Thị Mai",
			last:  "Nguyễn",
		},
		{desc: "one word by order", name: "Jane", order: lastFirst, first: "Jane", last: "-"},
		{desc: "title", name: "Jane Doe, MD", order: firstLast, first: "Jane", last: "Doe"},
		{
			desc:  "title behind a name by order",
			name:  "Doe Jane, MD",
			order: lastFirst,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "titles with dots",
			name:  "Jane Doe, M.D., Ph.D.",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title with a hyphen",
			name:  "Jane Doe, PA-C",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title behind last name first",
			name:  "Doe, Jane, RN",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "titles without a comma between",
			name:  "Jane Doe, MD FACP",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "first names of which one is a title too",
			name:  "Le Nguyen, Do Anna",
			order: firstLast,
			first: "Do Anna",
			last:  "Le Nguyen",
		},
		{
			desc:  "first name that is a title too",
			name:  "Lin, Do",
			order: firstLast,
			first: "Do",
			last:  "Lin",
		},
		{
			desc:  "last name of several words",
			name:  "van der Berg, Anna",
			order: firstLast,
			first: "Anna",
			last:  "van der Berg",
		},
		{desc: "nothing behind the comma", name: "Doe,", order: firstLast, first: "Doe", last: "-"},
		{
			desc:  "nothing before the comma",
			name:  ", Jane",
			order: firstLast,
			first: "Jane",
			last:  "-",
		},
		{desc: "comma", name: ",", order: firstLast, first: ",", last: "-"},
		{desc: "no blanks", name: "王小明", order: firstLast, first: "王小明", last: "-"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			names := splitName(row.name, row.order)
			require.Len(t, names, 2)
			assert.Equal(t, row.first, names[0])
			assert.Equal(t, row.last, names[1])
		})
	}
}

func TestNames(t *testing.T) {
	for _, row := range []struct {
		desc        string
		who         identity.Identity
		first, last string
	}{
		{
			desc:  "both headers beat the name",
			who:   identity.Identity{ID: "7", Name: "J. D.", FirstName: "Jane", LastName: "Doe"},
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "one header does not",
			who:   identity.Identity{ID: "7", Name: "Jane Doe", FirstName: "J."},
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "one header alone",
			who:   identity.Identity{ID: "7", LastName: "Doe", Email: "x.y@example.com"},
			first: "Doe",
			last:  "-",
		},
		{
			desc:  "the e-mail",
			who:   identity.Identity{ID: "7", Email: "jane.q.doe@example.com"},
			first: "jane q",
			last:  "doe",
		},
		{
			desc:  "an e-mail of one word",
			who:   identity.Identity{ID: "7", Email: "jdoe@example.com"},
			first: "jdoe",
			last:  "-",
		},
		{
			desc:  "an e-mail of dots",
			who:   identity.Identity{ID: "7", Email: "..@example.com"},
			first: "7",
			last:  "-",
		},
		{desc: "only the id", who: identity.Identity{ID: "7"}, first: "7", last: "-"},
	} {
		t.Run(row.desc, func(t *testing.T) {
			who := row.who
			p := Of(testRules(onlyID), &who)
			require.NotNil(t, p)
			assert.Equal(t, row.first, p.FirstName)
			assert.Equal(t, row.last, p.LastName)
			assert.Equal(t, row.who.Name, who.Name, "the identity was changed")
			assert.Equal(t, row.who.FirstName, who.FirstName, "the identity was changed")
			assert.Equal(t, row.who.LastName, who.LastName, "the identity was changed")
		})
	}
}

// TestNameOrder: the order is that of display names, and of nothing else.
func TestNameOrder(t *testing.T) {
	for _, row := range []struct {
		desc        string
		who         identity.Identity
		first, last string
	}{
		{
			desc:  "display name",
			who:   identity.Identity{ID: "7", Name: "Doe Jane"},
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "e-mail",
			who:   identity.Identity{ID: "7", Email: "jane.doe@example.com"},
			first: "jane",
			last:  "doe",
		},
		{
			desc:  "both headers",
			who:   identity.Identity{ID: "7", FirstName: "Jane", LastName: "Doe"},
			first: "Jane",
			last:  "Doe",
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			rules := testRules(onlyID)
			rules.nameOrder = lastFirst
			who := row.who
			p := Of(rules, &who)
			require.NotNil(t, p)
			assert.Equal(t, row.first, p.FirstName)
			assert.Equal(t, row.last, p.LastName)
		})
	}
}
