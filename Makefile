# Two commands for a bare machine with Python 3.11 and make: `make demo`, `make test`.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
# Real pairs with references for `make bench`; without that folder only what is simulated is measured.
PAIRS ?= ../shared/bench/data
MEAN ?= suburbs=charlotte,apex,houston

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs notebooks bench bench-speed sample clean

help: ## say what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/base: requirements/base.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/base.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev: $(VENV)/base requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	touch $@

demo: $(VENV)/base ## install, and find what was built at the sample sites
	$(BIN)/changedetect run sample_tiles/sites.geojson --config sample_tiles/run.toml -o out/demo

lint: $(VENV)/dev ## the three checks: ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint ## all checks and all tests
	$(BIN)/pytest -n auto

docs: $(VENV)/dev ## the documentation as a site, strictly: out/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

notebooks: $(VENV)/dev ## run the notebooks and store them with their outputs
	cd notebooks && for one in *.ipynb; do \
	  ../$(BIN)/jupyter execute --inplace --NotebookClient.record_timing=False $$one || exit 1; done

bench: $(VENV)/dev ## accuracy on real pairs (PAIRS=DIR) and simulated sites, rivals beside it: docs/accuracy.md
	$(BIN)/python benchmarks/accuracy.py --pairs "$(PAIRS)" $(if $(MEAN),--mean "$(MEAN)")

bench-speed: $(VENV)/dev ## speed and memory beside decoding and rivals, start-up, network: docs/performance.md (FULL=1)
	$(BIN)/python benchmarks/speed.py --data out/speed $(if $(FULL),--full)
	$(BIN)/python benchmarks/scaling.py $(if $(FULL),--full)

sample: $(VENV)/dev ## rebuild sample_tiles/ from the nrt wheel and the simulator
	$(BIN)/pip download --quiet --no-deps --dest out/wheels nrt==0.2.1
	$(BIN)/python sample_tiles/build.py --nrt out/wheels/nrt-0.2.1-py3-none-any.whl

clean: ## remove what make made
	rm -rf $(VENV) out
