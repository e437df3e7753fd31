# connwatch: `sudo make demo` shows it, `sudo make check` proves it. `make help` lists the rest.
#
# Everything is built below build/. SANITIZE=1 builds with ASan and UBSan (below build/sanitize/).

CC          ?= cc
CLANG       ?= clang
BPFTOOL     ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
PKG_CONFIG  ?= pkg-config
AR          ?= ar
VERSION     := 0.1

B := build
ifdef SANITIZE
B := build/sanitize
SANITIZER := -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif

Q := $(if $(V),,@)
say = @printf '  %-7s %s\n' $(1) $(2)

PACKAGES := libbpf libelf libsystemd libnl-3.0 libnl-route-3.0 libmnl
CFLAGS   ?= -O2 -g
# Nobody unwinds a stack of ours at run time: the tables for that were a tenth of the programs.
CFLAGS_  := -std=gnu17 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -fno-asynchronous-unwind-tables -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -ffile-prefix-map=$(CURDIR)=. \
            -I. -Iwatchdog -I$(B) $(SANITIZER)
LDFLAGS_ := -Wl,--as-needed,-z,now $(SANITIZER)
LIBS_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
# libm: how likely chance is, for `connwatchctl fleet`
LIBS        = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm
# for `connwatchctl check` alone
LIBS_TLS    = $(shell $(PKG_CONFIG) --libs openssl)

objects = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)))
CORE    := $(call objects,watchdog/core/*.c)
EDGES   := $(call objects,watchdog/sources/*.c watchdog/effects/*.c watchdog/support/*.c)
WIRING  := $(call objects,watchdog/watch_*.c watchdog/succession.c watchdog/output.c)
NAMESPACES := $(call objects,watchdog/support/namespace_service.c watchdog/support/network_namespace.c)
DAEMON  := $(call objects,watchdog/main.c watchdog/daemon.c watchdog/metrics.c watchdog/control_bus*.c)
COMMAND := $(call objects,watchdog/cli/*.c watchdog/check/*.c watchdog/bus_client.c watchdog/bus_value.c \
		watchdog/stop_signals.c)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*_test.c))
SKELETONS := $(B)/ebpf/probe.skel.h $(B)/ebpf/mqtt.skel.h

all: $(B)/connwatchd $(B)/connwatchctl $(B)/connwatch-namespace

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## deps          installs what is missing of the packages that build and tests need (apt)
deps:
	$(Q)tests/deps.sh

# ---- programs

$(B)/connwatchd: $(DAEMON) $(WIRING) $(EDGES) $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_) -o $@ $^ $(LIBS)

$(B)/connwatchctl: $(COMMAND) $(WIRING) $(EDGES) $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_) -o $@ $^ $(LIBS) $(LIBS_TLS)

$(B)/connwatch-namespace: $(B)/watchdog/namespace.o $(NAMESPACES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_) -o $@ $^

$(B)/libcore.a: $(CORE)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CFLAGS_) $(LIBS_CFLAGS) -MMD -MP -c -o $@ $<

# ---- the probe: for every kernel the same objects, embedded as skeletons

BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))))

$(B)/ebpf/%.bpf.o: ebpf/%.bpf.c $(wildcard ebpf/*.h)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 -g -O2 -Wall -Wextra -Werror \
		-fdebug-prefix-map=$(CURDIR)=. -I. -c -o $@.full $<
	$(Q)$(BPFTOOL) gen object $@ $@.full

$(B)/ebpf/%.skel.h: $(B)/ebpf/%.bpf.o
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(call objects,watchdog/sources/probe*.c): $(SKELETONS)

# ---- tests

## check-unit    the core's unit tests and recorded traces, in seconds
check-unit: $(UNIT_TESTS)
	$(Q)tests/run-unit.sh $^

$(B)/tests/unit/policy_property_test: $(B)/tests/unit/policy_world.o

$(B)/tests/unit/record_test $(B)/tests/unit/record_parse_test: $(B)/tests/unit/example_record.o

$(B)/tests/unit/handover_test: $(B)/watchdog/support/handover.o $(B)/watchdog/support/descriptor_parcel.o

$(B)/tests/unit/socket_diag_test: $(B)/watchdog/sources/socket_diag.o $(NAMESPACES)
$(B)/tests/unit/process_events_test: $(B)/watchdog/sources/process_events.o \
		$(B)/watchdog/support/network_namespace.o $(B)/watchdog/support/process_files.o

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_) -o $@ $(filter %.o,$^) $(B)/libcore.a -lcunit -lm $(LIBS)

## check-layers  proves the may-include table and the purity of the core
check-layers: $(B)/libcore.a
	$(Q)tests/layers.sh $(B)/libcore.a

include docs/docs.mk tests/live/live.mk tests/system/system.mk tests/commands/commands.mk \
	tests/fuzz/fuzz.mk tests/fleet/fleet.mk tests/vm/vm.mk tests/bench/bench.mk \
	units/install.mk packaging/packaging.mk

## check         everything: layers, units under ASan and UBSan too, live and system tests
check: deps
	$(Q)$(MAKE) all check-layers check-docs check-outcome check-install check-deb check-reproducible
	$(Q)POLICY_EVENTS=1000000 $(MAKE) check-unit
	$(Q)$(MAKE) SANITIZE=1 check-unit
	$(Q)$(MAKE) check-fuzz check-commands check-fleet check-live check-system check-leaks

## clean         removes build/
clean:
	$(Q)rm -rf build

.PHONY: all help deps check check-unit check-layers clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) \( -path $(B)/system-root -o -path $(B)/image -o -path $(B)/vm \) -prune -o -type f -name '*.d' -print 2>/dev/null)
