package program

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Install installs a package of Debian's where that is possible without asking anybody.
func Install(progress io.Writer, name string) error {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%s cannot be installed here: that needs apt-get and root", name)
	}
	fmt.Fprintf(progress, "Installing %s\n", name)
	for _, arguments := range [][]string{{"update"}, {"install", "--yes", "--no-install-recommends", name}} {
		command := exec.Command("apt-get", append([]string{"--quiet"}, arguments...)...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1") // no service is started
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(arguments, " "), err, output)
		}
	}
	return nil
}
