# Two commands for a newcomer: `make quickstart` and `make test`.
# `make test-slow` runs the tests that take longer.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIN := -c requirements/constraints.txt
CONFIG := configs/deeplabv2_r26_synthetic_streets.py
OUT := work_dirs/quickstart
TEST_JOBS ?= 2
# Releases of torch for `make test-matrix`.
TORCHES ?= 2.11.0 2.14.1 2.15.0
# Extras whose code the tests run.
TESTED := docs export hub images tests timm tuning web ray

.PHONY: quickstart demo install benchmark gpu robustness docs docs-serve test test-slow test-matrix lint format clean

quickstart: $(VENV)/.installed
	$(BIN)/python tools/train.py $(CONFIG) --work-dir $(OUT) --resume
	$(BIN)/python tools/report.py $(CONFIG) $(OUT)/iter_1000.pth

# A web page with the quickstart's model, which is trained first if it is not there.
# Options: make demo DEMO="--port 8000".
demo: $(VENV)/.installed-web $(OUT)/iter_1000.pth
	$(BIN)/python tools/web_demo.py $(CONFIG) $(OUT)/iter_1000.pth $(DEMO)

$(OUT)/iter_1000.pth:
	$(MAKE) quickstart

install: $(VENV)/.installed

# Stock MMSegmentation against this package, a few cases of each: docs/benchmarks.md.
benchmark: $(VENV)/.installed
	for part in ops crf infer train eval; do $(BIN)/python -m benchmarks $$part --quick || exit; done

# Every test that takes a device on a GPU, then the benchmarks: docs/benchmarks_gpu.md.
gpu: $(VENV)/.installed-tests
	$(BIN)/python -m benchmarks gpu

# Damaged and hostile files through the package: the table of docs/security.md.
robustness: $(VENV)/.installed-tests
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks robustness --document docs/security.md

# Done once; again when the requirements change.
$(VENV)/.installed: setup.py requirements/runtime.txt requirements/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q $(PIN) -e .
	touch $@

$(VENV)/.installed-tests: $(VENV)/.installed $(TESTED:%=requirements/%.txt)
	$(BIN)/python -m pip install -q $(PIN) $(TESTED:%=-r requirements/%.txt)
	touch $@

$(VENV)/.installed-web: $(VENV)/.installed requirements/web.txt
	$(BIN)/python -m pip install -q $(PIN) -r requirements/web.txt
	touch $@

# The documentation as a site in site/, the API read from the imported package, extras
# included; a warning is an error. The variable is for an advertisement of Material's.
docs: $(VENV)/.installed-tests
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo site/index.html

# The same, served on http://127.0.0.1:8000 and built anew at each change.
docs-serve: $(VENV)/.installed-tests
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

# A file's tests stay in one process, which keeps the networks they share.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadfile

test: lint
	$(PYTEST) -m "not slow" --cov --cov-report=term:skip-covered

test-slow: $(VENV)/.installed-tests
	$(PYTEST) -m slow

# The core tests on each Python that is here with each of these releases of torch.
test-matrix: $(VENV)/.installed
	$(BIN)/python -m benchmarks versions --torch $(TORCHES) --document docs/what_was_run.md

lint: $(VENV)/.installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

format: $(VENV)/.installed-tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) work_dirs site build dist *.egg-info
