# SPDX-License-Identifier: LGPL-2.1-or-later
# Linters: they find mistakes in the sources without running them. Included by the Makefile of the tree. Tuned
# to the versions of Debian 12.

CLANG_TIDY ?= clang-tidy
# for -fanalyzer, whatever CC is
GCC        ?= gcc
LINT_JOBS   = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

LINT_PROGRAMS := $(patsubst %/,%,$(sort $(dir $(wildcard watchdog/*/*.c watchdog/*/*/*.c))))
LINT_TESTS    := $(patsubst %/,%,$(sort $(dir $(wildcard tests/*/*.c))))
lint_sources   = $(filter-out %.bpf.c,$(wildcard $(addsuffix /*.c,$(1))))
LINT_TIDIED   := $(patsubst %.c,$(B)/lint/%.tidy,$(call lint_sources,$(LINT_PROGRAMS) $(LINT_TESTS)) \
		$(wildcard ebpf/*.bpf.c))
LINT_ANALYZED := $(patsubst %.c,$(B)/lint/%.analyzed,$(call lint_sources,$(LINT_PROGRAMS)))

## lint          clang-tidy, cppcheck, gcc's analyzer, and what there is for shell, Python and prose
lint:
	+$(Q)$(MAKE) --no-print-directory $(LINT_JOBS) lint-c
	$(Q)tests/lint/texts.sh

lint-c: lint-cppcheck $(LINT_TIDIED) $(LINT_ANALYZED)

# Beyond so many states of a function the analyzer of clang takes much longer and says nothing more (the default
# is three times as many).
$(B)/lint/%.tidy: TIDY_CFLAGS = $(CFLAGS) $(filter-out -Werror,$(CFLAGS_)) $(LIBS_CFLAGS) -Xclang -analyzer-config -Xclang max-nodes=75000

$(B)/lint/ebpf/%.tidy: TIDY_CFLAGS = -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -I.

# Each file again once its object is made again: then it or a header of it has changed.
$(B)/lint/%.tidy: %.c $(B)/%.o $(wildcard .clang-tidy */.clang-tidy)
	$(call say,TIDY,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG_TIDY) --quiet $< -- $(TIDY_CFLAGS) >$@.log 2>&1 || { cat $@.log; exit 1; }
	$(Q)touch $@

# A warning of the analyzer of gcc 12 that is wrong about a file, and why:
# it follows no pointer that is kept in a member of a structure which outlives the function
$(B)/lint/watchdog/cli/agents_past.analyzed $(B)/lint/watchdog/cli/bus_value.analyzed \
$(B)/lint/watchdog/sources/journal_reader.analyzed $(B)/lint/watchdog/sources/settings_files.analyzed \
$(B)/lint/watchdog/collector/journals.analyzed $(B)/lint/watchdog/sources/cgroup_finder.analyzed \
$(B)/lint/watchdog/sources/probe_groups.analyzed $(B)/lint/watchdog/watch/agents.analyzed: ANALYZER := \
	-Wno-analyzer-malloc-leak
# nor LIST_REMOVE(), after which LIST_FIRST() is another
$(B)/lint/watchdog/watch/survey/processes.analyzed: ANALYZER := -Wno-analyzer-double-free
$(B)/lint/watchdog/sources/route_monitor.analyzed: ANALYZER := -Wno-analyzer-use-after-free \
	-Wno-analyzer-null-dereference

# The C library's headers are read without _FORTIFY_SOURCE, whose wrappers the analyzer does not see through.
$(B)/lint/%.analyzed: %.c $(B)/%.o
	$(call say,ANALYZE,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(GCC) $(filter-out -D_FORTIFY_SOURCE=%,$(HARDENING)) $(CFLAGS) $(CFLAGS_) $(LIBS_CFLAGS) \
		-fanalyzer $(ANALYZER) -S -o $@.s $<
	$(Q)rm -f $@.s
	$(Q)touch $@

CPPCHECKED := $(call lint_sources,$(LINT_PROGRAMS) $(LINT_TESTS))

lint-cppcheck: $(B)/lint/cppcheck

$(B)/lint/cppcheck: $(CPPCHECKED) $(wildcard watchdog/*/*.h watchdog/*/*/*.h tests/*/*.h tests/lint/cppcheck.*)
	$(call say,CPPCHECK,'$(words $(CPPCHECKED)) files')
	$(Q)mkdir -p $(@D)
	$(Q)cppcheck --quiet --enable=warning,performance,portability --std=c11 --error-exitcode=1 \
		--library=gnu,posix,tests/lint/cppcheck.cfg --suppressions-list=tests/lint/cppcheck.suppressions \
		-D_GNU_SOURCE '-DVERSION=""' -I. -Iwatchdog -Itests/unit $(CPPCHECKED)
	$(Q)touch $@

.PHONY: lint lint-c lint-cppcheck
