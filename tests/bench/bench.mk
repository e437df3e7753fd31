# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/bench, included by the Makefile of the tree.

BENCH_PROGRAMS := $(patsubst %,$(B)/tests/bench/%,connection_loop bulk crowd resets engine_replay \
	detection_floor tracepoint_floor handshake_loop)

$(B)/tests/bench/resets: $(B)/tests/bench/resets.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^

$(B)/tests/bench/detection_floor.bpf.o: tests/bench/detection_floor.h

$(B)/tests/bench/%_floor.bpf.o: tests/bench/%_floor.bpf.c ebpf/kernel_types.h
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 -g -O2 -Wall -Wextra -Werror \
		-I. -c -o $@ $<

$(B)/tests/bench/%_floor.skel.h: $(B)/tests/bench/%_floor.bpf.o
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_floor_bpf > $@

$(B)/tests/bench/detection_floor.o $(B)/tests/bench/tracepoint_floor.o: \
		$(B)/tests/bench/%.o: $(B)/tests/bench/%.skel.h

$(B)/tests/bench/detection_floor $(B)/tests/bench/tracepoint_floor: \
		$(B)/tests/bench/%: $(B)/tests/bench/%.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(B)/tests/bench/connection_loop $(B)/tests/bench/bulk $(B)/tests/bench/crowd: \
		$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/tests/bench/join_cgroup.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^

$(B)/tests/bench/connection_loop: $(B)/tests/bench/listen_on_loopback.o
$(B)/tests/bench/handshake_loop: $(B)/tests/bench/handshake_loop.o $(B)/tests/bench/join_cgroup.o \
		$(B)/tests/bench/listen_on_loopback.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ -lssl -lcrypto

# the engine's allocations are counted
$(B)/tests/bench/engine_replay: $(B)/tests/bench/engine_replay.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
		-o $@ $^

## bench         what it costs, beside tcplife and tcpstates, into docs/BENCHMARKS.md (BENCH="PART...")
bench: all $(BENCH_PROGRAMS) $(B)/tests/system/follow_unit
	$(Q)unshare --mount /usr/bin/python3 tests/bench/run.py --build $(B) \
		--document docs/BENCHMARKS.md $(BENCH)

.PHONY: bench
