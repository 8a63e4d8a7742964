package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// printed is a block of commands on a page, with what the page says they print.
type printed struct {
	commands string
	output   string // "" where the page says nothing
}

var blockPattern = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// commandsOn returns the blocks of commands on a page.
func commandsOn(t *testing.T, page string) []printed {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(traefik.Root(), page))
	require.NoError(t, err)
	found := []printed{}
	before := ""
	for _, block := range blockPattern.FindAllStringSubmatch(string(content), -1) {
		switch {
		case block[1] == "sh":
			found = append(found, printed{commands: block[2]})
		case block[1] == "text" && before == "sh":
			found[len(found)-1].output = block[2]
		}
		before = block[1]
	}
	return found
}

// clone returns a folder with the files of this checkout as a new clone has them.
func clone(t *testing.T) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = traefik.Root()
	files, err := list.Output()
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "clinicpass")
	for name := range strings.SplitSeq(strings.TrimRight(string(files), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(traefik.Root(), name))
		if os.IsNotExist(err) { // deleted, and not yet committed
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return dir
}

// shell returns a command that runs lines as somebody would type them, with the newest tested
// Traefik in PATH.
func shell(t *testing.T, dir, lines string) *exec.Cmd {
	t.Helper()
	versions := traefikVersions()
	binary, err := traefik.Build(versions[len(versions)-1], os.Stderr)
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Symlink(binary, filepath.Join(bin, "traefik")))
	command := exec.Command("bash", "-e", "-c", lines)
	command.Dir = dir
	// Nobody who types has the variables of the tests, or those of the make that runs the tests.
	foreign := regexp.MustCompile(`^(CLINICPASS_|TRAEFIK_VERSIONS=|MAKE|MFLAGS=)`).MatchString
	command.Env = append(slices.DeleteFunc(os.Environ(), foreign), "PATH="+bin+":"+os.Getenv("PATH"),
		"TMPDIR="+t.TempDir())
	return command
}

// background starts lines that go on until they are interrupted, and returns their process. Its
// group is a terminal's foreground, which Ctrl-C reaches.
func background(t *testing.T, dir, lines string) *program.Process {
	t.Helper()
	process, err := program.StartGroup(shell(t, dir, lines), nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		process.Interrupt()
		if t.Failed() {
			t.Log(process.Log())
		}
	})
	return process
}

// result runs lines and returns what they print.
func result(t *testing.T, dir, lines string) string {
	t.Helper()
	command := shell(t, dir, lines)
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	require.NoError(t, err, "%s\n%s%s", lines, output, problems.String())
	return string(output)
}

// TestREADMECommands: every command of the README does what it says.
func TestREADMECommands(t *testing.T) {
	blocks := commandsOn(t, "README.md")
	require.Len(t, blocks, 4)
	dir := clone(t)

	// TestDemo and TestDemoStops of package demo run the last line.
	start := "git clone https://github.com/clinicpass/clinicpass\ncd clinicpass\nmake demo\n"
	assert.Equal(t, start, blocks[0].commands)

	assert.Equal(t, blocks[1].output, result(t, dir, blocks[1].commands))

	demo := background(t, dir, "make demo")
	address := ""
	require.Eventually(t, func() bool {
		address = regexp.MustCompile(`http://127.0.0.1:\d+/|$`).FindString(demo.Log())
		return strings.Contains(demo.Log(), "Press Ctrl-C")
	}, time.Minute, 50*time.Millisecond)
	probed := strings.ReplaceAll(blocks[2].commands, "http://127.0.0.1:8080/", address)
	assert.Equal(t, blocks[2].output, result(t, dir, probed))

	assert.Regexp(t, "^make test +#", blocks[3].commands)
	ci, err := os.ReadFile(filepath.Join(traefik.Root(), ".ci", "run"))
	require.NoError(t, err)
	assert.Contains(t, string(ci), "\nmake test\n", "what CI runs")
}

// TestREADMEFigures: figures of the README come from the tables that make bench writes.
func TestREADMEFigures(t *testing.T) {
	_, section, found := strings.Cut(readme(t), "## Why not your own forwardAuth service?")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	figures := regexp.MustCompile(`\d+\.\d+`).FindAllString(section, -1)
	require.GreaterOrEqual(t, len(figures), 4)
	for _, figure := range figures {
		assert.Contains(t, document(t, "benchmarks.md"), "| "+figure+" |")
	}
}

// TestTry: the commands of examples/try, twice, but for the ports.
func TestTry(t *testing.T) {
	dir := clone(t)
	try := filepath.Join(dir, "examples", "try")
	blocks := commandsOn(t, "examples/try/README.md")
	require.Len(t, blocks, 3)
	address, err := program.FreeAddress()
	require.NoError(t, err)
	clinic, err := program.FreeAddress()
	require.NoError(t, err)
	ports := strings.NewReplacer("127.0.0.1:8080", address, "127.0.0.1:8081", clinic,
		"run . simulate", "run . simulate --listen="+clinic)
	for _, name := range []string{"traefik.yml", "clinic.yml"} {
		content := ports.Replace(example(t, "try/"+name))
		require.NoError(t, os.WriteFile(filepath.Join(try, name), []byte(content), 0o600))
	}
	for _, round := range []string{"first", "again"} {
		t.Run(round, func(t *testing.T) {
			background(t, dir, ports.Replace(blocks[0].commands))
			background(t, dir, ports.Replace(blocks[1].commands))
			const status = "curl -s -o /dev/null -w '%{http_code}' "
			require.Eventually(t, func() bool {
				output, _ := shell(t, dir, status+"http://"+address+"/clinic").Output()
				up, _ := shell(t, dir, status+"http://"+clinic+"/").Output()
				return string(output) == "401" && string(up) != "000"
			}, time.Minute, 100*time.Millisecond, "not up, or strangers are let in")
			assert.Equal(t, blocks[2].output, result(t, dir, ports.Replace(blocks[2].commands)))
			asJoe := strings.ReplaceAll(status+"-u joe:demo http://127.0.0.1:8080/clinic", "127.0.0.1:8080", address)
			assert.Equal(t, "401", result(t, dir, asJoe))
		})
	}
}
