# What people type; the work is done by cmake (CMakePresets.json) and tools/. Each target installs what
# it lacks through tools/bootstrap. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
CMAKE_FLAGS = -DAIRCHECK_FUZZ_SECONDS=$(FUZZ_SECONDS)

define build_preset
	cmake --preset $(1) $(CMAKE_FLAGS) >build/$(1).cmake.log 2>&1 || { cat build/$(1).cmake.log; exit 1; }
	cmake --build build/$(1) -j $(JOBS) $(if $(2),--target $(2))
endef

.PHONY: run
run: build ## build, then `aircheck demo`: a room, two callers, a real recording
	build/aircheck demo

.PHONY: build
build: bootstrap-build ## build/aircheck, from the release preset
	@mkdir -p build
	$(call build_preset,release,aircheck)
	@ln -sfn release/aircheck build/aircheck

.PHONY: test
test: bootstrap-test ## unit tests and tests against real peers, at most 30 minutes
	@mkdir -p build
	$(call build_preset,release)
	@ln -sfn release/aircheck build/aircheck
	@tools/run_tests --ctest build/release --pytest 'not slow and not chaos and not deploy'

.PHONY: test-full
test-full: FUZZ_SECONDS = 6
test-full: bootstrap-test bootstrap-full ## the rest: sanitizers, fuzzing, slow peers, chaos, formatting
	@mkdir -p build
	$(call build_preset,release)
	@ln -sfn release/aircheck build/aircheck
	@tools/run_tests --command 'format=tools/check_format' \
	    --beside 'sanitizers=make sanitizers FUZZ_SECONDS=$(FUZZ_SECONDS)' --pytest 'slow or chaos' \
	    --ctest build/asan --ctest build/fuzz:fuzz

.PHONY: sanitizers
sanitizers: bootstrap-full
	@mkdir -p build
	$(call build_preset,asan)
	$(call build_preset,fuzz,fuzz_targets)

.PHONY: test-deploy
test-deploy: bootstrap-test bootstrap-deploy build ## the package, the image and the chart, as far as they can be tried here
	@tools/run_tests --pytest deploy

CHAOS_SEEDS ?= 1-20
.PHONY: chaos
chaos: bootstrap-test build ## kill, cut off and fill up: nothing recorded may be lost; CHAOS_SEEDS=1-20
	@AIRCHECK_CHAOS_SEEDS=$(CHAOS_SEEDS) tools/run_tests --pytest chaos

.PHONY: bench
bench: bootstrap-test ## the budgets of docs: a table, and JSON in bench/results/
	@mkdir -p build
	$(call build_preset,release,aircheck_bench)
	build/release/bench/aircheck_bench --json bench/results/$$(date -u +%Y-%m-%dT%H%M%S).json

.PHONY: fuzz
fuzz: bootstrap-full ## every parser under libFuzzer for FUZZ_SECONDS (60) each
	@mkdir -p build
	$(call build_preset,fuzz,fuzz_targets)
	@tools/run_tests --ctest build/fuzz:fuzz

.PHONY: asan
asan: bootstrap-test ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@mkdir -p build
	$(call build_preset,asan)
	@tools/run_tests --ctest build/asan

.PHONY: tsan
tsan: bootstrap-test ## unit tests of the layers with threads under ThreadSanitizer
	@mkdir -p build
	$(call build_preset,tsan)
	@tools/run_tests --ctest build/tsan

.PHONY: package
package: build bootstrap-package ## a Debian package in build/package/
	tools/package build/release build/package

.PHONY: format
format: bootstrap-full ## clang-format 14 over all C++
	tools/check_format --fix

.PHONY: tidy
tidy: bootstrap-full ## clang-tidy 19 over all C++
	@mkdir -p build
	$(call build_preset,dev)
	run-clang-tidy-19 -quiet -j $(JOBS) -p build/dev '/(src|sim)/.*(?<!\.pb)\.cpp$$'

.PHONY: layers
layers: ## holds every #include against the table of layers
	tools/check_layers

.PHONY: bootstrap-build bootstrap-test bootstrap-full bootstrap-package bootstrap-deploy
bootstrap-build:
	@tools/bootstrap build
bootstrap-test:
	@tools/bootstrap build peers
bootstrap-full:
	@tools/bootstrap build full
bootstrap-package:
	@tools/bootstrap package
bootstrap-deploy:
	@tools/bootstrap deploy

.PHONY: clean
clean: ## removes what was built here
	rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
