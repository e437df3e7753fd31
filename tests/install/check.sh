#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs into a directory of its own, compares what is there with files.expected, uninstalls, and
# looks for leftovers. Ends with "N passed, N failed".
#
#     tests/install/check.sh BUILD     where the programs are
#
# UPDATE=1 writes files.expected anew.
set -eu

build=$1
here=$(dirname "$0")
passed=0
failed=0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

make_quietly() {
	make --no-print-directory B="$build" DESTDIR="$root/tree" "$@" >"$root/output" 2>&1 ||
		{ cat "$root/output"; exit 1; }
}

# The mode and the path of each file.
list() {
	(cd "$root/tree" && find . -type f -printf '%m %P\n' | LC_ALL=C sort -k2)
}

check() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '  %s: FAIL\n' "$1"
		printf '%s\n' "$2" >"$root/wanted"
		printf '%s\n' "$3" | diff -u "$root/wanted" - || true
	fi
}

make_quietly install
[ -z "${UPDATE:-}" ] || list >"$here/files.expected"
check 'what is installed' "$(cat "$here/files.expected")" "$(list)"
check 'settings are read without a complaint' '' \
	"$("$build/connwatchctl" verify --root="$root/tree" 2>&1 || true)"
mkdir -p "$root/tree/etc/connwatch"
echo '[Match]' >"$root/tree/etc/connwatch/mine.agent"
make_quietly uninstall
check 'what uninstall leaves' '644 etc/connwatch/mine.agent' "$(list)"
check 'directories of ours that uninstall leaves' etc/connwatch \
	"$(cd "$root/tree" && find . -type d -name 'connwatch*' -printf '%P\n')"

rm -rf "$root/tree"
make_quietly install PREFIX=/usr/local
check 'what lies outside PREFIX' '' "$(list | grep -v ' usr/local/')"
check 'the program that the unit starts' ExecStart=/usr/local/bin/connwatchd \
	"$(grep ^ExecStart= "$root/tree/usr/local/lib/systemd/system/connwatchd.service")"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
