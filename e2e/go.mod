module github.com/clinicpass/clinicpass/e2e

go 1.25.0

require (
	github.com/clinicpass/clinicpass v0.0.0
	github.com/mitchellh/mapstructure v1.5.0
	github.com/traefik/yaegi v0.16.1
)

require go.yaml.in/yaml/v3 v3.0.6

replace github.com/clinicpass/clinicpass => ../
