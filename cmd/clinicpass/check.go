package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
)

type checkCommand struct {
	Files []string `arg:"" name:"file" help:"Traefik configuration (YAML, TOML), Compose file, Kubernetes objects, values of Traefik's Helm chart, Nomad job, folder of these, - for standard input, or address of a running Traefik's API. All files of one call are checked as one site."`

	Plugin      string   `default:"clinicpass" help:"Name of the plugin in Traefik's static configuration."`
	ReadSecrets bool     `help:"Also read the files and variables that hold secrets and keys. Use it on the machine where Traefik runs."`
	Ignore      []string `help:"Leave out findings with this ID, such as literal-secret." placeholder:"ID"`
	JSON        bool     `name:"json" help:"Print the findings as JSON."`

	Live       bool   `help:"Then sign in a test provider at VSee, step by step. Reads the secrets and creates accounts for the test provider."`
	Room       bool   `help:"With --live: also create a waiting room for the test provider and assign it."`
	Middleware string `help:"With --live: the Clinicpass middleware to use, such as clinic@file. Required if there are several." placeholder:"NAME"`
	Code       string `default:"clinicpass-check" help:"Code of the test provider at VSee."`
	FirstName  string `default:"Clinicpass" help:"First name of the test provider."`
	LastName   string `default:"Check" help:"Last name of the test provider."`
	Email      string `help:"Email address of the test provider."`

	in  io.Reader // set by main and by tests
	out io.Writer
}

// Help is what --help prints below the summary.
func (*checkCommand) Help() string {
	return `Compares the configuration with Traefik's own rules. Values are never printed. Secrets are read only with
--read-secrets or --live.

Examples:

  clinicpass check traefik.yml clinic.yml
  clinicpass check compose.yml
  kubectl get middlewares.traefik.io,ingressroutes.traefik.io -o yaml | clinicpass check -
  clinicpass check http://localhost:8080/api/rawdata
  clinicpass check --live clinic.yml

Exit codes:

  0  no findings
  1  findings, or a failed step of --live
  2  the command could not run, such as for a missing file`
}

// finding is a mistake and what to do about it.
type finding struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // unknown in TOML
	Object  string `json:"object"`         // the router's or middleware's name
	ID      string `json:"id"`             // of the kind of mistake
	Message string `json:"message"`
}

// Run prints the findings and, if asked for and nothing is in its way, signs the test provider in.
func (c *checkCommand) Run() error {
	c.ReadSecrets = c.ReadSecrets || c.Live
	k, err := c.inspect()
	if err != nil {
		return err
	}
	if err := c.print(k); err != nil {
		return err
	}
	if c.Live {
		err = c.signIn(k)
	}
	if err == nil && len(k.found) > 0 {
		err = errFindings
	}
	return err
}

// Validate refuses combinations that make no sense.
func (c *checkCommand) Validate() error {
	if !c.Live && (c.Room || c.Middleware != "") {
		return errors.New("--room and --middleware need --live")
	}
	if c.Live && c.JSON {
		return errors.New("--live prints no JSON")
	}
	return nil
}

// inspect reads the files and gathers what is wrong with them.
func (c *checkCommand) inspect() (*checker, error) {
	s := newSite()
	for _, file := range c.Files {
		if err := s.read(file, c.in); err != nil {
			return nil, err
		}
	}
	return c.judge(s), nil
}

// judge gathers what is wrong with a site.
func (c *checkCommand) judge(s *site) *checker {
	k := &checker{command: c, site: s, ours: map[string]*clinic{}, assumed: map[string]string{}}
	k.finishCompose()
	config.Allowed = config.AllowedBy(s.getenv)
	k.name = k.pluginName()
	k.checkStatic()
	k.checkMiddlewares()
	k.checkRouters()
	k.checkPatients()
	k.checkLoaded()
	k.found = append(k.found, s.found...)
	if len(k.ours) == 0 && (len(s.static) == 0 || s.dynamic) && !k.names("syntax") && !k.names("template") {
		k.found = append(k.found, finding{
			File: strings.Join(c.Files, ", "), Object: k.name, ID: "no-clinicpass",
			Message: "No file configures Clinicpass (http.middlewares.NAME.plugin." + k.name + "). Name the files with its middleware and its router.",
		})
	}
	k.found = slices.DeleteFunc(k.found, func(f finding) bool { return slices.Contains(c.Ignore, f.ID) })
	k.found = unique(k.found)
	return k
}

// unique returns the findings in the order of files and lines, each once.
func unique(found []finding) []finding {
	seen := map[finding]bool{}
	kept := []finding{}
	for _, f := range found {
		if !seen[f] {
			kept = append(kept, f)
		}
		seen[f] = true
	}
	slices.SortStableFunc(kept, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return kept
}

// pluginName returns what the plugin is called: --plugin, unless Traefik loads it by another name and a middleware uses that.
func (k *checker) pluginName() string {
	for _, kind := range []string{"plugins", "localPlugins"} {
		plugins, _ := k.site.setting("experimental", kind).(object)
		for _, name := range sorted(plugins) {
			for _, m := range k.site.middlewares {
				used, _ := m.plugin()
				if text(at(plugins[name], "moduleName")) == modulePath && used == name && strings.EqualFold(m.kind, "plugin") {
					return name
				}
			}
		}
	}
	return k.command.Plugin
}

func (c *checkCommand) print(k *checker) error {
	if c.JSON {
		encoder := json.NewEncoder(c.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"findings": append([]finding{}, k.found...), "assumed": k.assumptions()})
	}
	for _, f := range k.found {
		where := f.File
		if f.Line > 0 {
			where += fmt.Sprintf(":%d", f.Line)
		}
		fmt.Fprintf(c.out, "%s: %s: %s [%s]\n", where, f.Object, f.Message, f.ID)
	}
	for _, line := range k.assumptions() {
		fmt.Fprintln(c.out, "Assumed:", line)
	}
	if len(k.found) == 0 {
		fmt.Fprintln(c.out, "Nothing found.")
	}
	return nil
}

// assumptions returns what the files do not show and the verdict needs.
func (k *checker) assumptions() []string {
	lines := []string{}
	for _, name := range sorted(k.assumed) {
		lines = append(lines, name+" "+k.assumed[name])
	}
	return lines
}

// checker gathers findings.
type checker struct {
	command *checkCommand
	site    *site
	name    string // the plugin's
	assumed map[string]string
	ours    map[string]*clinic // by the middleware's name
	found   []finding
}

func (k *checker) add(where piece, key, name, id, format string, args ...any) {
	k.found = append(k.found, finding{
		File: where.file, Line: where.tree.line(below(where.path, key)), Object: name, ID: id, Message: fmt.Sprintf(format, args...),
	})
}

// names reports whether a finding of this kind was made.
func (k *checker) names(id string) bool {
	return slices.ContainsFunc(k.found, func(f finding) bool { return f.ID == id })
}
