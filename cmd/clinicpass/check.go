package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/clinicpass/clinicpass/internal/config"
)

type checkCommand struct {
	Files []string `arg:"" name:"file" help:"Traefik's dynamic and static configuration (YAML, TOML), Compose files, objects of Kubernetes, values of Traefik's Helm chart, Nomad jobs. All files together are one site."`

	Plugin      string   `default:"clinicpass" help:"The plugin's name in Traefik's static configuration."`
	ReadSecrets bool     `help:"Also read the files and variables that hold secrets and keys. Use it where Traefik runs."`
	Ignore      []string `help:"Findings to leave out, such as literal-secret." placeholder:"ID"`
	JSON        bool     `name:"json" help:"Print the findings as JSON."`

	Live       bool   `help:"Then sign a test provider in at VSee, step by step. Reads secrets; creates the provider's account."`
	Room       bool   `help:"With --live: also create a waiting room for the test provider and assign it."`
	Middleware string `help:"With --live and several middlewares of ours: which, such as clinic@file." placeholder:"NAME"`
	Code       string `default:"clinicpass-check" help:"The test provider's code at VSee."`
	FirstName  string `default:"Clinicpass" help:"The test provider's first name."`
	LastName   string `default:"Check" help:"The test provider's last name."`
	Email      string `help:"The test provider's e-mail address."`

	out io.Writer // set by main and by tests
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
	if err := c.print(k.found); err != nil {
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
	s := &site{middlewares: map[string]*middleware{}, env: map[string]string{}}
	for _, file := range c.Files {
		if err := s.read(file); err != nil {
			return nil, err
		}
	}
	config.Allowed = config.AllowedBy(s.getenv)
	k := &checker{command: c, site: s, ours: map[string]*clinic{}}
	k.checkStatic()
	k.checkMiddlewares()
	k.checkRouters()
	k.checkPatients()
	k.checkLoaded()
	if len(k.ours) == 0 && len(k.found) == 0 && (len(s.static) == 0 || s.dynamic) {
		return nil, errors.New("nothing of Clinicpass is in " + strings.Join(c.Files, ", ") + ": name the files with its middleware and router")
	}
	k.found = slices.DeleteFunc(k.found, func(f finding) bool { return slices.Contains(c.Ignore, f.ID) })
	return k, nil
}

func (c *checkCommand) print(found []finding) error {
	if c.JSON {
		encoder := json.NewEncoder(c.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"findings": append([]finding{}, found...)})
	}
	for _, f := range found {
		where := f.File
		if f.Line > 0 {
			where += fmt.Sprintf(":%d", f.Line)
		}
		fmt.Fprintf(c.out, "%s: %s: %s [%s]\n", where, f.Object, f.Message, f.ID)
	}
	if len(found) == 0 {
		fmt.Fprintln(c.out, "Nothing found.")
	}
	return nil
}

// checker gathers findings.
type checker struct {
	command *checkCommand
	site    *site
	ours    map[string]*clinic // by the middleware's name
	found   []finding
}

func (k *checker) add(where piece, key, name, id, format string, args ...any) {
	k.found = append(k.found, finding{
		File: where.file, Line: where.tree.line(below(where.path, key)), Object: name, ID: id, Message: fmt.Sprintf(format, args...),
	})
}

// checkStatic looks at how the plugin is loaded.
func (k *checker) checkStatic() {
	for _, p := range k.site.static {
		for _, kind := range []string{"plugins", "localPlugins"} {
			plugins, _ := at(p.tree.root, "experimental", kind).(object)
			for _, name := range sorted(plugins) {
				k.checkPlugin(p, kind, name, plugins[name])
			}
		}
	}
}

// checkLoaded finds a static configuration without the plugin that the middlewares need.
func (k *checker) checkLoaded() {
	for _, p := range k.site.static {
		for _, kind := range []string{"plugins", "localPlugins"} {
			plugins, _ := at(p.tree.root, "experimental", kind).(object)
			if len(plugins) > 0 && (plugins[k.command.Plugin] != nil || k.names("plugin-name")) {
				return
			}
		}
	}
	if len(k.site.static) > 0 && len(k.ours) > 0 {
		k.add(*k.site.static[0], "", k.command.Plugin, "not-loaded", "the static configuration does not load the plugin: experimental.plugins.%s is missing", k.command.Plugin)
	}
}

// names reports whether a finding of this kind was made.
func (k *checker) names(id string) bool {
	return slices.ContainsFunc(k.found, func(f finding) bool { return f.ID == id })
}

func (k *checker) checkPlugin(p *piece, kind, name string, plugin any) {
	module := text(at(plugin, "moduleName"))
	if name != k.command.Plugin && !strings.Contains(strings.ToLower(module), "clinicpass") {
		return
	}
	where := piece{p.file, p.tree, "experimental." + kind + "." + name}
	if module != modulePath {
		k.add(where, "moduleName", name, "wrong-module", "moduleName must be %s", modulePath)
	}
	if name != k.command.Plugin {
		k.add(where, "", name, "plugin-name", "the middlewares call the plugin %s (--plugin), so that this key must be %[1]s too", k.command.Plugin)
	}
	if kind == "plugins" && !strings.HasPrefix(text(at(plugin, "version")), "v") {
		k.add(where, "version", name, "no-version", "version must name a release, such as v0.1.0")
	}
	if abort := fmt.Sprint(at(p.tree.root, "experimental", "abortOnPluginFailure")); abort != "true" {
		k.add(where, "", name, "no-abort", "without abortOnPluginFailure: true in experimental, Traefik starts without its plugins when one cannot be loaded, and answers 404 for every router that uses one")
	}
}
