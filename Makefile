# Every target sets up what it needs; `make help` lists them.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(abspath $(BIN)):$(PATH)
# torch's threads wait by spinning, by default so long that they starve others on a busy machine
export GOMP_SPINCOUNT := 20000

.PHONY: help env run test check docs bench clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-7s %s\n", $$1, $$2}'

env: $(READY)  ## virtual environment from requirements.lock, with the project and the portal guard in it

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m trials.experiment.nni.portal install
	@touch $@

run: env  ## the main job: data, search, tune, compress, export, report on the quick-start
	seisnas run

test: env  ## all tests
	python -m pytest

check: env  ## ruff, mypy, import-linter
	ruff check .
	ruff format --check .
	mypy
	lint-imports

docs: env  ## the web site of the documentation, in site/
	python -m docs.site.build site

bench: env  ## the benchmark of making data; benchmarks/README.md lists all
	python benchmarks/bench_datagen.py

clean:  ## remove the environment and everything that was generated
	rm -rf $(VENV) data runs exports nni-experiments report.html site build *.egg-info
