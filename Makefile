# What a contributor types. `make test` is exactly what CI runs. Needs Rust, a C compiler and Python 3; anything else is
# installed by the lane that wants it, or the lane is printed as NOT RUN with the way to get it.

.PHONY: run test soak bench fmt

TARGET := $(or $(CARGO_TARGET_DIR),target)

# Starts a development server on ./dev-data and prints the three lines to paste into a second shell.
run:
	@cargo build --quiet --release --package claviger
	@exec $(TARGET)/release/claviger serve --dev --data-dir dev-data --listen 127.0.0.1:4566

# Everything that CI does.
test:
	@python3 tests/run.py

# The same and more of it: 300 kills, a million inputs for each fuzz target, 200,000 power losses, four million
# decisions held against the reference evaluator. Hours, not minutes.
soak:
	@python3 tests/run.py --soak

# The performance claims in paired rounds, each with its median ratio and spread. `make bench CLAIMS=encrypt` runs one.
CLAIMS := calibrate encrypt session data-key keys start audited auditing

bench:
	@cargo build --quiet --release --package claviger --package claviger-bench
	@failed=; for claim in $(CLAIMS); do $(TARGET)/release/rounds $$claim || failed="$$failed $$claim"; done; \
	test -z "$$failed" || { echo "above their limit:$$failed"; exit 1; }

fmt:
	@cargo fmt --all
