# The two commands: `make site` builds the book from live runs, `make test` checks everything.
# TORCH=cpu takes PyTorch's CPU build; without it, Linux pulls gigabytes of CUDA libraries.
# PROCESSES=4 shares the tests out to four processes.

PYTHON ?= python3
PROCESSES ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ifeq ($(TORCH),cpu)
PIP += --extra-index-url https://download.pytorch.org/whl/cpu
endif

.DEFAULT_GOAL := help
.PHONY: help site test quality mutants serve lint bench bench-notebook clean

help:
	@echo 'make site    train what is stale, draw every figure, build site/'
	@echo 'make test    run the whole test suite in two processes; PROCESSES=4 takes four'
	@echo 'make quality check every page of the built site in a browser (four minutes; needs Chromium and Node 20)'
	@echo 'make mutants put deliberate faults into a copy of the code; each must be caught (ten minutes)'
	@echo 'make serve   show the book at http://127.0.0.1:8000, and follow every edit'
	@echo 'make lint    style and types'
	@echo 'make bench   measure how fast training is, beside other loops; make bench-notebook for one more, long part'
	@echo 'make clean   remove the built site and the figures; stored runs stay'
	@echo 'Add TORCH=cpu to take the CPU build of PyTorch (much smaller on Linux).'

# The stamp holds the lock's checksum, so a changed lock installs again and an interrupted install starts over.
.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Trainlab needs Python 3.11 or newer, found " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	@echo 'Installing the environment into .venv (once; two minutes, mostly PyTorch) ...'
	@$(PYTHON) -m venv .venv
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps --editable .
	@touch $@

site: .venv/installed
	@$(BIN)/trainlab site

test: .venv/installed
	@$(BIN)/python -m pytest -n $(PROCESSES)

# What npm brings looks at pages only; without it, `make test` skips what needs it and says so.
tests/browser/node_modules/installed: tests/browser/package-lock.json
	@echo 'Installing what looks at pages into tests/browser/node_modules (once; a minute) ...'
	@npm ci --prefix tests/browser --loglevel=error --no-audit --no-fund
	@touch $@

quality: site tests/browser/node_modules/installed
	@TRAINLAB_SITE=site $(BIN)/python -m pytest tests/test_site*.py

mutants: .venv/installed
	@$(BIN)/python tests/mutants.py $(NAMES)

serve: .venv/installed
	@$(BIN)/trainlab serve

lint: .venv/installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/actionlint .github/workflows/*.yml

# What is compared with the book's loop lives apart, on top of .venv, so that there is one PyTorch. fastai brings
# torchvision, which it does not need here, and whose binary breaks Lightning where it does not fit the PyTorch.
.venv-bench/installed: .venv/installed
	@echo 'Installing the other frameworks into .venv-bench (once; a minute) ...'
	@$(BIN)/python -m venv --clear .venv-bench
	@$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$(.venv-bench/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/book.pth"
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.txt $(FRAMEWORKS)
	@.venv-bench/bin/python -m pip uninstall --quiet --yes torchvision
	@touch $@

FRAMEWORKS = $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"])')

bench: .venv-bench/installed
	@.venv-bench/bin/python -m trainlab_bench $(SECTIONS)

bench-notebook: .venv-bench/installed
	@.venv-bench/bin/python -m trainlab_bench notebook

clean:
	rm -rf docs/live site
