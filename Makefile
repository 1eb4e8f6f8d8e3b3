# Thin names for scripts/. Everything made lands in build/.
.PHONY: help demo test bench quality faults lint fmt api-image

help:
	@echo "make demo    train the grocery sample, serve it, ask it over gRPC (installs Debian packages that are missing)"
	@echo "make test    build and run every test, then the core's once more under sanitizers"
	@echo "make bench   measure against the peers: build/bench.json and docs/benchmarks.md"
	@echo "make quality measure what the models recommend: build/quality.json and docs/benchmarks.md (20 to 50 minutes)"
	@echo "make faults  break Redis, the network and the server under load: build/faults.json and docs/benchmarks.md (about 20 minutes)"
	@echo "make lint    formatting, clang-tidy, include directions, scripts, the API"
	@echo "make fmt     format the C++ sources in place"
	@echo "make api-image  has what the API grew by watched for breaking changes: tests/compat/api.binpb"

demo:
	@scripts/demo.sh

test:
	@scripts/test.sh

bench:
	@scripts/bench.sh

quality:
	@scripts/quality.sh

faults:
	@scripts/faults.sh

lint:
	@scripts/lint.sh

api-image:
	@scripts/check_api.sh --renew

fmt:
	@scripts/install_packages.sh lint
	@git ls-files '*.h' '*.cc' | xargs clang-format-14 -i
