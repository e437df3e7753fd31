#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs fuzz targets, two at a time, each for some seconds from its seeds on.
#
#     tests/fuzz/run.sh BUILD SECONDS SEED NAME...
#
# With SEED=0 each run tries something else; with another, the same from the beginning on.
# The seeds of NAME are in tests/fuzz/seeds/NAME, and for some elsewhere in the tree; an input that
# once was a finding belongs there, too. What a run learns is kept in BUILD/corpus/NAME. Prints a
# line a target. A finding is kept as BUILD/findings/NAME-*, shown, and makes the exit status 1.
set -uo pipefail

if [ $# -lt 4 ]; then
	echo "usage: $0 BUILD SECONDS SEED NAME..." >&2
	exit 2
fi
build=$1 seconds=$2 seed=$3
shift 3

# The directories that hold seeds for $1.
seeds() {
	case $1 in
	decode | engine | trace) echo "$build/seeds/$1" ;;
	settings) echo units/agents ;;
	esac
	[ ! -d "tests/fuzz/seeds/$1" ] || echo "tests/fuzz/seeds/$1"
}

make_seeds() {
	mkdir -p "$build"/seeds/{decode,engine,trace} "$build/findings"
	"$build/tests/fuzz/decode_seeds" "$build/seeds/decode" || exit 1
	cp tests/traces/*.trace "$build/seeds/trace" || exit 1
	# Many choices, which look random and are the same on every machine.
	cat tests/traces/*.trace | gzip -n | head -c 8192 > "$build/seeds/engine/compressed"
}

fuzz_one() {
	local name=$1 log=$build/findings/$1.log corpus=$build/corpus/$1 dictionary=()
	mkdir -p "$corpus"
	[ ! -f "tests/fuzz/$name.dict" ] || dictionary=("-dict=tests/fuzz/$name.dict")
	# shellcheck disable=SC2046 # one word a directory
	if "$build/tests/fuzz/${name}_fuzz" -max_total_time="$seconds" -seed="$seed" \
		-timeout=10 -rss_limit_mb=2048 \
		-max_len=16384 -print_final_stats=1 "${dictionary[@]}" \
		-artifact_prefix="$build/findings/$name-" "$corpus" $(seeds "$name") \
		> "$log" 2>&1 < /dev/null; then
		printf '  %-10s %s inputs, no finding\n' "$name" \
			"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
	else
		printf '  %-10s A FINDING, see %s\n' "$name" "$log"
		grep -v '^#' "$log" | tail -n 40
		return 1
	fi
}

make_seeds
failed=0 running=0
for name; do
	fuzz_one "$name" &
	running=$((running + 1))
	if [ $running -eq 2 ]; then
		wait -n || failed=$((failed + 1))
		running=$((running - 1))
	fi
done
for ((; running > 0; running--)); do
	wait -n || failed=$((failed + 1))
done
echo "$# fuzz targets, $failed with a finding"
[ $failed -eq 0 ]
