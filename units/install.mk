# What is installed, and where. Included by the Makefile of the tree. systemd, D-Bus and connwatchd
# look below /usr: with another PREFIX, units alone are found (in /usr/local).

PREFIX ?= /usr

# place = directory = files
INSTALLED :=
define place
INSTALLED += $(1)
$(1)_directory := $(2)
$(1)_files := $(3)
endef

pages = $(filter %.$(1),$(MANUAL))

$(eval $(call place,programs,bin,$(B)/connwatchd $(B)/connwatchctl))
$(eval $(call place,services,lib/connwatch,$(B)/connwatch-namespace))
$(eval $(call place,units,lib/systemd/system,$(wildcard units/*.service units/*.socket)))
$(eval $(call place,presets,lib/systemd/system-preset,$(wildcard units/*.preset)))
$(eval $(call place,catalogs,lib/systemd/catalog,$(wildcard units/*.catalog)))
$(eval $(call place,settings,lib/connwatch,units/connwatchd.conf $(wildcard units/agents/*.agent)))
$(eval $(call place,examples,share/doc/connwatch/examples,$(wildcard units/examples/*)))
$(eval $(call place,policy,share/dbus-1/system.d,units/org.connwatch1.conf))
$(eval $(call place,bash,share/bash-completion/completions,completions/connwatchctl.bash))
$(eval $(call place,zsh,share/zsh/vendor-completions,completions/_connwatchctl))
$(foreach section,1 5 7 8,$(eval \
	$(call place,man$(section),share/man/man$(section),$(call pages,$(section)))))

# DESTDIR and PREFIX may not hold blanks, as everywhere in make.
target = $(DESTDIR)$(PREFIX)/$($(1)_directory)

## install       below DESTDIR and PREFIX (/usr), and touches nothing else
install: all docs
	$(Q)set -e; umask 022; $(foreach place,$(INSTALLED),\
		install -D -m $(if $(filter programs services,$(place)),755,644) -t $(call target,$(place)) \
			$($(place)_files);)
	$(Q)sed -i 's|^ExecStart=/usr/|ExecStart=$(PREFIX)/|' $(call target,units)/*.service

## uninstall     takes away what install put there; settings in /etc stay
uninstall:
	$(Q)rm -f $(foreach place,$(INSTALLED),\
		$(addprefix $(call target,$(place))/,$(notdir $($(place)_files))))
	$(Q)for ours in lib/connwatch share/doc/connwatch/examples share/doc/connwatch; do \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(PREFIX)/$$ours 2>/dev/null || true; \
	done

## check-install what install puts where, and that uninstall leaves nothing
check-install: all docs
	$(Q)tests/install/check.sh $(B)

.PHONY: install uninstall check-install
