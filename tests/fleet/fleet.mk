# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/fleet, included by the Makefile of the tree.

$(B)/tests/fleet/%: $(B)/tests/fleet/%.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ -lm

## check-fleet   the fleet report: what was planted in 1,000 devices, its page in a browser, a real broker's log
check-fleet: $(B)/connwatch-fleet $(B)/connwatchctl $(B)/tests/fleet/write_fleet
	$(Q)tests/fleet/run.py --build $(B)

## fleet-scale   the same for 10,000 devices, with reading speed and memory beside journalctl
fleet-scale: $(B)/connwatch-fleet $(B)/connwatchctl $(B)/tests/fleet/write_fleet
	$(Q)tests/fleet/run.py --build $(B) --devices 10000 --outages 100 --measure found

## fleet-real    50 real agents and a real broker, with all causes, in five minutes
fleet-real: $(B)/connwatch-fleet $(B)/connwatchctl
	$(Q)tests/fleet/run.py --build $(B) --measure real_

.PHONY: check-fleet fleet-scale fleet-real
