# `make demo`: environment, then a real network compiled, packaged, run and verified.  `make test`: lint, types, tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# by a path alone: each start of Python would import setuptools' finder for 20 ms
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat --editable

.PHONY: demo test lint unit generated graphs emulate fuzz benchmark cuda-check clean

demo: $(VENV)/ready
	$(BIN)/python examples/serve_package.py

test: lint unit

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/mypy

unit: $(VENV)/ready
	$(BIN)/python -m pytest

# What is written from the operator registry: which family has which operators, stubs for editors, the table of operators.
generated: $(VENV)/ready
	$(BIN)/python -m symc.ops.registry
	$(BIN)/python -m symc.frontend.stubs
	$(BIN)/python -m symc.frontend.operator_table

# Random graphs over all operators; a series (--seed N --count N) goes on where it ended.
graphs: $(VENV)/ready
	$(BIN)/python -m tests.random_graphs $(ARGUMENTS)

# All recorded cases through kernels for GPUs, on the host: about half an hour.
emulate: $(VENV)/ready
	SYMC_EXAMPLES=1 $(BIN)/python -m pytest -q tests/cuda/test_recorded.py

# Everything that reads files, on mutants of files; a series (--first N) goes on where it ended.
fuzz: $(VENV)/ready
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60) $(ARGUMENTS)

benchmark: $(VENV)/ready
	$(BIN)/python -m benchmarks.compare $(ARGUMENTS)

# On a machine with a GPU: recorded cases (compiled there, or elsewhere: ARGUMENTS="--cases FILE", of tests.cuda.carry), a
# sample of them under compute-sanitizer, recorded networks, and times beside PyTorch and ONNX Runtime if they are
# installed.
cuda-check: $(VENV)/cuda
	$(BIN)/python -m tests.cuda.check_card $(ARGUMENTS)

$(VENV)/ready: pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "symc needs Python 3.11"'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[compile,dev]'
	touch $@

$(VENV)/cuda: $(VENV)/ready
	$(INSTALL) '.[cuda]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
