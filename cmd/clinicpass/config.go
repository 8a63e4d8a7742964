package main

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/mitchellh/mapstructure"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/identity"
	"github.com/clinicpass/clinicpass/internal/signin"
)

const modulePath = "github.com/clinicpass/clinicpass"

// clinic is a Clinicpass middleware with its configuration as the plugin will see it.
type clinic struct {
	*middleware
	config *config.Config
	used   bool     // by a router
	auth   []string // the auth middlewares before it
	pages  []page   // that routers lead to
}

// section is where its configuration stands.
func (c *clinic) section() piece {
	where := c.piece
	plugin, _ := c.plugin()
	where.path += "." + plugin
	return where
}

// prefix returns pathPrefix as the plugin takes it.
func (c *clinic) prefix() string {
	if prefix := strings.TrimSuffix(c.config.PathPrefix, "/"); prefix != "" {
		return prefix
	}
	return "/"
}

// checkMiddlewares finds the Clinicpass middlewares and checks each by itself.
func (k *checker) checkMiddlewares() {
	for _, name := range sorted(k.site.middlewares) {
		m := k.site.middlewares[name]
		plugin, raw := m.plugin()
		if !strings.EqualFold(m.kind, "plugin") || (plugin != k.name && !looksOurs(raw)) {
			continue
		}
		c := &clinic{middleware: m}
		where := c.section()
		if plugin != k.name {
			k.add(where, "", name, "plugin-name", "The plugin is called %q here and %q in Traefik's static configuration. Use one name.", shownName(plugin), k.name)
		}
		k.checkKeys(where, name, "", raw, reflect.TypeFor[config.Config]())
		k.ours[name] = c
		var err error
		if c.config, err = decode(raw); err != nil {
			k.addUndecodable(where, name, err)
			c.config = config.Default()
			continue
		}
		k.checkSecrets(where, name, c.config)
		k.checkNames(where, c)
		for _, line := range signin.Check(c.checkable(k.command.ReadSecrets)) {
			key, problem, _ := strings.Cut(line, ": ")
			if problem == config.NotAKey { // checkKeys says more
				continue
			}
			operators := k.site.raw && strings.Contains(problem, "that Traefik's operator allows") // a running Traefik has checked this
			if !operators && !isTemplate(at(raw, strings.Split(key, ".")...)) {                    // its value is not known yet
				k.add(where, key, name, "invalid", "%s %s", key, problem)
			}
		}
	}
}

var undecodable = regexp.MustCompile(`'([A-Za-z.\[\]0-9]+)' expected (?:type '([a-z]+)'|a (map))`)

// addUndecodable names the keys that cannot be decoded. The decoder's own text is not printed: it has the values, secrets too.
func (k *checker) addUndecodable(where piece, name string, err error) {
	all := undecodable.FindAllStringSubmatch(err.Error(), -1)
	for _, found := range all {
		kind := found[2] + found[3]
		kind = cmp.Or(kindWords[kind], "a value of type "+kind)
		k.add(where, found[1], name, "wrong-type", "Traefik cannot decode %s. It must be %s.", found[1], kind)
	}
	if len(all) == 0 {
		k.add(where, "", name, "wrong-type", "Traefik cannot decode this configuration, because a value has the wrong type. Compare each value with docs/configuration.md.")
	}
}

// kindWords are the decoder's kinds of values in words.
var kindWords = map[string]string{
	"string": "a text", "bool": "true or false", "int": "a whole number", "map": "a section with keys of its own",
}

// shownKey returns a key as it may be printed. Text that is not a key may be a secret: a value without a space or = before it.
func shownKey(key string) (shown string, torn bool) {
	if cut := strings.IndexAny(key, ":="); cut >= 0 {
		return key[:cut], true
	}
	if !keyPattern.MatchString(key) {
		return "(not a valid key)", false
	}
	return key, false
}

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// isTemplate reports whether a value is to be filled in by another program before Traefik gets it.
func isTemplate(value any) bool {
	switch value := value.(type) {
	case object:
		return slices.ContainsFunc(sorted(value), func(key string) bool { return isTemplate(value[key]) })
	case []any:
		return slices.ContainsFunc(value, isTemplate)
	case string:
		return templatePattern.MatchString(value)
	}
	return false
}

var templatePattern = regexp.MustCompile(`\{\{|\$\{|\$[A-Za-z_]`)

// looksOurs reports whether a plugin's configuration is one of Clinicpass under another name.
func looksOurs(config object) bool {
	return at(config, "portal", "url") != nil && (at(config, "api", "url") != nil || at(config, "api", "accountCode") != nil)
}

// decode follows Traefik's rules for plugins: keys in any case, texts for numbers and booleans, commas in lists.
func decode(raw object) (*config.Config, error) {
	decoded := config.Default()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook:       mapstructure.StringToSliceHookFunc(","),
		WeaklyTypedInput: true,
		Result:           decoded,
	})
	if err != nil {
		return nil, err
	}
	return decoded, decoder.Decode(raw)
}

// checkKeys finds keys that Clinicpass refuses, and names the most similar one.
func (k *checker) checkKeys(where piece, name, path string, config object, known reflect.Type) {
	fields := map[string]reflect.Type{}
	for i := range known.NumField() {
		key, _, _ := strings.Cut(known.Field(i).Tag.Get("json"), ",")
		if key != "-" {
			fields[key] = known.Field(i).Type
		}
	}
	for _, key := range sorted(config) {
		field, nearest := fieldOf(fields, key)
		shown, torn := shownKey(key)
		full := below(path, shown)
		nested, isMap := config[key].(object)
		switch {
		case config[key] == nil: // Traefik leaves it out
		case torn:
			k.add(where, path, name, "unknown-key", "%s has no value, because the space or = after it is missing. Add it.", full)
		case field == nil:
			k.add(where, full, name, "unknown-key", "Unknown or misspelled key %s: Clinicpass refuses it. Did you mean %s?", full, below(path, nearest))
		case field.Kind() == reflect.Struct && isMap:
			k.checkKeys(where, name, full, nested, field)
		case field.Kind() == reflect.Struct:
			k.add(where, full, name, "wrong-type", "%s must be a section with keys of its own.", full)
		}
	}
}

// fieldOf returns the type of the key, or nil and the key that is most like it.
func fieldOf(fields map[string]reflect.Type, key string) (found reflect.Type, nearest string) {
	for _, name := range sorted(fields) {
		if strings.EqualFold(name, key) {
			return fields[name], name
		}
	}
	return nil, closest(key, sorted(fields))
}

// identityHeaders returns the plain headers that must come from the auth layer, by the keys that name them.
func (c *clinic) identityHeaders() map[string]string {
	headers := map[string]string{}
	names, token := identity.Names(c.config.Identity)
	if token == "" {
		for key, name := range map[string]string{"id": names.ID, "email": names.Email, "name": names.Name, "firstName": names.FirstName, "lastName": names.LastName} {
			headers["identity.headers."+key] = name
		}
		if len(c.config.Identity.AllowedGroups) > 0 {
			headers["identity.headers.groups"] = names.Groups
		}
	}
	headers[proofKey] = c.config.Identity.Proof.Header
	for key, name := range headers {
		if name == "" {
			delete(headers, key)
		}
	}
	return headers
}

// proven reports whether the identity needs no auth middleware in Traefik: it is signed, proven, or set by an auth layer that
// stands in front.
func (c *clinic) proven() bool {
	_, token := identity.Names(c.config.Identity)
	return token != "" || c.config.Identity.Proof.Header != "" || identity.SetInFront(c.config.Identity.Preset)
}
