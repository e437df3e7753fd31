#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes an example of a device's image, as a tree to boot: Debian with an agent and connwatch in it.
#
#     packaging/image.sh CONNWATCH.deb OUTPUT
#
# Needs root. The image is of this machine's distribution and version, whose libraries the package needs.
# OUTPUT is replaced, unless it was made of the same package by this recipe.
set -eu
umask 022

deb=$(realpath "$1") output=$2
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
made_of=$(cat "$0" "$deb" | sha256sum)
if [ "$(cat "$output.made-of" 2>/dev/null)" = "$made_of" ]; then
	exit 0
fi
echo "making $output"
rm -rf "$output" "$output.made-of"
mkdir -p "$(dirname "$output")"

# Presets say what runs on a device, so what the packages enabled is taken back. They are applied at
# the first boot, which is one without /etc/machine-id (machine-id(5)). Nobody is there to answer
# what systemd-firstboot(1) asks.
# Mounts and processes that mmdebstrap leaves in the tree end with unshare(1).
# shellcheck disable=SC2016 # mmdebstrap's shell knows "$1", the tree
unshare --mount-proc --pid --fork --kill-child mmdebstrap --variant=minbase --include='systemd systemd-sysv dbus mosquitto' --include="$deb" \
	--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount \
	--customize-hook='systemctl --root="$1" disable mosquitto.service connwatchd.service' \
	--customize-hook='systemctl --root="$1" mask systemd-firstboot.service' \
	--customize-hook='rm -f "$1/etc/machine-id"' \
	"$suite" "$output" >"$output.log" 2>&1 </dev/null || {
	tail "$output.log" >&2
	exit 1
}
echo "$made_of" >"$output.made-of"
