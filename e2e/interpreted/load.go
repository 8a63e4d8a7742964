// Package interpreted runs the plugin in the Yaegi interpreter, loaded the way Traefik loads it.
package interpreted

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"

	"github.com/mitchellh/mapstructure"
	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"
)

// ImportPath is the plugin's import path, which is also its place below GOPATH/src.
const ImportPath = "github.com/clinicpass/clinicpass"

// Plugin is the plugin in an interpreter of its own.
type Plugin struct {
	newHandler   reflect.Value
	createConfig reflect.Value
}

// GoPath lays root out as GOPATH/src/ImportPath in dir, as Traefik wants a local plugin.
func GoPath(dir, root string) error {
	parent := filepath.Join(dir, "src", filepath.Dir(ImportPath))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	return os.Symlink(root, filepath.Join(dir, "src", ImportPath))
}

// NewInterpreter returns an interpreter with the standard library and nothing else, as Traefik gives to a plugin.
func NewInterpreter(goPath string, env []string, stdout, stderr io.Writer) (*interp.Interpreter, error) {
	i := interp.New(interp.Options{GoPath: goPath, Env: env, Stdout: stdout, Stderr: stderr})
	return i, i.Use(stdlib.Symbols)
}

// Load imports the plugin from goPath. It sees the environment variables in env and no others.
func Load(goPath string, env []string, stdout, stderr io.Writer) (*Plugin, error) {
	i, err := NewInterpreter(goPath, env, stdout, stderr)
	if err != nil {
		return nil, err
	}
	if _, err := i.Eval(fmt.Sprintf("import %q", ImportPath)); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	p := &Plugin{}
	if p.newHandler, err = i.Eval(filepath.Base(ImportPath) + ".New"); err != nil {
		return nil, fmt.Errorf("New: %w", err)
	}
	if p.createConfig, err = i.Eval(filepath.Base(ImportPath) + ".CreateConfig"); err != nil {
		return nil, fmt.Errorf("CreateConfig: %w", err)
	}
	return p, nil
}

// New decodes config as Traefik does and returns the middleware in front of next.
func (p *Plugin) New(ctx context.Context, next http.Handler, config map[string]any, name string) (http.Handler, error) {
	decoded := p.createConfig.Call(nil)[0]
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook:       mapstructure.StringToSliceHookFunc(","),
		WeaklyTypedInput: true,
		Result:           decoded.Interface(),
	})
	if err != nil {
		return nil, err
	}
	if err := decoder.Decode(config); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	results := p.newHandler.Call([]reflect.Value{
		reflect.ValueOf(ctx), reflect.ValueOf(next), decoded, reflect.ValueOf(name),
	})
	if failure := results[1].Interface(); failure != nil {
		return nil, failure.(error)
	}
	handler, ok := results[0].Interface().(http.Handler)
	if !ok {
		return nil, fmt.Errorf("New returned %T, not a handler", results[0].Interface())
	}
	return handler, nil
}
