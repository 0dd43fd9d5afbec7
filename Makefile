# Two commands set up everything on a fresh machine with Python >= 3.11:
#   make demo   runs the main job and writes report/report.html
#   make test   runs lint, types, the import contract, tests and documentation examples, and
#               builds the documentation's site

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := multipliers htp torchapprox analysis

.PHONY: demo test lint types contract docs unit nightly lowest coverage dist smoke bench pictures clean

demo: $(VENV)/installed
	$(BIN)/torchapprox demo --output report

test: lint types contract docs unit

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

contract: $(VENV)/installed
	$(BIN)/lint-imports

# The documentation's site, in site/; a broken link or a public name without a docstring is an error.
docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# A process for each core, at most four; a thread that waits gives its core away, for two threads
# in each of two processes share two cores. Those of OpenBLAS would wait busily.
PROCESSES := --numprocesses auto --maxprocesses 4 --dist worksteal -p no:benchmark
PYTEST := OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest $(PROCESSES)

unit: $(VENV)/installed
	$(PYTEST)

# Thousands of random layers against the oracle; minutes.
nightly: $(VENV)/installed
	$(PYTEST) -m nightly tests

# The tests on the lowest versions of all that the package needs, in an environment of their own. Its
# compiled kernels lie apart, since another Numba throws those of this one away.
lowest:
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt --editable '.[dev]'
	NUMBA_CACHE_DIR=$(CURDIR)/build/lowest/kernels OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 \
		build/lowest/bin/python -m pytest $(PROCESSES)

# Which lines of the four packages no test runs; longer than the tests alone, since kernels are
# compiled anew: what emits their instructions runs at no other time.
coverage: $(VENV)/installed
	$(BIN)/python -m coverage erase
	rm -rf build/kernels
	NUMBA_CACHE_DIR=$(CURDIR)/build/kernels OMP_WAIT_POLICY=passive $(BIN)/python -m coverage run -m pytest $(PROCESSES)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# A wheel and a source distribution, in dist/.
dist: $(VENV)/installed
	rm -rf dist build
	$(BIN)/python -m build --quiet

# The wheel in an empty environment, at build/smoke: `make smoke PYTHON=python3.13` tries that one.
smoke: dist
	$(PYTHON) -m venv build/smoke
	build/smoke/bin/python -m pip install --quiet --constraint constraints.txt dist/*.whl
	build/smoke/bin/python -I tests/smoke.py

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks.table

# The start page's pictures, of the demo and of the pipeline, for light and dark pages.
pictures: $(VENV)/installed
	$(BIN)/python -m docs.scripts.demo_picture
	$(BIN)/python -m docs.scripts.pipeline

# An editable installation with the exact versions of constraints.txt; the build's warning about
# editable installations would only alarm.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "torchapprox needs Python >= 3.11, got " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info report site .mypy_cache .ruff_cache .pytest_cache .hypothesis
