# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/system, included by the Makefile of the tree.

$(B)/tests/system/follow_unit: $(B)/tests/system/follow_unit.o $(B)/watchdog/sources/unit_monitor.o \
		$(B)/watchdog/support/process_files.o $(B)/watchdog/effects/unit_action.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(B)/tests/system/flood_bus: $(B)/tests/system/flood_bus.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

## check-system  the daemon under a real systemd, journal and broker, in containers
# The packages are for the cases package-* alone.
check-system: all $(if $(filter long-run,$(CASES)),,deb sysext) $(B)/tests/system/follow_unit $(B)/tests/system/flood_bus
	$(Q)tests/system/run.py --again --build $(B) $(CASES)

## check-trees   that the root trees of tests are made anew when they must, and nothing stays mounted
check-trees:
	$(Q)tests/system/trees_test.py

## soak          500 faults at random, under random kills of connwatchd; FAULTS= for another number
FAULTS ?= 500
soak: all $(B)/tests/system/follow_unit
	$(Q)tests/system/run.py --build $(B) --faults $(FAULTS) --seconds $$((60 + 4 * $(FAULTS))) soak-actions

## chaos         what connwatchd promises in trouble (docs/RELIABILITY.md); check-system has it, too
chaos: $(B)/connwatchd $(B)/connwatchctl $(B)/tests/system/follow_unit $(B)/tests/system/flood_bus
	$(Q)tests/system/run.py --build $(B) chaos daemon soak reboot

## check-leaks   thousands of sessions under AddressSanitizer and its search for leaks
check-leaks:
	$(Q)$(MAKE) SANITIZE=1 CASES=long-run check-system

.PHONY: check-system check-trees soak chaos check-leaks
