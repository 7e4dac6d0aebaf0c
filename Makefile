# make demo   build, audit and train on the bundled corpus (under 3 minutes after the installation)
# make test   linter, type checker, tests
# make docs   the documentation as pages: build/docs/index.html
# make readers  OLMo-core, datatrove and Megatron-core read what we pack (installs them)
# make experiments DATA=…  the paper's comparisons at a size for CPUs, into docs/explanation/experiments.md
# make bench  speed of the parts on one core, into tests/benchmarks/RESULTS.md
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test docs readers bench experiments install clean

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: install
	$(BIN)/sealdata build quickstart
	$(BIN)/sealtrain run quickstart
	$(BIN)/sealtrain eval runs/quickstart
	@echo
	@echo "What was built           Where to look"
	@echo "audit report             builds/quickstart/report/index.html   (open it in a browser)"
	@echo "dataset card             builds/quickstart/README.md"
	@echo "kept and dropped pairs   builds/quickstart/pairs  builds/quickstart/dropped"
	@echo "packed token shards      builds/quickstart/shards"
	@echo "trained model and log    runs/quickstart"

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

docs: install
	$(BIN)/python docs/generate.py
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	@echo "build/docs/index.html"

readers: install
	SEALDATA_READERS=.venv-readers $(BIN)/pytest tests/sealdata/shards/test_foreign_readers.py

bench: install
	$(BIN)/python -m tests.benchmarks --opusfilter .venv-opusfilter --datatrove .venv-datatrove

# DATA holds tico19/ and talpco/ (docs/explanation/experiments.md says where they come from).
experiments: install
	$(BIN)/python -m tests.experiments --data "$(DATA)"

clean:
	rm -rf builds runs
