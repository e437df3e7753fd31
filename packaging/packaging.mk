# Included by the Makefile of the tree.

DEB_ARCH = $(shell dpkg-architecture -t "$$($(CC) -dumpmachine)" -q DEB_HOST_ARCH 2>/dev/null)

## deb           a Debian package, below build/
deb: all docs
	$(Q)rm -rf $(B)/deb && mkdir -p $(B)/deb
	$(Q)$(MAKE) --no-print-directory install DESTDIR=$(B)/deb/tree PREFIX=/usr >/dev/null
	$(Q)packaging/package.sh $(B)/deb/tree $(VERSION) $(DEB_ARCH) $(B)/deb
	$(Q)rm -r $(B)/deb/tree
	$(call say,DEB,$(B)/deb/connwatch_$(VERSION)_$(DEB_ARCH).deb)

## check-deb     what lintian says about it (apt install lintian), and that it is the same twice
check-deb: deb
	$(Q)lintian --fail-on error,warning --tag-display-limit 0 $(B)/deb/*.deb
	$(Q)mv $(B)/deb/*.deb $(B)/first.deb
	$(Q)$(MAKE) --no-print-directory deb
	$(Q)cmp $(B)/first.deb $(B)/deb/*.deb

.PHONY: deb check-deb
