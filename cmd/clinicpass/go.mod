module github.com/clinicpass/clinicpass/cmd/clinicpass

go 1.26.0

require (
	github.com/BurntSushi/toml v1.6.0
	github.com/agnivade/levenshtein v1.2.2
	github.com/alecthomas/kong v1.17.0
	github.com/clinicpass/clinicpass v0.1.0
	github.com/mitchellh/mapstructure v1.5.0
	github.com/stretchr/testify v1.12.1
	github.com/traefik/paerser v0.2.2
	go.yaml.in/yaml/v3 v3.0.6
)
