package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Endings of the files that are read, also in folders.
var endings = []string{".yaml", ".yml", ".json", ".toml", ".hcl", ".nomad"}

const (
	maxInput    = 16 << 20 // bytes of a file, of standard input, or of an answer
	maxFiles    = 1000     // of a folder
	askTimeout  = 10 * time.Second
	rawDataPath = "/api/rawdata"
)

// read adds a file, a folder, standard input (-) or what a running Traefik tells of itself.
func (s *site) read(name string, stdin io.Reader) error {
	switch {
	case name == "-":
		content, err := io.ReadAll(io.LimitReader(stdin, maxInput))
		if err != nil {
			return err
		}
		s.readContent("standard input", "", content)
		return nil
	case strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://"):
		return s.ask(name)
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return s.readFile(name)
	}
	count := 0
	return filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		hidden := path != name && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden || !slices.Contains(endings, strings.ToLower(filepath.Ext(path))):
			return nil
		}
		if count++; count > maxFiles {
			return fmt.Errorf("%s has over %d files", name, maxFiles)
		}
		return s.readFile(path)
	})
}

func (s *site) readFile(name string) error {
	ending := strings.ToLower(filepath.Ext(name))
	if !slices.Contains(endings, ending) {
		return fmt.Errorf("%s: only %s files can be checked", name, strings.Join(endings, ", "))
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxInput))
	if err != nil {
		return err
	}
	s.readContent(name, ending, content)
	return nil
}

// ask reads the API of a running Traefik, on this machine or over TLS: it tells keys that Traefik itself has put in.
func (s *site) ask(address string) error {
	if !strings.HasPrefix(address, "https://") && !loopbackPattern.MatchString(address) {
		return errors.New("the API of Traefik must be on this machine (http://localhost:8080/api/rawdata) or use https://")
	}
	if !strings.Contains(address, rawDataPath) {
		address = strings.TrimSuffix(address, "/") + rawDataPath
	}
	client := &http.Client{Timeout: askTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address)
	if err != nil {
		return errors.New(address + " does not answer; enable Traefik's API (api.insecure, or a router for it)")
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxInput))
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers HTTP %d instead of Traefik's configuration", address, resp.StatusCode)
	}
	s.readContent(address, ".json", content)
	return nil
}

var loopbackPattern = regexp.MustCompile(`^http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)`)

// readContent takes in the content of a file by its name's ending, or by how it looks. What cannot be read is a finding.
func (s *site) readContent(file, ending string, content []byte) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	var trees []*tree
	var err error
	switch ending {
	case ".toml":
		trees, err = parseTOML(render(content))
	case ".hcl", ".nomad":
		s.dynamic = true
		s.note(file, s.addTags(file, string(content)))
		return
	default:
		trees, err = parseYAML(render(content))
	}
	if err != nil && bytes.Contains(content, []byte("{{")) {
		above, _, _ := bytes.Cut(content, []byte("{{"))
		s.problem(file, 1+bytes.Count(above, []byte("\n")), "template", "This file is a template that cannot be checked as it is. Check the rendered file.")
		return
	}
	s.note(file, err)
	for _, t := range trees {
		s.note(file, s.add(file, t))
	}
}

var (
	actionLine = regexp.MustCompile(`(?m)^[ \t#]*\{\{-?\s*(?:if|else|end|range|with|define|block|/\*|\$\w+\s*:?=)[^}]*\}\}[ \t]*$`)
	action     = regexp.MustCompile(`\{\{[^{}\n]*\}\}`)
)

// render puts a stand-in for every template of Traefik's file provider.
func render(content []byte) []byte {
	return action.ReplaceAllLiteral(actionLine.ReplaceAll(content, nil), []byte("${template}"))
}

// add takes in a document, which may be a dynamic or a static configuration, a Compose file, an object of Kubernetes, the
// values of Traefik's Helm chart, or what Traefik's API tells.
func (s *site) add(file string, t *tree) error {
	root := t.root
	if at(root, "apiVersion") != nil && at(root, "kind") != nil {
		s.dynamic = true
		s.addObject(file, t, "", root)
		return nil
	}
	if isRaw(root) {
		s.dynamic = true
		s.addRaw(file, t)
		return nil
	}
	if services, ok := at(root, "services").(object); ok && at(root, "http") == nil {
		s.dynamic = true
		s.addCompose(file, t, services)
		return nil
	}
	isStatic := hasAny(root, staticKeys)
	isDynamic := at(root, "http") != nil || at(root, "tcp") != nil || at(root, "udp") != nil || at(root, "tls") != nil
	isChart := (hasAny(root, chartKeys) || mountsPlugin(root)) && !isDynamic
	if isChart {
		s.addVariables(at(root, "env"))
		for i, extra := range list(at(root, "extraObjects")) {
			if extra, ok := extra.(object); ok {
				s.dynamic = true
				s.addObject(file, t, fmt.Sprintf("extraObjects.%d", i), extra)
			}
		}
		return s.addChart(file, t)
	}
	if isDynamic || !isStatic {
		s.dynamic = true
		s.checkFile(file, t)
		s.addDynamic(file, "file", t)
	}
	if isStatic && isDynamic && at(root, "entryPoints") == nil && at(root, "providers") == nil {
		s.problem(file, t.line("experimental"), "mixed-file", "A dynamic configuration has sections of the static configuration, which Traefik's file provider ignores silently. Move them to traefik.yml.")
		return nil
	}
	if isStatic {
		s.checkStaticFile(file, t)
		s.addStatic(file, t)
	}
	return nil
}
