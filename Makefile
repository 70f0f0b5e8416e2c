# Thin: every target brings what it needs first and says so; what is there already costs nothing.

# Programs brought without root come last, so that those of the system win.
export PATH := $(PATH):$(CURDIR)/target/tools/usr/bin
CARGO ?= cargo
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))

.PHONY: help demo test fuzz lint bench bases scale tools fixtures casd
help:
	@echo "make demo      builds kiln, builds docs/examples/hello with it, runs the result"
	@echo "make examples  builds all of docs/examples, from sources to a system that runs; goes on where it was stopped"
	@echo "make test      the whole test suite"
	@echo "make fuzz      damaged archives, packages, images, patches, texts and locks for minutes, in processes with little memory"
	@echo "make lint      formatting and clippy"
	@echo "make bench     measures what must be fast, beside its floors; takes many minutes"
	@echo "make bases     makes the 16 bases (suites, profiles, architectures), compares each with its packages; 1 GB"
	@echo "make scale     fetches 92 packages from a mirror that breaks, builds N=25 (all that build: hours), compares with Debian"
	@echo "make tools     system programs that kiln needs (bubblewrap)"
	@echo "make fixtures  packages and the static shell that tests use, under target/"
	@echo "make casd      the remote execution engine that tests use, under target/"

demo: tools
	@echo "demo: building kiln, which takes a minute or two the first time"
	@$(CARGO) build --quiet --package kiln-cli
	@tests/fixtures/demo.sh $(TARGET)/debug/kiln

examples: tools
	@echo "examples: building kiln"
	@$(CARGO) build --quiet --release --package kiln-cli
	@tests/fixtures/examples.sh $(TARGET)/release/kiln

test: tools fixtures casd
	$(CARGO) test --workspace --quiet --no-fail-fast

# No sanitizer and no nightly compiler: it is about panics, leftovers and memory, and no crate of kiln is unsafe there.
FUZZ_CASES ?= 100000
ISOLATION_CASES ?= 10000
FUZZED = kiln-source-archive kiln-source-deb kiln-source-oci kiln-patch kiln-syntax kiln-fmt kiln-lock kiln-eval
fuzz: fixtures
	$(CARGO) test $(FUZZED:%=--package %) --package kiln-project --no-run
	ulimit -v 3000000 && OPENERS_DEPTH=100000 PROPTEST_CASES=$(FUZZ_CASES) \
		$(CARGO) test $(FUZZED:%=--package %) --lib --tests fuzz
	ISOLATION_CASES=$(ISOLATION_CASES) $(CARGO) test --package kiln-project --test isolation -- --nocapture

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

bench: tools fixtures
	@echo "bench: building kiln and what is measured beside it"
	@$(CARGO) build --quiet --release --package kiln-cli
	@$(CARGO) build --quiet --release --examples --package kiln-plan --package kiln-artifact \
		--package kiln-stage --package kiln-source-local --package kiln-source-deb \
		--package kiln-source-archive --package kiln-source-git --package kiln-local
	@CARGO_TARGET_DIR=$(TARGET) benches/run

bases: tools
	@echo "bases: building kiln"
	@$(CARGO) build --quiet --release --package kiln-cli
	@python3 -B tests/bases/run.py $(TARGET)/release/kiln $(BASES)

scale: tools
	@echo "scale: building kiln"
	@$(CARGO) build --quiet --release --package kiln-cli
	@tests/scale/mirror.sh
	@python3 -B tests/scale/run.py $(TARGET)/release/kiln track fetch build $(N)

tools:
	@tests/fixtures/tools.sh

fixtures:
	@tests/fixtures/mirror.sh
	@tests/fixtures/shell.sh

casd:
	@tests/fixtures/casd.sh
