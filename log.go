package clinicpass

import (
	"encoding/json"
	"fmt"
	"log"
)

// Traefik logs what a plugin writes with the log package as ERROR and what it prints with fmt as DEBUG. The interpreter
// redirects these two and not os.Stderr and os.Stdout, and there is no way to reach the other levels.

func logError(line string) { fmt.Fprintln(log.Writer(), "clinicpass: "+line) }

func logDebug(line string) { fmt.Println("clinicpass: " + line) }

// logStart tells the effective configuration, in which a misspelt key shows as a value that was not taken over, and warns
// of what is insecure in it.
func logStart(config *Config, name string, found *problems) {
	effective := *config
	effective.Identity.Headers = checkPreset(config.Identity, found).headers
	effective.API.Key = shown(config.API.Key)
	effective.API.Secret = shown(config.API.Secret)
	effective.API.Token = shown(config.API.Token)
	effective.Identity.Proof.Secret = shown(config.Identity.Proof.Secret)
	line, err := json.Marshal(&effective)
	if err == nil {
		logDebug(Version + " started as " + name + " with " + string(line))
	}
	for key, source := range map[string]string{"api.key": config.API.Key, "api.secret": config.API.Secret, "api.token": config.API.Token, "identity.proof.secret": config.Identity.Proof.Secret} {
		if literal(source) {
			logError("warning: " + name + ": " + key + " stands in the configuration itself, which Traefik's dashboard and its " +
				"DEBUG log print. Use file:PATH or env:NAME.")
		}
	}
}

// warnOfTrust says what it means that nothing proves the identity.
func warnOfTrust(s *signIn) {
	if s.identity.token == nil && s.identity.proof == nil {
		logError("warning: " + s.name + ": whoever can set the identity headers is that provider, and nothing proves that the " +
			"auth layer set them; see identity.proof and identity.jwt, https://github.com/clinicpass/clinicpass#proven-identity")
	}
}

// shown stands for a secret in the log.
func shown(secret string) string {
	if secret == "" {
		return "unset"
	}
	return "set"
}
