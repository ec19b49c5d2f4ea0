# make demo   the main job, played on an example company        make test   everything that must pass
# make run    the product for your own use                      make bench  the measurements
# make acceptance   against real servers of others, which it installs; takes minutes
# make histories    random histories that the tests leave out; a part of acceptance

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE := 1
# Tests start hundreds of processes: what they read is compiled once, and kept out of the tree.
PYTEST := env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX=$(CURDIR)/$(VENV)/bytecode $(BIN)/pytest

.PHONY: demo run test lint types layers unit acceptance histories bench pictures lock clean

demo: $(VENV)/.demo
	@exec $(BIN)/python examples/acme/demo.py $(if $(ONCE),--once)

run: $(VENV)/.base
	@exec $(BIN)/tenure up

test: $(VENV)/.test lint types layers unit

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

layers: $(VENV)/.test
	$(BIN)/lint-imports

unit: $(VENV)/.test
	@tools/need-chromium
	@tools/need-directories
	$(PYTEST) -n 2

# Real servers that nobody here wrote, each in an environment of its own; and the histories below.
acceptance: $(VENV)/.test
	@tools/acceptance-venvs $(PYTHON) $(VENV)-acceptance
	@tools/need-mellon
	@tools/need-chromium
	TENURE_ACCEPTANCE=$(CURDIR)/$(VENV)-acceptance $(PYTEST) -n 0 tests/acceptance
	@$(MAKE) --no-print-directory histories

# Random histories that the tests leave out: a quarter of an hour.
histories: $(VENV)/.test
	TENURE_SEEDS=9-200 TENURE_HR_SEEDS=3-24 $(PYTEST) -n 2 \
		tests/survive/test_histories.py tests/survive/test_hr_histories.py

bench: $(VENV)/.test
	$(BIN)/python -m bench

# The README's pictures, taken from the demo as it runs.
pictures: $(VENV)/.test
	@tools/need-chromium
	$(BIN)/python tools/screenshots/make_pictures.py

# Virtual environment: one, filled from the lock file that the target needs.
$(VENV)/bin/python:
	@tools/make-venv $(PYTHON) $(VENV)

$(VENV)/.base: $(VENV)/bin/python requirements.lock pyproject.toml
	@tools/install $(VENV) requirements.lock && touch $@

$(VENV)/.demo: $(VENV)/bin/python requirements-demo.lock pyproject.toml
	@tools/install $(VENV) requirements-demo.lock && touch $@ $(VENV)/.base

$(VENV)/.test: $(VENV)/bin/python requirements-test.lock pyproject.toml
	@tools/install $(VENV) requirements-test.lock && touch $@ $(VENV)/.base $(VENV)/.demo

# The lock files: exact versions with hashes, no addresses.
lock: $(VENV)/bin/python
	$(BIN)/pip install --quiet pip-tools
	tools/lock $(BIN)

clean:
	rm -rf $(VENV) $(VENV)-acceptance var build src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
