#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs the given test programs and sums up. Each ends with CUnit's summary or, if it is none of
# CUnit's, with a line "N passed, N failed" of its own. What a failed one printed is shown.
set -u

passed=0
failed=0
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT TERM

# Prints "PASSED FAILED" out of a program's output; nothing if it never came to its summary.
counts() {
	awk '$1 == "tests" && NF >= 6 { result = $4 " " $5 }
	     /^[0-9]+ passed, [0-9]+ failed/ { result = $1 " " $3 }
	     END { if (result) print result }' "$output"
}

for program; do
	"$program" > "$output" 2>&1 < /dev/null
	status=$?
	# shellcheck disable=SC2046 # two words are wanted
	set -- $(counts)
	ok=${1:-0} bad=${2:-0}
	if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then
		bad=1 # it died, or failed outside its tests
	elif [ $status -eq 0 ] && [ $((ok + bad)) -eq 0 ]; then
		bad=1 # it tested nothing
	fi
	passed=$((passed + ok)) failed=$((failed + bad))
	printf '  %-24s %s passed, %s failed\n' "$(basename "$program")" "$ok" "$bad"
	[ "$bad" -eq 0 ] || { cat "$output"; echo "  exit status $status"; }
done

[ $# -gt 0 ] || [ $((passed + failed)) -gt 0 ] || { echo "no test program given"; failed=1; }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
