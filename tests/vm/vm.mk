# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/vm, included by the Makefile of the tree. Not part of `make check`: a machine takes half an
# hour.

## check-vm      the cases of check-live on old and new kernels and on arm64, emulated (KERNELS="5.10 arm64")
check-vm: vm-deps $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/vm/run.py --build $(B) $(addprefix --play=,$(LIVE)) $(KERNELS)

## check-radio   Wi-Fi between hostapd and wpa_supplicant, in an emulated machine (LIVE="PATTERN..." selects plays)
check-radio: vm-deps $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/vm/radio.py --build $(B) $(LIVE)

## check-power   the host goes down, or its Wi-Fi, in an emulated machine with a disk and a real systemd (LIVE="PATTERN..."
##               selects plays)
check-power: vm-deps
	$(Q)$(MAKE) --no-print-directory install DESTDIR=$(B)/vm/installed PARTS=device
	$(Q)/usr/bin/python3 tests/vm/power.py --build $(B) $(LIVE)

## check-vm-docs  writes what the last play of each case gave on each machine into docs/KERNEL.md
check-vm-docs:
	$(Q)/usr/bin/python3 tests/vm/run.py --build $(B) --markdown docs/KERNEL.md

## check-outcome  what check-vm calls right and wrong, without a machine
check-outcome:
	$(Q)/usr/bin/python3 tests/vm/outcome_test.py

vm-deps:
	$(Q)tests/deps.sh tests/vm/packages.txt

.PHONY: check-vm check-radio check-power check-vm-docs check-outcome vm-deps
