# Everything a developer runs. `make` alone lists it. Presupposes Python 3.11 to 3.15.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV_LOCK_OF := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
              --generate-hashes --no-emit-index-url --no-annotate --no-header
UV_LOCK := $(UV_LOCK_OF) pyproject.toml
LINT := openapi/lint
CLIENTS := build/clients
SPHINX := $(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --fresh-env --quiet -c docs

# Debian's, or what .ci/system-packages unpacked.
PROMTOOL = PATH="$$PATH:.cache/usr/bin" promtool

PYTHON ?= $(shell .ci/find-python)

# What the goals need that pip cannot install. All of it is installed by one call, before anything
# else is made.
NEEDS := $(sort $(if $(wildcard .venv/.made),,python) \
           $(if $(filter check openapi-lint clients compatibility,$(MAKECMDGOALS)),node) \
           $(if $(filter check alert-rules,$(MAKECMDGOALS)),promtool) \
           $(if $(filter test,$(MAKECMDGOALS)),chromium pgbouncer faketime promtool) \
           $(if $(filter pictures,$(MAKECMDGOALS)),chromium) \
           $(if $(filter faults,$(MAKECMDGOALS)),faketime))

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# ---- installing -------------------------------------------------------------------------------

.PHONY: needs
needs:
	@.ci/system-packages $(NEEDS)

.venv/.made: | needs
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@touch $@

# Deliberately not one target for both: a stranger's `make run` should not wait for linters.
.venv/.run: .venv/.made requirements.txt pyproject.toml
	@echo "Installing what Waybill runs on (about a minute, only this once)"
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.made requirements-dev.txt pyproject.toml
	@echo "Installing what the tests and checks need (a minute or two, only this once)"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ .venv/.run

.PHONY: install
install: .venv/.dev ## Install everything that developing needs into .venv

.PHONY: run
run: .venv/.run ## Start Waybill with a database, a Walmart simulator and sample orders
	@exec $(BIN)/waybill demo

# ---- testing ----------------------------------------------------------------------------------

# Without bytecode each process would compile all modules again. A test waits for half of its time,
# so there are more workers than processors.
WORKERS ?= 4

.PHONY: test
test: .venv/.dev ## Run the whole test suite on a real PostgreSQL
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# The databases of the tests are copies, on all nodes, of one that is distributed over two shards. A
# worker is killed when no other test runs.
.PHONY: test-citus
test-citus: .venv/.dev ## Run the integration and acceptance tests on a cluster (Citus), at WAYBILL_CITUS
	@[ -n "$${WAYBILL_CITUS:-}" ] || { echo "Set WAYBILL_CITUS to the address of a cluster's coordinator: postgresql://superuser@host:port/database" >&2; exit 2; }
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal \
	  tests/citus tests/integration tests/acceptance --ignore tests/citus/test_faults.py
	@$(BIN)/python -m pytest tests/citus/test_faults.py

.PHONY: fuzz
fuzz: .venv/.dev ## Run the state machine of the outbox (WAYBILL_FUZZ_RUNS=… runs of each of its four parts) and invalid input for longer
	@WAYBILL_FUZZ_RUNS=$${WAYBILL_FUZZ_RUNS:-1000} $(BIN)/python -m pytest -n 2 --dist worksteal --timeout 0 \
	  tests/integration/test_outbox_machine.py tests/integration/web/test_fuzz.py

.PHONY: faults
faults: .venv/.dev ## Run the fault tests and write docs/faults.md from their output
	@rm -rf .faults
	@$(BIN)/python -m pytest -q $(addprefix tests/acceptance/test_,kill.py faults.py people_act.py restore.py)
	@$(BIN)/python -m tests.acceptance.write_table

.PHONY: mutations
mutations: .venv/.dev ## Break each promise in turn and write docs/mutations.md: which test notices
	@$(BIN)/python tests/mutations/run.py --write

.PHONY: compatibility
compatibility: .venv/.dev ## Run real clients against Waybill and write docs/compatibility.md (ten minutes)
	@$(BIN)/python -m tests.compatibility.run

.PHONY: pictures
pictures: .venv/.dev ## Remake the pictures of every page in docs/pictures (names=… remakes some)
	@$(BIN)/python -m tests.pictures.take $(names)

.PHONY: bench
bench: .venv/.dev ## Run the benchmarks; figures go to bench/results.json too
	@$(BIN)/python -m bench.run

.PHONY: bench-citus
bench-citus: .venv/.dev ## Measure a cluster (Citus, at WAYBILL_CITUS) beside one PostgreSQL; writes docs/scaling.md
	@[ -n "$${WAYBILL_CITUS:-}" ] || { echo "Set WAYBILL_CITUS to the address of a cluster's coordinator: postgresql://superuser@host:port/database" >&2; exit 2; }
	@$(BIN)/python -m bench.citus

.PHONY: bench-large
bench-large: .venv/.dev ## Measure growth to five million orders (about half an hour, 40 GB of disk)
	@$(BIN)/python -m bench.growth 10000 1000000 5000000 --out bench/large.json
	@$(BIN)/python -m bench.report

.PHONY: soak floods
soak: .venv/.dev ## Load Waybill for half an hour: memory, descriptors and connections must not grow
	@$(BIN)/python -m bench.soak 30

floods: .venv/.dev ## Attack an API process with slow clients, floods and hostile bodies (two minutes)
	@$(BIN)/python -m bench.floods 20

.PHONY: rehearse
rehearse: ## Do the container image's own steps by hand, without Docker
	@deploy/rehearse.sh

# ---- checking ---------------------------------------------------------------------------------

.PHONY: check
check: style types imports openapi-drift openapi-lint clients page-types migration-lint container-lint manifests-lint alert-rules licences secrets conformance docs ## Lint, types, import rules, API description, migrations, container, licences, secrets, documentation
	@echo "All checks passed."

.PHONY: style types imports openapi-drift openapi-lint clients page-types migration-lint container-lint manifests-lint alert-rules licences secrets conformance
style: .venv/.dev
	@echo "== style"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: .venv/.dev
	@echo "== types"
	@$(BIN)/mypy

imports: .venv/.dev
	@echo "== import rules"
	@$(BIN)/lint-imports

openapi-drift: .venv/.dev
	@echo "== API description: does openapi/openapi.json match the code?"
	@$(BIN)/python -m app.web.export --check openapi/openapi.json

$(LINT)/node_modules/.installed: $(LINT)/package-lock.json $(LINT)/package.json | needs
	@cd $(LINT) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

openapi-lint: $(LINT)/node_modules/.installed
	@echo "== API description: lint"
	@$(LINT)/node_modules/.bin/spectral lint openapi/openapi.json --ruleset $(LINT)/.spectral.yaml --fail-severity=warn
	@node $(LINT)/redocly.mjs openapi/openapi.json

# The programs in openapi/clients use the generated clients as a user of them does. The one in
# Python is run by `make test`.
clients: .venv/.dev $(LINT)/node_modules/.installed
	@echo "== API description: generated clients in Python and TypeScript"
	@rm -rf $(CLIENTS)
	@mkdir -p $(CLIENTS)
	@cp openapi/clients/*.* $(CLIENTS)
	@ln -s ../../$(LINT)/node_modules $(CLIENTS)/node_modules
	@$(BIN)/python -m openapi_python_client generate --fail-on-warning --meta none \
	  --config openapi/clients/openapi-python-client.yaml --path openapi/openapi.json \
	  --output-path $(CLIENTS)/waybill_client >/dev/null
	@MYPYPATH=$(CLIENTS) $(BIN)/mypy --strict --config-file= --python-version 3.11 \
	  $(CLIENTS)/waybill_client $(CLIENTS)/main_job.py
	@$(LINT)/node_modules/.bin/openapi-typescript openapi/openapi.json --default-non-nullable false \
	  --output $(CLIENTS)/waybill.mts >/dev/null
	@$(LINT)/node_modules/.bin/tsc --project $(CLIENTS)
	@$(BIN)/python -m pytest -q tests/integration/web/typescript_client.py

page-types: $(LINT)/node_modules/.installed
	@echo "== types of the page's JavaScript"
	@$(LINT)/node_modules/.bin/tsc --project $(LINT)/page.tsconfig.json

migration-lint: .venv/.dev
	@echo "== migrations"
	@$(BIN)/python migrations/lint.py

container-lint: .venv/.dev
	@echo "== container"
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

manifests-lint: .venv/.dev
	@echo "== Kubernetes manifests"
	@$(BIN)/python deploy/kubernetes/lint.py

# A test of a rule says when it fires and when it does not; tests/integration/test_alerts.py fires
# each by its fault.
alert-rules: | needs
	@echo "== alert rules"
	@$(PROMTOOL) check rules deploy/prometheus/alerts.yml
	@$(PROMTOOL) test rules deploy/prometheus/alerts_test.yml

# pyproject.toml lists the licences that are allowed, and the exceptions with their reasons.
licences: .venv/.dev
	@echo "== licences"
	@$(BIN)/pip-licenses >/dev/null

secrets: .venv/.dev
	@echo "== secrets in the tree"
	@$(BIN)/kingfisher scan . --config .ci/secrets.yaml --git-history none --no-update-check \
	  --rule-cache-dir build/kingfisher --redact --quiet

conformance: .venv/.dev
	@echo "== Walmart's own documents"
	@$(BIN)/python tests/contract/conformance.py

# A fresh environment each time: a page that did not change may link to one that did.
.PHONY: docs
docs: .venv/.dev ## Build the documentation site into build/docs; a broken link is an error
	@echo "== documentation"
	@rm -rf build/docs
	@$(SPHINX) -b html -d build/doctrees . build/docs

# ---- what ships ---------------------------------------------------------------------------------

SBOM := build/sbom

# The tool has an environment of its own; what it describes is what the image installs.
.PHONY: sbom
sbom: .venv/.dev ## Write build/sbom: what the image contains (CycloneDX), and its licences
	@rm -rf $(SBOM)
	@$(PYTHON) -m venv $(SBOM)/tool
	@$(SBOM)/tool/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-sbom.txt
	@$(PYTHON) -m venv $(SBOM)/image
	@$(SBOM)/image/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: -r requirements-image.txt
	@$(SBOM)/image/bin/python -m pip --quiet uninstall --yes setuptools pip
	@$(SBOM)/tool/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
	  --spec-version 1.6 --output-format JSON --output-reproducible --validate \
	  --output-file $(SBOM)/waybill.cdx.json $(SBOM)/image/bin/python
	@$(BIN)/pip-licenses --python $(SBOM)/image/bin/python --format markdown --with-urls \
	  --output-file $(SBOM)/licences.md
	@rm -rf $(SBOM)/tool $(SBOM)/image
	@ls $(SBOM)/*

# ---- keeping up -------------------------------------------------------------------------------

.PHONY: openapi
openapi: .venv/.dev ## Write openapi/openapi.json anew from the code
	@$(BIN)/python -m app.web.export openapi/openapi.json

.PHONY: migration
migration: .venv/.dev ## Draft a migration from app/storage/tables/: make migration name="add x"
	@$(BIN)/python migrations/draft.py "$(name)"

EVERYTHING := --extra embedded --extra build --extra otel --extra dev
# Where a wheel must be there for everything locked: each Python of pyproject.toml, on Linux with the
# C library of Debian 10 or newer.
WHEEL_PYTHONS := 3.11 3.12 3.13 3.14 3.15
WHEEL_PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28

# The development lock is the widest: its versions are chosen first, the present ones where they
# still fit, and every lock takes them, so that what is tested is what runs. --upgrade makes uv read
# the hashes again: wheels for a new Python are often added to a release after it was locked.
.PHONY: lock
lock: .venv/.dev ## Lock the dependencies of pyproject.toml anew (upgrade=--upgrade: newest allowed)
	@pins=$$(mktemp); trap 'rm -f "$$pins"' EXIT; cp requirements-dev.txt "$$pins"; \
	$(UV_LOCK) $(upgrade) $(EVERYTHING) -o "$$pins"; \
	$(UV_LOCK) --upgrade -c "$$pins" $(EVERYTHING) -o requirements-dev.txt; \
	$(UV_LOCK) --upgrade -c "$$pins" --extra embedded --extra build -o requirements.txt; \
	$(UV_LOCK) --upgrade -c "$$pins" --extra build --extra otel -o requirements-image.txt; \
	$(UV_LOCK_OF) --group sbom $(upgrade) -o requirements-sbom.txt
	@! grep -nE '(https?|file)://' requirements*.txt
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	for python in $(WHEEL_PYTHONS); do for platform in $(WHEEL_PLATFORMS); do \
	  $(BIN)/uv pip install --dry-run --quiet --no-deps --only-binary :all: --target "$$scratch/none" \
	    --python-version $$python --python-platform $$platform -r requirements-dev.txt || { \
	    echo "Not everything locked has a wheel for Python $$python on $$platform" >&2; exit 1; }; \
	done; done
	@echo "Everything locked has wheels for Python $(WHEEL_PYTHONS) on $(WHEEL_PLATFORMS)"

.PHONY: clean
clean: ## Remove what was installed and built; the demo's data in .waybill stays
	@rm -rf .venv build *.egg-info $(LINT)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
