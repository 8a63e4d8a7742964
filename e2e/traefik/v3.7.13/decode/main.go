// Command decode reads a configuration from standard input with Traefik's own code and prints what Traefik makes of it as JSON.
// Keys that Traefik does not know, below a plugin's name excepted, are errors.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kvtools/valkeyrie/store"
	"github.com/traefik/paerser/file"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/kv"
	"github.com/traefik/traefik/v3/pkg/config/label"
	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/provider/kubernetes/crd/traefikio/v1alpha1"
	core "k8s.io/api/core/v1"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	content, err := io.ReadAll(os.Stdin)
	if err == nil {
		var decoded any
		if decoded, err = decode(os.Args[1], string(content)); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(decoded)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// decode takes files as they are, and labels and key-value pairs as a JSON object.
func decode(kind, content string) (any, error) {
	config := &dynamic.Configuration{HTTP: &dynamic.HTTPConfiguration{}, TLS: &dynamic.TLSConfiguration{}}
	pairs := map[string]string{}
	switch kind {
	case "static.yml", "static.toml":
		started := &static.Configuration{}
		err := file.DecodeContent(content, strings.TrimPrefix(kind, "static"), started)
		return started.Experimental, err
	case "dynamic.yml", "dynamic.toml":
		return config, file.DecodeContent(content, strings.TrimPrefix(kind, "dynamic"), config)
	case "labels":
		if err := json.Unmarshal([]byte(content), &pairs); err != nil {
			return nil, err
		}
		return label.DecodeConfiguration(pairs)
	case "kv":
		if err := json.Unmarshal([]byte(content), &pairs); err != nil {
			return nil, err
		}
		all := []*store.KVPair{}
		for key, value := range pairs {
			all = append(all, &store.KVPair{Key: key, Value: []byte(value)})
		}
		return config, kv.Decode(all, config, "traefik")
	case "kubernetes":
		return objects(content)
	}
	return nil, fmt.Errorf("kind %q is unknown", kind)
}

// objects decodes manifests strictly.
func objects(content string) ([]any, error) {
	decoded := []any{}
	for _, document := range strings.Split(content, "\n---\n") {
		var head struct{ Kind string }
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			return nil, err
		}
		types := map[string]any{
			"Secret": &core.Secret{}, "Middleware": &v1alpha1.Middleware{}, "IngressRoute": &v1alpha1.IngressRoute{}, "HTTPRoute": &gateway.HTTPRoute{},
		}
		object, known := types[head.Kind]
		if !known {
			return nil, fmt.Errorf("kind %q is unknown", head.Kind)
		}
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			return nil, fmt.Errorf("%s: %w", head.Kind, err)
		}
		decoded = append(decoded, object)
	}
	return decoded, nil
}
