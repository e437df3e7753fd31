# SPDX-License-Identifier: LGPL-2.1-or-later
# Included by the top Makefile. Both need root: network namespaces and BPF.

## demo          a real broker, a real client, eight faults, and what connwatch says about each
demo: deps
	$(Q)$(MAKE) run-demo

run-demo: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/live/demo.py --connwatchctl $<

# Some of the cases once more, in the mode sock-diag.
LESS := peer-fin peer-reset local-close close-with-linger-zero killed segmentation-fault \
	retransmission link-set-down-while-idle mptcp-and-the-hub-closes found-then-the-hub-closes

# Some once more, as on a kernel whose types are in a file: other programs read other memory there.
BY_ADDRESS := peer-fin* peer-reset* local-close close-with-linger-zero killed segmentation-fault \
	retransmission black-hole-that-heals* refused stopped-by-a-signal-and-continued \
	found-then-* mqtt-goodbye-and-close* mqtt-token-of-shared-access-expires mqtt-killed-over-tls \
	tls-1.3-expired-openssl tls-1.2-works-openssl name-does-not-exist \
	name-server-refuses-over-tcp

# Some without connwatch: the faults alone, which show whether a case or a verdict is at fault.
BARE := peer-fin found-then-killed stopped-by-a-signal-and-continued mosquitto-sub-over-tls-is-killed

## check-live    every end of a connection on real sockets (LIVE="PATTERN..." selects cases)
check-live: $(B)/connwatchctl $(B)/tests/live/lost_records_test $(B)/tests/live/route_monitor_test \
		$(B)/tests/live/cgroup_finder_test $(B)/tests/live/process_signal_test $(B)/tests/live/device_monitor_test \
		$(B)/tests/live/process_view_test \
		$(B)/tests/live/agent_shares_test $(B)/tests/live/record_order_test $(B)/tests/live/lens_test \
		$(B)/tests/live/churn_test \
		$(B)/tests/live/abort_connection
	$(Q)tests/run-unit.sh $(B)/tests/live/route_monitor_test $(B)/tests/live/cgroup_finder_test \
		$(B)/tests/live/process_signal_test $(B)/tests/live/process_view_test \
		$(B)/tests/live/agent_shares_test $(B)/tests/live/lens_test $(B)/tests/live/device_monitor_test
# Once more, as on a kernel whose types are in a file.
	$(Q)BTF=/sys/kernel/btf/vmlinux tests/run-unit.sh $(B)/tests/live/lens_test
# The kernel may hide one timer's end in thousands from BPF: a second play, and said.
	$(Q)$(B)/tests/live/lost_records_test || \
		{ echo "again lost_records_test: the failure above counts only if this one fails too"; \
		  $(B)/tests/live/lost_records_test; }
	$(Q)$(B)/tests/live/record_order_test
	$(Q)$(B)/tests/live/churn_test
	$(Q)/usr/bin/python3 tests/live/abort.py $(B)/tests/live/abort_connection
	$(Q)/usr/bin/python3 tests/live/restart.py $<
	$(Q)/usr/bin/python3 tests/live/uprobes.py --connwatchctl $<
	$(Q)/usr/bin/python3 tests/live/run.py --again --connwatchctl $< $(LIVE)
	$(Q)$(if $(LIVE),,/usr/bin/python3 tests/live/run.py --mode=sock-diag --connwatchctl $< $(LESS))
	$(Q)$(if $(LIVE),,/usr/bin/python3 tests/live/run.py --again --mode=no-btf --connwatchctl $< \
		$(BY_ADDRESS))
	$(Q)$(if $(LIVE),,/usr/bin/python3 tests/live/run.py --bare $(BARE))
	$(Q)$(if $(LIVE),,/usr/bin/python3 tests/live/without_bpf.py --connwatchctl $<)

## check-background  the quick tests as a CI runner may start them, with signals ignored
check-background: $(UNIT_TESTS) $(B)/connwatchctl $(B)/tests/commands/write_export
	$(Q)tests/in-background.sh tests/run-unit.sh $(UNIT_TESTS)
	$(Q)tests/in-background.sh tests/commands/run.py --build $(B)
	$(Q)tests/in-background.sh /usr/bin/python3 tests/live/restart.py $(B)/connwatchctl
	$(Q)tests/in-background.sh /usr/bin/python3 tests/live/run.py --again --connwatchctl $(B)/connwatchctl \
		interrupted hung-up terminated killed-by-a-shell closes-when-asked-to-stop

PROBE_ALONE := $(call objects,watchdog/sources/probe*.c) $(PROCESSES) $(MESSAGES) \
	$(B)/watchdog/support/handover_memory.o $(B)/watchdog/support/resident_set.o \
	$(B)/watchdog/support/cgroup_tree.o $(B)/watchdog/support/path_table.o \
	$(B)/watchdog/support/kernel_word.o $(B)/watchdog/support/process_tree.o $(B)/watchdog/support/process_files.o $(B)/libcore.a
$(B)/tests/live/lost_records_test: $(B)/tests/live/lost_records_test.o $(PROBE_ALONE)
$(B)/tests/live/record_order_test: $(B)/tests/live/record_order_test.o $(PROBE_ALONE)
$(B)/tests/live/churn_test: $(B)/tests/live/churn_test.o $(PROBE_ALONE)
$(B)/tests/live/abort_connection: $(B)/tests/live/abort_connection.o \
		$(B)/watchdog/effects/connection_abort.o $(B)/watchdog/support/process_files.o \
		$(NAMESPACES) $(PROCESSES)
$(B)/tests/live/lost_records_test $(B)/tests/live/record_order_test $(B)/tests/live/churn_test \
		$(B)/tests/live/abort_connection:
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(B)/tests/live/route_monitor_test: $(B)/tests/live/route_monitor_test.o \
		$(B)/watchdog/sources/route_monitor.o $(B)/watchdog/sources/route_monitor_expiry.o $(NAMESPACES) $(B)/watchdog/process/view.o \
		$(B)/watchdog/support/small_file.o \
		$(B)/libcore.a
$(B)/tests/live/cgroup_finder_test: $(B)/tests/live/cgroup_finder_test.o \
		$(call objects,watchdog/sources/cgroup_finder*.c) $(B)/watchdog/support/cgroup_tree.o \
		$(B)/watchdog/support/path_table.o \
		$(B)/libcore.a
$(B)/tests/live/process_signal_test: $(B)/tests/live/process_signal_test.o \
		$(B)/watchdog/effects/process_signal.o $(B)/watchdog/support/process_files.o
$(B)/tests/live/process_view_test: $(B)/tests/live/process_view_test.o $(B)/watchdog/process/view.o \
		$(B)/watchdog/support/small_file.o
# ModemManager and NetworkManager are mocks.
$(B)/tests/live/device_monitor_test: $(B)/tests/live/device_monitor_test.o \
		$(B)/watchdog/sources/device_monitor.o $(B)/watchdog/sources/device_monitor_call.o \
		$(B)/watchdog/sources/device_monitor_modem.o \
		$(B)/watchdog/sources/device_monitor_network.o $(B)/libcore.a
$(B)/tests/live/agent_shares_test: $(B)/tests/live/agent_shares_test.o $(PROBE_ALONE)
$(B)/tests/live/lens_test: $(B)/tests/live/lens_test.o $(PROBE_ALONE)
$(B)/tests/live/route_monitor_test $(B)/tests/live/cgroup_finder_test \
		$(B)/tests/live/process_signal_test $(B)/tests/live/process_view_test \
		$(B)/tests/live/agent_shares_test $(B)/tests/live/lens_test \
		$(B)/tests/live/device_monitor_test:
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS) -lcunit



## check-sdk     Azure's SDK for Node.js against a hub of ours; skipped, and said, without node and npm
check-sdk: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/live/sdk.py --jobs 2 --modules $(B)/sdk --connwatchctl $< $(LIVE) || \
		[ $$? -eq 77 ]

## conformance   every case three times: wanted cause against given cause (LIVE= as above;
##               MODE=sock-diag: without eBPF)
conformance: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/live/conformance.py --connwatchctl $< $(MODE:%=--mode=%) $(LIVE)

## conformance-docs  likewise, and keeps the tables in docs/CAUSES.md
conformance-docs: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/live/conformance.py --connwatchctl $< $(MODE:%=--mode=%) \
		--markdown docs/CAUSES.md

## traces        records tests/traces anew, for check-unit to replay (LIVE=, MODE= as above)
traces: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/live/record_traces.py --connwatchctl $< --directory tests/traces \
		$(MODE:%=--mode=%) $(LIVE)

.PHONY: demo run-demo check-live check-background check-sdk conformance conformance-docs traces
