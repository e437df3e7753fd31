#!/bin/sh
# Builds the tree twice, as two people might: from other directories, with another umask, language,
# time zone and number of jobs. What comes out must be the same. Ends with "N passed, N failed".
set -eu

cd "$(dirname "$0")/../.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
MAINTAINER=$(git log -1 --format='%an <%ae>')
export SOURCE_DATE_EPOCH MAINTAINER

# build DIRECTORY UMASK VARIABLE=VALUE...
build() {
	directory=$1 mask=$2
	shift 2
	mkdir -p "$directory"
	git ls-files -z | tar --null -T - -c | tar -x -C "$directory"
	(umask "$mask"; env -u MAKELEVEL "$@" make -C "$directory" deb sysext >"$root/output" 2>&1) ||
		{ cat "$root/output"; exit 1; }
}

build "$root/a" 022 MAKEFLAGS=-j2 LC_ALL=C TZ=UTC
build "$root/another/place" 077 MAKEFLAGS= LC_ALL=C.UTF-8 TZ=Asia/Kathmandu

passed=0
failed=0
cd "$root/a/build"
for file in connwatchd connwatchctl ebpf/probe.bpf.o deb/*.deb sysext/*.raw docs/*.[1-8]; do
	if cmp "$file" "$root/another/place/build/$file"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
