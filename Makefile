# `make run` works on a fresh machine with Rust, Python 3 and a C compiler; `make test` wants exiftool too.
SHELL := /bin/sh
CARGO := cargo
DARKROOM := $${CARGO_TARGET_DIR:-target}/debug/darkroom

.PHONY: help run test lint chaos queue bench-pipeline bench-orchestration bench-lettering bench-images

help:
	@echo 'make run             build everything and run it here, with a simulated provider'
	@echo '                     (DARKROOM_BIN=path/to/darkroom runs that instead of building)'
	@echo 'make test            all tests, against a real NATS server and a real S3 server'
	@echo 'make lint            format, clippy, documentation, licences and bans'
	@echo 'make chaos           cuts the power of every service over and over, and counts the bill'
	@echo 'make queue           10,000 jobs that wait for an account without funds, and none that fails'
	@echo 'make bench-pipeline  what one generation costs us, end to end'
	@echo 'make bench-orchestration  the same without the pictures'
	@echo 'make bench-lettering  how often lettering survives a cut'
	@echo 'make bench-images    what cuts cost us and sharp; wants Node.js'

# The recipe ends in `exec`, so that Ctrl-C and SIGTERM reach darkroom with no shell in between.
run:
	@scripts/fetch-tools
	@if [ -n "$$DARKROOM_BIN" ]; then exec "$$DARKROOM_BIN" up; fi; \
	echo 'building; the first time takes some minutes' >&2; \
	$(CARGO) build --locked --package darkroom && exec "$(DARKROOM)" up

# The services' programs are built first: the end-to-end tests start them.
test:
	@scripts/fetch-tools --test
	$(CARGO) build --locked --workspace
	@if $(CARGO) nextest --version >/dev/null 2>&1; \
	then set -x; exec $(CARGO) nextest run --locked --workspace; \
	else set -x; exec $(CARGO) test --locked --workspace; fi

lint:
	@scripts/fetch-tools --ci
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --quiet
	.tools/cargo-deny --locked check --hide-inclusion-graph bans licenses sources

# What the services say is much, and goes to a file.
chaos:
	@scripts/fetch-tools
	$(CARGO) build --locked --workspace
	$(CARGO) bench --locked --profile dev --package e2e --bench chaos >"$${CARGO_TARGET_DIR:-target}/chaos.log"

# The test suite has 1,500. nextest would end it after three minutes.
queue:
	@scripts/fetch-tools
	QUEUE=10000 $(CARGO) test --locked --package generator --test buying -- --exact --nocapture \
		gate::fifteen_hundred_wait_for_money_without_a_failure

bench-pipeline:
	@scripts/fetch-tools
	$(CARGO) build --locked --release --package darkroom
	$(CARGO) bench --locked --profile dev --package e2e --bench pipeline

# The design that this began with is measured beside, if node, npm and redis-server are there.
bench-orchestration:
	@scripts/fetch-tools
	$(CARGO) build --locked --release --package darkroom
	$(CARGO) bench --locked --profile dev --package e2e --bench orchestration

bench-lettering:
	$(CARGO) bench --locked --profile dev --package imaging --bench text_safe

# The peer comes from npm.
bench-images:
	@command -v node >/dev/null && command -v npm >/dev/null || \
	{ echo 'bench-images compares with sharp from npm: install Node.js 20 or newer' >&2; exit 1; }
	$(CARGO) bench --locked --package imaging --bench images
