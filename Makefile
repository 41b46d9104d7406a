# `make demo` and `make test` need nothing but Python >= 3.11 with pip; they do their own set-up.
#   PYTHON      the Python that .venv is made from
#   PIP_FLAGS   more for pip; on Linux without a GPU, to keep CUDA's gigabytes away:
#               PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PYTHON ?= python3
PIP_FLAGS ?=
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := build/demo
TARGET ?= cortex-m4

.PHONY: demo test test-backends board lint docs clean bench
.DELETE_ON_ERROR:

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "edgernn needs Python >= 3.11; run: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	touch $@

# From a trained keyword spotter to an emulated Cortex-M4, proven equal to torch, and measured.
demo: $(READY)
	mkdir -p $(DEMO)
	$(BIN)/edgernn export kws --target $(TARGET) --number-type w4a8 -o $(DEMO)/kws.edgernn
	$(BIN)/edgernn verify $(DEMO)/kws.edgernn
	$(BIN)/edgernn run $(DEMO)/kws.edgernn models/kws/clips/stream.wav --on $(TARGET)
	$(BIN)/edgernn profile $(DEMO)/kws.edgernn

test: lint
	@command -v qemu-system-arm >/dev/null && command -v qemu-aarch64 >/dev/null \
	  || echo "QEMU is absent: the tests that need it are skipped (apt-get install qemu-system-arm qemu-user)"
	$(BIN)/pytest -q -n auto --durations=15 $(PYTEST_FLAGS)

# Each runtime of others in an environment of its own, as a user has it who wants that one alone.
# The last is for old boards: tflite-runtime needs a numpy below 2, and no torch.
test-backends: $(READY) build/tflite/.ready
	for extra in litert tvm; do \
	  $(PYTHON) -m venv build/$$extra && \
	  build/$$extra/bin/python -m pip install -q $(PIP_FLAGS) -c constraints.txt -e ".[c,$$extra]" \
	    pytest pytest-xdist hypothesis && \
	  build/$$extra/bin/python -m pytest -q tests/export/test_$$extra.py || exit 1; \
	done
	EDGERNN_TFLITE=build/tflite/bin/python $(BIN)/pytest -q tests/test_board.py -k tflite

build/tflite/.ready:
	$(PYTHON) -m venv build/tflite
	build/tflite/bin/python -m pip install -q $(PIP_FLAGS) tflite-runtime==2.14.0 'numpy<2' click rich
	build/tflite/bin/python -m pip install -q -c constraints.txt --no-deps -e .
	touch $@

# A stand-in for a board: 64-bit ARM Linux with the runtimes of others, entered by qemu-aarch64.
# Needs root and debootstrap. Then `EDGERNN_BOARD=build/board edgernn parity kws` uses it.
board: $(READY)
	test -d build/board || PYTHON=$(BIN)/python .ci/board build/board

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A step's time here beside other runtimes, instructions on emulated chips (needs QEMU), bytes.
# The first needs the extra `bench`, and LiteRT's models: docs/benchmarks.md. BENCH_FLAGS=--write
# puts all of it into that page. A goal that is missed does not stop the rest.
bench: $(READY)
	$(BIN)/python -m benchmarks.step_latency $(BENCH_FLAGS) $(LATENCY_FLAGS)
	-$(BIN)/python -m benchmarks.chip_cost $(BENCH_FLAGS)
	-$(BIN)/python -m benchmarks.footprint $(BENCH_FLAGS)

docs: $(READY)
	$(BIN)/mkdocs build --strict

clean:
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
