# Two commands: `make demo` shows it, `make test` proves it. Both get what is missing first.
#
#   ENVOY=path        use this Envoy
#   OPENAI_API_KEY=…  or VLLM_URL=… : the demo talks to that real upstream
#   TOLLGATE_WASM_WAY=rustup|debian : how to compile for wasm32-wasip1 (chosen by what is there)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test filter command tools lint clean

FILTER := target/tollgate.wasm
PYTHON := .tools/venv/bin/python

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

demo: filter command tools ## A tour: a real SDK through a real Envoy, good requests and bad ones
	@ENVOY="$$(scripts/find-envoy)" $(PYTHON) -m integration.tour

test: filter command tools ## All tests, those in a real Envoy included
	@echo "== Decisions, natively, and the compiled filter in an emulated host"
	cargo test --locked --quiet
	@echo "== A real Envoy"
	ENVOY="$$(scripts/find-envoy)" $(PYTHON) -m pytest -q integration

filter: ## The filter: target/tollgate.wasm
	@scripts/build-filter $(FILTER)

command: ## The command: target/debug/tollgate
	@echo "== The command tollgate"
	cargo build --locked --bin tollgate

tools: ## Envoy and Python packages, in .tools
	@scripts/get-tools

lint: ## Formatting and lints, natively and for wasm
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	scripts/build-filter --clippy

clean: ## Remove what was built and got
	rm -rf target .tools
