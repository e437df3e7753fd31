# SPDX-License-Identifier: LGPL-2.1-or-later
# For the recipe of a kernel whose configuration has debug information, but no CONFIG_DEBUG_INFO_BTF: a
# package with the types that the probe reads, kernel-connwatch-btf. Without bpftool on the machine that
# builds, all of the kernel's types are in it.
HOSTTOOLS_NONFATAL += "bpftool"

do_connwatch_btf[depends] += "pahole-native:do_populate_sysroot"
do_connwatch_btf[dirs] = "${B}"
do_connwatch_btf() {
    ${CONNWATCH_PACKAGING}/btf.sh ${B}/vmlinux ${B}/connwatch.btf ${CONNWATCH_PACKAGING}/../ebpf/skeletons/x86/*.bpf.o
}
addtask connwatch_btf after do_compile before do_install

do_install:append() {
    install -D -m 0644 ${B}/connwatch.btf ${D}${prefix}/lib/connwatch/btf/${KERNEL_VERSION}.btf
}
PACKAGES =+ "${KERNEL_PACKAGE_NAME}-connwatch-btf"
FILES:${KERNEL_PACKAGE_NAME}-connwatch-btf = "${prefix}/lib/connwatch/btf"
