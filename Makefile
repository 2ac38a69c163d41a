# Every CI job is exactly one target, and a target does the set-up that it needs; `make help` lists them.
# What set-up makes stays in the checkout: .venv*, .tools/, js/node_modules/, build/ and the widget's bundle.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# An active environment, or one's settings for other projects, must not choose the interpreter or the packages.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH UV_PROJECT_ENVIRONMENT UV_PYTHON
# Kernels that the tests start leave one's own Jupyter and IPython alone.
export JUPYTER_CONFIG_DIR := $(CURDIR)/build/jupyter/config
export JUPYTER_DATA_DIR := $(CURDIR)/build/jupyter/data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/build/jupyter/runtime
export IPYTHONDIR := $(CURDIR)/build/jupyter/ipython

UV := tools/uv
SYNC := NBTRACE_SKIP_JS=1 $(UV) sync --frozen
RUN := .venv/bin/python -m
PYTEST := mkdir -p build/jupyter && \
	NBTRACE_CHROMIUM="$$(tools/chromium 2>/dev/null)" $(RUN) pytest --basetemp=build/pytest
# Two at a time, each file in one process: half the time on two processors. In their order, so that the long files of the
# browser come first and nobody waits for one of them at the end. A process that dies ends the run: xdist would wait
# forever for the files that its replacement is given again.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
NPM := npm --prefix js
PEERS := $(basename $(notdir $(wildcard tests/bench/peers/*.txt)))
BUNDLE := nbtrace/_widgets/static/trace.js
BUILT_WITH_IT := $(addprefix nbtrace/_widgets/static/,compare.js page.js style.css)
BUNDLE_SOURCES := $(wildcard js/*.json js/*.mjs) $(shell find js/src -type f 2>/dev/null)
STEP = @printf '\033[1m==> %s\033[0m\n'

.PHONY: help
help: ## list the targets
	@awk -F ' *## ' '/^## / { printf "\n%s\n", $$2 } /^[a-z0-9-]+:.*## / { split($$1, t, ":"); printf "  %-16s %s\n", t[1], $$2 }' Makefile

## See it

.PHONY: demo
demo: setup ## open the quickstart in JupyterLab; HEADLESS=1 executes it into build/demo/ instead
	@$(RUN) tools.demo $(if $(filter-out 0,$(HEADLESS)),--headless)

.PHONY: screenshots
screenshots: setup setup-browser ## take the pictures of every view, light and dark, into docs/images/
	$(STEP) "Screenshots"
	$(PYTEST) tests/browser/test_quickstart.py tests/browser/test_live.py
	NBTRACE_CHROMIUM="$$(tools/chromium)" $(RUN) tools.screenshots

.PHONY: cassettes
cassettes: setup setup-engines ## record what the course in notebooks/ is answered from anew, on the local model
	$(STEP) "Cassettes"
	$(RUN) tools.course

.PHONY: pictures
pictures: setup setup-engines setup-browser ## take the pictures of the course
	$(STEP) "Pictures"
	$(RUN) tools.course_pictures

## Test it

.PHONY: test
test: setup setup-openai2 setup-engines setup-evaluators setup-browser ## run every test but test-servers: JavaScript, openai 2, PySpark, Presidio, evaluators, then all others
	@$(MAKE) test-js
	@$(MAKE) test-openai2
	@$(MAKE) test-engines
	@$(MAKE) test-presidio
	@$(MAKE) test-evaluators
	$(STEP) "Tests: Python, notebooks, browser, wheel"
	$(PYTEST) $(PARALLEL)

.PHONY: coverage
coverage: setup setup-browser ## run the Python tests and list the lines and branches that none of them reaches
	$(STEP) "Coverage"
	mkdir -p build/coverage
	$(PYTEST) $(PARALLEL) --cov --cov-report=term

.PHONY: test-python
test-python: setup ## run the Python tests that need no browser, notebook or wheel
	$(STEP) "Tests: Python"
	$(PYTEST) -m "not (browser or notebook or wheel)"

.PHONY: test-openai2
test-openai2: setup-openai2 ## run the capture, replay and framework tests against openai 2
	$(STEP) "Tests: capture and replay on openai 2"
	@mkdir -p build/jupyter
	.venv-openai2/bin/python -m pytest --basetemp=build/pytest-openai2 $(PARALLEL) tests/capture tests/frameworks tests/replay \
		--ignore=tests/replay/test_testing.py

.PHONY: test-engines
test-engines: setup-engines ## compute metrics, run checks and play a lesson in PySpark
	$(STEP) "Tests: metrics in PySpark"
	@mkdir -p build/jupyter
	.venv-engines/bin/python -m pytest --basetemp=build/pytest-engines tests/query tests/evaluate tests/notebooks -m spark

.PHONY: test-servers
test-servers: setup setup-servers ## export to a real Phoenix and a real MLflow, and read back what they show
	$(STEP) "Tests: Phoenix and MLflow"
	@mkdir -p build/jupyter
	.venv/bin/python -m pytest --basetemp=build/pytest-servers tests/export/test_servers.py -m slow

.PHONY: test-presidio
test-presidio: setup-presidio ## run the tests of the Presidio rule with the real one, some 300 MB
	$(STEP) "Tests: Presidio"
	.venv-presidio/bin/python -m pytest --basetemp=build/pytest-presidio tests/trace/redact/test_presidio.py

.PHONY: test-evaluators
test-evaluators: setup-evaluators ## run scorers of autoevals, deepeval and ragas, and guards of guardrails-ai
	$(STEP) "Tests: evaluators of others"
	.venv-evaluators/bin/python -m pytest --basetemp=build/pytest-evaluators -W default tests/evaluate/test_scorers.py

.PHONY: test-js
test-js: js setup-browser ## run the JavaScript tests
	$(STEP) "Tests: JavaScript"
	XDG_CONFIG_HOME=$(CURDIR)/build/chromium XDG_CACHE_HOME=$(CURDIR)/build/chromium \
		NBTRACE_CHROMIUM="$$(tools/chromium)" $(NPM) test

.PHONY: test-notebooks
test-notebooks: setup ## execute the notebooks: on the local model, the course's lessons from their recordings
	$(STEP) "Tests: notebooks"
	$(PYTEST) -m notebook

.PHONY: test-browser
test-browser: setup setup-browser ## drive JupyterLab in Chromium
	$(STEP) "Tests: browser"
	$(PYTEST) -m "browser and not wheel"

.PHONY: test-wheel
test-wheel: setup setup-browser ## build the distributions, install them into empty environments and use them
	$(STEP) "Tests: wheel"
	$(PYTEST) -m wheel

.PHONY: bench
bench: setup setup-peers setup-browser ## measure what nbtrace and its peers add to a call, a chunk and a kernel's start; store, export, explorer
	$(STEP) "Benchmarks"
	@mkdir -p build/jupyter && for bench in tests/bench/bench_*.py; do .venv/bin/python "$$bench"; done

## Check it

.PHONY: check
check: lint types test ## lint, types and tests; CI runs `make test`

.PHONY: lint
lint: lint-python lint-js ## check style and format of Python and JavaScript, and the lock file

.PHONY: lint-python
lint-python: .venv/.ready ## ruff, and whether uv.lock follows pyproject.toml
	$(STEP) "Lint: Python"
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(UV) lock --check

.PHONY: lint-js
lint-js: js/node_modules/.ready ## biome
	$(STEP) "Lint: JavaScript"
	$(NPM) run lint

.PHONY: types
types: types-python types-js ## check the types of Python and TypeScript

.PHONY: types-python
types-python: .venv/.ready ## pyright, strict
	$(STEP) "Types: Python"
	$(RUN) pyright

.PHONY: types-js
types-js: js/node_modules/.ready ## tsc, strict
	$(STEP) "Types: TypeScript"
	$(NPM) run typecheck

.PHONY: format
format: .venv/.ready js/node_modules/.ready ## put all sources into the form that lint wants
	$(RUN) ruff check --fix-only
	$(RUN) ruff format
	$(NPM) run format

## Build it

.PHONY: js
js: $(BUNDLE) $(BUILT_WITH_IT) ## build the widget's JavaScript bundle

.PHONY: wheel
wheel: ## build the sdist and the wheel into dist/; needs no Node
	$(STEP) "Distributions: uv build"
	$(UV) build --clear

.PHONY: docs
docs: setup-docs ## build the documentation's site into build/site/ and check its links
	$(STEP) "Documentation"
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs build
	.venv-docs/bin/python -m tools.check_site build/site

.PHONY: fixtures
fixtures: .venv/.ready ## write the Arrow fixtures that pytest and vitest share
	$(RUN) tools.make_fixtures

.PHONY: lock
lock: ## bring uv.lock up to pyproject.toml
	$(UV) lock

.PHONY: clean
clean: ## remove what was built, keep the installed packages
	rm -rf build dist $(dir $(BUNDLE)) .coverage .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -not -path '*/node_modules/*' -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## remove the installed packages too
	rm -rf .venv .venv-docs .venv-openai2 .venv-engines .venv-evaluators .venv-peers .venv-presidio .venv-servers .tools \
		js/node_modules

## Set it up (the targets above do this themselves)

.PHONY: setup
setup: .venv/.ready js ## Python and JavaScript packages, and the bundle

.PHONY: setup-docs
setup-docs: .venv-docs/.ready ## an environment that builds the documentation

.PHONY: setup-openai2
setup-openai2: .venv-openai2/.ready ## the second environment, with openai 2

.PHONY: setup-peers
setup-peers: $(PEERS:%=.venv-peers/%/.ready) ## an environment for each peer that `make bench` compares with

.PHONY: setup-presidio
setup-presidio: .venv-presidio/.ready ## an environment with the optional extra `presidio`

.PHONY: setup-evaluators
setup-evaluators: .venv-evaluators/.ready ## an environment with autoevals, deepeval, ragas and guardrails-ai

.PHONY: setup-browser
setup-browser: ## Chromium: the system's, or apt's
	@tools/chromium --install >/dev/null

.PHONY: setup-servers
setup-servers: .venv-servers/.ready ## an environment with Phoenix and MLflow, about 1 GB

.PHONY: setup-engines
setup-engines: .venv-engines/.ready ## the third environment, with PySpark, and Java: the system's, or apt's
	@tools/java --install >/dev/null

.venv/.ready: pyproject.toml uv.lock
	$(STEP) "Set-up: Python packages (.venv)"
	$(SYNC)
	@touch $@

.venv-docs/.ready: pyproject.toml uv.lock
	$(STEP) "Set-up: what builds the documentation (.venv-docs)"
	UV_PROJECT_ENVIRONMENT=.venv-docs $(UV) sync --frozen --only-group docs
	@touch $@

.venv-openai2/.ready: pyproject.toml uv.lock
	$(STEP) "Set-up: Python packages with openai 2 (.venv-openai2)"
	UV_PROJECT_ENVIRONMENT=.venv-openai2 $(SYNC) --no-default-groups --group openai2 --group test --group demo
	@touch $@

.venv-engines/.ready: pyproject.toml uv.lock
	$(STEP) "Set-up: Python packages with PySpark (.venv-engines)"
	UV_PROJECT_ENVIRONMENT=.venv-engines $(SYNC) --no-default-groups --group engines --group openai3 --group test
	@touch $@

.venv-peers/%/.ready: tests/bench/peers/%.txt | .venv/.ready
	$(STEP) "Set-up: a peer to compare with (.venv-peers/$*)"
	$(UV) venv --quiet --clear --python .venv/bin/python .venv-peers/$*
	$(UV) pip install --quiet --python .venv-peers/$*/bin/python --requirements $<
	@touch $@

.venv-servers/.ready: tests/export/servers.txt | .venv/.ready
	$(STEP) "Set-up: Phoenix and MLflow (.venv-servers)"
	$(UV) venv --quiet --clear --python .venv/bin/python .venv-servers
	$(UV) pip install --quiet --python .venv-servers/bin/python --requirements $<
	@touch $@

.venv-presidio/.ready: pyproject.toml uv.lock
	$(STEP) "Set-up: Python packages with Presidio (.venv-presidio)"
	UV_PROJECT_ENVIRONMENT=.venv-presidio $(SYNC) --no-default-groups --group openai3 --group test --extra presidio
	@touch $@

.venv-evaluators/.ready: pyproject.toml uv.lock
	$(STEP) "Set-up: Python packages with evaluators of others (.venv-evaluators)"
	UV_PROJECT_ENVIRONMENT=.venv-evaluators $(SYNC) --no-default-groups --group evaluators --group test
	@touch $@

js/node_modules/.ready: js/package.json js/package-lock.json
	$(STEP) "Set-up: JavaScript packages (js/node_modules)"
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(BUNDLE): js/node_modules/.ready $(BUNDLE_SOURCES)
	$(STEP) "Set-up: the widget's bundle"
	$(NPM) run --silent build
	@touch $@

$(BUILT_WITH_IT): $(BUNDLE)
	@test -e $@ || $(NPM) run --silent build
	@touch $@
