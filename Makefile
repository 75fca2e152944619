# What people type. `make` alone lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
DEMO_EXIT ?=

VENV := .venv
BIN := $(VENV)/bin
# Stamps: a second `make` does nothing until a lock changes.
VENV_MADE := $(VENV)/.made
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes --no-deps
UV_COMPILE := $(BIN)/uv pip compile --quiet --custom-compile-command "make lock" --universal --python-version 3.11 \
    --fork-strategy fewest --generate-hashes

.PHONY: help install demo run test chaos check mutants bench lock sbom audit

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  PORT=8000     port of demo and run"
	@echo "  DEMO_EXIT=1   demo stops after its drill; exit 0 only if the drill succeeded"
	@echo "  BOTH=1        test tries on both databases what it otherwise tries on one of them"

install: $(RUNTIME) ## create .venv from the hashed lock

demo: $(RUNTIME) ## run a drill of a three-tier application, live, against the simulator; then serve until Ctrl-C
	@$(BIN)/python manage.py demo --port $(PORT) $(if $(filter-out 0,$(DEMO_EXIT)),--exit)

run: $(RUNTIME) ## serve with the embedded defaults: SQLite, the worker in the same process
	@$(BIN)/python manage.py run --port $(PORT)

test: $(DEV) ## run the whole suite: on SQLite, then on PostgreSQL and Redis with worker processes, then chaos
	@.ci/packages test
	@.ci/test

chaos: $(DEV) ## run every fault in every mode (ticker and messages, each alone), and print the table of results
	@.ci/packages test
	@$(BIN)/python -m pytest -n 4 --maxschedchunk 2 tests/chaos --every-mode

check: $(DEV) ## run ruff, mypy, import-linter, djlint, cfn-lint, Django's checks, missing migrations
	@.ci/check

mutants: $(DEV) ## change the pure code in small ways, and see whether its unit tests notice (minutes; no part of CI)
	@$(BIN)/python -m tests.mutants $(JOBS)

bench: $(DEV) ## measure the engine on a simulated clock; CASES="1 2" runs only those, RUNS=7
	@$(BIN)/python -m bench $(CASES) --runs $(or $(RUNS),7)

lock: $(DEV) ## update the hashed locks; UPGRADE=1 takes newer releases
	$(UV_COMPILE) $(if $(UPGRADE),--upgrade) requirements.in -o requirements.txt
	$(UV_COMPILE) $(if $(UPGRADE),--upgrade) requirements-traces.in -o requirements-traces.txt
	$(UV_COMPILE) $(if $(UPGRADE),--upgrade) requirements-dev.in -o requirements-dev.txt

sbom: $(DEV) ## write sbom.cdx.json, the software bill of materials (CycloneDX) of the lock
	@.ci/sbom sbom.cdx.json && echo "sbom.cdx.json"

audit: $(DEV) ## ask an advisory service about every version in the lock (exit 2: none can be reached; no part of CI)
	@.ci/audit

$(VENV_MADE):
	@.ci/packages python $(PYTHON)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(RUNTIME): requirements.txt $(VENV_MADE)
	@echo "Installing requirements.txt into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(VENV_MADE)
	@echo "Installing requirements-dev.txt into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@
