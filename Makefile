# SPDX-License-Identifier: GPL-3.0-or-later
# lecd: one non-recursive Makefile. Everything is built into build/.
#
#   make            the programs            make demo       a simulated day, watched
#   make test       unit and scenario tests make bench      one figure a line
#   make lint       style and static checks make sanitize   the tests under ASan, UBSan, TSan, valgrind
#   make fuzz       what is read from outside, fed with anything
#   make test-system  a real systemd        make test-long  faults of devices, in real time; hostile years
#   make parity     learned actors against ONNX Runtime
#   make mpi        lec-train for several machines
#   make install DESTDIR=

VERSION = 0.1.0
PREFIX = /usr
SYSCONFDIR = /etc
DESTDIR =
UNITDIR = $(PREFIX)/lib/systemd/system

# --- what the machine must have (Debian names): the one list -------------------------------------
PACKAGES_BUILD = gcc make pkg-config libc6-dev libmodbus-dev libmosquitto-dev libsqlite3-dev \
	libglpk-dev libsystemd-dev libinih-dev libjansson-dev libssl-dev libonnx-dev libprotobuf-c-dev \
	protobuf-c-compiler libopenblas-pthread-dev tzdata
PACKAGES_DEMO = mosquitto python3
PACKAGES_MPI = libopenmpi-dev openmpi-bin
PACKAGES_TEST = $(PACKAGES_DEMO) $(PACKAGES_MPI) libcmocka-dev mosquitto-clients openssl sqlite3 socat python3-pymodbus \
	python3-serial-asyncio python3-aiohttp mbpoll
PACKAGES_LINT = clang clang-format clang-tidy cppcheck mandoc systemd libclang-rt-dev valgrind
PACKAGES_BENCH = coinor-libclp-dev nodejs
PACKAGES_PARITY = nodejs python3-torch python3-onnx python3-numpy # and npm, which comes with newer nodejs
PACKAGES_SYSTEM = mmdebstrap systemd-container

# --- how to build --------------------------------------------------------------------------------
CC = gcc
VARIANT =                     # "" | asan | tsan | fuzz: its own folder below build/
BUILD = build$(addprefix /,$(strip $(VARIANT)))
LIBRARIES = libmodbus libmosquitto sqlite3 libsystemd inih jansson libcrypto libprotobuf-c
ONNX_PROTO = /usr/include/onnx # of libonnx-dev: the format of learned actors
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wmissing-prototypes \
	-Wstrict-prototypes -Wpointer-arith $(if $(CI),-Werror)
HARDENING = -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
LINKING = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
OPTIMISE = -O2 -g
WATCHED = -O1 -g1 -fno-omit-frame-pointer # what a sanitizer finds has its lines; -g takes a third longer
ifneq ($(filter asan,$(VARIANT)),)
HARDENING = -fPIE -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPTIMISE = $(WATCHED)
endif
ifneq ($(filter tsan,$(VARIANT)),)
HARDENING = -fPIE -fsanitize=thread
OPTIMISE = $(WATCHED)
endif
ifneq ($(filter fuzz,$(VARIANT)),)
CC = clang
HARDENING = -fPIE -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
OPTIMISE = $(WATCHED)
endif
# Loops over whole networks: abreast, and without a call for each root.
TRAINING = $(if $(strip $(VARIANT)),,-O3) -fno-math-errno
SANITIZE = $(filter -fsanitize%,$(HARDENING))
# pkg-config is asked when a recipe runs, not when make reads this: the first run installs it.
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -DLECD_VERSION='"$(VERSION)"' -DLECD_DATA='"$(PREFIX)/share/lecd"' -I. -I$(BUILD)/made $(WARNINGS) $(HARDENING) \
	$(OPTIMISE) -pthread $$(pkg-config --cflags $(LIBRARIES)) $(CFLAGS)
LIBS = $$(pkg-config --libs $(LIBRARIES)) -lglpk -lopenblas -lm -pthread

PROGRAMS = lecd lecd-release lecctl lec-market lec-dso lec-sim lec-train
main_lecd = daemon/home/lecd
main_lecd-release = daemon/home/lecd_release
main_lecctl = daemon/home/lecctl
main_lec-dso = daemon/grid/lec-dso
main_lec-sim = sim/lec-sim
main_lec-train = sim/lec-train
main_lec-market = daemon/market/lec-market
# By MPI, in build/mpi, and what they are made of beside sim/mpi/ranks.c.
MPI_PROGRAMS = lec-train test_ranks
mpi_lec-train = $(BUILD)/obj/sim/lec-train.o
mpi_test_ranks = tests/mpi/test_ranks.c

FOLDERS = daemon/base drivers policy policy/train daemon/market daemon/grid \
	daemon/home $(if $(filter fuzz,$(VARIANT)),,sim) # no fuzz target stands on it
SOURCES = $(wildcard $(addsuffix /*.c,$(FOLDERS)))
HEADERS = $(wildcard $(addsuffix /*.h,$(FOLDERS) tests tests/unit))
MAINS = $(foreach p,$(PROGRAMS),$(main_$(p)).c)
OBJECTS = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out $(MAINS),$(SOURCES))) $(BUILD)/obj/made/onnx.pb-c.o
LIBRARY = $(BUILD)/liblecd.a
TEST_SOURCES = $(wildcard tests/unit/test_*.c)
TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(TEST_SOURCES))
BENCHES = $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
FUZZERS = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzzers/%,$(wildcard tests/fuzz/*.c))

.PHONY: all programs mpi test testable compiled flags demo bench bench-home bench-devices bench-planner \
	bench-market bench-grid bench-policy parity lint \
	sanitize fuzz fuzzers test-system test-long test-community install clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/.packages-BUILD
	@$(MAKE) --no-print-directory programs
programs: $(addprefix $(BUILD)/,$(PROGRAMS))

# Install what is missing of a list, once per list and change of this file.
$(BUILD)/.packages-%: Makefile
	@mkdir -p $(@D)
	@missing=$$(for p in $(PACKAGES_$*); do \
		dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		sudo=$$( [ $$(id -u) = 0 ] || echo sudo ); \
		echo "installing:" $$missing; \
		$$sudo apt-get update -qq && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			-o Dpkg::Use-Pty=0 $$missing >/dev/null; \
	fi
	@touch $@

# One apt at a time.
$(BUILD)/.packages-DEMO $(BUILD)/.packages-MPI $(BUILD)/.packages-TEST: $(BUILD)/.packages-BUILD
$(BUILD)/.packages-BENCH $(BUILD)/.packages-SYSTEM: $(BUILD)/.packages-TEST
$(BUILD)/.packages-LINT: $(BUILD)/.packages-BENCH

# The reader of ONNX files is made from the format's own description; it is nobody's to warn about.
$(BUILD)/made/onnx.pb-c.c: Makefile
	@mkdir -p $(@D)
	@protoc-c --proto_path=$(ONNX_PROTO) --c_out=$(@D) onnx.proto
$(BUILD)/made/onnx.pb-c.h: $(BUILD)/made/onnx.pb-c.c ;
$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard policy/onnx*.c)): $(BUILD)/made/onnx.pb-c.h
$(BUILD)/obj/made/onnx.pb-c.o: $(BUILD)/made/onnx.pb-c.c
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(CFLAGS_ALL) -w -c $< -o $@

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(CFLAGS_ALL) $(if $(filter policy/train/%,$<),$(TRAINING)) -MMD -MP -c $< -o $@

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

.SECONDEXPANSION:
$(addprefix $(BUILD)/,$(PROGRAMS)): $(BUILD)/%: $(BUILD)/obj/$$(main_$$*).o $(LIBRARY)
	@echo "LD $@"
	@$(CC) $(SANITIZE) $(LINKING) $^ -o $@ $(LIBS)

# The trainer by MPI: its own sim/mpi/ranks.c is taken before the library's sim/ranks.c.
mpi: $(BUILD)/.packages-BUILD $(BUILD)/.packages-MPI
	@$(MAKE) --no-print-directory $(BUILD)/mpi/lec-train
$(MPI_PROGRAMS:%=$(BUILD)/mpi/%): $(BUILD)/mpi/%: sim/mpi/ranks.c $$(mpi_$$*) $(LIBRARY)
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(CFLAGS_ALL) $$(pkg-config --cflags ompi-c) -MMD -MP -MF $@.d $(LINKING) $< $(mpi_$*) \
		$(LIBRARY) -o $@ $(if $(filter test_%,$*),-lcmocka) $(LIBS) $$(pkg-config --libs ompi-c)

$(BUILD)/tests/%: tests/unit/%.c $(LIBRARY)
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d $(LINKING) $< $(LIBRARY) -o $@ -lcmocka $(LIBS)

$(BUILD)/bench/%: tests/bench/%.c $(LIBRARY) # the planner is measured beside CLP
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d $(LINKING) $< $(LIBRARY) -o $@ $(LIBS) \
		$(if $(filter %/planner,$@),$$(pkg-config --cflags --libs clp))

$(BUILD)/fuzzers/%: tests/fuzz/%.c $(LIBRARY)
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer -MMD -MP -MF $(BUILD)/obj/fuzz-$*.d $(LINKING) $< $(LIBRARY) -o $@ $(LIBS)

-include $(MPI_PROGRAMS:%=$(BUILD)/mpi/%.d) $(OBJECTS:.o=.d) $(patsubst %.c,$(BUILD)/obj/%.d,$(MAINS)) $(addsuffix .d,$(TESTS) $(BENCHES))
-include $(patsubst $(BUILD)/fuzzers/%,$(BUILD)/obj/fuzz-%.d,$(FUZZERS))

# --- tests ---------------------------------------------------------------------------------------
test: $(BUILD)/.packages-TEST
	@$(MAKE) --no-print-directory testable
	@tests/run $(BUILD)
testable: programs $(TESTS) $(if $(strip $(VARIANT)),,$(MPI_PROGRAMS:%=$(BUILD)/mpi/%)) # MPI has leaks of its own

# The faults of devices in real time, with the bounds that depend on the machine: 12 min; then a
# market that is killed at any instruction for 100,000 rounds: 10 min. A year under each hostile
# actor in simulated time: 5 min.
test-long: $(BUILD)/.packages-TEST
	@$(MAKE) --no-print-directory programs $(BUILD)/tests/test_desk $(BUILD)/tests/test_desk_killed $(BUILD)/tests/test_desk_upstream $(BUILD)/tests/test_hostile
	@$(BUILD)/tests/test_hostile --year
	@tests/scenarios/faults.py $(BUILD) --long
	@TEST_ROUNDS=100000 $(BUILD)/tests/test_desk
	@TEST_ROUNDS=100000 $(BUILD)/tests/test_desk_killed
	@TEST_ROUNDS=20000 $(BUILD)/tests/test_desk_upstream

# Twenty homes trade for a week: half an hour.
test-community: $(BUILD)/.packages-TEST
	@$(MAKE) --no-print-directory programs
	@tests/scenarios/community.py $(BUILD) --long

# Learned actors against ONNX Runtime: as PyTorch exports them and random graphs, GRAPHS=1000 of them.
parity: $(BUILD)/.packages-TEST $(BUILD)/.packages-PARITY
	@$(MAKE) --no-print-directory $(BUILD)/tests/test_actor
	@tests/parity/run $(BUILD)

# Everything that is compiled, and nothing run.
compiled: testable $(BENCHES)

# What a tool that parses C must be told, on one line.
flags: $(BUILD)/made/onnx.pb-c.h
	@echo $(CFLAGS_ALL)

lint: $(BUILD)/.packages-LINT
	@nice -n 19 tests/lint/run

sanitize: $(BUILD)/.packages-LINT
	@tests/sanitize/run

# FUZZ_SECONDS=20 for each target, or FUZZ_RUNS=20000.
fuzz: $(BUILD)/.packages-LINT
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	@tests/fuzz/run build/fuzz
fuzzers: $(FUZZERS)

test-system: $(BUILD)/.packages-SYSTEM
	@tests/system/run

# --- demo and figures ----------------------------------------------------------------------------
demo: $(BUILD)/.packages-DEMO
	@$(MAKE) --no-print-directory programs
	@sim/demo.py $(BUILD)

bench: bench-home bench-devices bench-planner bench-market bench-grid bench-policy
# BENCH_SECONDS=600 for the full figure.
bench-home: $(BUILD)/.packages-DEMO
	@$(MAKE) --no-print-directory programs >&2
	@tests/bench/home.py $(BUILD)
bench-devices: $(BUILD)/.packages-DEMO
	@$(MAKE) --no-print-directory programs $(BUILD)/bench/decode $(BUILD)/bench/exchange >&2
	@tests/bench/devices.py $(BUILD)

bench-planner: $(BUILD)/.packages-BENCH
	@$(MAKE) --no-print-directory programs $(BUILD)/bench/planner >&2
	@$(BUILD)/bench/planner
	@tests/bench/closed_loop.py $(BUILD)

bench-grid: $(BUILD)/.packages-BUILD
	@$(MAKE) --no-print-directory $(BUILD)/bench/grid $(BUILD)/bench/three_phase $(BUILD)/bench/negotiation >&2
	@$(BUILD)/bench/grid
	@$(BUILD)/bench/three_phase
	@$(BUILD)/bench/negotiation

bench-market: $(BUILD)/.packages-DEMO
	@$(MAKE) --no-print-directory programs $(BUILD)/bench/market $(BUILD)/bench/league >&2
	@$(BUILD)/bench/market
	@$(BUILD)/bench/league
	@tests/bench/market.py $(BUILD)
	@tests/bench/chain.py $(BUILD)

# The same actors by ONNX Runtime, and the same update by PyTorch, where they can be had.
BENCH_ACTORS = actor tests/data/bench/relu-24-64-64-2.onnx actor_tanh tests/data/bench/tanh-24-64-64-2.onnx
bench-policy: $(BUILD)/.packages-BENCH
	@$(MAKE) --no-print-directory $(BUILD)/bench/actor $(BUILD)/bench/train $(BUILD)/bench/community >&2
	@$(BUILD)/bench/actor $(BENCH_ACTORS)
	@$(BUILD)/bench/train
	@tests/bench/train_torch.py
	@$(BUILD)/bench/community
	@modules=$$(tests/parity/runtime $(BUILD)) && node tests/bench/actor.js "$$modules" $(BENCH_ACTORS) || \
		echo "ONNX Runtime: not measured, its npm package cannot be had" >&2

# --- install -------------------------------------------------------------------------------------
# An existing /etc/lecd/site.conf is never touched.
install: all
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(BUILD)/lecd $(BUILD)/lecd-release
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/lecctl $(BUILD)/lec-market $(BUILD)/lec-dso \
		$(BUILD)/lec-sim $(BUILD)/lec-train
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lecd/profiles $(wildcard etc/profiles/*.conf)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lecd/feeders $(wildcard etc/feeders/*.csv etc/feeders/*.dss)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lecd/policies $(wildcard etc/policies/*)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/share/lecd/broker $(wildcard etc/broker/*)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/lecd/examples \
		$(wildcard etc/examples/* systemd/examples/*)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(wildcard docs/*.1)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 $(wildcard docs/*.5)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 $(wildcard docs/*.8)
	install -d $(DESTDIR)$(UNITDIR)
	for unit in $(notdir $(wildcard systemd/*.service)); do \
		sed 's|/usr/sbin/|$(PREFIX)/sbin/|g; s|/usr/bin/|$(PREFIX)/bin/|g; s|/etc/lecd/|$(SYSCONFDIR)/lecd/|g' \
			systemd/$$unit >$(DESTDIR)$(UNITDIR)/$$unit || exit 1; \
	done
	test -e $(DESTDIR)$(SYSCONFDIR)/lecd/site.conf || \
		install -D -m 644 etc/site.conf $(DESTDIR)$(SYSCONFDIR)/lecd/site.conf

clean:
	rm -rf build
