# SPDX-License-Identifier: LGPL-2.1-or-later
# connwatch: `sudo make demo` shows it, `sudo make check` proves it. `make help` lists the rest.
#
# Everything is built below build/. SANITIZE=1 builds with ASan and UBSan (below build/sanitize/).

CC          ?= cc
CLANG       ?= clang
BPFTOOL     ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
PKG_CONFIG  ?= pkg-config
AR          ?= ar
# The one place of it: what else has it is checked by `make check-version`.
VERSION     := 0.2~devel

B := build
ifdef SANITIZE
B := build/sanitize
SANITIZER := -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif

Q := $(if $(V),,@)
say = @printf '  %-7s %s\n' $(1) $(2)

# The oldest versions are those of what the programs call; `make check-images` looks.
PACKAGES := 'libbpf >= 1.0' 'libsystemd >= 247' libnl-3.0 libnl-route-3.0 libmnl zlib
CFLAGS   ?= -O2 -g

# An option if the compiler knows it for this machine.
known = $(shell $(CC) -Werror $(1) -S -x c -o - /dev/null >/dev/null 2>&1 && echo $(1))

SMALLEST := $(or $(call known,-Oz),-Os)

# Options that make memory errors hard to exploit. tests/install/hardening.sh looks for them in the programs.
# They stand before CFLAGS and LDFLAGS, which can therefore take back any of them.
HARDENING := -fPIE -fstack-protector-strong $(call known,-fstack-clash-protection) \
             $(call known,-fcf-protection) $(call known,-mbranch-protection=standard)
HARDENING_LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack
# _FORTIFY_SOURCE needs the optimizer, and hides errors from the sanitizers. dpkg-buildflags brings its own.
ifeq ($(SANITIZER)$(filter -O0,$(CFLAGS))$(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS)),)
HARDENING += $(if $(filter -O%,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif

# The linker leaves out unused functions and data. That makes up for the size of the hardening.
ifndef SANITIZER
SECTIONS      := -ffunction-sections -fdata-sections
SECTIONS_LINK := -Wl,--gc-sections
endif

# Relocations of pointers in tables take a bit each instead of 24 bytes, where linker and C library know that.
# A program that has them asks for a C library that knows (glibc 2.36), so only that of the build counts.
RELOCATIONS := -Wl,-z,pack-relative-relocs
RELOCATIONS := $(shell f=$$($(CC) -print-file-name=libc.so.6); grep -qs GLIBC_ABI_DT_RELR "$$f" && \
		echo 'int main(void) { return 0; }' | $(CC) -pie -fPIE -Wl,--fatal-warnings $(RELOCATIONS) \
		-x c -o /dev/null - 2>/dev/null && echo $(RELOCATIONS))

# For all that is written here; the skeletons below $(B) are bpftool's. Of -Wcast-qual we take no notice:
# iovec, fts_open(3) and others take what they do not change without const.
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
            -Wconversion -Wsign-conversion -Wdouble-promotion -Wformat=2 -Wundef -Wvla -Wpointer-arith \
            -Wwrite-strings -Wredundant-decls -Wdate-time \
            $(call known,-Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Walloca)
# The checks of the sanitizers look like paths on which a pointer is NULL.
WARNINGS += $(if $(SANITIZER),,-Wnull-dereference)
# empty where a warning of another compiler must not stop the build, as in a package
WERROR   ?= -Werror
# Stacks are never unwound at run time: the tables for that were a tenth of the programs.
CFLAGS_  := -std=gnu17 $(WARNINGS) $(WERROR) \
            -fno-asynchronous-unwind-tables -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -ffile-prefix-map=$(CURDIR)=. \
            -I. -Iwatchdog -isystem $(B) $(SECTIONS) $(SANITIZER)
COMPILE   = $(CC) $(HARDENING) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_)
LINK      = $(CC) $(CFLAGS) -pthread $(HARDENING_LINK) $(RELOCATIONS) $(LDFLAGS) -Wl,--as-needed $(SECTIONS_LINK) $(SANITIZER)
LIBS_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
# libm: rhythms, and for connwatch-fleet how likely chance is
LIBS        = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm
# libutil is part of glibc 2.34 and newer
LIBS_TEST   = -lcunit -lutil
# for `connwatchctl check` alone; libanl is part of glibc 2.34 and newer
LIBS_CHECK  = $(shell $(PKG_CONFIG) --libs openssl zlib) -lanl

objects = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)))
# the pure floors; docs/ARCHITECTURE.md has the table
PURE    := base settings events record verdict engine engine/policy past fleet hub
CORE    := $(foreach folder,$(PURE),$(call objects,watchdog/$(folder)/*.c))
MESSAGES := $(B)/watchdog/support/descriptor_message.o
NAMESPACES := $(call objects,watchdog/namespace/service.c watchdog/namespace/network.c) $(MESSAGES)
PROCESSES := $(call objects,watchdog/process/service.c watchdog/process/view.c watchdog/process/libraries.c \
		watchdog/support/small_file.c)
EDGES   := $(sort $(call objects,watchdog/sources/*.c watchdog/effects/*.c watchdog/support/*.c) \
           $(NAMESPACES) $(PROCESSES))
WIRING  := $(call objects,watchdog/watch/*.c watchdog/watch/survey/*.c)
DAEMON  := $(call objects,watchdog/daemon/*.c)
COMMAND := $(call objects,watchdog/cli/*.c watchdog/check/*.c)
COLLECTOR := $(call objects,watchdog/collector/*.c)
# what connwatch-fleet has in common with the commands that read one device's journal
COLLECTOR_EDGES := $(call objects,watchdog/cli/command.c watchdog/cli/journal_arguments.c \
		watchdog/sources/journal_reader.c watchdog/support/json.c watchdog/support/markup.c \
		watchdog/support/terminal.c)
# What runs for each event is made fast: these files. All else is made small: it waits for people, disks or systemd, or
# runs at an end, and the programs have a budget (`make footprint`). -Oz is for that alone; gcc has it since 12. A build
# without an optimizer stays one.
FAST  := base/deadline base/endpoint base/keyed_table base/text events/decode events/event engine/connections \
		engine/engine engine/processes watch/loop watch/output watch/ring watch/step
SMALL := $(filter-out $(FAST:%=$(B)/watchdog/%.o),$(CORE) $(EDGES) $(WIRING) $(DAEMON) $(COMMAND) $(COLLECTOR))
$(SMALL): CFLAGS_ += $(if $(filter -O2 -O3,$(CFLAGS)),$(SMALLEST))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*_test.c))
SKELETONS := $(patsubst %.bpf.c,$(B)/%.skel.h,$(wildcard ebpf/*.bpf.c))

all: $(B)/connwatchd $(B)/connwatchctl $(B)/connwatch-namespace $(B)/connwatch-process $(B)/connwatch-fleet

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## deps          installs what is missing of the packages that build and tests need (apt)
deps:
	$(Q)tests/deps.sh

# ---- programs

$(B)/connwatchd: $(DAEMON) $(WIRING) $(EDGES) $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(B)/connwatchctl: $(COMMAND) $(WIRING) $(EDGES) $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS) $(LIBS_CHECK)

$(B)/connwatch-fleet: $(COLLECTOR) $(COLLECTOR_EDGES) $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(B)/connwatch-namespace: $(B)/watchdog/namespace/main.o $(NAMESPACES)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^

$(B)/connwatch-process: $(B)/watchdog/process/main.o $(PROCESSES) $(MESSAGES)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^

# Each is a few pages: what would fill the last of each segment doubled them.
$(B)/connwatch-namespace $(B)/connwatch-process: HARDENING_LINK += -Wl,-z,noseparate-code

$(B)/libcore.a: $(CORE)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) qcsD $@ $^

$(B)/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) $(LIBS_CFLAGS) -MMD -MP -c -o $@ $<

# ---- the probe: for every kernel the same objects, embedded as skeletons

BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))))

# The types, which CO-RE needs, but neither columns nor the text of the lines: clang leaves the text out if it
# does not find the source. slim_object takes out the lines themselves.
BPF_DEBUG := -g -gno-column-info -fdebug-prefix-map=$(CURDIR)=/connwatch

# A build tool: for the machine that builds.
HOSTCC ?= cc
$(B)/packaging/slim_object: packaging/slim_object.c Makefile
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 $(WARNINGS) -o $@ $< -lelf

# A source archive has the skeletons in it, and their objects, so that neither clang nor bpftool is needed. They count as
# long as the sources they were made of are as they were. SHIPPED= in the environment: never.
ifeq ($(origin SHIPPED),undefined)
SHIPPED := $(if $(wildcard ebpf/skeletons),$(shell sha256sum --status --check ebpf/skeletons/made-of && \
		echo $(wildcard ebpf/skeletons/$(BPF_ARCH))))
endif

ifneq ($(SHIPPED),)
$(B)/ebpf/%.skel.h: $(SHIPPED)/%.skel.h
	$(call say,COPY,$<)
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/ebpf/%.bpf.o: $(SHIPPED)/%.bpf.o
	$(call say,COPY,$<)
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@
else
$(B)/ebpf/%.bpf.o: ebpf/%.bpf.c $(wildcard ebpf/*.h) $(B)/packaging/slim_object Makefile
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 $(BPF_DEBUG) -O2 -Wall -Wextra -Werror \
		-I. -c -o $@.full $<
	$(Q)$(BPFTOOL) gen object $@ $@.full
	$(Q)$(B)/packaging/slim_object $@

$(B)/ebpf/%.skel.h: $(B)/ebpf/%.bpf.o packaging/pack_skeleton.sh
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.plain
	$(Q)packaging/pack_skeleton.sh $@.plain $< > $@
endif

skeletons: $(SKELETONS) $(SKELETONS:.skel.h=.bpf.o)

$(call objects,watchdog/sources/probe*.c): $(SKELETONS)

# ---- tests

## check-unit    the core's unit tests and recorded traces, in seconds
check-unit: $(UNIT_TESTS)
	$(Q)tests/run-unit.sh $^

$(filter $(B)/tests/unit/engine_%,$(UNIT_TESTS)): $(B)/tests/unit/engine_bench.o $(B)/tests/unit/example_events.o

$(B)/tests/unit/policy_property_test: $(B)/tests/unit/policy_world.o $(B)/tests/unit/example_events.o

$(foreach test,record record_parse past engine_handover,$(B)/tests/unit/$(test)_test): $(B)/tests/unit/example_record.o

$(B)/tests/unit/handover_test: $(B)/watchdog/support/handover_memory.o $(B)/watchdog/support/handover_store.o

$(B)/tests/unit/sources_test: $(B)/watchdog/watch/sources.o
$(B)/tests/unit/journal_test: $(B)/watchdog/watch/journal.o
$(B)/tests/unit/boot_end_sudo_test: $(B)/watchdog/sources/boot_end_sudo.o
$(B)/tests/unit/crash_traces_test: $(B)/watchdog/sources/crash_traces.o
$(B)/tests/unit/task_state_test: $(B)/watchdog/sources/task_state.o $(B)/watchdog/support/process_files.o \
		$(B)/watchdog/support/cgroup_tree.o $(B)/watchdog/support/small_file.o
$(B)/tests/unit/hardship_test: $(B)/watchdog/sources/hardship.o $(B)/watchdog/support/process_files.o \
		$(B)/watchdog/support/cgroup_tree.o $(B)/watchdog/support/system_call.o $(PROCESSES) $(MESSAGES)
$(B)/tests/unit/bus_budget_test: $(B)/watchdog/daemon/bus_budget.o
$(B)/tests/unit/failed_starts_test: $(B)/watchdog/support/failed_starts.o
$(B)/tests/unit/instance_lock_test: $(B)/watchdog/support/instance_lock.o
$(B)/tests/unit/hub_certificates_test: $(B)/watchdog/support/hub_certificates.o
$(B)/tests/unit/name_service_test: $(B)/watchdog/support/name_service.o
$(B)/tests/unit/markup_test: $(B)/watchdog/support/markup.o
$(B)/tests/unit/descriptor_message_test: $(NAMESPACES) $(PROCESSES)
$(B)/tests/unit/libraries_test: $(B)/watchdog/process/libraries.o
$(B)/tests/unit/terminal_test: $(B)/watchdog/support/terminal.o
$(B)/tests/unit/ring_test: $(B)/watchdog/watch/ring.o
$(B)/tests/unit/probe_btf_test: $(B)/watchdog/sources/probe_btf.o $(B)/watchdog/sources/probe_self_test.o \
		$(B)/watchdog/sources/probe_object.o $(B)/watchdog/support/kernel_word.o
$(B)/tests/unit/probe_ring_test: $(B)/watchdog/sources/probe_ring.o
$(B)/tests/unit/probe_types_test: $(B)/watchdog/sources/probe_types.o $(B)/watchdog/sources/probe_late.o
$(B)/tests/unit/socket_diag_test: $(B)/watchdog/sources/socket_diag.o $(NAMESPACES)
$(B)/tests/unit/flow_tracking_test: $(B)/watchdog/sources/flow_tracking.o
$(B)/tests/unit/process_events_test: $(B)/watchdog/sources/process_events.o \
		$(B)/watchdog/namespace/network.o $(B)/watchdog/support/process_files.o

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(B)/libcore.a $(LIBS_TEST) -lm $(LIBS)

## check-layers  proves the may-include table and the purity of the core
check-layers: $(CORE) $(EDGES) $(WIRING) $(DAEMON) $(COMMAND) $(COLLECTOR)
	$(Q)tests/layers.py $^

## check-spdx    each file names its license (tests/spdx.py --exempt: those that cannot)
check-spdx:
	$(Q)tests/spdx.py

include docs/docs.mk tests/live/live.mk tests/system/system.mk tests/commands/commands.mk \
	tests/fuzz/fuzz.mk tests/truth/truth.mk tests/fleet/fleet.mk tests/monitoring/monitoring.mk tests/vm/vm.mk tests/bench/bench.mk \
	units/install.mk packaging/packaging.mk tests/lint/lint.mk \
	tests/musl/musl.mk

## check         everything: layers, units under ASan and UBSan too, live and system tests
check: deps
	$(Q)$(MAKE) all check-layers check-spdx check-docs check-outcome check-version check-install check-agent-units check-hardening \
		check-btf check-dist check-images check-deb check-reproducible footprint lint
	$(Q)POLICY_EVENTS=1000000 $(MAKE) check-unit
	$(Q)$(MAKE) SANITIZE=1 check-unit
	$(Q)$(MAKE) check-musl
	$(Q)$(MAKE) check-fuzz check-commands check-metrics check-fleet check-live check-background check-truth check-trees \
		check-system check-leaks

## clean         removes build/
clean:
	$(Q)rm -rf build

.PHONY: all help deps skeletons check check-unit check-layers check-spdx clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) \( -path $(B)/deb -o -path $(B)/dist -o -path $(B)/system-root -o -path $(B)/image -o -path $(B)/vm \) -prune -o -type f -name '*.d' -print 2>/dev/null)
