# Everything a developer runs. `make help` lists it; CI runs the same commands.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-unit faults check bench-store bench-api soak eval format lock up down clean
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3,11),(3,12)))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready  ## a .venv with the `sago` command (Python 3.11 or 3.12)

.venv/.ready: requirements.lock pyproject.toml
	@bash scripts/setup.sh "$(PYTHON)" requirements.lock
	@touch $@

.venv/.ready-dev: requirements-dev.lock .venv/.ready
	@bash scripts/setup.sh "$(PYTHON)" requirements-dev.lock
	@touch $@

demo: setup  ## 1,000 messages of three companies in, verdicts and a letter out
	@$(BIN)/sago demo

test: test-unit  ## the whole suite: unit, then on real servers, then selected faults; each part prints how long it took
	@echo "integration and contracts:" && $(BIN)/pytest -q tests/integration tests/contracts
	@echo "selected faults:" && $(BIN)/pytest -q tests/faults

test-unit: .venv/.ready-dev  ## unit tests alone: no sockets, about a minute
	@$(BIN)/pytest -q -n logical --maxprocesses 8 tests/unit

faults: .venv/.ready-dev  ## every fault on 20,000 messages, 50 to 80 minutes on two cores; writes docs/reliability.md (SAGO_FAULTS_SEED=… for the same moments)
	@SAGO_FAULTS=all SAGO_FAULTS_WRITE=1 $(BIN)/pytest -q tests/faults $(ARGS)

check: .venv/.ready-dev  ## format, lint, types, import contracts, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python -m bench.extraction --check

bench-store: .venv/.ready-dev  ## the store path's speed, target beside measured (ARGS="--quick", "--write", a part's name)
	@$(BIN)/python -m bench.store $(ARGS)

bench-api: .venv/.ready-dev  ## the API's speed against a bare handler, target beside measured (ARGS="--quick", "--write", a part's name)
	@$(BIN)/python -m bench.api $(ARGS)

soak: .venv/.ready-dev  ## 30 minutes at half speed: does anything grow? (ARGS="--minutes 10")
	@$(BIN)/python -m bench.store soak $(ARGS)

eval: .venv/.ready-dev  ## how good the readers are on every labelled set; writes docs/extraction.md (ARGS="--allow-model" asks vendors too)
	@$(BIN)/python -m bench.extraction --write $(ARGS)

format: .venv/.ready-dev  ## put the code in the house's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

up:  ## all of it, to stay: containers where a Docker engine answers, else local processes (ARGS="…" are passed on)
	@bash scripts/up.sh $(ARGS)

down:  ## stop it; what is in flight is finished first, data stays
	@bash scripts/down.sh $(ARGS)

lock:  ## compile both lock files anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra encoder -o requirements.lock pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra encoder --group dev -o requirements-dev.lock pyproject.toml

clean:  ## remove .venv and output/, letters in it included (`make down` first); data under .sago stays
	rm -rf .venv output build *.egg-info .mypy_cache .ruff_cache .pytest_cache
