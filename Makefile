# The list of verbs, and no more: what they do is in deploy/local and the packages named below.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
SYSTEM := $(PYTHON) -m deploy.local
LOCAL  := .venv/bin/python -m deploy.local
SEEDS  ?= 20
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup doctor demo test check up down clean simulate chaos bench docs proto lock k8s

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make the environment and fetch the broker, once; every verb that needs them does it by itself
	@$(SYSTEM) setup

doctor: ## list what only the system can give, and how to get what is missing
	@$(SYSTEM) doctor

demo: setup ## the main job on real data, from events to a verified certificate (ARGS="--data DIR --replicas 2")
	@.venv/bin/python -m demo $(ARGS)

test: setup ## everything that must hold: lint, types, rules, tests in memory and on the real parts, simulation
	@$(LOCAL) test $(ARGS)

check: setup ## lint, types and who may import whom, nothing else
	@$(LOCAL) check

up: setup ## start broker, store and the five services, print the addresses (ARGS="--replicas 2 --observe")
	@$(LOCAL) up $(ARGS)

down: ## stop every process of this checkout's stacks; the data stays
	@$(SYSTEM) down

clean: ## stop everything, remove data, logs and caches (ARGS=--all: environment and broker too)
	@$(SYSTEM) clean $(ARGS)

simulate: setup ## a seeded town of clients and annotators under faults, in memory (SEEDS=20)
	@.venv/bin/python -m simulation --seeds $(SEEDS) $(ARGS)

chaos: setup ## two processes of each service killed under load, and what came of it (ARGS="--minutes 10 --roll")
	@.venv/bin/python -m tests.end_to_end.chaos $(ARGS)

bench: setup ## what an admitted unit, a claim and submit, and a consumed event cost (ARGS)
	@.venv/bin/python -m bench $(ARGS)

docs: setup ## make the documentation into a site of plain files below .local/docs (ARGS=FOLDER)
	@.venv/bin/python docs/site_of.py $(ARGS)

k8s: setup ## render the Kubernetes manifests and check them (ARGS)
	@.venv/bin/python -m deploy.k8s $(ARGS)

proto: setup ## generate the contracts' code from proto/ anew
	@.venv/bin/python -m proto $(ARGS)

lock: setup ## write what requirements/*.in resolve to, with hashes; present versions stay (ARGS=--upgrade)
	@$(LOCAL) lock $(ARGS)
