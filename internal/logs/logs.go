// Package logs writes lines to Traefik's log.
//
// Traefik logs what a plugin writes with the log package as ERROR and what it prints with fmt as
// DEBUG. The interpreter redirects these two and not os.Stderr and os.Stdout, and there is no way
// to reach the other levels.
package logs

import (
	"fmt"
	"log"
)

// Error writes a line that an operator sees at Traefik's default level.
func Error(line string) { fmt.Fprintln(log.Writer(), "clinicpass: "+line) }

// Debug writes a line that Traefik shows at its DEBUG level.
func Debug(line string) { fmt.Println("clinicpass: " + line) }
