#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Proves that all that names the version names the Makefile's. Ends with "N passed, N failed".
#
#     tests/install/version.sh BUILD VERSION     where the programs are; VERSION~devel comes before VERSION
set -eu

build=$1 version=$2
passed=0
failed=0

# check WHERE WANTED SAID
check() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '  %s: %s, wanted %s\n' "$1" "$3" "$2"
	fi
}

cd "$(dirname "$0")/../.."
case $version in
*~devel) when=' (in development)' ;;
*) when= ;;
esac
check 'connwatchd --version' "connwatchd $version" "$("$build/connwatchd" --version)"
check 'connwatchctl --version' "connwatch $version" "$("$build/connwatchctl" --version)"
check 'connwatch-fleet --version' "connwatch-fleet $version" "$("$build/connwatch-fleet" --version)"
check debian/changelog "connwatch ($version)" "$(sed -n '1s/).*/)/p' debian/changelog)"
check NEWS.md "## ${version%~devel}$when" "$(grep -m 1 '^## ' NEWS.md)"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
