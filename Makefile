# addispatch: `make` or `make help` lists what there is.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check bench campaign constraints clean

PYTHON ?= python3
export PYTHON
# Debian keeps servers in sbin, which is not on a user's path.
export PATH := $(PATH):/usr/sbin:/sbin
# Containers often forbid Python to keep what it compiled; the tests start it hundreds of times.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
CODE := addispatch plugins tests benchmarks

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.demo ## Play the whole story with simulated hardware (DEMO_ARGS=--exit leaves after it)
	@$(BIN)/addispatch demo $(DEMO_ARGS)

test: $(VENV)/.dev ## Linters, types and all tests (TEST_ARGS='-k …'; TEST_APT=0 installs no Debian packages)
	@.ci/packages
	@# The first time pytest compiles the tests beside the linters, else each of its four workers would do that.
	@$(MAKE) --no-print-directory check & \
		[ -d tests/unit/__pycache__ ] || $(BIN)/pytest --collect-only -qq >/dev/null; wait $$!
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

check: $(VENV)/.dev ## Linters and types only
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure side by side with mqttwarn (BENCH_ARGS='--quick', '--only throughput,loss' …)
	$(BIN)/python -m benchmarks.pipeline $(BENCH_ARGS)

campaign: $(VENV)/.dev ## The fault tests with all their cycles; takes long (DURATION=120 minutes of soak, else 10; ADDISPATCH_SCHEDULES=50000 of the pair in each mode)
	ADDISPATCH_CAMPAIGN=1 $(BIN)/pytest tests/faults tests/cluster --timeout=7200 $(TEST_ARGS)

constraints: ## Write constraints.txt anew with the newest versions that fit pyproject.toml
	@.ci/environment build/constraints dev
	@build/constraints/bin/python .ci/freeze > constraints.txt
	@rm -rf build/constraints
	@git diff --stat constraints.txt

clean: ## Remove the environment and everything made by tools
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment with two fillings: the demo needs less than the tests.
$(VENV)/.demo: pyproject.toml constraints.txt
	@echo "Preparing the environment in $(VENV) (once; seconds with uv, a quarter of a minute without)"
	@.ci/environment $(VENV) demo constraints.txt
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	@echo "Preparing the environment for tests in $(VENV) (once)"
	@.ci/environment $(VENV) dev constraints.txt
	@touch $(VENV)/.demo $@
