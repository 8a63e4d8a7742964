package main

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"

	"gopkg.in/yaml.v3"
)

// openAPI is what a definition says of a value.
type openAPI struct {
	Type        string              `yaml:"type"`
	Properties  map[string]*openAPI `yaml:"properties"`
	Additional  *openAPI            `yaml:"additionalProperties"`
	Items       *openAPI            `yaml:"items"`
	Free        bool                `yaml:"x-kubernetes-preserve-unknown-fields"`
	IntOrString bool                `yaml:"x-kubernetes-int-or-string"`
}

// definition is one of Traefik's CustomResourceDefinitions, by which Kubernetes checks its objects.
type definition struct {
	Spec struct {
		Names    struct{ Kind string }
		Versions []struct {
			Schema struct {
				OpenAPI openAPI `yaml:"openAPIV3Schema"`
			}
		}
	}
}

// definitionsFile returns where Traefik's sources have the definitions.
func definitionsFile() (string, error) {
	args := []string{"list", "-m", "-f", "{{.Dir}}", "github.com/traefik/traefik/v3"}
	dir, err := exec.Command("go", args...).Output()
	return strings.TrimSpace(string(dir)) + "/integration/fixtures/k8s/01-traefik-crd.yml", err
}

// definitions adds the specs of all kinds that the file defines.
func (t *table) definitions(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var one definition
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		kind := one.Spec.Names.Kind
		if len(one.Spec.Versions) == 0 {
			continue
		}
		if spec := one.Spec.Versions[0].Schema.OpenAPI.Properties["spec"]; spec != nil {
			t.Roots[kind] = t.openAPI("kubernetes."+kind, spec)
		}
	}
}

// openAPI returns the word for what the definition says, and adds it if it is a struct.
func (t *table) openAPI(name string, said *openAPI) string {
	switch {
	case said.IntOrString:
		return "number-or-text"
	case said.Free:
		return "any"
	case len(said.Properties) > 0:
		t.Types[name] = map[string]string{}
		for key, property := range said.Properties {
			t.Types[name][key] = t.openAPI(name+"."+key, property)
		}
		return name
	case said.Additional != nil:
		return "map of " + t.openAPI(name, said.Additional)
	case said.Items != nil:
		return "list of " + t.openAPI(name, said.Items)
	case said.Type == "object":
		t.Types[name] = map[string]string{}
		return name
	}
	kinds := map[string]string{"boolean": "bool", "integer": "int", "number": "float", "": "any"}
	return cmp.Or(kinds[said.Type], said.Type)
}
