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
		{desc: "spaces", name: "  Jane   Doe ", order: firstLast, first: "Jane", last: "Doe"},
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
		{desc: "no spaces", name: "王小明", order: firstLast, first: "王小明", last: "-"},
		{
			desc:  "a doctor behind a comma",
			name:  "Jane Doe, Dr.",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "seven titles",
			name:  "Jane Doe, BA, NRP, RN, TNS, NCEE, CHSE, CHSOS",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title that is only capitals",
			name:  "Jane Doe, FAAFP",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title that nobody lists",
			name:  "Jane Doe, LCMHC-S",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title with a slash",
			name:  "Jane Doe, RN/NP",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title with a small letter",
			name:  "Jane Doe, PsyD",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title that is two words",
			name:  "Jane Doe, Ph. D.",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "titles with dots and spaces",
			name:  "Jane Doe, M.D. Ph.D.",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "generation and title",
			name:  "John Doe, Jr., MD",
			order: firstLast,
			first: "John",
			last:  "Doe",
		},
		{
			desc:  "generation and title behind one comma",
			name:  "John Doe, Jr. MD",
			order: firstLast,
			first: "John",
			last:  "Doe",
		},
		{
			desc:  "generation behind last name first",
			name:  "Doe, John, III",
			order: firstLast,
			first: "John",
			last:  "Doe",
		},
		{
			desc:  "generation of the last name",
			name:  "Doe Jr., John, MD",
			order: firstLast,
			first: "John",
			last:  "Doe Jr.",
		},
		{desc: "title behind one name", name: "Doe, MD", order: firstLast, first: "Doe", last: "-"},
		{
			desc:  "title between the names",
			name:  "Doe, MD, Jane",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "two titles between the names",
			name:  "Doe, MD, PhD, Jane",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title behind the last name",
			name:  "Doe MD, Jane",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title behind the first name",
			name:  "Doe, Jane MD",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "titles behind the first name",
			name:  "Doe, Jane Q. RN, MSN",
			order: firstLast,
			first: "Jane Q.",
			last:  "Doe",
		},
		{desc: "a doctor", name: "Dr. Jane Doe", order: firstLast, first: "Jane", last: "Doe"},
		{
			desc:  "doctors",
			name:  "Prof. Dr. med. Jane Doe",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "a Spanish doctor",
			name:  "Dra. Jane Doe",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "a doctor behind the comma",
			name:  "Doe, Dr. Jane",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "a doctor before the comma",
			name:  "Dr. Doe, Jane",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "a doctor and a title",
			name:  "Dr. Jane Doe, MD",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "a doctor and one name",
			name:  "Dr. Doe",
			order: firstLast,
			first: "Dr.",
			last:  "Doe",
		},
		{
			desc:  "title without a comma",
			name:  "Jane Doe MD",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title with dots and without a comma",
			name:  "Jane Q. Doe M.D.",
			order: firstLast,
			first: "Jane Q.",
			last:  "Doe",
		},
		{
			desc:  "title in small letters",
			name:  "Jane Doe, md",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "two titles without a comma",
			name:  "Jane Doe RN MSN",
			order: firstLast,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "title that is a name too, without a comma",
			name:  "John A Smith MA",
			order: firstLast,
			first: "John A",
			last:  "Smith",
		},
		{
			desc:  "generation without a comma",
			name:  "John Doe III",
			order: firstLast,
			first: "John",
			last:  "Doe",
		},
		{desc: "capitals", name: "JANE DOE, MD", order: firstLast, first: "JANE", last: "DOE"},
		{
			desc:  "capitals and last name first",
			name:  "DOE, JANE MD PHD",
			order: firstLast,
			first: "JANE",
			last:  "DOE",
		},
		{
			desc:  "capitals without a comma",
			name:  "JANE DOE M.D.",
			order: firstLast,
			first: "JANE",
			last:  "DOE",
		},
		{
			desc:  "capitals of a name that is a title too",
			name:  "JOHN SMITH MA",
			order: firstLast,
			first: "JOHN SMITH",
			last:  "MA",
		},
		{
			desc:  "capitals of a long name",
			name:  "ANA GARCIA DE LA VEGA",
			order: firstLast,
			first: "ANA GARCIA DE LA",
			last:  "VEGA",
		},
		{
			desc:  "capitals of initials",
			name:  "A B C RAHIM SIDDIQUE",
			order: firstLast,
			first: "A B C RAHIM",
			last:  "SIDDIQUE",
		},
		{desc: "last name Ma", name: "Joan Ma", order: firstLast, first: "Joan", last: "Ma"},
		{
			desc:  "last name Ma in capitals",
			name:  "Jane MA",
			order: firstLast,
			first: "Jane",
			last:  "MA",
		},
		{
			desc:  "last name Ma with an initial",
			name:  "Jane Q. Ma",
			order: firstLast,
			first: "Jane Q.",
			last:  "Ma",
		},
		{
			desc:  "last name Ma and a generation",
			name:  "Jane Ma Jr",
			order: firstLast,
			first: "Jane",
			last:  "Ma",
		},
		{
			desc:  "last name Ma before the comma",
			name:  "Ma, Joan",
			order: firstLast,
			first: "Joan",
			last:  "Ma",
		},
		{
			desc:  "last name Ma and a title",
			name:  "Jane Ma, MD",
			order: firstLast,
			first: "Jane",
			last:  "Ma",
		},
		{
			desc:  "last name Rai",
			name:  "Asha Lata Rai",
			order: firstLast,
			first: "Asha Lata",
			last:  "Rai",
		},
		{desc: "last name Cha", name: "Kim Cha", order: firstLast, first: "Kim", last: "Cha"},
		{
			desc:  "last name Judge",
			name:  "Jane Judge",
			order: firstLast,
			first: "Jane",
			last:  "Judge",
		},
		{
			desc:  "last name of capitals",
			name:  "Jean DUPONT",
			order: firstLast,
			first: "Jean",
			last:  "DUPONT",
		},
		{
			desc:  "last name of three capitals",
			name:  "Nguyen Thi LAN",
			order: firstLast,
			first: "Nguyen Thi",
			last:  "LAN",
		},
		{
			desc:  "last name of one letter",
			name:  "Arun Kumar B",
			order: firstLast,
			first: "Arun Kumar",
			last:  "B",
		},
		{
			desc:  "last name with capitals within",
			name:  "Jane Q. McDonald",
			order: firstLast,
			first: "Jane Q.",
			last:  "McDonald",
		},
		{desc: "first name Ed", name: "Ed Doe", order: firstLast, first: "Ed", last: "Doe"},
		{
			desc:  "first name that is initials",
			name:  "JD Doe",
			order: firstLast,
			first: "JD",
			last:  "Doe",
		},
		{
			desc:  "initials behind the comma",
			name:  "Smith, J.R.",
			order: firstLast,
			first: "J.R.",
			last:  "Smith",
		},
		{
			desc:  "initials behind the first name",
			name:  "Kaur, Amrit Devi S S",
			order: firstLast,
			first: "Amrit Devi S S",
			last:  "Kaur",
		},
		{
			desc:  "first name of two words behind the comma",
			name:  "Doe, Ana Maria",
			order: firstLast,
			first: "Ana Maria",
			last:  "Doe",
		},
		{
			desc:  "first name Van",
			name:  "Van Nguyen",
			order: firstLast,
			first: "Van",
			last:  "Nguyen",
		},
		{
			desc:  "word that begins as a title",
			name:  "Drew Mdoe",
			order: firstLast,
			first: "Drew",
			last:  "Mdoe",
		},
		{
			desc:  "particles",
			name:  "Ana da Silva do Vale de Souza",
			order: firstLast,
			first: "Ana da Silva do Vale de",
			last:  "Souza",
		},
		{
			desc:  "last name of two words",
			name:  "Garcia Lopez, Ana",
			order: firstLast,
			first: "Ana",
			last:  "Garcia Lopez",
		},
		{desc: "Chinese", name: "西门吹雪", order: firstLast, first: "西门吹雪", last: "-"},
		{
			desc:  "last name first by order, and a doctor",
			name:  "Dr. Doe Jane",
			order: lastFirst,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "last name first by order, and a title",
			name:  "Doe Jane MD",
			order: lastFirst,
			first: "Jane",
			last:  "Doe",
		},
		{
			desc:  "last name that is a title too, by order",
			name:  "Ma Joan",
			order: lastFirst,
			first: "Joan",
			last:  "Ma",
		},
		{
			desc:  "last name that is a title too, by order and in capitals",
			name:  "MA JOAN",
			order: lastFirst,
			first: "JOAN",
			last:  "MA",
		},
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

// TestNameOrder: the order applies only to display names.
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
