package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/yaml"
)

// object checks the spec of an object as Kubernetes does: by Traefik's definition of its kind,
// and strictly, as for kubectl.
func object(kind, content string) error {
	path, err := definitionsFile()
	if err != nil {
		return err
	}
	definitions, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var object map[string]any
	manifest := "metadata: {}\nspec:\n  " + strings.ReplaceAll(content, "\n", "\n  ")
	if err := yaml.Unmarshal([]byte(manifest), &object); err != nil {
		return err
	}
	for _, document := range strings.Split(string(definitions), "\n---\n") {
		var one v1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(document), &one); err != nil {
			return err
		}
		if one.Spec.Names.Kind == kind {
			return valid(one.Spec.Versions[0].Schema.OpenAPIV3Schema, object)
		}
	}
	return fmt.Errorf("the kind %s is not Traefik's", kind)
}

func valid(said *v1.JSONSchemaProps, object map[string]any) error {
	var props apiextensions.JSONSchemaProps
	err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(said, &props, nil)
	if err != nil {
		return err
	}
	schema, err := structural.NewStructural(&props)
	if err != nil {
		return err
	}
	options := structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	unknown := pruning.PruneWithOptions(object, schema, true, options)
	if len(unknown) > 0 {
		return errors.New("unknown field " + strings.Join(unknown, ", "))
	}
	validator := validate.NewSchemaValidator(schema.ToKubeOpenAPI(), nil, "", strfmt.Default)
	return validator.Validate(object).AsError()
}

// definitionsFile returns where Traefik's sources have the definitions.
func definitionsFile() (string, error) {
	args := []string{"list", "-m", "-f", "{{.Dir}}", "github.com/traefik/traefik/v3"}
	dir, err := exec.Command("go", args...).Output()
	return strings.TrimSpace(string(dir)) + "/integration/fixtures/k8s/01-traefik-crd.yml", err
}
