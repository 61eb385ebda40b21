# `make` lists what there is. Python 3.11 or newer with venv, and make, are all it needs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
SHELL := /bin/sh

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-long check format lock bench bench-quick

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1 \t/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv/.ok ## make .venv with the locked dependencies and .venv/bin/callaudit

.venv/.ok: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "callaudit needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# uv installs in 5 s what takes pip 45; where it cannot be had or cannot reach the registry, pip reads the same lock.
	@sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^ /p}' requirements.lock > .venv/uv.lock
	@$(PIP) --no-deps --target .venv/uv --require-hashes -r .venv/uv.lock 2>/dev/null \
	  && .venv/uv/bin/uv pip install -q --native-tls --python $(BIN)/python --require-hashes -r requirements.lock 2>/dev/null \
	  || $(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## an afternoon of made-up calls through the real program, compared with the truth
	@$(BIN)/callaudit demo

up: setup ## serve: database, migrations, HTTP and worker in one
	@$(BIN)/callaudit up

check: setup ## lint, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports

test: check ## all checks and all tests, the heavy ones at a tenth
	@$(BIN)/python -m pytest -n 2 --dist loadfile
	@$(BIN)/python tests/on_postgres_15.py

test-long: check ## the same, the heavy tests in full
	@$(BIN)/python -m pytest -n 2 --dist loadfile --full

format: setup ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## resolve the dependencies anew
	@.venv/uv/bin/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --group test pyproject.toml -o requirements.lock

bench: setup ## ours beside the hand-rolled peers: ratios
	@$(BIN)/python -m benchmarks.ingest

bench-quick: setup ## the same, in seconds
	@$(BIN)/python -m benchmarks.ingest --quick
