# Two targets matter: `make demo` shows the plugin at work, `make test` passes every test. Both need Go, git and make; the
# tests also need Chromium, npm, Redis and Prometheus, which are installed where that can be done without asking (Debian, as root).

TRAEFIK_OLD := v3.0.4 v3.6.12 v3.7.6
FUZZTIME := 2m
ROUNDS := 15

.PHONY: help clinicpass demo test unit e2e e2e-kubernetes traefik browser redis prometheus screenshots fuzz bench soak reliability reference art release release-check release-notes sbom lint format test-old-traefik clean

help:
	@echo "make demo              a portal, a simulated clinic, and a real Traefik with the plugin between them (TRAEFIK=/path)"
	@echo "make clinicpass        the command, as .bin/clinicpass"
	@echo "make test              all tests: compiled, interpreted, in real Traefik, and in a real browser"
	@echo "make unit              only the compiled unit tests"
	@echo "make e2e-kubernetes    the example for Kubernetes, from a real API server"
	@echo "make screenshots       pictures of the failure pages, in .bin/screenshots"
	@echo "make fuzz              look for a request that leads away from the portal, for $(FUZZTIME) (FUZZTIME=10m for longer)"
	@echo "make soak              the long tests: 1,000 reloads of Traefik, 50,000 calls of New"
	@echo "make reliability       write the table of docs/reliability.md"
	@echo "make reference         write the table of docs/configuration.md"
	@echo "make art               draw the pictures in .assets, and take the one of README.md"
	@echo "make release-check     what is in the way of VERSION=v0.1.0"
	@echo "make release           the command for every platform, its image and checksums, in .bin/release"
	@echo "make sbom              bills of materials, in .bin"
	@echo "make bench             measure what the plugin costs, and write docs/benchmarks.md"
	@echo "make lint              the linters, as CI runs them"
	@echo "make format            format the code as the linters want it"
	@echo "make test-old-traefik  the same tables in Traefik $(TRAEFIK_OLD)"
	@echo "make clean             remove what was built"

clinicpass:
	@go -C cmd/clinicpass build -o ../../.bin/clinicpass .

demo:
	@go -C e2e run ./demo

test: traefik browser redis prometheus unit e2e

traefik:
	@go -C e2e run ./traefik/build

# With CLINICPASS_NO_BROWSER=1 nothing is installed, and tests that lack something are skipped. CI=true takes no excuse.
browser:
	@go -C e2e run ./browser/install

# With CLINICPASS_NO_REDIS=1 likewise.
redis:
	@go -C e2e run ./redis/install

# With CLINICPASS_NO_PROMETHEUS=1 likewise.
prometheus:
	@go -C e2e run ./prometheus/install

screenshots: traefik browser
	SCREENSHOTS=$(CURDIR)/.bin/screenshots go -C e2e test -count=1 -run TestScreenshots ./browser

# The cache of test results does not see files outside a module, such as the examples that the command's tests read.
unit:
	go test ./...
	go -C cmd/clinicpass test -count=1 ./...

e2e: traefik browser redis prometheus
	@echo "End to end, in the interpreter, in real Traefik and in a real browser: about seven minutes"
	go -C e2e test -count=1 -timeout 15m ./...

# Not part of make test: Kubernetes' API server takes minutes to build. etcd is Debian's.
e2e-kubernetes: traefik
	@go -C e2e run ./kubernetes/build
	go -C e2e test -count=1 -timeout 10m -v -tags kubernetes -run TestKubernetes .

# The working inputs are kept in Go's cache; only a failing one is written below testdata/fuzz.
fuzz:
	go test -run '^$$' -fuzz '^FuzzLocation$$' -fuzztime $(FUZZTIME) ./internal/portal
	go -C e2e test -run '^$$' -fuzz '^FuzzNext$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 1s .
	go -C cmd/clinicpass test -run '^$$' -fuzz '^FuzzCheck$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 10x .

test-old-traefik:
	@go -C e2e run ./traefik/build $(TRAEFIK_OLD)
	TRAEFIK_VERSIONS="$(TRAEFIK_OLD)" go -C e2e test -count=1 -timeout 15m -run /traefik .

.bin/golangci-lint: tools/go.mod tools/go.sum
	@echo "Building golangci-lint: about two minutes on two cores the first time, then cached"
	go -C tools build -o ../.bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

soak: traefik
	SOAK=1 go -C e2e test -count=1 -timeout 30m -v -run 'TestReloadStorm|TestNewDoesNotGrow' .

reliability: traefik
	UPDATE=1 go -C e2e test -count=1 -run TestFaults .

# docs/releasing.md is the procedure. VERSION=v0.1.0 names the files; without it they are named dev.
release: sbom
	@go -C e2e run ./release build $(or $(VERSION),dev)

release-check:
	@go -C e2e run ./release check $(VERSION)

release-notes:
	@go -C e2e run ./release notes $(VERSION)

# What the plugin and the command are made of, in CycloneDX. The plugin's standard library is Traefik's and not in it.
sbom:
	@mkdir -p .bin
	go -C tools/sbom build -o ../../.bin/cyclonedx-gomod github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	.bin/cyclonedx-gomod mod -json -licenses -type library -output .bin/clinicpass.cdx.json .
	cd cmd/clinicpass && ../../.bin/cyclonedx-gomod app -json -licenses -output ../../.bin/clinicpass-command.cdx.json .

art: traefik browser
	UPDATE=1 go -C e2e test -count=1 -run "TestArt|TestPicture" ./browser

# What the page says of each key is the comment on its field in internal/config/config.go.
reference: traefik
	UPDATE=1 go -C e2e test -count=1 -run TestConfigurationReference .
	cd e2e/traefik/v3.7.13 && GOWORK=off go run ./schema && GOWORK=off go run ./schema/decoder

# ROUNDS=3 is quick and says little.
bench:
	@go -C e2e run ./bench -rounds $(ROUNDS)

lint: .bin/golangci-lint
	.bin/golangci-lint run ./...
	cd e2e && ../.bin/golangci-lint run --config ../.golangci.yml ./...
	cd cmd/clinicpass && ../../.bin/golangci-lint run --config ../../.golangci.yml ./...

format: .bin/golangci-lint
	.bin/golangci-lint fmt ./...
	cd e2e && ../.bin/golangci-lint fmt --config ../.golangci.yml ./...
	cd cmd/clinicpass && ../../.bin/golangci-lint fmt --config ../../.golangci.yml ./...

clean:
	rm -rf .bin
