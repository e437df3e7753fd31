# SPDX-License-Identifier: LGPL-2.1-or-later
SUMMARY = "Watchdog for the cloud connections of a device's agents"
DESCRIPTION = "When the connection between an agent and its cloud hub ends, connwatch says how it ended, \
why, and how sure it is of that: one record in the journal, out of the evidence of the kernel."
SECTION = "net"
# in the syntax that all releases since scarthgap read; the newest warn of it
LICENSE = "LGPL-2.1-or-later & (GPL-2.0-only | BSD-2-Clause)"
LIC_FILES_CHKSUM = " \
    file://LICENSES/LGPL-2.1-or-later.txt;md5=4fbd65380cdd255951079008b364516c \
    file://LICENSES/GPL-2.0-only.txt;md5=b234ee4d69f5fce4486a80fdaf4a4263 \
    file://LICENSES/BSD-2-Clause.txt;md5=678744eec54b0f1e0f29f6f82139896a \
"

PV = "0.2~devel"

# Where the archive is that `make dist` makes: file:///DIRECTORY or https://SERVER/DIRECTORY. It has the probe
# ready for use: neither clang nor bpftool is needed, and no kernel.
CONNWATCH_SITE ??= ""
# for a server: the sum of the archive, which cannot stand here, because the archive has this file in it
CONNWATCH_SHA256 ??= ""
SRC_URI = "${CONNWATCH_SITE}/${BP}.tar.xz;name=archive"
SRC_URI[archive.sha256sum] = "${CONNWATCH_SHA256}"

python () {
    if not d.getVar("CONNWATCH_SITE"):
        raise bb.parse.SkipRecipe("CONNWATCH_SITE does not say where the source archive is")
}

# the machines that the archive has the probe for
COMPATIBLE_HOST = "(x86_64|aarch64|arm).*-linux"
REQUIRED_DISTRO_FEATURES = "systemd"

DEPENDS = "libbpf libmnl libnl openssl scdoc-native systemd zlib"
inherit bash-completion features_check pkgconfig systemd

EXTRA_OEMAKE = "WERROR= PREFIX=${prefix} PARTS=device"

do_compile() {
    oe_runmake all docs
}

do_install() {
    oe_runmake install DESTDIR=${D}
}

# what connwatchd.service starts, and the catalog, the preset, the bus policy and the settings beside it
SYSTEMD_SERVICE:${PN} = "connwatchd.service"
FILES:${PN} += " \
    ${prefix}/lib/connwatch \
    ${prefix}/lib/systemd \
    ${datadir}/dbus-1 \
"
PACKAGE_BEFORE_PN += "${PN}-zsh-completion"
FILES:${PN}-zsh-completion = "${datadir}/zsh"
