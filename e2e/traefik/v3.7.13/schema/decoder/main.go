// Command decoder asks Traefik about the rows of the test of clinicpass's table, and writes what it
// says into them.
//
//	GOWORK=off go run ./schema/decoder
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/traefik/paerser/file"
	"github.com/traefik/paerser/flag"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/label"
	"github.com/traefik/traefik/v3/pkg/config/static"
)

// row is a piece of configuration, and whether Traefik, or Kubernetes, takes it.
type row struct {
	Desc     string `json:"desc"`
	Kind     string `json:"kind"` // such as dynamic.yml, labels, or Middleware
	Content  string `json:"content"`
	Accepted bool   `json:"accepted"`
	Error    string `json:"error,omitempty"`
}

const path = "../../../cmd/clinicpass/schema/testdata/decoder.json"

func main() {
	if err := ask(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ask writes into the rows what Traefik says to each.
func ask() error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	rows := []*row{}
	if err := json.Unmarshal(content, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		r.Accepted, r.Error = true, ""
		if err := decode(r.Kind, r.Content); err != nil {
			r.Accepted, r.Error = false, err.Error()
		}
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(rows); err != nil {
		return err
	}
	return os.WriteFile(path, written.Bytes(), 0o644)
}

// decode decodes the way Traefik's providers and loaders do. A panic counts as an error.
func decode(kind, content string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	what, extension, _ := strings.Cut(kind, ".")
	switch what {
	case "dynamic":
		return file.DecodeContent(content, "."+extension, &dynamic.Configuration{
			HTTP: &dynamic.HTTPConfiguration{}, TCP: &dynamic.TCPConfiguration{},
			UDP: &dynamic.UDPConfiguration{}, TLS: &dynamic.TLSConfiguration{},
		})
	case "static":
		return file.DecodeContent(content, "."+extension, &static.Configuration{})
	case "labels":
		labels := map[string]string{}
		for _, line := range strings.Split(content, "\n") {
			key, value, _ := strings.Cut(line, "=")
			labels[key] = value
		}
		_, err := label.DecodeConfiguration(labels)
		return err
	case "flags":
		return flag.Decode(strings.Split(content, "\n"), &static.Configuration{})
	}
	return object(kind, content)
}
