# tests/system, included by the Makefile of the tree.

$(B)/tests/system/follow_unit: $(B)/tests/system/follow_unit.o $(B)/watchdog/sources/unit_monitor.o \
		$(B)/watchdog/effects/unit_action.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_) -o $@ $^ $(LIBS)

## check-system  the daemon under a real systemd, journal and broker, in containers
check-system: all deb sysext $(B)/tests/system/follow_unit
	$(Q)tests/system/run.py --build $(B) $(CASES)

## soak          500 faults at random, under random kills of connwatchd; FAULTS= for another number
FAULTS ?= 500
soak: all $(B)/tests/system/follow_unit
	$(Q)tests/system/run.py --build $(B) --faults $(FAULTS) --seconds $$((60 + 4 * $(FAULTS))) soak-actions

## chaos         what connwatchd promises in trouble (docs/RELIABILITY.md); check-system has it, too
chaos: $(B)/connwatchd $(B)/connwatchctl $(B)/tests/system/follow_unit
	$(Q)tests/system/run.py --build $(B) chaos daemon soak reboot

## check-leaks   thousands of sessions under AddressSanitizer and its search for leaks
check-leaks:
	$(Q)$(MAKE) SANITIZE=1 CASES=long-run check-system

.PHONY: check-system soak chaos check-leaks
