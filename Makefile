# Two commands: `make demo` and `make test`. Each sets everything up first; all of it can be run again at no cost.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SETTINGS := pyproject.toml constraints.txt
CODE := $(shell find core agent tools retrieval voicebank vectors model app eval -name '*.py' -o -name '*.tsv' -o -name '*.json' -o -name '*.jsonl' 2>/dev/null)

.PHONY: demo test check bench voices install clean

demo: install
	$(BIN)/vivavoce demo --out demo

test: install check
	HF_HUB_OFFLINE=1 VIVAVOCE_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: install
	$(BIN)/python -m bench.turns
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

# torch comes as a CPU build first, so that nothing later pulls a CUDA one. A strict editable install is what type
# checkers can follow; it lists files, so it is made again when a file is added.
$(STAMP): $(SETTINGS) $(CODE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q "setuptools>=77" wheel -c constraints.txt
	$(BIN)/python -m pip install -q torch==2.13.0
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]' --config-settings editable_mode=strict
	$(BIN)/python -m pip install -q --no-deps -c constraints.txt Resemblyzer
	touch $(STAMP)

clean:
	rm -rf $(VENV) build demo *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
