package browser

import (
	"encoding/base64"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clinicpass/clinicpass/e2e/traefik"
)

// composed is what a page must do to put two pictures side by side, each in a window with a title.
const composed = `(async () => {
	const windows = [['Your portal', '%s'], ['VSee Clinic (simulated)', '%s']];
	const size = {width: 1600, height: 640};
	const canvas = Object.assign(document.createElement('canvas'), size);
	const c = canvas.getContext('2d');
	c.fillStyle = '#dfe7e5';
	c.fillRect(0, 0, 1600, 640);
	for (const [i, [title, source]] of windows.entries()) {
		const x = 30 + i * 800, y = 30, width = 740, height = 580;
		c.save();
		c.beginPath();
		c.roundRect(x, y, width, height, 14);
		c.clip();
		c.fillStyle = '#35434a';
		c.fillRect(x, y, width, height);
		c.fillStyle = '#fff';
		c.font = '600 20px sans-serif';
		c.fillText(title, x + 20, y + 27);
		const picture = new Image();
		picture.src = 'data:image/png;base64,' + source;
		await picture.decode();
		c.drawImage(picture, x, y + 40, width, height - 40);
		c.restore();
	}
	c.fillStyle = '#e4a72e';
	c.beginPath();
	for (const [x, y] of [[772, 296], [800, 296], [800, 276], [832, 310], [800, 344], [800, 324],
		[772, 324]]) {
		c.lineTo(x, y);
	}
	c.fill();
	return canvas.toDataURL('image/png').split(',')[1];
})()`

// TestPicture: a provider goes from the portal to the clinic, and README.md shows both pages. With
// UPDATE set it takes the picture anew.
func TestPicture(t *testing.T) {
	w := open(t)
	b := w.tab(t)
	take := func() string {
		picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		return base64.StdEncoding.EncodeToString(picture)
	}
	b.prefer(t, "light")
	command(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 740, Height: 540, DeviceScaleFactor: 1,
	})
	b.signIn(t, jane)
	before := take()
	b.click(t, "#clinic")
	b.landsOn(t, w.clinic.Portal()+"providers/dashboard", janesDashboard)
	after := take()
	b.visit(t, "about:blank")
	raw, err := base64.StdEncoding.DecodeString(eval[string](t, b, fmt.Sprintf(composed, before, after)))
	require.NoError(t, err)

	file := filepath.Join(traefik.Root(), ".assets", "demo.png")
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, raw, 0o600))
	}
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	got := decodePNG(t, kept)
	require.Equal(t, image.Point{X: 1600, Y: 640}, got.Bounds().Size())
	assert.LessOrEqual(t, difference(got, decodePNG(t, raw)), maxDifference,
		"README.md shows other pages; make art takes them anew")
}
