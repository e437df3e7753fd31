#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each profile says where its unit's name is from, and the unit of each that names a Debian package is in
# that package. The packages are fetched, not installed. Ends with "N passed, N failed".
#
#     tests/install/agent_units.sh PROFILES     the directory with the profiles
set -eu

profiles=$(realpath "$1")
passed=0
failed=0
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
chmod 755 "$directory"
cd "$directory"

# fetch PACKAGE     into a file of its own directory; fails if apt does not have it now
fetch() {
	mkdir -p "$1"
	(cd "$1" && timeout 60 apt-get -o APT::Sandbox::User=root download "$1") >"$1.log" 2>&1
}

for profile in "$profiles"/*.agent; do
	package=$(sed -n 's/^# Debian package: //p' "$profile")
	unit=$(sed -n 's/^Unit=//p' "$profile")
	if ! grep -q "^# Debian package: \|^# The units*'s* names*: \|^# Containers of" "$profile"; then
		failed=$((failed + 1))
		echo "  $(basename "$profile"): FAIL: it does not say where its unit's name is from"
	fi
	[ -n "$package" ] || continue
	if ! fetch "$package"; then
		echo "  SKIPPED, $unit: apt does not have $package here: $(tail -1 "$package.log")"
		continue
	fi
	dpkg-deb --contents "$package"/*.deb >"$package.list"
	if grep -q "/systemd/system/$unit\$" "$package.list"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "  $(basename "$profile"): FAIL: no $unit in $package"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
