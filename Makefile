# Everything a newcomer needs is `make demo` and `make test`; both install what they need into .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.synced

# Without kept bytecode every process that the tests start compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check lint types architecture

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "%-14s %s\n", $$1, $$2}'

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.6'

$(STAMP): pyproject.toml uv.lock | $(BIN)/uv
	UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --locked --all-extras --inexact --quiet
	@touch $@

.PHONY: install
install: $(STAMP) ## Create .venv with the locked dependencies

demo: $(STAMP) ## Provision 100 clusters in the embedded world and prove it (ARGS=--real-wires: over real protocols)
	$(BIN)/pullsecret demo $(ARGS)

.PHONY: services
services: $(STAMP) ## Build and install the real services that the tests use (minutes the first time)
	tests/services/install.sh
	$(BIN)/python -m pullsecret.testing.kubernetes.binaries
	$(BIN)/python tests/services/helm/build.py
	if command -v apt-get >/dev/null; then deploy/image/build-scratch.sh; fi

# More than the cores of a small machine: many tests wait for a service.
WORKERS ?= 4
# Files keep to one worker, for what their tests share, and to the order of tests/conftest.py.
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(STAMP) ## All tests, in random order, side by side (WORKERS=1: one after another)
	$(BIN)/pytest $(SIDE_BY_SIDE)

.PHONY: flakes
ROUNDS ?= 20
flakes: $(STAMP) ## All tests ROUNDS times, each in another order; fails if any ever fails (ARGS="--until 17:30")
	$(BIN)/python -m tests.flake_hunt --rounds $(ROUNDS) $(ARGS) -- $(SIDE_BY_SIDE)

check: lint types architecture ## Lint, types and the architecture rule

lint: $(STAMP) ## Ruff, formatting included
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Strict mypy
	$(BIN)/mypy

architecture: $(STAMP) ## import-linter: dependencies point inward
	$(BIN)/lint-imports

.PHONY: docs-generate
docs-generate: $(STAMP) ## Write the pages of docs/ that are made from the program
	$(BIN)/python -m pullsecret.entrypoints.documents docs

.PHONY: deploy-generate
deploy-generate: $(STAMP) ## Write the files of deploy/ that are made from the program
	$(BIN)/python -m deploy.generate

.PHONY: image
image: $(STAMP) ## Make the image in build/image, without registry and engine (Debian with Python 3.11)
	deploy/image/build-scratch.sh

.PHONY: docs
docs: $(STAMP) ## Build the documentation site into site/; a broken link fails
	$(BIN)/mkdocs build --strict

.PHONY: conformance
conformance: $(STAMP) ## The shared cases of the Expr language; prints how many agree
	$(BIN)/python tests/expr_conformance.py

.PHONY: fuzz-expressions
fuzz-expressions: $(STAMP) ## About a minute of expressions nobody would write
	PULLSECRET_FUZZ_EXAMPLES=2500 $(BIN)/pytest tests/unit/expressions/test_fuzz.py -k 'not bounded'

.PHONY: coverage
coverage: $(STAMP) ## Branch coverage of domain and application by the unit tests; fails below 95 %
	$(BIN)/pytest -q tests/unit/domain tests/unit/application --cov-branch --cov-fail-under=95 \
		--cov=pullsecret.domain --cov=pullsecret.application --cov-report=term-missing:skip-covered

.PHONY: simulate
SEEDS ?= 1..2000
simulate: $(STAMP) ## Search for defects in virtual time (SEEDS=1..2000)
	$(BIN)/pullsecret simulate --seeds $(SEEDS)

.PHONY: mutation
mutation: $(STAMP) ## Mutation score of domain and application; fails below 94 % of either (an hour)
	rm -rf mutants
	nice $(BIN)/mutmut run --max-children 1
	$(BIN)/python -m tests.mutation_score --at-least 94 --json benchmarks/results/mutation.json

.PHONY: mutation-expressions
SAMPLE ?= 600
SEED   ?= 26
mutation-expressions: $(STAMP) ## Mutation score of the expressions, by SAMPLE mutants that SEED chooses
	nice $(BIN)/python -m tests.mutation_expressions --sample $(SAMPLE) --seed $(SEED) --at-least 85 \
		--json benchmarks/results/mutation_expressions.json

.PHONY: acceptance
acceptance: $(STAMP) ## The design's criteria, box by box, into docs/acceptance.md (ARGS="--only AC5": only a look)
	$(BIN)/python -m tests.acceptance $(if $(ARGS),$(ARGS),--page docs/acceptance.md)

.PHONY: acceptance-gcp
acceptance-gcp: $(STAMP) ## The boxes that look at Google Cloud, in a real one: PROJECT=your-project (ARGS=--dry-run)
	$(BIN)/python -m tests.acceptance --google-project "$(PROJECT)" $(ARGS)

.PHONY: audit
audit: $(STAMP) ## Known vulnerabilities (asks PyPI), licences, locked hashes, and secrets in the history
	$(BIN)/pytest -q tests/security/test_supply_chain.py
	UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv export --quiet --locked --all-extras --all-groups --no-emit-project \
		--output-file $(VENV)/audited.txt
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement $(VENV)/audited.txt
