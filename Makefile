# The first target prints help. Every target does its own set-up in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
RUN    ?= runs/demo-tiny

.PHONY: help install demo demo-small test check bench slow faults clean

help: ## Print what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## Make .venv and install everything into it (about 5 GB, 5 minutes)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

demo: $(STAMP) ## The whole job, tiny, in about 4 minutes: worlds to tables
	$(BIN)/geobench demo --preset tiny --run $(RUN)

demo-small: $(STAMP) ## The whole job with models that learn, about 30 minutes
	$(BIN)/geobench demo --preset small --run runs/demo-small

test: $(STAMP) ## All tests but the slow and GPU ones
	# One thread a worker: two OpenMP pools on two cores wait for each other.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

slow: $(STAMP) ## The slow tests
	$(BIN)/python -m pytest -m slow

faults: $(STAMP) ## Kills, full disks, second writers; prints figures
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/faults -m "slow or not slow" -q

check: $(STAMP) ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## Benchmarks (ratios measured side by side)
	$(BIN)/python -m pytest tests/benchmarks -o addopts= --benchmark-only

clean: ## Remove runs and caches, keep .venv
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
