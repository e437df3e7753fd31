# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/truth, included by the Makefile of the tree.

# Programs that are missing are said to be.
N    ?= 100
SEED ?= $(shell date +%s)

## truth         random compositions whose truth is known: N=100 plays, SEED=; what is wrong is kept below build/truth/
truth: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/truth/run.py --connwatchctl $< --plays $(N) --seed $(SEED) \
		--save $(B)/truth/wrong

## check-truth   the same 80 plays each time; what was wrong is played again, alone, before it counts
check-truth: $(B)/connwatchctl
	$(Q)/usr/bin/python3 tests/truth/run.py --connwatchctl $< --plays 80 --seed check --confirm \
		--save $(B)/truth/wrong --no-shrink

.PHONY: truth check-truth
