# SPDX-License-Identifier: LGPL-2.1-or-later
# Included by the Makefile of the tree.

STRIP    ?= strip
DEB_ARCH  = $(shell dpkg-architecture -t "$$($(CC) -dumpmachine)" -q DEB_HOST_ARCH 2>/dev/null)
DIST      = $(B)/connwatch-$(VERSION).tar.xz
# BPF programs differ where they read registers.
DIST_MACHINES := x86 arm64 arm
DEB       = $(B)/deb/connwatch_$(VERSION)_$(DEB_ARCH).deb
# the distribution that a system extension is for; its names for machines, os-release(5)
OS_RELEASE  ?= /etc/os-release
SYSEXT_ARCH  = $(patsubst x86_64,x86-64,$(patsubst aarch64,arm64,$(firstword \
		$(subst -, ,$(shell $(CC) -dumpmachine)))))

# A device's installed tree, without what only a debugger reads; $(1) is where.
define stage
	$(Q)rm -rf $(1) && install -d -m 755 $(1)
	+$(Q)$(MAKE) --no-print-directory install DESTDIR=$(1) PREFIX=/usr PARTS=device >/dev/null
	$(Q)$(STRIP) --strip-unneeded --remove-section=.comment \
		$(1)/usr/bin/* $(1)/usr/lib/connwatch/connwatch-namespace $(1)/usr/lib/connwatch/connwatch-process
endef

# Files get the date of the last commit, those of a source archive the archive's, unless
# SOURCE_DATE_EPOCH says another.
dated = SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || date -r Makefile +%s)}

# Debian's tools run make anew: with flags of their own, and none of ours. The tests have run.
debian = env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS DEB_BUILD_OPTIONS=nocheck $(dated)

## dist          the source archive, below build/; building from it takes neither clang nor bpftool
dist:
	+$(Q)for machine in $(DIST_MACHINES); do \
		$(MAKE) --no-print-directory B=$(B)/dist/$$machine BPF_ARCH=$$machine skeletons || exit; \
	done
	$(Q)$(dated) packaging/dist.sh $(B)/dist "$(DIST_MACHINES)" $(B)/dist/connwatch-$(VERSION) $(DIST)
	$(call say,DIST,$(DIST))

## deb           the Debian packages, for devices and for the host that collects, below build/
deb:
	$(Q)rm -f $(B)/deb/*.deb
	$(Q)packaging/copy-sources.sh $(B)/deb/source
	$(Q)cd $(B)/deb/source && $(debian) dpkg-buildpackage --build=binary --no-pre-clean \
		--unsigned-changes --unsigned-buildinfo --host-arch=$(DEB_ARCH) >../log 2>&1 || { tail -40 ../log; exit 1; }
	$(call say,DEB,$(DEB))

## sysext        a system extension image for images like this machine's, below build/
sysext: all docs
	$(call stage,$(B)/sysext/tree)
	$(Q)$(dated) packaging/sysext.sh $(B)/sysext/tree $(OS_RELEASE) $(SYSEXT_ARCH) $(B)/sysext/connwatch.raw
	$(Q)rm -r $(B)/sysext/tree
	$(call say,SYSEXT,$(B)/sysext/connwatch.raw)

## image         an example of a device's image with connwatch in it, as a tree to boot, below build/
image: deb
	$(Q)packaging/image.sh $(DEB) $(B)/image/root
	$(call say,IMAGE,$(B)/image/root)

## footprint     what is installed on a device takes; fails if the programs come to 1 MiB
footprint: all docs $(B)/ebpf/probe.bpf.o
	$(call stage,$(B)/footprint)
	$(Q)packaging/footprint.sh $(B)/footprint $(B)/ebpf/probe.bpf.o
	$(Q)rm -r $(B)/footprint

## btf           the types that the probe reads, of a kernel without BTF: make btf VMLINUX=FILE OUT=FILE
# An archive has the probe's objects beside the skeletons.
BTF_OBJECTS = $(patsubst ebpf/%.c,$(or $(SHIPPED),$(B)/ebpf)/%.o,$(wildcard ebpf/*.bpf.c))
btf: $(BTF_OBJECTS)
	$(if $(and $(VMLINUX),$(OUT)),,$(error make btf VMLINUX=FILE OUT=FILE))
	$(Q)BPFTOOL=$(BPFTOOL) packaging/btf.sh $(VMLINUX) $(OUT) $^
	$(call say,BTF,$(OUT))

## check-btf     make btf, from BTF and from debug information; and the probe with what it makes
check-btf: $(B)/connwatchctl $(BTF_OBJECTS)
	$(Q)tests/install/btf.sh $(B)/connwatchctl $(BTF_OBJECTS)

## check-dist    builds, tests and installs from the source archive, without clang and bpftool
check-dist: dist
	$(Q)tests/install/dist.sh $(DIST)

## check-images  what image builders get agrees with the Makefile, and installs what it should
check-images: all docs
	$(Q)tests/install/images.py --build $(B)

## check-version  what names the version names the same
check-version: all
	$(Q)tests/install/version.sh $(B) $(VERSION)

## check-deb     what lintian says about the package
check-deb: deb
	$(Q)lintian --allow-root --fail-on error,warning --tag-display-limit 0 $(B)/deb/*.deb

## check-reproducible  packages and programs are the same bytes, wherever and by whomever they are built
check-reproducible:
	$(Q)tests/install/reproducible.sh

.PHONY: dist deb sysext image btf footprint check-btf check-dist check-images check-version check-deb check-reproducible
