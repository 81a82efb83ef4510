# `make` alone says what there is. `make check` is what CI does.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

tool     := go tool -modfile=$(CURDIR)/tools/go.mod
lint     := go tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint
layers   := ./actors/...,./api/...,./cluster/...,./cmd/...,./domain/...,./messages/...,./observe/...,./provider/...,./store/...,./supervisor/...,./worker/...,./workflow/...
profile  := cmd/yardmaster/load.pgo
FUZZTIME ?= 30s
BENCH    ?= .
COUNT    ?= 10
OLD      ?= bench/main.txt

.PHONY: help
help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the program into bin/, optimized by the profile of a load
	CGO_ENABLED=0 go build -trimpath -pgo=$(CURDIR)/$(profile) -o bin/ ./cmd/yardmaster

.PHONY: profile
profile: ## Record the profile anew, by which `make build` optimizes
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	CGO_ENABLED=0 go build -trimpath -o "$$dir/" ./cmd/yardmaster && \
	for scenario in 'burst --jobs 200000' 'steady --rate 500'; do \
		"$$dir/yardmaster" loadtest $$scenario --spawn --server-arg=--cpuprofile="$$dir/server.$${scenario%% *}" \
			--worker-arg=--cpuprofile="$$dir/worker.$${scenario%% *}"; \
	done && \
	go tool pprof -proto -output $(profile) "$$dir/yardmaster" "$$dir"/*.burst "$$dir"/*.steady

.PHONY: test
test: ## Run all tests with the race detector, in random order (needs a C compiler)
	@rm -rf coverage.*
	children=$$(mktemp -d $(CURDIR)/coverage.XXXXXX) && \
	YARDMASTER_SHIM_COVERAGE=$$children go test -race -shuffle=on -timeout=10m -coverpkg=$(layers) \
		-coverprofile=coverage.out ./... | awk '{ sub(/[ \t]+coverage: .*/, ""); if ($$0 != "") print; fflush() }' && \
	go tool covdata textfmt -i=$$children -o=coverage.children.out

.PHONY: short
short: ## Run the tests without the packages that start servers and workers as processes
	go test -shuffle=on $$(go list ./... | grep -v -e '/e2e$$' -e '/loadtest$$')

.PHONY: cover
cover: test cover-gate ## Run the tests, then hold each layer to its floor

.PHONY: cover-gate
cover-gate: ## Hold the last `make test` to the floors of coverage
	go run ./internal/covergate coverage.out coverage.children.out

.PHONY: lint
lint: ## Lint Go and proto files
	$(lint) run
	cd messages/proto && $(tool) buf lint

.PHONY: fmt
fmt: ## Format Go and proto files
	$(lint) fmt
	cd messages/proto && $(tool) buf format -w

.PHONY: generate
generate: ## Write the Go code of the proto files anew
	cd messages/proto && $(tool) buf generate

.PHONY: generated
generated: ## Check that the generated code is what the proto files give
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	mkdir "$$fresh/proto" && (cd messages/proto && $(tool) buf generate -o "$$fresh/proto") && \
	(cd messages && find . -name '*.pb.go' -o -name '*.connect.go') | sort > "$$fresh/have" && \
	(cd "$$fresh" && find . -name '*.pb.go' -o -name '*.connect.go') | sort > "$$fresh/want" && \
	diff "$$fresh/have" "$$fresh/want" && \
	while read -r f; do diff -q "messages/$$f" "$$fresh/$$f"; done < "$$fresh/want" || \
	{ echo 'the generated code is old: run `make generate`' >&2; exit 1; }

.PHONY: golden
golden: ## Write golden files anew; read the diff before you commit it
	UPDATE=1 go test ./...

.PHONY: bench
bench: ## Run the benchmarks COUNT times and compare them with OLD, if there is one
	@mkdir -p bench
	go test -run='^$$' -bench='$(BENCH)' -count=$(COUNT) ./... | tee bench/new.txt
	if [ -f '$(OLD)' ]; then $(tool) benchstat '$(OLD)' bench/new.txt; else $(tool) benchstat bench/new.txt; fi

.PHONY: bench-once
bench-once: ## Run every benchmark once, so that none rots
	go test -run='^$$' -bench=. -benchtime=1x ./...

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (30s)
	@grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file"); do \
			echo "== $$(dirname "$$file") $$target"; \
			go test -run='^$$' -fuzz="^$$target\$$" -fuzztime='$(FUZZTIME)' "$$(dirname "$$file")"; \
		done; \
	done

.PHONY: difftest
difftest: ## Compare how workflow files are read with another checker (tools/difftest)
	cd tools/difftest && go test ./...

.PHONY: vuln
vuln: ## Look for known vulnerabilities in what we use (needs the internet)
	$(tool) govulncheck ./...

.PHONY: loadtest
loadtest: ## Measure a server started for it; docs/benchmarks.md has the other scenarios
	go run ./cmd/yardmaster loadtest burst --spawn

.PHONY: check
check: ## Do what CI does
	.ci/run
