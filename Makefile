# All commands of this project. Every target installs what it needs. Required are make and Python 3.11 or newer.
SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
# Node and npm come from uv.lock, not from the machine.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix frontend --silent
NODE_MODULES := frontend/node_modules/.package-lock.json
DEMO := frontend/dist/demo/index.html
export SAM_CLI_TELEMETRY := 0
# Keep pytest's rewritten assertions in .pyc files. Otherwise every worker of every run would rewrite them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run frontend library test test-all fuzz evaluate bench bench-scale bench-peers lint types format openapi requirements build \
	test-lambda test-sam invoke start-api built audit sbom prepare deploy deploy-prepared site ceiling smoke clean setup docs browser screenshots

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST)

run: setup ## run the whole service at http://127.0.0.1:3000 (PORT); needs no account and no key
	@$(MAKE) --no-print-directory frontend || echo "make run: the demo could not be built, so the API runs without it" >&2
	@$(MAKE) --no-print-directory $(DOCS) || echo "make run: the documentation could not be built" >&2
	@PYTHONPATH=layers/common exec $(BIN)/python -u -m local

frontend: $(DEMO) ## build the demo for the browser, which `make run` serves

library: $(NODE_MODULES) ## build the React components for the CRM
	@$(NPM) run build:library

$(NODE_MODULES): frontend/package-lock.json | setup
	@echo "frontend: installing the packages of package-lock.json; this happens once" >&2
	@$(NPM) ci --no-audit --no-fund
	@touch $@

$(DEMO): $(NODE_MODULES) $(shell find frontend/src frontend/public frontend/index.html frontend/vite.config.ts frontend/tsconfig.json -type f)
	@$(NPM) run build -- --logLevel warn

test: setup ## run the tests, without the slow ones
	@$(BIN)/pytest -m "not slow and not built" -n 2 --dist worksteal

# Tests of conditional writes run a second time on DynamoDB Local, which AWS provides.
ON_DYNAMODB_LOCAL := $(addprefix tests/integration/,$(addsuffix .py,cache/test_idempotency cache/test_cache \
	gateway/test_store_failures gateway/test_divided_calls gateway/test_kills tasks/test_generate_copy audit/test_audit_content \
	audit/test_list_audit_logs audit/test_erase_audit_content limits/test_concurrent_limits limits/test_ceilings \
	usage/test_usage_stats usage/test_reconciliation alerts/test_alerts))

browser: ## install Chromium for the browser tests if it is missing (Debian, as root)
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }

DOCS := .cache/docs-site/index.html

docs: setup ## build the documentation site into .cache/docs-site; broken links fail
	@$(BIN)/zensical build --strict

$(DOCS): zensical.toml $(shell find docs -name '*.md') | setup
	@$(BIN)/zensical build --strict >/dev/null

screenshots: setup browser $(DEMO) ## take the screenshots in docs/screenshots
	@PYTHONPATH=layers/common $(BIN)/python -m tests.e2e.screenshots

test-all: test browser $(NODE_MODULES) $(DEMO) ## run all tests: also the slow ones and those of the frontend
	@$(NPM) test
	@$(BIN)/pytest -m slow -n 2 --dist loadfile
	@$(BIN)/pytest -m "not slow" -n 2 --dist loadfile --dynamodb-local $(ON_DYNAMODB_LOCAL)

# The build runs on this machine, so it has the machine's architecture.
BUILT := .aws-sam/test-lambda
MACHINE := $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)

# Tests that use only the API. The excluded ones cause faults in the store, change addresses or read the process's memory.
ON_LAMBDA := tests/e2e/test_built_artefacts.py $(addprefix tests/integration/,$(addsuffix .py,local/test_api_examples \
	limits/test_concurrent_limits gateway/test_fallback cache/test_idempotency cache/test_cache tasks/test_generate_copy \
	tasks/test_analyze_sentiment tasks/test_translate settings/test_put_config limits/test_put_rate_limits))
IN_PROCESS := cannot_be_read or never_sent or fastest_goes_first or nothing_is_configured_any_more or fifty_short

built: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" ARCHITECTURE=$(MACHINE) sam build --build-dir $(BUILT)/build --cache-dir $(BUILT)/cache \
		--parameter-overrides Architecture=$(MACHINE) >/dev/null

test-lambda: built ## test the built functions in Lambda's own runtime, behind the local API
	@$(BIN)/pytest -m "not slow" -n 2 --dist loadfile --built $(BUILT)/build -k "not ($(IN_PROCESS))" $(ON_LAMBDA)

test-sam: setup ## test every event with `sam local invoke` and the API with `sam local start-api` (Docker)
	@if why=$$(docker version --format '{{.Server.Version}}' 2>&1); then \
		$(MAKE) --no-print-directory built && $(BIN)/pytest --built $(BUILT)/build tests/e2e/test_sam_local.py; \
	else echo "make test-sam: skipped, no Docker engine responds ("$$why")"; fi

SAM_LOCAL := PATH="$(CURDIR)/$(BIN):$$PATH" BUILT=$(BUILT)/build PYTHONPATH=layers/common $(BIN)/python -m local.dev.sam
FUNCTION ?= health

invoke: built ## invoke a function with its event in a container (Docker), while `make run` runs: FUNCTION=generate_copy, PORT=3000
	@$(SAM_LOCAL) invoke "$$($(BIN)/python -c 'import sys; print(sys.argv[1].title().replace("_", ""))' "$(FUNCTION)")Function" \
		--event "events/$(FUNCTION).json"

start-api: built ## run the API in containers (Docker) at http://127.0.0.1:3001 (API_PORT), while `make run` runs: PORT=3000
	@$(SAM_LOCAL) start-api --port $(or $(API_PORT),3001) --warm-containers LAZY

fuzz: setup ## send a thousand requests to each operation of the API; not part of CI
	@FUZZ_EXAMPLES=1000 $(BIN)/pytest tests/integration/http/test_whole_api.py

evaluate: setup ## evaluate a provider's completions: PROVIDER, TASK (one of four), MODEL (tests/evaluation/README.md)
	@PYTHONPATH=layers/common $(BIN)/python -m tests.evaluation "$(PROVIDER)" \
		$(if $(TASK),--task "$(TASK)") $(if $(MODEL),--model "$(MODEL)")

bench: setup browser $(DEMO) ## measure the tables of docs/benchmarks.md again
	@PYTHONPATH=layers/common $(BIN)/python -m bench.call
	@PYTHONPATH=layers/common $(BIN)/python -m bench.maintain
	@PYTHONPATH=layers/common $(BIN)/python -m bench.page
	@PYTHONPATH=layers/common $(BIN)/python -m bench.money

bench-scale: setup ## measure tenants with up to a million past calls, and a burst of calls (15 minutes)
	@PYTHONPATH=layers/common $(BIN)/python -m bench.scale

bench-peers: built ## compare this service with LiteLLM and Portkey's gateway, which it installs (Debian, as root, for Redis)
	@command -v redis-server >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null; }
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix bench/peers/portkey --silent ci --no-audit --no-fund
	@.cache/uv/bin/uv sync --quiet --locked --python $(BIN)/python --script bench/peers/litellm/proxy.py
	@PYTHONPATH=layers/common $(BIN)/python -m bench.peers $(BUILT)/build

# Our own texts: without prompts, which are measured, texts of providers, and the user interface.
PROSE := ':!*/i18n/*' ':!*/prompt.md' ':!*/notes.md' ':!*/top_level_domains.txt' ':!tests/contract/payloads' ':!tests/fixtures' \
	':!*.jsonl' ':!*.lock' ':!*package-lock.json' ':!LICENSE' ':!ops/words.txt' ':!docs/glossary.md' ':!docs/screenshots' ':!bench/peers/litellm'

lint: setup $(NODE_MODULES) ## check code and template: ruff, import contracts, SAM, checkov, Biome
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@git ls-files -z -- $(PROSE) | xargs -0 $(BIN)/codespell -D - -D ops/words.txt
	@PYTHONPATH=layers/common $(BIN)/lint-imports
	@PATH="$(CURDIR)/$(BIN):$$PATH" sam validate --lint
	@$(BIN)/cfn-lint ops/*.yaml
	@.cache/uv/bin/uv run --quiet --locked --python $(BIN)/python --script .ci/audit_template.py
	@$(NPM) run lint

types: setup $(NODE_MODULES) ## check types with mypy, pyright and TypeScript, all strict, and the frontend's API types
	@$(BIN)/mypy
	@$(BIN)/pyright
	@$(NPM) run types

format: setup $(NODE_MODULES) ## fix and format the code with ruff and Biome
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(NPM) run format

openapi: setup $(NODE_MODULES) ## generate docs/openapi.json from the code, and the frontend's types from it
	@PYTHONPATH=layers/common $(BIN)/python -m local.openapi
	@$(NPM) run api

requirements: setup ## generate layers/common/requirements.txt from uv.lock
	@.cache/uv/bin/uv export --quiet --locked --no-dev --no-emit-project --no-header \
		--format requirements-txt --output-file layers/common/requirements.txt

# The checks fail if the registry of PyPI or npm does not respond. All three run, so that one failure does not hide another.
audit: setup ## check packages for known vulnerabilities (needs PyPI and the npm registry), and models for retirement
	@.cache/uv/bin/uv export --quiet --locked --all-groups --no-emit-project --no-header \
		--format requirements-txt --output-file .cache/audited.txt
	@failed=0; \
	PYTHONPATH=layers/common $(BIN)/python -m ops.retirements || failed=1; \
	.cache/uv/bin/uv run --quiet --locked --python $(BIN)/python --script .ci/audit_packages.py \
		--requirement .cache/audited.txt --require-hashes --disable-pip --strict --progress-spinner off || failed=1; \
	PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix frontend audit || failed=1; \
	exit $$failed

SBOM := .cache/sbom

sbom: setup ## write the shipped packages (CycloneDX) and their licences into .cache/sbom
	@mkdir -p $(SBOM)
	@.cache/uv/bin/uv export --quiet --locked --no-dev --format cyclonedx1.5 --preview-features sbom-export \
		--output-file $(SBOM)/layer.cdx.json
	@$(NPM) sbom --sbom-format cyclonedx --omit dev --package-lock-only > $(SBOM)/frontend.cdx.json
	@$(BIN)/python -m ops.bundled > $(SBOM)/pycurl.cdx.json
	@$(BIN)/python -m ops.licences > $(SBOM)/licences.md

build: setup ## build the functions and the layer into .aws-sam (ARCHITECTURE=arm64, the default, or x86_64)
	@PATH="$(CURDIR)/$(BIN):$$PATH" ARCHITECTURE=$(or $(ARCHITECTURE),arm64) \
		sam build --parameter-overrides Architecture=$(or $(ARCHITECTURE),arm64)

# Without ARCHITECTURE, a deployment uses the architecture that samconfig.toml records.
NAMED_ARCHITECTURE := $(if $(ARCHITECTURE),--architecture "$(ARCHITECTURE)")
OPS := PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=layers/common $(BIN)/python -m
DEPLOY = $(OPS) ops.deploy --env "$(ENV)" $(NAMED_ARCHITECTURE) $(if $(EXECUTION_ROLE),--role-arn "$(EXECUTION_ROLE)")

deploy: setup ## deploy to AWS: ENV=dev, staging or prod of samconfig.toml; the first time it asks for values without a default
	@$(DEPLOY)

prepare: setup ## run the first half of `make deploy`, which needs no credentials: ENV
	@$(DEPLOY) --prepare

deploy-prepared: setup ## deploy the output of `make prepare`: ENV
	@$(DEPLOY) --prepared

site: setup ## upload a frontend to the deployment's site: ENV, FOLDER (its build output)
	@$(OPS) ops.site --env "$(ENV)" --folder "$(FOLDER)"

ceiling: setup ## show or set a tenant's ceilings: ENV, TENANT, REQUESTS_PER_HOUR, TOKENS_PER_DAY, COST_PER_MONTH_USD
	@$(OPS) ops.ceiling --env "$(ENV)" --tenant "$(TENANT)" \
		$(if $(REQUESTS_PER_HOUR),--requests-per-hour "$(REQUESTS_PER_HOUR)") \
		$(if $(TOKENS_PER_DAY),--tokens-per-day "$(TOKENS_PER_DAY)") \
		$(if $(COST_PER_MONTH_USD),--cost-per-month-usd "$(COST_PER_MONTH_USD)")

smoke: setup ## check a deployment: ENV or URL, and NEXUS_TOKEN, SMOKE_PROVIDER, SMOKE_PROVIDER_KEY in the environment
	@PYTHONPATH=layers/common exec $(BIN)/python -m ops.smoke $(if $(URL),--url "$(URL)",--env "$(ENV)")

clean: ## delete everything that can be generated again
	@rm -rf .venv .cache frontend/node_modules frontend/dist .aws-sam .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find functions layers local tests -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@for python in python3 python3.13 python3.14 python3.12 python3.11 /usr/bin/python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec $$python local/dev/bootstrap.py; \
		fi; \
	done; echo "setup: Python 3.11 or newer is missing" >&2; exit 1
