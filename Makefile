# Two commands for a newcomer: `make quickstart` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIN := -c requirements/constraints.txt
CONFIG := configs/deeplabv2_r26_synthetic_streets.py
OUT := work_dirs/quickstart
TEST_JOBS ?= 2

# The worker that draws or decodes images shares the cores with the network: idle
# OpenMP threads spin for microseconds, then sleep (spinning on, a busy 2-core machine
# trained four times slower; sleeping at once, an idle one up to twice).
export GOMP_SPINCOUNT ?= 10000

.PHONY: quickstart install benchmark test lint format clean

quickstart: $(VENV)/.installed
	$(BIN)/python tools/train.py $(CONFIG) --work-dir $(OUT) --resume
	$(BIN)/python tools/report.py $(CONFIG) $(OUT)/iter_1400.pth

install: $(VENV)/.installed

# Stock MMSeg against this package, a few cases of each: docs/benchmarks.md has them all.
benchmark: $(VENV)/.installed
	$(BIN)/python tools/benchmark.py ops --quick
	$(BIN)/python tools/benchmark.py crf --quick

# Done once; again when the requirements change.
$(VENV)/.installed: setup.py requirements/runtime.txt requirements/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3,10),(3,11),(3,12)) and "Python 3.10, 3.11 or 3.12 is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q $(PIN) -e .
	touch $@

$(VENV)/.installed-tests: $(VENV)/.installed requirements/tests.txt
	$(BIN)/python -m pip install -q $(PIN) -r requirements/tests.txt
	touch $@

# A file's tests stay in one process, which keeps the networks they share.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadfile --cov --cov-report=term:skip-covered

lint: $(VENV)/.installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

format: $(VENV)/.installed-tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) work_dirs build dist *.egg-info
