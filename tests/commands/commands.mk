# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/commands, included by the Makefile of the tree.

$(B)/tests/commands/%: $(B)/tests/commands/%.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^

## check-commands  the commands on a journal made for it, `check` on broken hubs (root), completions
check-commands: $(B)/connwatchctl $(B)/connwatch-fleet $(B)/tests/commands/write_export
	$(Q)tests/commands/run.py --build $(B)
	$(Q)tests/commands/check_way.py $<
	$(Q)tests/commands/completions.sh $< $(B)/connwatch-fleet

.PHONY: check-commands
