# Included by the top Makefile. Both need root: network namespaces and BPF.

## demo          a real broker, a real client, six faults, and what connwatch says about each
demo: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/live/demo.py --connwatchctl $<

## check-live    every end of a connection on real sockets (LIVE="PATTERN..." selects cases)
check-live: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/live/run.py --connwatchctl $< $(LIVE)

.PHONY: demo check-live
