#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The size of connwatch on a device, as a table in Markdown. docs/PACKAGING.md has such a table.
#
#     packaging/footprint.sh TREE PROBE     an installed and stripped tree; the probe's object
#
# Fails if the programs together are 1 MiB or more.
set -eu

tree=$1 probe=$2
programs="$tree/usr/bin/connwatchd $tree/usr/bin/connwatchctl $tree/usr/lib/connwatch/connwatch-namespace \
	$tree/usr/lib/connwatch/connwatch-process"

size() {
	stat --format=%s "$@" | awk '{ sum += $1 } END { printf "%d KiB", sum / 1024 }'
}

libraries() {
	objdump -p "$1" | awk '$1 == "NEEDED" { printf "%s%s", comma, $2; comma = ", " }'
}

echo '| what | size | shared libraries |'
echo '|---|---|---|'
for program in $programs; do
	echo "| $(basename "$program") | $(size "$program") | $(libraries "$program") |"
done
echo "| the probe, before it is packed into both connwatchd and connwatchctl | $(size "$probe") | |"
# shellcheck disable=SC2086 # words are wanted
echo "| programs together | $(size $programs) | |"
# shellcheck disable=SC2046 # no blanks in them
echo "| all that is installed | $(size $(find "$tree" -type f)) | |"

# shellcheck disable=SC2086
[ "$(stat --format=%s $programs | awk '{ sum += $1 } END { print sum }')" -lt 1048576 ]
