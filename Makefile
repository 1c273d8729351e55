# make demo and make test are all that a newcomer needs: Python 3.11 or newer, and make.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
UV := UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 UV_SYSTEM_CERTS=1 $(BIN)/uv
LOCK := $(UV) pip compile pyproject.toml --group dev --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet
READY := .venv/ready
ARGS ?=

.PHONY: help demo test fuzz check bench docs lock clean

help: ## say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /: /'

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install --quiet --require-hashes --requirements requirements.lock
	$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY) ## two countries on this machine, and certificates across their border
	$(BIN)/registry demo $(ARGS)

test: $(READY) ## every test, on a real PostgreSQL of its own
	$(BIN)/coverage erase
	$(BIN)/pytest --numprocesses auto --no-loadscope-reorder --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --include='registry/core/*,registry/usecases/*' --fail-under=100

fuzz: $(READY) ## every operation asked at least 2,000 times by each role, and every field each naughty text
	$(BIN)/pytest --capture=no --cases 2000 tests/fuzz $(ARGS)

check: $(READY) ## what the gate checks beside the tests
	$(LOCK) --output-file .venv/requirements.lock.fresh --constraints requirements.lock
	cmp requirements.lock .venv/requirements.lock.fresh
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## each figure as a ratio to a ceiling measured in the same run
	$(BIN)/python -m tests.bench $(ARGS)

docs: $(READY) ## write the generated documents of api_docs anew
	$(BIN)/python -m registry.api.documents api_docs

lock: $(READY) ## take the newest releases into the lock file
	$(LOCK) --upgrade --output-file requirements.lock

clean: ## forget the environment and all local data
	-$(BIN)/registry demo --stop
	rm -rf .venv var
