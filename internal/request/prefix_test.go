package request

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/internal/config"
)

func TestParsePrefix(t *testing.T) {
	for _, row := range []struct {
		desc, path, want string
		refused          bool
	}{
		{desc: "one segment", path: "/clinic", want: "/clinic"},
		{desc: "final slash", path: "/clinic/", want: "/clinic"},
		{desc: "two segments", path: "/care/clinic", want: "/care/clinic"},
		{desc: "every character", path: "/a-B_9.~", want: "/a-B_9.~"},
		{desc: "every path", path: "/", want: ""},
		{desc: "nothing", path: "", refused: true},
		{desc: "no slash", path: "clinic", refused: true},
		{desc: "two slashes", path: "//clinic", refused: true},
		{desc: "two slashes inside", path: "/care//clinic", refused: true},
		{desc: "two slashes at the end", path: "/clinic//", refused: true},
		{desc: "dot segment", path: "/./clinic", refused: true},
		{desc: "dot segments", path: "/clinic/..", refused: true},
		{desc: "braces, which http.ServeMux reads", path: "/{clinic}", refused: true},
		{desc: "space", path: "/my clinic", refused: true},
		{desc: "escape", path: "/%63linic", refused: true},
		{desc: "letter outside ASCII", path: "/clínic", refused: true},
		{desc: "line break", path: "/clinic\n", refused: true},
	} {
		t.Run(row.desc, func(t *testing.T) {
			p := &config.Problems{}
			prefix := ParsePrefix(row.path, p)
			if row.refused {
				require.Len(t, p.Lines, 1)
				assert.Contains(t, p.Lines[0], "pathPrefix: must start with /")
			} else {
				assert.Empty(t, p.Lines)
				assert.Equal(t, row.want, prefix.Path)
			}
		})
	}
}

func TestOwns(t *testing.T) {
	for _, row := range []struct {
		desc, prefix, path, below string
		owned                     bool
	}{
		{
			desc:   "the prefix",
			prefix: "/clinic",
			path:   "/clinic",
			owned:  true,
		},
		{
			desc:   "a slash",
			prefix: "/clinic",
			path:   "/clinic/",
			below:  "/",
			owned:  true,
		},
		{
			desc:   "a page",
			prefix: "/clinic",
			path:   "/clinic/a/b",
			below:  "/a/b",
			owned:  true,
		},
		{
			desc:   "an escaped letter",
			prefix: "/clinic",
			path:   "/%63linic/a",
			below:  "/a",
			owned:  true,
		},
		{
			desc:   "an escaped letter and no more",
			prefix: "/clinic",
			path:   "/%63linic",
			owned:  true,
		},
		{
			desc:   "an escaped slash below",
			prefix: "/clinic",
			path:   "/clinic/%2Fa",
			below:  "/%2Fa",
			owned:  true,
		},
		{
			desc:   "a longer segment",
			prefix: "/clinic",
			path:   "/clinicx",
		},
		{
			desc:   "a shorter segment",
			prefix: "/clinic",
			path:   "/clini",
		},
		{
			desc:   "an escaped slash for the first",
			prefix: "/clinic",
			path:   "/clinic%2Fa",
		},
		{
			desc:   "another case",
			prefix: "/clinic",
			path:   "/CLINIC/a",
		},
		{
			desc:   "a broken escape",
			prefix: "/clinic",
			path:   "/clini%zz/a",
		},
		{
			desc:   "two segments",
			prefix: "/care/clinic",
			path:   "/care/clinic/a",
			below:  "/a",
			owned:  true,
		},
		{
			desc:   "two segments with escaped letters",
			prefix: "/care/clinic",
			path:   "/%63are/clini%63/a/%63",
			below:  "/a/%63",
			owned:  true,
		},
		{
			desc:   "one segment of two",
			prefix: "/care/clinic",
			path:   "/care",
		},
		{
			desc:   "an escaped slash between the segments",
			prefix: "/care/clinic",
			path:   "/care%2Fclinic",
		},
		{
			desc:   "an escaped slash between the segments, and a page",
			prefix: "/care/clinic",
			path:   "/care%2Fclinic/a",
		},
		{
			desc:   "every path: the root",
			prefix: "/",
			path:   "/",
			below:  "/",
			owned:  true,
		},
		{
			desc:   "every path: a page",
			prefix: "/",
			path:   "/a/b",
			below:  "/a/b",
			owned:  true,
		},
	} {
		t.Run(row.desc, func(t *testing.T) {
			p := &config.Problems{}
			prefix := ParsePrefix(row.prefix, p)
			require.Empty(t, p.Lines)
			assert.Equal(t, row.owned, Owns(&prefix, row.path))
			if row.owned {
				assert.Equal(t, row.below, Below(&prefix, row.path))
			}
		})
	}
}
