# Everything a person types. The work is done by tools/setup.py and by omni-agent; this file only names it.
PYTHON ?= python3
VENV ?= .venv
PROFILE ?= default
OUT ?= demo-out
SCENARIO ?= conversation
BENCH ?= latency
TESTS ?=

SETUP = $(PYTHON) tools/setup.py --venv $(VENV) --profile $(PROFILE)
IN_VENV = . $(VENV)/omni_env.sh &&

.PHONY: help python setup setup-tests demo talk test bench models colcon clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'
	@echo '  (PYTHON=python3.12 picks another Python, PROFILE=small the small language model)'

python:
	@command -v $(PYTHON) >/dev/null || { echo 'There is no $(PYTHON). Run this as root, then the same again:'; \
	  echo '    apt-get update && apt-get install -y python3'; exit 1; }

setup: python  ## everything that is needed, once: system packages, .venv, messages, models
	@$(SETUP)

setup-tests: python  ## the same, with what the tests need
	@$(SETUP) --tests

# the errand needs nav2's messages, which are built with what the tests need
demo: $(if $(filter errand,$(SCENARIO)),setup-tests,setup)  ## a scripted conversation through the real graph, about 90 s; leaves demo-out/report.html
	@$(IN_VENV) omni-agent demo --scenario $(SCENARIO) --out $(OUT)

talk: setup  ## the same agent with this machine's microphone, loudspeaker and camera
	@$(IN_VENV) omni-agent talk

test: setup-tests  ## every test (TESTS='test/test_models.py -k offline' for some)
	@$(IN_VENV) python -m pytest -q -rfEsR $(TESTS)

bench: setup  ## measurements (BENCH=latency, interrupts, memory, ...; omni-agent bench --help lists them), figures in JSON
	@$(IN_VENV) omni-agent bench $(BENCH) --json build/bench-$(BENCH).json

models: setup  ## which model files are here
	@$(IN_VENV) omni-agent models list

colcon:  ## build both packages with colcon, for a sourced ROS 2
	colcon build --base-paths . omni_agent_msgs --packages-select omni_agent omni_agent_msgs

clean:  ## remove what setup, demo and colcon made here (the model cache stays)
	rm -rf $(VENV) build install log $(OUT) *.egg-info
