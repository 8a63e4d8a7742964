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

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// drawn is what a page must do to turn a picture into PNG.
const drawn = `new Promise((resolve, reject) => {
	const picture = new Image();
	picture.onload = () => {
		const canvas = Object.assign(document.createElement('canvas'), {width: picture.width, height: picture.height});
		canvas.getContext('2d').drawImage(picture, 0, 0);
		resolve(canvas.toDataURL('image/png').split(',')[1]);
	};
	picture.onerror = () => reject(new Error('no picture'));
	picture.src = 'data:image/svg+xml;base64,%s';
})`

// maxDifference is how much two drawings may differ, as a part of what they can: letters are not the same on every machine.
const maxDifference = 0.02

// TestArt: the PNG files of the catalogue are what a browser makes of the SVG files, which fetch and run nothing. With UPDATE set
// it writes them.
func TestArt(t *testing.T) {
	b := open(t).tab(t)
	for name, size := range map[string]image.Point{"icon": {X: 256, Y: 256}, "banner": {X: 1200, Y: 400}} {
		t.Run(name, func(t *testing.T) {
			base := filepath.Join(traefik.Root(), ".assets", name)
			source, err := os.ReadFile(base + ".svg")
			if err != nil {
				t.Fatal(err)
			}
			checkSVG(t, source)
			b.visit(t, "about:blank")
			raw, err := base64.StdEncoding.DecodeString(eval[string](t, b, fmt.Sprintf(drawn, base64.StdEncoding.EncodeToString(source))))
			if err != nil {
				t.Fatal(err)
			}
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(base+".png", raw, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			kept, err := os.ReadFile(base + ".png")
			if err != nil {
				t.Fatal(err)
			}
			got, want := decodePNG(t, kept), decodePNG(t, raw)
			if got.Bounds().Size() != size || want.Bounds().Size() != size {
				t.Fatalf("the sizes are %v and %v, want %v", got.Bounds().Size(), want.Bounds().Size(), size)
			}
			if d := difference(got, want); d > maxDifference {
				t.Errorf("the PNG is another picture than the SVG (%.3f); make art draws it anew", d)
			}
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
		if err != nil {
			t.Fatal(err)
		}
		if element, ok := token.(xml.StartElement); ok {
			for _, attribute := range element.Attr {
				if name := strings.ToLower(attribute.Name.Local); name == "href" || strings.HasPrefix(name, "on") {
					t.Errorf("<%s> has %s", element.Name.Local, name)
				}
			}
			if name := strings.ToLower(element.Name.Local); name == "script" || name == "style" || name == "foreignobject" || name == "image" {
				t.Errorf("it has <%s>", name)
			}
		}
	}
}

func decodePNG(t *testing.T, raw []byte) image.Image {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
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
