#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# deps.sh [LIST]: installs with apt what is missing of the packages in LIST (tests/packages.txt), and
# starts nothing of it.
set -eu

list=${1:-$(dirname "$0")/packages.txt}
policy=/usr/sbin/policy-rc.d

wanted=$(sed 's/#.*//' "$list")
# shellcheck disable=SC2086 # words are wanted
missing=$( {
	dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2> /dev/null || true
} | wanted=$wanted awk '
	$2 == "installed" { have[$1] = 1 }
	END {
		count = split(ENVIRON["wanted"], names, " ")
		for (i = 1; i <= count; i++)
			if (!(names[i] in have))
				printf "%s ", names[i]
	}')
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "Missing packages: $missing" >&2
	echo "Install them as root: sudo $0 $*" >&2
	exit 1
fi
echo "  DEPS    $missing"

# A package that brings a daemon would start it. The machine's own say on that comes first.
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	trap 'exit 130' INT TERM
	printf '#!/bin/sh\nexit 101\n' > $policy
	chmod 755 $policy
fi

export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq install --no-install-recommends -y $missing > /dev/null
