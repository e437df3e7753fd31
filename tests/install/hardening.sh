#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Looks in the programs for what the compiler and the linker were asked to put in against mistakes in
# memory: HARDENING in the Makefile. Ends with "N passed, N failed".
#
#     tests/install/hardening.sh BUILD OBJECT...     where the programs are; what they were made of
#
# CC is the compiler, cc if it is not set.
set -eu

build=$1
shift
passed=0
failed=0

# check WHAT COMMAND...     passes if the command does
check() {
	what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '  %s: FAIL\n' "$what"
	fi
}

has() {
	printf '%s\n' "$1" | grep -Eq "$2"
}

has_not() {
	! has "$1" "$2"
}

check_program() {
	name=$(basename "$1")
	header=$(readelf --file-header --wide "$1")
	segments=$(readelf --program-headers --wide "$1")
	dynamic=$(readelf --dynamic --wide "$1")
	imports=$(readelf --dyn-syms --wide "$1")

	check "$name is loaded anywhere (PIE)" has "$header" '^ *Type: *DYN'
	check "$name says that it is PIE" has "$dynamic" 'FLAGS_1.* PIE'
	check "$name has read-only relocations (RELRO)" has "$segments" '^ *GNU_RELRO '
	check "$name binds at its start (BIND_NOW)" has "$dynamic" '\(FLAGS\).* BIND_NOW'
	check "$name says whether its stack is executable" has "$segments" '^ *GNU_STACK '
	check "$name has no executable stack" has_not "$segments" '^ *GNU_STACK .* RWE '
	check "$name has nothing that is both writable and executable" \
		has_not "$segments" '^ *LOAD .* RWE '
	check "$name has no relocations in its code" has_not "$dynamic" 'TEXTREL'
	check "$name looks for libraries where the system has them" \
		has_not "$dynamic" '\((RPATH|RUNPATH)\)'
	check "$name guards its stack" has "$imports" ' __stack_chk_fail(@|$)'
	check "$name has bounds checked by the C library (_FORTIFY_SOURCE)" has "$imports" '_chk@'
}

# The processor's checks of jumps and returns, by their name in the notes of an object file; empty on
# machines without such checks.
case $(${CC:-cc} -dumpmachine) in
x86_64-* | i?86-*) features='IBT, SHSTK' ;;
aarch64-*) features='BTI, PAC' ;;
*) features= ;;
esac

has_features() {
	readelf --notes --wide "$1" 2>/dev/null | grep -q "feature: $features"
}

all_have_features() {
	status=0
	for object; do
		has_features "$object" || { echo "  $object has no note of $features"; status=1; }
	done
	return $status
}

for program in connwatchd connwatchctl connwatch-fleet connwatch-namespace connwatch-process; do
	check_program "$build/$program"
done
if [ -n "$features" ]; then
	check "each object is marked for $features" all_have_features "$@"
	# A program is marked if all of it is. The C library's part is not everywhere (Debian 12).
	if has_features "$(${CC:-cc} -print-file-name=Scrt1.o)"; then
		check "the programs are marked for $features" all_have_features \
			"$build/connwatchd" "$build/connwatchctl" "$build/connwatch-fleet" \
			"$build/connwatch-namespace" "$build/connwatch-process"
	fi
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
