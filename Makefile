# Two commands: `make demo` and `make test`. Each sets everything up first; all of it can be run again at no cost.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := core agent tools retrieval voicebank vectors model app eval
# A strict editable install, which type checkers can follow, links every file of the packages: it is made again when one was
# added or removed, and not when one was edited. So the stamp is named by what is there.
LISTED := $(shell find $(PACKAGES) -type f ! -name '.*' ! -path '*/__pycache__/*' | LC_ALL=C sort | cksum | cut -d ' ' -f 1)
STAMP := $(VENV)/.installed-$(LISTED)
# `-n auto` takes a worker for each core, see tests/conftest.py; `make test WORKERS=1` is slower and takes less memory.
WORKERS ?= auto
PYTEST := $(BIN)/pytest -n $(WORKERS)

.PHONY: demo test test-all quick check lint bench voices install clean

demo: install
	$(BIN)/vivavoce demo --out demo

test: install check
	$(PYTEST)

# Kills processes at each of their writes, where `make test` takes a sample.
test-all: install check
	VIVAVOCE_EXHAUSTIVE=1 $(PYTEST)

# What needs no weights and no processes: under a minute.
quick: lint
	$(PYTEST) -m "not process and not models and not slow"

check: lint
	$(BIN)/pyright
	$(BIN)/lint-imports

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: install
	$(BIN)/python -m bench.start
	$(BIN)/python -m bench.controller
	$(BIN)/python -m bench.turns
	$(BIN)/python -m bench.hearing
	$(BIN)/python -m bench.step_audio2
	$(BIN)/python -m bench.token2wav
	$(BIN)/python -m pip install -q -c constraints.txt "lancedb>=0.30"
	$(BIN)/python -m bench.voices
	$(BIN)/python -m bench.retrieval

# The voice bank of the demonstrations: more voices from Debian packages and installed synthesizers, a download of 300 MB.
voices: install
	$(BIN)/vivavoce voices build --demo

install: $(STAMP)
	$(BIN)/vivavoce models pull
	$(BIN)/vivavoce voices build
	$(BIN)/vivavoce index add examples/documents
	$(BIN)/vivavoce models prepare

# torch comes as a CPU build first, so that nothing later pulls a CUDA one.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q "setuptools>=77" wheel -c constraints.txt
	$(BIN)/python -m pip install -q torch==2.13.0
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]' --config-settings editable_mode=strict
	$(BIN)/python -m pip install -q --no-deps -c constraints.txt Resemblyzer
	rm -f $(VENV)/.installed*
	touch $(STAMP)

clean:
	rm -rf $(VENV) build demo *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
