################################################################################
#
# connwatch
#
################################################################################

CONNWATCH_VERSION = 0.2~devel
CONNWATCH_SOURCE = connwatch-$(CONNWATCH_VERSION).tar.xz
CONNWATCH_SITE = $(call qstrip,$(BR2_PACKAGE_CONNWATCH_SITE))
CONNWATCH_SITE_METHOD = $(if $(findstring ://,$(CONNWATCH_SITE)),wget,file)
CONNWATCH_LICENSE = LGPL-2.1+, GPL-2.0 or BSD-2-Clause (BPF programs)
CONNWATCH_LICENSE_FILES = \
	LICENSE \
	LICENSES/LGPL-2.1-or-later.txt \
	LICENSES/GPL-2.0-only.txt \
	LICENSES/BSD-2-Clause.txt
CONNWATCH_DEPENDENCIES = \
	host-pkgconf \
	host-scdoc \
	libbpf \
	libmnl \
	libnl \
	openssl \
	systemd \
	zlib

# The archive has connwatch.hash in it: its own sum is a setting.
BR_NO_CHECK_HASH_FOR += $(CONNWATCH_SOURCE)
CONNWATCH_SHA256 = $(call qstrip,$(BR2_PACKAGE_CONNWATCH_SHA256))

define CONNWATCH_CHECK_SHA256
	echo "$(CONNWATCH_SHA256)  $(CONNWATCH_DL_DIR)/$(CONNWATCH_SOURCE)" | sha256sum --check --quiet
endef
ifneq ($(CONNWATCH_SHA256),)
CONNWATCH_PRE_EXTRACT_HOOKS += CONNWATCH_CHECK_SHA256
endif

CONNWATCH_MAKE = $(TARGET_MAKE_ENV) $(TARGET_CONFIGURE_OPTS) $(MAKE) -C $(@D) \
	WERROR= PREFIX=/usr PARTS=device

define CONNWATCH_BUILD_CMDS
	$(CONNWATCH_MAKE) all docs
endef

define CONNWATCH_INSTALL_TARGET_CMDS
	$(CONNWATCH_MAKE) install DESTDIR=$(TARGET_DIR)
endef

CONNWATCH_KERNEL_OPTIONS = $(shell sed -n 's/=y$$//p' $(BR2_EXTERNAL_CONNWATCH_PATH)/../connwatch.cfg)

ifeq ($(BR2_PACKAGE_CONNWATCH_BTF),y)
CONNWATCH_DEPENDENCIES += host-bpftool host-pahole linux
CONNWATCH_KERNEL_OPTIONS := $(filter-out CONFIG_DEBUG_INFO_BTF,$(CONNWATCH_KERNEL_OPTIONS))

define CONNWATCH_INSTALL_BTF
	$(CONNWATCH_MAKE) btf BPFTOOL=$(HOST_DIR)/sbin/bpftool VMLINUX=$(LINUX_DIR)/vmlinux \
		OUT=$(TARGET_DIR)/usr/lib/connwatch/btf/$(LINUX_VERSION_PROBED).btf
endef
CONNWATCH_POST_INSTALL_TARGET_HOOKS += CONNWATCH_INSTALL_BTF
endif

define CONNWATCH_LINUX_CONFIG_FIXUPS
	$(foreach option,$(CONNWATCH_KERNEL_OPTIONS),
		$(call KCONFIG_ENABLE_OPT,$(option)))
endef

$(eval $(generic-package))
