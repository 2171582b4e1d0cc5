# Each line is a command a person could type. `make setup` makes .venv once; the others use it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test bench lint clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e . --group dev
	$(BIN)/python -m compileall -q toolkit server
	touch $@

demo: setup
	$(BIN)/scitrain train-model --data builtin:cmet-activity

test: setup
	$(BIN)/pytest -n auto --dist loadgroup

bench: setup
	$(BIN)/python -m benchmarks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv
