# Included by the Makefile of the tree.

STRIP    ?= strip
DEB_ARCH  = $(shell dpkg-architecture -t "$$($(CC) -dumpmachine)" -q DEB_HOST_ARCH 2>/dev/null)
DEB       = $(B)/deb/connwatch_$(VERSION)_$(DEB_ARCH).deb
# the distribution that a system extension is for; its names for machines, os-release(5)
OS_RELEASE  ?= /etc/os-release
SYSEXT_ARCH  = $(patsubst x86_64,x86-64,$(patsubst aarch64,arm64,$(firstword \
		$(subst -, ,$(shell $(CC) -dumpmachine)))))

# An installed tree, without what only a debugger reads; $(1) is where.
define stage
	$(Q)rm -rf $(1) && install -d -m 755 $(1)
	+$(Q)$(MAKE) --no-print-directory install DESTDIR=$(1) PREFIX=/usr >/dev/null
	$(Q)$(STRIP) --strip-unneeded --remove-section=.comment \
		$(1)/usr/bin/* $(1)/usr/lib/connwatch/connwatch-namespace
endef

# Files get the date of the last commit, unless SOURCE_DATE_EPOCH says another.
dated = SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}

## deb           a Debian package, below build/
deb: all docs
	$(call stage,$(B)/deb/tree)
	$(Q)$(dated) packaging/deb.sh $(B)/deb/tree $(VERSION) $(DEB_ARCH) $(DEB)
	$(Q)rm -r $(B)/deb/tree
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

## footprint     what is installed takes; fails if the programs come to 1 MiB
footprint: all docs
	$(call stage,$(B)/footprint)
	$(Q)packaging/footprint.sh $(B)/footprint $(B)/ebpf/probe.bpf.o
	$(Q)rm -r $(B)/footprint

## check-deb     what lintian says about the package
check-deb: deb
	$(Q)lintian --allow-root --fail-on error,warning --tag-display-limit 0 $(DEB)

## check-reproducible  packages and programs are the same bytes, wherever and by whomever they are built
check-reproducible:
	$(Q)tests/install/reproducible.sh

.PHONY: deb sysext image footprint check-deb check-reproducible
