package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user that the image runs as, by number because it has no list of users.
const nobody = "65532:65532"

// labels describe the image, in the keys of the OCI's image specification.
func (b *build) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":         "clinicpass",
		"org.opencontainers.image.description":   "Checks and probes the Clinicpass plugin for Traefik",
		"org.opencontainers.image.source":        repositoryURL,
		"org.opencontainers.image.documentation": repositoryURL + "/blob/main/docs/checking.md",
		"org.opencontainers.image.licenses":      "MIT",
		"org.opencontainers.image.version":       b.version,
		"org.opencontainers.image.revision":      b.revision,
		"org.opencontainers.image.created":       b.time.Format(time.RFC3339),
	}
}

// writeImage writes an OCI layout with one image index, which has an image for each platform.
func (b *build) writeImage(programs map[platform][]file) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range b.platforms {
		files, ok := programs[p]
		if !ok {
			continue
		}
		image, err := b.image(p, files)
		if err != nil {
			return err
		}
		about := v1.Descriptor{Platform: &v1.Platform{OS: p.system, Architecture: p.processor}}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: about})
	}
	index = mutate.Annotations(index, b.labels()).(v1.ImageIndex)
	dir, err := os.MkdirTemp("", "clinicpass-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	written, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	tag := map[string]string{"org.opencontainers.image.ref.name": b.version}
	if err := written.AppendIndex(index, layout.WithAnnotations(tag)); err != nil {
		return err
	}
	files, err := readFiles(dir)
	if err != nil {
		return err
	}
	packed := &bytes.Buffer{}
	if err := b.writeTar(packed, "", files); err != nil {
		return err
	}
	return b.write(b.base()+"-image.tar", packed.Bytes())
}

// image returns an image of the program and its licenses, and nothing else. Its certificates are
// in the program.
func (b *build) image(p platform, files []file) (v1.Image, error) {
	files = slices.DeleteFunc(slices.Clone(files), func(f file) bool { return f.name == "README.txt" })
	packed := &bytes.Buffer{}
	if err := b.writeTar(packed, "", files); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressedCaching, tarball.WithCompressionLevel(gzip.DefaultCompression))
	if err != nil {
		return nil, err
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: b.time}, CreatedBy: "make release"},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = p.system, p.processor, v1.Time{Time: b.time}
	config.Config = v1.Config{
		Entrypoint: []string{"/clinicpass"},
		User:       nobody,
		WorkingDir: "/",
		Labels:     b.labels(),
	}
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(image, b.labels()).(v1.Image), nil
}

// readFiles returns the files in a folder and below it, in the order of their names.
func readFiles(dir string) ([]file, error) {
	files := []file{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name := filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator)))
		files = append(files, file{name, content, 0o644})
		return err
	})
	return files, err
}
