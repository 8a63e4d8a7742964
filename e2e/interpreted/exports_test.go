package interpreted

import (
	"reflect"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/traefik/yaegi/interp"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

// simulatedClinic is the simulated clinic, which is no part of the plugin and stays compiled.
var simulatedClinic = interp.Exports{
	ImportPath + "/vsee/vseetest/vseetest": {
		"NewServer":   reflect.ValueOf(vseetest.NewServer),
		"Click":       reflect.ValueOf(vseetest.Click),
		"NewInstant":  reflect.ValueOf(vseetest.NewInstant),
		"AccountCode": reflect.ValueOf(vseetest.AccountCode),
		"Key":         reflect.ValueOf(vseetest.Key),
		"Secret":      reflect.ValueOf(vseetest.Secret),
		"AdminToken":  reflect.ValueOf(vseetest.AdminToken),
		"Server":      reflect.ValueOf((*vseetest.Server)(nil)),
		"Fault":       reflect.ValueOf((*vseetest.Fault)(nil)),
		"Request":     reflect.ValueOf((*vseetest.Request)(nil)),
		"Quirks":      reflect.ValueOf((*vseetest.Quirks)(nil)),
		"User":        reflect.ValueOf((*vseetest.User)(nil)),
		"Room":        reflect.ValueOf((*vseetest.Room)(nil)),
	},
}

// testify's compiled functions stand in for its source, which the interpreter cannot load.
var testify = interp.Exports{
	"github.com/stretchr/testify/assert/assert": {
		"Equal":          reflect.ValueOf(assert.Equal),
		"NotEqual":       reflect.ValueOf(assert.NotEqual),
		"True":           reflect.ValueOf(assert.True),
		"False":          reflect.ValueOf(assert.False),
		"Nil":            reflect.ValueOf(assert.Nil),
		"NotNil":         reflect.ValueOf(assert.NotNil),
		"NoError":        reflect.ValueOf(assert.NoError),
		"Error":          reflect.ValueOf(assert.Error),
		"ErrorIs":        reflect.ValueOf(assert.ErrorIs),
		"ErrorContains":  reflect.ValueOf(assert.ErrorContains),
		"EqualError":     reflect.ValueOf(assert.EqualError),
		"Contains":       reflect.ValueOf(assert.Contains),
		"NotContains":    reflect.ValueOf(assert.NotContains),
		"Empty":          reflect.ValueOf(assert.Empty),
		"NotEmpty":       reflect.ValueOf(assert.NotEmpty),
		"Len":            reflect.ValueOf(assert.Len),
		"Less":           reflect.ValueOf(assert.Less),
		"LessOrEqual":    reflect.ValueOf(assert.LessOrEqual),
		"Greater":        reflect.ValueOf(assert.Greater),
		"GreaterOrEqual": reflect.ValueOf(assert.GreaterOrEqual),
		"Regexp":         reflect.ValueOf(assert.Regexp),
		"NotRegexp":      reflect.ValueOf(assert.NotRegexp),
		"ElementsMatch":  reflect.ValueOf(assert.ElementsMatch),
		"JSONEq":         reflect.ValueOf(assert.JSONEq),
		"Zero":           reflect.ValueOf(assert.Zero),
		"InDelta":        reflect.ValueOf(assert.InDelta),
		"Eventually":     reflect.ValueOf(assert.Eventually),
		"Same":           reflect.ValueOf(assert.Same),
		"Fail":           reflect.ValueOf(assert.Fail),
		"FailNow":        reflect.ValueOf(assert.FailNow),
		"Panics":         reflect.ValueOf(assert.Panics),
		"NotPanics":      reflect.ValueOf(assert.NotPanics),
		"WithinDuration": reflect.ValueOf(assert.WithinDuration),
		"Subset":         reflect.ValueOf(assert.Subset),
	},
	"github.com/stretchr/testify/require/require": {
		"Equal":          reflect.ValueOf(require.Equal),
		"NotEqual":       reflect.ValueOf(require.NotEqual),
		"True":           reflect.ValueOf(require.True),
		"False":          reflect.ValueOf(require.False),
		"Nil":            reflect.ValueOf(require.Nil),
		"NotNil":         reflect.ValueOf(require.NotNil),
		"NoError":        reflect.ValueOf(require.NoError),
		"Error":          reflect.ValueOf(require.Error),
		"ErrorIs":        reflect.ValueOf(require.ErrorIs),
		"ErrorContains":  reflect.ValueOf(require.ErrorContains),
		"EqualError":     reflect.ValueOf(require.EqualError),
		"Contains":       reflect.ValueOf(require.Contains),
		"NotContains":    reflect.ValueOf(require.NotContains),
		"Empty":          reflect.ValueOf(require.Empty),
		"NotEmpty":       reflect.ValueOf(require.NotEmpty),
		"Len":            reflect.ValueOf(require.Len),
		"Less":           reflect.ValueOf(require.Less),
		"LessOrEqual":    reflect.ValueOf(require.LessOrEqual),
		"Greater":        reflect.ValueOf(require.Greater),
		"GreaterOrEqual": reflect.ValueOf(require.GreaterOrEqual),
		"Regexp":         reflect.ValueOf(require.Regexp),
		"NotRegexp":      reflect.ValueOf(require.NotRegexp),
		"ElementsMatch":  reflect.ValueOf(require.ElementsMatch),
		"JSONEq":         reflect.ValueOf(require.JSONEq),
		"Zero":           reflect.ValueOf(require.Zero),
		"InDelta":        reflect.ValueOf(require.InDelta),
		"Eventually":     reflect.ValueOf(require.Eventually),
		"Same":           reflect.ValueOf(require.Same),
		"Fail":           reflect.ValueOf(require.Fail),
		"FailNow":        reflect.ValueOf(require.FailNow),
		"Panics":         reflect.ValueOf(require.Panics),
		"NotPanics":      reflect.ValueOf(require.NotPanics),
		"WithinDuration": reflect.ValueOf(require.WithinDuration),
		"Subset":         reflect.ValueOf(require.Subset),
	},
}
