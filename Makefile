# `make solve`: the main job on a reference case. `make test`: the suite, under 4 minutes. `make acceptance`: what a user
# does, whole (pages of the docs, browser, wheel, pipeline).
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
CASE ?= instances/reference/bank-assistant.yaml

.PHONY: solve test acceptance lint bench bench-full bench-simulation calibrate docs docs-site clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv --quiet $(VENV); }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

solve: $(VENV)/.installed
	$(BIN)/gpufleet solve $(CASE)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile --ignore tests/acceptance

acceptance: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile tests/acceptance

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	cd benchmarks && ../$(BIN)/python -m suite.run --short
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/properties.py
	GPUFLEET_LONG_DOCS=1 $(BIN)/python -m pytest tests/acceptance/test_pages.py

bench-full: $(VENV)/.installed-dev
	cd benchmarks && ../$(BIN)/python -m suite.run
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/properties.py

bench-simulation: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/simulate.py

calibrate: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/gpufleet calibrate benchmarks/measured/llm_serving.csv \
	    benchmarks/measured/mlperf_*.csv benchmarks/measured/training.csv --from-scratch \
	    --out calibration/bundled.yaml --predictions benchmarks/measured/cross_validated.csv
	$(BIN)/python docs/validation.py

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/reference.py

docs-site: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

clean:
	rm -rf $(VENV) build dist
