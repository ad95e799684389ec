# Everything that a person or a machine runs here. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build release check house test rust-test kill faults fuzz judges judges-go demo bench growth fmt clean

CARGO ?= cargo
PY := .venv/bin/python
BENCH_ARGS ?= --quick
KILLS ?= 10000
FUZZ_SECONDS ?= 60
FUZZ ?= $(patsubst testdata/corpus/%/,%,$(wildcard testdata/corpus/*/))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install what tests need: Debian packages and a Python environment; quick when all is there
	@scripts/setup

# With a test beside them, so that what they are made of has the features that it has in tests, and is compiled once.
build: ## the programs, for tests
	$(CARGO) build --locked --workspace --bins --test walls

release: ## the programs, for use: target/release/comity, comity-verify and extract-worker
	@scripts/setup --build
	$(CARGO) build --locked --release -p comity -p comity-verify -p comity-worker

check: setup ## formatting, warnings, licences, what may depend on what
	$(CARGO) fmt --all --check
	$(MAKE) --no-print-directory house
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

house: ## the rules of the house alone, without a compiler
	$(PY) tests/house.py
	$(PY) testdata/samples/make.py --check

test: setup rust-test judges ## all tests, the judgement of other people's programs, and the demo
	scripts/demo --bin target/debug </dev/null

rust-test:
	TMPDIR=$$(scripts/test-folder) $(CARGO) test --workspace --locked

kill: ## kill the program at every durable call and by lot: KILLS=10000, KILLS_SEED, KILLS_ACT
	KILLS=$(KILLS) $(CARGO) test -p comity --locked --test kills -- --nocapture

faults: ## every fault of a disk at every call of an intake, a compaction, a backup, a disclosure and a mirror
	FAULTS=all $(CARGO) test -p comity-app --locked --test app -- whatever_

fuzz: ## every parser, FUZZ_SECONDS each, from the kept corpora; what it finds lies in fuzz/artifacts
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked
	@mkdir -p fuzz/artifacts
	@export RUSTC_BOOTSTRAP=1; $(CARGO) fuzz build; for parser in $(FUZZ); do \
		echo "fuzz: $$parser"; mkdir -p fuzz/corpus/$$parser; \
		COMITY_PARSER=$$parser $(CARGO) fuzz run parser fuzz/corpus/$$parser testdata/corpus/$$parser -- \
			-max_total_time=$(FUZZ_SECONDS) -malloc_limit_mb=256 -max_len=65536 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=fuzz/artifacts/$$parser-; \
	done

judges: setup build ## programs that others wrote judge what ours made
	$(PY) tests/judges/run.py --bin target/debug

judges-go: setup build ## more of them, written in Go, from the Go module proxy; not part of `make test`
	$(PY) tests/judges/run.py --bin target/debug --proxy

demo: setup release ## the story, told in the terminal
	@scripts/demo --bin target/release

bench: setup release ## Comity beside its peers; BENCH_ARGS="--runs 3" for the whole thing
	scripts/setup --bench
	$(PY) bench/compare $(BENCH_ARGS)

growth: setup release ## time and memory for each item as a centre grows
	$(PY) bench/growth

fmt: ## format
	$(CARGO) fmt --all

clean: ## remove what was built and the Python environment
	$(CARGO) clean
	rm -rf .venv
