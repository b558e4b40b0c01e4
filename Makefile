# The usual words for the usual steps; CMakeLists.txt does the work.
MAKEFLAGS += --no-print-directory
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 1)

all:
	@cmake --preset release
	@cmake --build --preset release -j $(JOBS)

test: all
	@ctest --preset release

# Everything a change has to pass: sanitizers, clang, format, static checks.
check:
	@tools/check.sh

# The paper's figures on the demo model, into build/reproduce (reproduce/README.md).
reproduce: all
	@LOCI_OPTIONS="--precision f32" reproduce/all.sh models/flags models/flags/data build/reproduce 240 10

install: all
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"
	@echo "To compile against it: export PKG_CONFIG_PATH=$(PREFIX)/lib/pkgconfig"
	@echo "To run what was compiled, if the system does not look there: export LD_LIBRARY_PATH=$(PREFIX)/lib"

clean:
	rm -rf build

.PHONY: all test check reproduce install clean
