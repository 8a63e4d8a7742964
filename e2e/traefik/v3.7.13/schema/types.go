package main

import (
	"reflect"
	"strings"
	"time"

	ptypes "github.com/traefik/paerser/types"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/static"
)

// reflected returns the table of the Traefik that this program is built with.
func reflected() *table {
	t := &table{Roots: map[string]string{}, Types: map[string]map[string]string{}}
	t.Roots["dynamic"] = t.kind(reflect.TypeFor[dynamic.Configuration]())
	t.Roots["static"] = t.kind(reflect.TypeFor[static.Configuration]())
	path, err := definitionsFile()
	if err == nil {
		err = t.definitions(path)
	}
	if err != nil {
		panic(err)
	}
	return t
}

// kind returns the word for a type, and adds the type if it is a struct.
// A type that the decoder cannot fill is "unsupported".
func (t *table) kind(of reflect.Type) string {
	switch of {
	case reflect.TypeFor[ptypes.Duration](), reflect.TypeFor[time.Duration]():
		return "duration"
	}
	switch of.Kind() {
	case reflect.String, reflect.Bool, reflect.Int8, reflect.Int16, reflect.Int32,
		reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return of.Kind().String()
	case reflect.Int, reflect.Int64:
		return "int"
	case reflect.Uint, reflect.Uint64:
		return "uint"
	case reflect.Float32, reflect.Float64:
		return "float"
	case reflect.Interface:
		return "any"
	case reflect.Pointer:
		if kind := t.kind(of.Elem()); !strings.Contains(kind, " of ") {
			return kind
		}
		return "any" // it takes no section, and whatever else is not filled in
	case reflect.Map:
		if of.Key().Kind() == reflect.String {
			return "map of " + t.kind(of.Elem())
		}
	case reflect.Slice:
		elem := t.kind(of.Elem())
		pointer := of.Elem().Kind() == reflect.Pointer && of.Elem().Elem().Kind() != reflect.Struct
		if elem != "any" && elem != "unsupported" && !strings.Contains(elem, " of ") && !pointer {
			return "list of " + elem
		}
	case reflect.Struct:
		return t.structure(of)
	}
	return "unsupported"
}

var origins = map[string]string{} // where a type is from, by its name in the table

func (t *table) structure(of reflect.Type) string {
	// Traefik moves types between packages called types; only the last part of the path is kept.
	name := of.PkgPath()[strings.LastIndexByte(of.PkgPath(), '/')+1:] + "." + of.Name()
	if name == "." {
		name = "struct." + strings.ReplaceAll(of.String(), " ", "")
	}
	if origin := origins[name]; origin != "" && origin != of.PkgPath() {
		panic(name + " is in " + origin + " and in " + of.PkgPath())
	}
	origins[name] = of.PkgPath()
	if t.Types[name] == nil {
		t.Types[name] = map[string]string{}
		t.fields(of, t.Types[name], map[string]bool{})
	}
	return name
}

// fields adds the fields of a struct, those of embedded structs included, in the order in which
// the decoder looks for a key: the first counts.
func (t *table) fields(of reflect.Type, fields map[string]string, taken map[string]bool) {
	for i := range of.NumField() {
		field := of.Field(i)
		if !field.IsExported() {
			continue
		}
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			t.fields(field.Type, fields, taken)
			continue
		}
		if lower := strings.ToLower(field.Name); !taken[lower] {
			taken[lower] = true
			fields[shown(field)] = t.kind(field.Type) + tags(field)
		}
	}
}

// shown returns the key as Traefik's documentation writes it. The decoder looks at the field's name
// only, in any case.
func shown(field reflect.StructField) string {
	for _, tag := range []string{"yaml", "json", "toml"} {
		name, _, _ := strings.Cut(field.Tag.Get(tag), ",")
		if strings.EqualFold(name, field.Name) {
			return name
		}
	}
	return strings.ToLower(field.Name[:1]) + field.Name[1:]
}

func tags(field reflect.StructField) string {
	said := ""
	for _, tag := range []string{"file", "label"} {
		if value := field.Tag.Get(tag); value == "-" || value == "allowEmpty" {
			said += "; " + tag + " " + value
		}
	}
	if name := field.Tag.Get("label-slice-as-struct"); name != "" {
		said += "; in labels " + name
	}
	return said
}
