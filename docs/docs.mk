# SPDX-License-Identifier: LGPL-2.1-or-later
# docs, included by the Makefile of the tree.

MANUAL := $(patsubst docs/%.scd,$(B)/docs/%,$(wildcard docs/*.scd))

## docs          the manual pages, below build/docs/ (man -l build/docs/connwatchctl.1)
docs: $(MANUAL)

# scdoc dates a page by SOURCE_DATE_EPOCH: the page's last commit, outside of git its file's date.
page_date = $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct -- $< 2>/dev/null | grep . || date -r $< +%s)}

# scdoc leaves empty paragraphs around headings and at the end of indented blocks, where mandoc's
# lint does not want them: the latter go behind the block.
$(B)/docs/%: docs/%.scd
	$(call say,MAN,$<)
	$(Q)mkdir -p $(@D)
	$(Q)SOURCE_DATE_EPOCH=$(page_date) scdoc < $< | awk ' \
		$$0 == ".P" { held = 1; next } \
		$$0 == ".RE" { print; last = $$0; next } \
		held && last !~ /^\.(TH|SH|SS)/ && !/^\.(SH|SS)/ { print ".P" } \
		{ print; held = 0; last = $$0 }' > $@

## check-docs    compares the documents with the programs and the code
check-docs: docs $(B)/connwatchd $(B)/connwatchctl $(B)/connwatch-fleet $(B)/tests/docs/differential
	$(Q)/usr/bin/python3 tests/docs/check.py --build $(B)

# prints the table of docs/CAUSES.md
$(B)/tests/docs/differential: $(B)/tests/docs/differential.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_) -o $@ $^

.PHONY: docs check-docs
