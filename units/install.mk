# SPDX-License-Identifier: LGPL-2.1-or-later
# Installation. Included by the Makefile of the tree. systemd, D-Bus and connwatchd look below /usr: with
# another PREFIX, only units are found (in /usr/local).

PREFIX ?= /usr

# The parts of an installation: `PARTS=device` leaves out what only the host needs that collects the journals of many.
PARTS ?= device collector

# place = directory = files
device :=
define place
device += $(1)
$(1)_directory := $(2)
$(1)_files := $(3)
endef

collector := collector_programs collector_examples collector_documents collector_bash collector_zsh collector_fish collector_man1
collector_examples_files := $(addprefix units/examples/,journal-remote-socket.conf journal-remote-service.conf \
		nginx-collector.conf) $(wildcard packaging/monitoring/fleet-*.sql)
collector_man1_files := $(B)/docs/connwatch-fleet.1

pages = $(filter-out $(collector_man1_files),$(filter %.$(1),$(MANUAL)))

$(eval $(call place,programs,bin,$(B)/connwatchd $(B)/connwatchctl))
$(eval $(call place,services,lib/connwatch,$(B)/connwatch-namespace $(B)/connwatch-process))
$(eval $(call place,units,lib/systemd/system,$(wildcard units/*.service units/*.socket)))
$(eval $(call place,presets,lib/systemd/system-preset,$(wildcard units/*.preset)))
$(eval $(call place,catalogs,lib/systemd/catalog,$(wildcard units/*.catalog)))
$(eval $(call place,settings,lib/connwatch,units/connwatchd.conf $(wildcard units/agents/*.agent)))
$(eval $(call place,examples,share/doc/connwatch/examples,$(filter-out $(collector_examples_files),\
	$(wildcard units/examples/* packaging/monitoring/*))))
$(eval $(call place,documents,share/doc/connwatch,docs/CAUSES.md docs/METRICS.md))
$(eval $(call place,policy,share/dbus-1/system.d,units/org.connwatch1.conf))
$(eval $(call place,bash,share/bash-completion/completions,completions/connwatchctl.bash))
$(eval $(call place,zsh,share/zsh/vendor-completions,completions/_connwatchctl))
$(eval $(call place,fish,share/fish/vendor_completions.d,completions/connwatchctl.fish))
$(foreach section,1 5 7 8,$(eval \
	$(call place,man$(section),share/man/man$(section),$(call pages,$(section)))))

collector_programs_directory := bin
collector_programs_files := $(B)/connwatch-fleet
collector_examples_directory := share/doc/connwatch-fleet/examples
collector_documents_directory := share/doc/connwatch-fleet
collector_documents_files := docs/FLEET.md
collector_bash_directory := share/bash-completion/completions
collector_bash_files := completions/connwatch-fleet.bash
collector_zsh_directory := share/zsh/vendor-completions
collector_zsh_files := completions/_connwatch-fleet
collector_fish_directory := share/fish/vendor_completions.d
collector_fish_files := completions/connwatch-fleet.fish
collector_man1_directory := share/man/man1

INSTALLED = $(foreach part,$(PARTS),$($(part)))

# DESTDIR and PREFIX may not hold blanks, as everywhere in make.
target = $(DESTDIR)$(PREFIX)/$($(1)_directory)

## install       below DESTDIR and PREFIX (/usr), and touches nothing else
install: all docs
	$(Q)set -e; umask 022; $(foreach place,$(INSTALLED),\
		install -D -m $(if $(filter %programs services,$(place)),755,644) -t $(call target,$(place)) \
			$($(place)_files);)
	$(Q)$(if $(filter units,$(INSTALLED)),sed -i 's|^ExecStart=/usr/|ExecStart=$(PREFIX)/|' $(call target,units)/*.service)

## uninstall     takes away what install put there; settings in /etc stay
uninstall:
	$(Q)rm -f $(foreach place,$(INSTALLED),\
		$(addprefix $(call target,$(place))/,$(notdir $($(place)_files))))
	$(Q)for ours in lib/connwatch share/doc/connwatch/examples share/doc/connwatch \
		share/doc/connwatch-fleet/examples share/doc/connwatch-fleet; do \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(PREFIX)/$$ours 2>/dev/null || true; \
	done

## check-install what install puts where, and that uninstall leaves nothing
check-install: all docs
	$(Q)tests/install/check.sh $(B)

## check-agent-units  that profiles name units as Debian's packages do, which it fetches
check-agent-units:
	$(Q)tests/install/agent_units.sh units/agents

## check-hardening  that the programs have what the Makefile's HARDENING asks for
check-hardening: all
	$(Q)CC='$(CC)' tests/install/hardening.sh $(B) $(sort $(DAEMON) $(COMMAND) $(WIRING) $(EDGES) \
		$(CORE) $(COLLECTOR) $(B)/watchdog/namespace/main.o $(B)/watchdog/process/main.o)

.PHONY: install uninstall check-install check-agent-units check-hardening
