#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the tree twice, as two people might: one out of git, the other out of the source archive that
# the first made; from other directories, with another umask, language, time zone and number of jobs.
# The results must be identical. Ends with "N passed, N failed".
set -eu

cd "$(dirname "$0")/../.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

# build DIRECTORY UMASK VARIABLE=VALUE...
build() {
	directory=$1 mask=$2
	shift 2
	(umask "$mask"; env -u MAKELEVEL "$@" make -C "$directory" dist deb sysext >"$root/output" 2>&1) ||
		{ cat "$root/output"; exit 1; }
}

packaging/copy-sources.sh "$root/a"
build "$root/a" 022 MAKEFLAGS=-j2 LC_ALL=C TZ=UTC

mkdir -p "$root/another"
tar -x -C "$root/another" -f "$root"/a/build/connwatch-*.tar.xz
mv "$root"/another/connwatch-* "$root/another/place"
build "$root/another/place" 077 MAKEFLAGS= LC_ALL=C.UTF-8 TZ=Asia/Kathmandu

passed=0
failed=0
cd "$root/a/build"
# The package is built in deb/source, the probe with it.
for file in connwatchd connwatchctl connwatch-fleet connwatch-*.tar.xz deb/*.deb deb/source/build/ebpf/*.bpf.o \
	sysext/*.raw docs/*.[1-8]; do
	if cmp "$file" "$root/another/place/build/$file"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
