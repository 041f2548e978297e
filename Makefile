# make run   set up, then the whole pipeline with the committed params.yaml: results/report.html
# make test  set up if needed, then the tests
# make test-exhaustive  every foundation with every adaptation, every architecture: an hour, before a new version
# make lint  ruff, snakefmt, type checks, direction of imports, snakemake --lint
# make bench the benchmarks, each beside a peer
# make repro the pipeline under DVC
# make clean remove results and working files (the environment stays)

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)

.PHONY: run repro test test-exhaustive lint bench clean setup
.DEFAULT_GOAL := run

setup: $(VENV)/.ready

# uv reads the lock file and installs exactly those versions; it lives in a small environment of its own.
$(VENV)/.ready: uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "SCALER needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@test -x .uv/bin/uv || { echo "setting up: uv" && $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'; }
	@echo "setting up: $(VENV) from uv.lock (a few minutes the first time)"
	@.uv/bin/uv sync --locked --compile-bytecode --python $(PYTHON)
	@touch $@

run: setup
	snakemake --cores all
	@echo; echo "Open results/report.html in a browser."

repro: setup
	dvc repro

# Threads that wait must not spin: stages of two workers share the cores.
PYTEST := OMP_WAIT_POLICY=PASSIVE python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: setup
	$(PYTEST)

test-exhaustive: setup
	$(PYTEST) -m "exhaustive or not exhaustive"

bench: setup
	python -m benchmarks

# Without ruff's cache: it keys on a file's own text, but the order of imports also depends on which folders exist.
lint: setup
	ruff check --no-cache .
	ruff format --no-cache --check .
	snakefmt --check workflow
	mypy
	lint-imports --no-logo --no-cache
	snakemake --lint

clean:
	rm -rf results .scaler .snakemake
