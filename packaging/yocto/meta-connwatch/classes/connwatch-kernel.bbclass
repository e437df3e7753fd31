# SPDX-License-Identifier: LGPL-2.1-or-later
# For the recipe of a kernel that is built with kernel-yocto.bbclass: the options of connwatch.cfg, and
# pahole, which CONFIG_DEBUG_INFO_BTF needs. linux-yocto inherits it if DISTRO_FEATURES has connwatch.
FILESEXTRAPATHS:prepend := "${CONNWATCH_PACKAGING}:"
SRC_URI:append = " file://connwatch.cfg"

# Whether the configuration has BTF depends on pahole's version, so it must be there before.
do_kernel_configme[depends] += "pahole-native:do_populate_sysroot"
# linux-yocto would hide pahole otherwise
EXTRA_OEMAKE:remove = "PAHOLE=false"
