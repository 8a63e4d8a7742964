package browser

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// drawn is what a page must do to turn a picture into PNG.
const drawn = `new Promise((resolve, reject) => {
	const picture = new Image();
	picture.onload = () => {
		const size = {width: picture.width, height: picture.height};
		const canvas = Object.assign(document.createElement('canvas'), size);
		canvas.getContext('2d').drawImage(picture, 0, 0);
		resolve(canvas.toDataURL('image/png').split(',')[1]);
	};
	picture.onerror = () => reject(new Error('no picture'));
	picture.src = 'data:image/svg+xml;base64,%s';
})`

// maxDifference is how much two drawings may differ, as a part of what they can: letters are not
// the same on every machine.
const maxDifference = 0.02

// TestArt: the PNG files of the catalog are what a browser makes of the SVG files, which fetch
// and run nothing. With UPDATE set it writes them.
func TestArt(t *testing.T) {
	b := open(t).tab(t)
	for _, row := range []struct {
		desc string // also the name of the files
		size image.Point
	}{
		{desc: "icon", size: image.Point{X: 256, Y: 256}},
		{desc: "banner", size: image.Point{X: 1200, Y: 400}},
	} {
		t.Run(row.desc, func(t *testing.T) {
			base := filepath.Join(traefik.Root(), ".assets", row.desc)
			source, err := os.ReadFile(base + ".svg")
			require.NoError(t, err)
			checkSVG(t, source)
			b.visit(t, "about:blank")
			draw := fmt.Sprintf(drawn, base64.StdEncoding.EncodeToString(source))
			raw, err := base64.StdEncoding.DecodeString(eval[string](t, b, draw))
			require.NoError(t, err)
			if os.Getenv("UPDATE") != "" {
				require.NoError(t, os.WriteFile(base+".png", raw, 0o600))
			}
			kept, err := os.ReadFile(base + ".png")
			require.NoError(t, err)
			got, want := decodePNG(t, kept), decodePNG(t, raw)
			require.Equal(t, row.size, got.Bounds().Size(), "the file's size")
			require.Equal(t, row.size, want.Bounds().Size(), "the drawing's size")
			assert.LessOrEqual(t, difference(got, want), maxDifference,
				"the PNG is another picture than the SVG; make art draws it anew")
		})
	}
}

// checkSVG refuses what a picture has no need of.
func checkSVG(t *testing.T, source []byte) {
	t.Helper()
	for decoder := xml.NewDecoder(bytes.NewReader(source)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, attribute := range element.Attr {
			assert.NotRegexp(t, "^(href$|on)", strings.ToLower(attribute.Name.Local),
				"an attribute of <%s>", element.Name.Local)
		}
		assert.NotContains(t, []string{"script", "style", "foreignobject", "image"},
			strings.ToLower(element.Name.Local))
	}
}

func decodePNG(t *testing.T, raw []byte) image.Image {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	return picture
}

// difference is 0 for the same picture and 1 for black and white.
func difference(a, b image.Image) float64 {
	sum, n := 0.0, 0.0
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			r1, g1, b1, a1 := a.At(x, y).RGBA()
			r2, g2, b2, a2 := b.At(x, y).RGBA()
			for _, pair := range [][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}, {a1, a2}} {
				sum += float64(max(pair[0], pair[1])-min(pair[0], pair[1])) / 0xffff
				n++
			}
		}
	}
	return sum / n
}
