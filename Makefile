# make demo   from raw files to the report of the example projects
# make test   everything a change must pass, the long suites too
.PHONY: help demo test check soak seed bench clean
.DEFAULT_GOAL := help

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## List these targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.venv/.fewer: pyproject.toml scripts/setup
	scripts/setup run
	@touch $@

.venv/.fewer-dev: pyproject.toml scripts/setup
	scripts/setup dev
	@touch $@ .venv/.fewer

demo: .venv/.fewer  ## From raw files to the report of the example projects
	$(BIN)/fewer demo

test: .venv/.fewer-dev  ## Everything a change must pass, the long suites too
	scripts/setup system
	$(BIN)/poe check
	$(BIN)/poe marked

check: .venv/.fewer-dev  ## Format, lint, layers, types, generated pages, fast tests
	$(BIN)/poe check

soak: export FEWER_SOAK := 10
soak: export FEWER_SEED := $(or $(FEWER_SEED),$(shell od -An -N2 -tu2 /dev/urandom | tr -d ' '))
soak: export PYTEST_TIMEOUT := 6000
soak: seed test  ## The same, with ten times as many random cases

seed:
	@echo "random worlds from seed $(FEWER_SEED); again with: make soak FEWER_SEED=$(FEWER_SEED)"

bench: .venv/.fewer-dev  ## Measure against the budgets
	$(BIN)/python benchmarks/run.py

clean:  ## Remove everything that can be made again
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis demo
