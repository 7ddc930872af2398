# Everything a developer or a pipeline runs. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The oldest Kubernetes that the charts can be installed in.
OLDEST := $(shell sed -n 's/^kubeVersion: ">=\(1\.[0-9]*\)\..*/\1/p' charts/iot-operator/Chart.yaml)
DENY_VERSION := 0.20.2
AUDITABLE_VERSION := 0.7.7
CYCLONEDX_VERSION := 0.5.9
FUZZ_VERSION := 0.13.2
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/iot-product-operator
CARGO_FUZZ := $(CACHE)/cargo-fuzz-$(FUZZ_VERSION)/bin/cargo-fuzz
# What fuzzing finds worth keeping for the next time; the seeds in fuzz/corpus stay as they are.
FUZZ_FOUND := $(CACHE)/fuzz
FUZZ_TARGETS := tencent tencent_legacy alibaba huawei refusals canonical desired annotations
CARGO_DENY := $(CACHE)/cargo-deny-$(DENY_VERSION)/bin/cargo-deny
CARGO_AUDITABLE := $(CACHE)/cargo-auditable-$(AUDITABLE_VERSION)/bin/cargo-auditable
CARGO_CYCLONEDX := $(CACHE)/cargo-cyclonedx-$(CYCLONEDX_VERSION)/bin/cargo-cyclonedx
IMAGE_TOOLS := PATH=$(dir $(CARGO_AUDITABLE)):$(dir $(CARGO_CYCLONEDX)):$$PATH

# A pipeline builds what Cargo.lock says, without a progress bar; a developer may be changing it.
ifdef CI
LOCKED := --locked
export CARGO_TERM_PROGRESS_WHEN := never
endif

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-16s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build operator, simulator and tools for release
	cargo build $(LOCKED) --workspace --release

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: fmt-check
fmt-check: ## Check the format
	cargo fmt --all --check

.PHONY: lint
lint: ## Run clippy on everything; a warning is an error
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings

.PHONY: test
test: controlplane helm ## Run all tests, those with a real control plane included
	cargo test $(LOCKED) --workspace

.PHONY: test-oldest
test-oldest: helm ## Run the tests with a real control plane on the oldest Kubernetes that is supported (built once, ten minutes)
	CONTROLPLANE=$(OLDEST) tools/controlplane/build.sh
	CONTROLPLANE=$(OLDEST) cargo test $(LOCKED) --package iot-test-harness --test control_plane
	CONTROLPLANE=$(OLDEST) cargo test $(LOCKED) --test cluster

.PHONY: test-fast
test-fast: ## Run the unit tests, which need no control plane
	cargo test $(LOCKED) --workspace --lib --bins

.PHONY: crash
crash: ## Run the fault matrix and write docs/crash-matrix.md; CRASH_REPLAY=<seed> repeats one run, CRASH_MINUTES=<n> takes as many pairs as fit
	CRASH_MATRIX=docs/crash-matrix.md cargo test $(LOCKED) --profile crash --test crash

.PHONY: controlplane
controlplane: ## Build etcd, kube-apiserver, kube-controller-manager and kubectl into a cache (once, minutes)
	@tools/controlplane/build.sh

.PHONY: generate
generate: ## Write the custom resource definitions into crds/ and the chart iot-operator-crds
	cargo run $(LOCKED) -q --bin iot-operator -- crd --dir crds
	rm -f charts/iot-operator-crds/files/*
	cp crds/*.yaml charts/iot-operator-crds/files/

.PHONY: check-generated
check-generated: ## Check that the custom resource definitions are what the code generates
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	cargo run $(LOCKED) -q --bin iot-operator -- crd --dir "$$fresh"; \
	for copy in crds charts/iot-operator-crds/files; do \
	  diff -ru "$$copy" "$$fresh" || { echo "$$copy is not what the code generates: run make generate" >&2; exit 1; }; \
	done

.PHONY: helm
helm: ## Build helm into a cache (once, two minutes)
	@tools/helm/build.sh

.PHONY: charts
charts: ## Test the charts and the scripts for Argo CD: lint, snapshots, refusals (helm is built once: two minutes)
	@tests/charts/run.sh

.PHONY: charts-update
charts-update: ## Write what is rendered from the charts: snapshots, deploy/rbac.yaml, deploy/kustomize/base, READMEs
	@tests/charts/run.sh --update

.PHONY: deny
deny: $(CARGO_DENY) ## Check licences, sources, duplicates and known advisories of the dependencies (deny.toml, tools/advisories)
	$(CARGO_DENY) --workspace $(LOCKED) check bans licenses sources
	tools/advisories/advisories.py check

$(CARGO_DENY):
	cargo install --locked --root $(CACHE)/cargo-deny-$(DENY_VERSION) --version $(DENY_VERSION) cargo-deny

.PHONY: image
image: $(CARGO_AUDITABLE) $(CARGO_CYCLONEDX) ## Make the images as OCI archives and their lists of parts, in dist/
	@$(IMAGE_TOOLS) tools/imagetools/image.sh $(IMAGE_DIST)

.PHONY: image-reproducible
image-reproducible: $(CARGO_AUDITABLE) $(CARGO_CYCLONEDX) ## Make the images of the commit twice from clean clones and compare them
	@$(IMAGE_TOOLS) tools/imagetools/reproducible.sh

$(CARGO_AUDITABLE):
	cargo install --locked --root $(CACHE)/cargo-auditable-$(AUDITABLE_VERSION) --version $(AUDITABLE_VERSION) cargo-auditable

$(CARGO_CYCLONEDX):
	cargo install --locked --root $(CACHE)/cargo-cyclonedx-$(CYCLONEDX_VERSION) --version $(CYCLONEDX_VERSION) cargo-cyclonedx

.PHONY: node
node: ## Build what a node of Kubernetes runs into a cache (once, ten minutes)
	@tools/node/build.sh

.PHONY: e2e
e2e: ## Show charts and images at work on a real node of Kubernetes (root; builds much the first time)
	@tests/e2e/run.sh

.PHONY: demo
demo: ## Show the operator at work against simulated vendors; DEMO_EXIT=1 ends by itself
	@cargo build $(LOCKED) --workspace --bins --example demo
	@exec "$${CARGO_TARGET_DIR:-target}/debug/examples/demo"

.PHONY: chaos
chaos: controlplane ## Let everything go wrong at once with 200 products at four vendors, for MINUTES=5; CHAOS_SEED=n repeats
	CHAOS_SECONDS=$$(($(or $(MINUTES),5) * 60)) CHAOS_PRODUCTS=$(or $(PRODUCTS),200) \
	  cargo test $(LOCKED) --test cluster -- chaos:: --nocapture

.PHONY: floods
floods: controlplane ## Measure what one tenant's flood costs another (docs/performance.md); FLOOD=creates_that_hang has one alone
	FLOODS=1 cargo test $(LOCKED) --profile crash --test attacks -- floods::$(FLOOD) --test-threads=1

.PHONY: model
model: ## Explore the protocol with two faults, exhaustively (minutes); where lists are the only reading one fault, for MODEL_MINUTES=2 each
	MODEL_FAULTS=$(or $(FAULTS),2) cargo test $(LOCKED) --test model \
	  --config profile.dev.package.iot-product-operator.opt-level=2 -- --test-threads=1 --nocapture

.PHONY: fuzz-smoke
fuzz-smoke: ## Feed mutated input to every reader of outside bytes, SECONDS_EACH=60, on the stable toolchain
	FUZZ_SECONDS=$(or $(SECONDS_EACH),60) cargo test $(LOCKED) --lib \
	  --config profile.dev.package.iot-product-operator.opt-level=2 -- fuzzing::tests::any_bytes --nocapture

.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## The same guided by coverage, with cargo-fuzz and the nightly toolchain
	cd fuzz && for target in $(FUZZ_TARGETS); do \
	  mkdir -p "$(FUZZ_FOUND)/$$target"; \
	  PATH="$(dir $(CARGO_FUZZ)):$$PATH" cargo +nightly fuzz run --fuzz-dir . $$target \
	    "$(FUZZ_FOUND)/$$target" corpus/$$target \
	    -- -max_total_time=$(or $(SECONDS_EACH),60) -max_len=65536; \
	done

$(CARGO_FUZZ):
	cargo install --locked --root $(CACHE)/cargo-fuzz-$(FUZZ_VERSION) --version $(FUZZ_VERSION) cargo-fuzz

.PHONY: gitops
gitops: controlplane ## Show Argo CD and Flux at work on charts and products from Git (built once: half an hour)
	@tests/gitops/run.sh

.PHONY: bench
bench: ## Measure the operator side by side with an ordinary one in Go; BENCH=quick has fewer products and rows
	@benches/run.sh

.PHONY: bench-parts
bench-parts: ## Time what a visit and a sweep are made of (what they allocate is a test: tests/counts.rs)
	cargo bench $(LOCKED) --bench micro

.PHONY: bench-instructions
bench-instructions: ## Count the instructions of the same, and compare them with what is known
	@benches/instructions.sh

.PHONY: ci
ci: ## Run what a pipeline runs
	@for step in fmt-check lint test check-generated charts deny; do \
	  begun=$$SECONDS; echo "=== make $$step"; \
	  $(MAKE) --no-print-directory $$step; \
	  echo "=== make $$step: good after $$((SECONDS - begun)) s"; \
	done
