# SPDX-License-Identifier: LGPL-2.1-or-later
# Another C library. Included by the Makefile of the tree. The libraries that are installed were built for glibc, so
# this is the core, and of the rest what needs only the C library.

MUSL_GCC ?= musl-gcc
MUSL     := $(B)/musl
# Tests that need such a library, and one of sentences that have the C library's words for an error in them.
MUSL_WITHOUT := probe_btf probe_types process_events socket_diag sources message flow_tracking
MUSL_TESTS := $(filter-out $(foreach test,$(MUSL_WITHOUT),$(B)/tests/unit/$(test)_test),$(UNIT_TESTS))

# Without an optimizer, and so in half a minute. Relocations are packed if glibc can unpack them.
## check-musl    builds the core with musl, and its unit tests
check-musl: $(MUSL)/include/sys/queue.h
	+$(Q)$(MAKE) --no-print-directory $(LINT_JOBS) B=$(MUSL) CC='$(MUSL_GCC)' CFLAGS=-O0 LIBS= LIBS_CFLAGS= LIBS_TEST= RELOCATIONS= \
		CPPFLAGS='-isystem tests/musl -isystem $(MUSL)/include' \
		UNIT_TESTS='$(patsubst $(B)/%,$(MUSL)/%,$(MUSL_TESTS))' check-unit

# What distributions with musl have beside it: the kernel's headers, and those of BSD.
header = $(shell $(HOSTCC) -M -include $(1) -x c /dev/null | grep -o '[^ ]*/$(1)' | head -n 1)
$(MUSL)/include/sys/queue.h:
	$(Q)rm -rf $(MUSL)/include && mkdir -p $(@D)
	$(Q)for folder in $(foreach name,linux/types.h asm/types.h asm-generic/types.h,$(patsubst %/,%,$(dir $(call header,$(name))))); do \
		ln -s $$folder $(MUSL)/include/ || exit; \
	done
	$(Q)cp $(call header,sys/queue.h) $@

.PHONY: check-musl
