# Two commands do everything on a machine with python3 (3.11+), pip and make: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
BENCH := benchmarks/.venv
export DAGSTER_HOME := $(CURDIR)
# Each process of the tests would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install install-test demo dev test lint pytest docs samples bench clean

help:
	@echo "make demo     install, then run the whole pipeline on the bundled samples"
	@echo "make dev      the Dagster UI on http://127.0.0.1:3000, with daemon, schedule and sensors"
	@echo "make test     install, then lint, type-check and test"
	@echo "make bench    the load test: a year of rows, beside dlt and a plain COPY; killed runs"
	@echo "make docs     write docs/TABLES.md, docs/API.md and docs/RULES.md anew"
	@echo "make samples  write data/samples anew"

install: $(VENV)/installed
install-test: $(VENV)/installed-test

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python requirements.lock pyproject.toml
	$(PIP) --constraint requirements.lock --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/bin/python requirements.lock pyproject.toml
	$(PIP) --constraint requirements.lock --editable '.[test]'
	$(PIP) --constraint requirements.lock --no-deps --upgrade --target $(VENV)/pandas pandas
	touch $@ $(VENV)/installed

demo: install
	$(VENV)/bin/race-assets demo

dev: install
	$(VENV)/bin/dagster dev -w workspace.yaml -h 127.0.0.1

lint: install-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# One core would idle while mypy reads.
test: install-test
	$(MAKE) --no-print-directory --jobs 2 lint pytest

pytest: install-test
	$(VENV)/bin/python -m pytest -n 3 --dist worksteal

docs: install
	$(VENV)/bin/python -m race_assets.schemas.markdown docs
	$(VENV)/bin/python -m race_assets.validation.accepts docs

samples:
	$(PYTHON) data/samples/generate.py

$(BENCH)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench,test]'
	touch $@

bench: $(BENCH)/installed
	$(BENCH)/bin/python -m benchmarks --repeat 3 --kills 20

clean:
	rm -rf $(VENV) $(BENCH) build *.egg-info
