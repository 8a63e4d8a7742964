// Package logs writes lines to Traefik's log.
//
// Traefik logs the plugin's output from the log package as ERROR, and from fmt as DEBUG. Yaegi
// redirects only these two, not os.Stderr and os.Stdout. A plugin cannot use the other levels.
package logs

import (
	"fmt"
	"log"
)

// Error writes a line at Traefik's ERROR level, which the default log level shows.
func Error(line string) { fmt.Fprintln(log.Writer(), "clinicpass: "+line) }

// Debug writes a line at Traefik's DEBUG level.
func Debug(line string) { fmt.Println("clinicpass: " + line) }
