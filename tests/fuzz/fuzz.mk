# SPDX-License-Identifier: LGPL-2.1-or-later
# Included by the top Makefile. Needs clang with libFuzzer.

FUZZERS    := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_TIME  ?= 600
FUZZ_SEED  ?= 0
FUZZ_BUILD := CC=clang B=build/fuzz CFLAGS="-O1 -g" \
	SANITIZER="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"

## fuzz          each fuzz target for FUZZ_TIME=600 seconds; what it learns stays below build/fuzz/
fuzz:
	$(Q)$(MAKE) $(FUZZ_BUILD) fuzzers
	$(Q)tests/fuzz/run.sh build/fuzz $(FUZZ_TIME) $(FUZZ_SEED) $(FUZZERS)

# A check that other inputs fail on each time says nothing about a change: it has one seed.
## check-fuzz    the same for a few seconds each, from one seed
check-fuzz:
	$(Q)$(MAKE) FUZZ_TIME=5 FUZZ_SEED=1 fuzz

fuzzers: $(FUZZERS:%=$(B)/tests/fuzz/%_fuzz) $(B)/tests/fuzz/decode_seeds

$(B)/tests/fuzz/engine_fuzz: $(B)/tests/unit/policy_world.o $(B)/tests/unit/example_events.o
$(B)/tests/fuzz/netlink_fuzz: $(B)/watchdog/sources/socket_diag.o $(B)/watchdog/sources/flow_tracking.o \
		$(B)/watchdog/sources/process_events.o $(B)/watchdog/support/process_files.o $(NAMESPACES)
$(B)/tests/fuzz/handover_fuzz: $(B)/watchdog/support/handover_memory.o $(B)/watchdog/support/handover_store.o
$(B)/tests/fuzz/route_fuzz: $(B)/watchdog/sources/route_monitor_expiry.o $(NAMESPACES)
$(B)/tests/fuzz/bus_fuzz: $(B)/watchdog/cli/bus_value.o $(B)/watchdog/support/json.o \
		$(B)/watchdog/support/process_files.o
$(B)/tests/fuzz/tls_fuzz: $(B)/watchdog/check/step.o
$(B)/tests/fuzz/tls_fuzz: LIBS += $(LIBS_CHECK)
$(B)/tests/fuzz/services_fuzz: $(NAMESPACES) $(PROCESSES)
$(B)/tests/fuzz/spool_fuzz: $(B)/watchdog/collector/spool.o

$(B)/tests/fuzz/%_fuzz: $(B)/tests/fuzz/%_fuzz.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $(filter %.o,$^) \
		$(B)/libcore.a $(LIBS)

$(B)/tests/fuzz/decode_seeds: $(B)/tests/fuzz/decode_seeds.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^

.PHONY: fuzz check-fuzz fuzzers
