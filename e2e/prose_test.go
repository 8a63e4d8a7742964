package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

const maxWords = 25 // of a sentence

// notOurEnglish maps what the pages do not say to what they say instead.
//
//nolint:misspell // these are the words
var notOurEnglish = map[string]string{
	`behaviour|colour|honour|favour|neighbour`:                                "the American spelling with -or",
	`recognise|organis|authoris|normalis|minimis|initialis|customis|summaris`: "-ize",
	`misspelt|learnt|spelt`:                                                   "misspelled, learned, spelled",
	`catalogue`:                                                               "catalog",
	`\bcentre|licence|artefact`:                                               "center, license, artifact",
	`\bours\b`:                                                                "the actor's name",
	`\bwhom\b`:                                                                "a shorter sentence",
	`\bmend(ed|s|ing)?\b`:                                                     "fix",
	`\b(come|came|comes) by\b`:                                                "get, obtain",
	`\bas ever\b|\bof old\b`:                                                  "unchanged",
	`without a word`:                                                          "silently",
	`\blasting id\b|\blasting code`:                                           "stable user ID",
	`\be-mails?\b`:                                                            "email",
}

// sentencesOf returns the sentences of a Markdown page's paragraphs, list items and table cells. A piece of code counts as
// one word; blocks of code and headings are no sentences.
func sentencesOf(page []byte) []string {
	sentences := []string{}
	root := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(page))
	_ = ast.Walk(root, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node.Kind() {
		case ast.KindParagraph, ast.KindTextBlock, tables.KindTableCell:
			sentences = append(sentences, split(words(node, page))...)
			return ast.WalkSkipChildren, nil
		case ast.KindHeading:
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return sentences
}

// words returns the text of a node.
func words(node ast.Node, page []byte) string {
	var b strings.Builder
	_ = ast.Walk(node, func(child ast.Node, entering bool) (ast.WalkStatus, error) {
		switch {
		case !entering:
		case child.Kind() == ast.KindCodeSpan:
			b.WriteString("CODE")
			return ast.WalkSkipChildren, nil
		case child.Kind() == ast.KindText:
			piece := child.(*ast.Text)
			b.Write(piece.Segment.Value(page))
			if piece.SoftLineBreak() || piece.HardLineBreak() {
				b.WriteString(" ")
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

var endOfSentence = regexp.MustCompile(`[.!?]["')]?\s+`)

func split(paragraph string) []string {
	sentences := []string{}
	start := 0
	for _, end := range endOfSentence.FindAllStringIndex(paragraph, -1) {
		sentences = append(sentences, paragraph[start:end[1]])
		start = end[1]
	}
	return append(sentences, paragraph[start:])
}

// pages returns the files that people read.
func pages(t *testing.T) []string {
	t.Helper()
	files := []string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(traefik.Root(), pattern))
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.Greater(t, len(files), 15)
	return files
}

// TestProse: sentences are short, and the pages keep to one English.
func TestProse(t *testing.T) {
	for _, file := range pages(t) {
		name, err := filepath.Rel(traefik.Root(), file)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			page, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, sentence := range sentencesOf(page) {
				count := len(strings.Fields(sentence))
				assert.LessOrEqual(t, count, maxWords, "a sentence of %d words: %s", count, sentence)
				for pattern, instead := range notOurEnglish {
					found := regexp.MustCompile("(?i)" + pattern).FindString(sentence)
					assert.Empty(t, found, "say %s: %s", instead, sentence)
				}
			}
		})
	}
}

func TestSentences(t *testing.T) {
	page := "# A heading. Not counted\n\nOne `code of words`, [a link](x.md) and\nmore. Two!\n\n" +
		"- An item\n\n| a | b |\n| --- | --- |\n| A cell. Another | x |\n\n```text\nNo sentence.\n```\n"
	want := []string{"One CODE, a link and more. ", "Two!", "An item", "a", "b", "A cell. ", "Another", "x"}
	assert.Equal(t, want, sentencesOf([]byte(page)))
}
