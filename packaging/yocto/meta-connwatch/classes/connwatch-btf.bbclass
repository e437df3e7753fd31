# SPDX-License-Identifier: LGPL-2.1-or-later
# For the recipe of a kernel whose configuration has debug information, but no CONFIG_DEBUG_INFO_BTF: makes
# the BTF of its types, and puts it beside the image as connwatch-MACHINE.btf.
do_connwatch_btf[depends] += "pahole-native:do_populate_sysroot"
do_connwatch_btf[dirs] = "${B}"
do_connwatch_btf() {
    pahole --btf_encode_detached=${B}/connwatch.btf ${B}/vmlinux
}
addtask connwatch_btf after do_compile before do_deploy

do_deploy:append() {
    install -m 0644 ${B}/connwatch.btf $deployDir/connwatch-${MACHINE}.btf
}
