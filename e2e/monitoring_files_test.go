package e2e

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dashboardFile is what the tests read of the dashboard.
type dashboardFile struct {
	UID, Title string
	Panels     []struct {
		ID                       int
		Title, Description, Type string
		Datasource               datasource
		GridPos                  struct{ X, Y, W, H int }
		FieldConfig              struct{ Defaults struct{ Unit string } }
		Targets                  []struct {
			RefID              string `json:"refId"`
			Expr, LegendFormat string
			Datasource         datasource
		}
	}
}

type datasource struct{ Type, UID string }

func dashboard(t *testing.T) *dashboardFile {
	t.Helper()
	d := &dashboardFile{}
	require.NoError(t, json.Unmarshal([]byte(example(t, "monitoring/grafana/clinicpass.json")), d))
	require.NotEmpty(t, d.Panels)
	return d
}

var _ = regexp.MustCompile
var _ = assert.Empty
