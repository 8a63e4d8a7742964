package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain makes the test's binary the program itself in the roles that it starts.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-role") {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestVariants: each variant answers as its measurement expects.
func TestVariants(t *testing.T) {
	s, err := newStage()
	require.NoError(t, err)
	t.Cleanup(s.close)
	require.NoError(t, takeTurns("traffic that passes", s.passThrough(), 0, 5))
	for _, delay := range delays {
		variants := append([]*variant{s.direct(delay)}, s.signIns(delay)...)
		require.NoError(t, takeTurns("sign-ins", variants, 0, 5))
	}
}

// TestParts: the plugin's own benchmarks run, compiled and interpreted.
func TestParts(t *testing.T) {
	table, err := partsTable("1x")
	require.NoError(t, err)
	for _, name := range strings.Split(parts, "|") {
		assert.Contains(t, table, "\n| "+name+" | ")
	}
}
