#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes a system extension image out of an installed tree, the same bytes each time.
#
#     SOURCE_DATE_EPOCH=SECONDS packaging/sysext.sh TREE OS-RELEASE ARCHITECTURE OUTPUT.raw
#
# TREE is what `make install DESTDIR=TREE` made; it is changed. The image fits systems with the ID=
# and VERSION_ID= of the file OS-RELEASE: they must have the libraries that the programs are linked
# with. OUTPUT without .raw is the extension's name.
set -eu
umask 022

tree=$1 os_release=$2 architecture=$3 output=$4
release=$tree/usr/lib/extension-release.d/extension-release.$(basename "$output" .raw)
wants=$tree/usr/lib/systemd/system/multi-user.target.wants

mkdir "$(dirname "$release")" "$wants"
{ grep -E '^(ID|VERSION_ID)=' "$os_release" && echo "ARCHITECTURE=$architecture"; } >"$release"
# Presets are for the first boot of an image. Who merges an extension wants it.
ln -s ../connwatchd.service "$wants"
mksquashfs "$tree" "$output" -noappend -all-root -no-xattrs -quiet -no-progress
