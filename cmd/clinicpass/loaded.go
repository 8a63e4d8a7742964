package main

import (
	"fmt"
	"regexp"
	"strings"
)

var releasePattern = regexp.MustCompile(`^v\d+\.\d+\.\d+([-+].+)?$`)

// checkStatic looks at how the plugin is loaded.
func (k *checker) checkStatic() {
	for _, p := range k.site.static {
		for _, kind := range []string{"plugins", "localPlugins"} {
			plugins, _ := at(p.tree.root, "experimental", kind).(object)
			for _, name := range sorted(plugins) {
				k.checkPlugin(&p.piece, kind, name, plugins[name])
			}
		}
	}
	if file, flags := k.static("file"), k.static("flags"); file != nil && flags != nil && k.site.mountsStatic {
		k.add(flags.piece, "", "traefik", "flags-ignored", "Traefik reads %s and ignores all of its command-line flags. Move the flags into that file.", file.file)
	}
}

// static returns the first source of a kind.
func (k *checker) static(origin string) *static {
	for _, p := range k.site.static {
		if p.origin == origin {
			return p
		}
	}
	return nil
}

// checkLoaded finds a static configuration without the plugin that the middlewares need.
func (k *checker) checkLoaded() {
	for _, p := range k.site.static {
		for _, kind := range []string{"plugins", "localPlugins"} {
			plugins, _ := at(p.tree.root, "experimental", kind).(object)
			if len(plugins) > 0 && (plugins[k.name] != nil || k.names("plugin-name")) {
				return
			}
		}
	}
	switch {
	case len(k.ours) == 0 || k.names("mixed-file"):
	case len(k.site.static) > 0:
		k.add(k.site.static[0].piece, "", k.name, "not-loaded", "The static configuration does not load the plugin. Add experimental.plugins.%s.", k.name)
	case k.site.traefik != nil:
		k.add(k.site.traefik.piece, "", "traefik", "not-loaded", "Nothing loads the plugin: Traefik's container has no flags, and no static configuration is among the files. Add experimental.plugins.%s.", k.name)
	}
}

func (k *checker) checkPlugin(p *piece, kind, name string, plugin any) {
	module := text(at(plugin, "moduleName"))
	if name != k.name && !strings.Contains(strings.ToLower(module), "clinicpass") {
		return
	}
	where := piece{p.file, p.tree, "experimental." + kind + "." + name}
	if module != modulePath {
		k.add(where, "moduleName", name, "wrong-module", "moduleName is not the plugin's. Set moduleName: %s.", modulePath)
	}
	if name != k.name {
		k.add(where, "", name, "plugin-name", "The middlewares call the plugin %s, but this key has another name. Rename it to %[1]s.", k.name)
	}
	if kind == "plugins" && !releasePattern.MatchString(text(at(plugin, "version"))) {
		k.add(where, "version", name, "no-version", "version does not name a release. Set a release, such as v0.1.0.")
	}
	if abort := fmt.Sprint(k.site.setting("experimental", "abortOnPluginFailure")); abort != "true" {
		k.add(where, "", name, "no-abort", "If a plugin cannot be loaded, Traefik starts without plugins and answers 404 on every router that uses one. Set experimental.abortOnPluginFailure: true.")
	}
}
