#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds, tests and installs from the source archive in a directory of its own, where neither clang nor
# bpftool can be run. Ends with "N passed, N failed".
#
#     tests/install/dist.sh ARCHIVE
set -eu

archive=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
passed=0
failed=0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# Make is not to know of the make that called us, nor where bpftool is.
unset MAKEFLAGS MAKELEVEL MFLAGS SHIPPED
export CLANG=clang BPFTOOL=bpftool PATH="$root/hidden:$PATH"
mkdir "$root/hidden"
for program in clang bpftool; do
	printf '#!/bin/sh\necho "%s: hidden" >&2\nexit 127\n' $program >"$root/hidden/$program"
	chmod 755 "$root/hidden/$program"
done

# check NAME COMMAND...: the command must succeed.
check() {
	name=$1
	shift
	if "$@" >"$root/output" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '  %s: FAIL\n' "$name"
		tail -n 40 "$root/output"
	fi
}

# The mode and the path of each installed file.
installed_as_expected() {
	(cd "$root/tree" && find . -type f -printf '%m %P\n' | LC_ALL=C sort -k2) |
		diff "$here/files.expected" -
}

# Each file may be written by who unpacks it, and by nobody else.
modes_as_usual() {
	printf '%s 0/0\n' -rw-r--r-- -rwxr-xr-x drwxr-xr-x lrwxr-xr-x >"$root/usual"
	tar --list --verbose --numeric-owner --file="$archive" | awk '{ print $1, $2 }' | LC_ALL=C sort -u |
		diff "$root/usual" -
}

skeleton_of() {
	make B="build/$1" BPF_ARCH="$1" skeletons && cmp "build/$1/ebpf/mqtt.skel.h" "ebpf/skeletons/$1/mqtt.skel.h"
}

# A source that differs from the one the skeletons were made of needs clang.
changed_source_takes_clang() {
	echo >>ebpf/watch_keys.h
	! make B=build/changed skeletons && make B=build/changed skeletons 2>&1 | grep -q '^clang: hidden'
}

tar --extract --directory="$root" --file="$archive"
cd "$root"/connwatch-*
check 'owners and modes in it' modes_as_usual
check 'it builds' make -j"$(nproc)" all docs
check 'its unit tests' make -j"$(nproc)" check-unit
check 'it installs' make install DESTDIR="$root/tree"
check 'what it installs' installed_as_expected
check 'the licenses of its files' tests/spdx.py
check 'the skeletons for x86' skeleton_of x86
check 'the skeletons for arm64' skeleton_of arm64
check 'the skeletons for arm' skeleton_of arm
check 'a changed source of the probe' changed_source_takes_clang

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
