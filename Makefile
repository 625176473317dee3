# make demo    a server with real data, from an empty directory
# make test    everything that must hold
# make check   the quick part of it: form, lints, rules
# make bench   how fast signals come in, beside the disk alone and other databases, and how fast dialects are read
# make faults  the program under kills, power cuts, failing calls, full disks, damage, false clocks
# make fuzz    the decoders under libFuzzer, a minute each
# make laws    the properties with new cases, round after round
# make build   the program; prints where it lies

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check bench faults fuzz laws build program fmt lint rules compile docs-tests run-tests

# Outside the checkout, so that nothing built is ever copied or searched with the sources.
SESSIONARY_TARGET ?= $(or $(HOME),/tmp)/.cache/sessionary/target
export CARGO_TARGET_DIR := $(SESSIONARY_TARGET)
PROGRAM := $(SESSIONARY_TARGET)/ci/sessionary
CARGO := cargo
STAGE := scripts/stage

help:
	@sed -n 's/^# make/make/p' Makefile

# ---- the two commands

# DEMO="--listen 127.0.0.1:9090" and other flags of `sessionary demo` are handed on. Its directory is
# a fresh temporary one, and goes with it.
demo: program
	@"$(PROGRAM)" demo $(DEMO)

# The runner's summary stands last.
test: fmt lint compile docs-tests run-tests

# ---- the rest

check: fmt lint rules

# Each line in turn, round after round: compare within one run. docs/bench.md says what they mean.
# BENCH="--all" gives other flags to `sessionary bench ingest`.
BENCH ?= --seconds 2 --rounds 3
bench:
	@$(CARGO) build --locked --profile ci --package sessionary --bin sessionary --features bench-peers
	@"$(PROGRAM)" bench ingest $(BENCH)
	@$(CARGO) bench --locked --profile ci --package sessionary-dialects --bench dialects

# At most 15 minutes. SCENARIO=kill runs one of them, FAULTS="--rounds 100 --seed 7" says how; docs/faults.md.
faults:
	@$(CARGO) build --locked --profile ci --package sessionary --package sessionary-faults --bins
	@"$(SESSIONARY_TARGET)/ci/sessionary-faults" $(or $(SCENARIO),all) --program "$(PROGRAM)" $(FAULTS)

# TARGET=segment fuzzes one, SECONDS_EACH=600 says how long.
fuzz:
	@$(CARGO) xtask fuzz $(TARGET) $(or $(SECONDS_EACH),60)

# ROUNDS=100 says how many. Each prints its seed first; `PROPTEST_RNG_SEED=that make test` repeats it.
laws:
	@for round in $$(seq $(or $(ROUNDS),10)); do \
	  export PROPTEST_RNG_SEED=$$(od -An -N6 -tu8 /dev/urandom | tr -d ' '); \
	  echo "round $$round: PROPTEST_RNG_SEED=$$PROPTEST_RNG_SEED"; \
	  $(CARGO) nextest run --locked --cargo-profile ci $(addprefix --package sessionary-,core dialects engine store); \
	done

build: program
	@echo "$(PROGRAM)"

program:
	@$(CARGO) build --locked --profile ci --package sessionary --bin sessionary

# ---- stages, each timed

fmt:
	@$(STAGE) fmt $(CARGO) fmt --all --check

# In the profile of the tests: build scripts and macros are then compiled once. Measured on xtask
# and core: 11 s of CPU beside 16 s in a profile of its own.
lint:
	@$(STAGE) clippy $(CARGO) clippy --locked --workspace --all-targets --profile ci -- -D warnings

rules:
	@$(STAGE) rules $(CARGO) xtask rules

# Programs and tests in one go, so that both see the same features of every dependency.
compile:
	@$(STAGE) compile $(CARGO) build --locked --workspace --bins --tests --profile ci

docs-tests:
	@$(STAGE) doc-tests $(CARGO) test --locked --workspace --doc --profile ci --quiet

# The same cases each time, so that a change is judged by what it changes; `make laws` tries others.
run-tests: export PROPTEST_RNG_SEED ?= 20260105
run-tests: export SESSIONARY_BIN := $(PROGRAM)
run-tests:
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  $(STAGE) tests $(CARGO) nextest run --locked --workspace --cargo-profile ci $(if $(CI),--profile ci); \
	else \
	  echo "cargo-nextest is not installed; cargo test does the same, one binary after the other"; \
	  $(STAGE) tests $(CARGO) test --locked --workspace --bins --lib --tests --profile ci --no-fail-fast; \
	fi
