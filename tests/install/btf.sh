#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes files of BTF as the builder of an image does, and has the probe work with one of them where the
# kernel's own types are hidden. Ends with "N passed, N failed".
#
#     tests/install/btf.sh CONNWATCHCTL OBJECT...
set -eu

connwatchctl=$(realpath "$1")
shift
own=/sys/kernel/btf/vmlinux
passed=0
failed=0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

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

objects=$*

# make_btf VMLINUX OUT
make_btf() {
	# shellcheck disable=SC2086 # words are wanted
	packaging/btf.sh "$1" "$2" $objects
}

is_cut_down() {
	[ "$(stat -c %s "$1")" -lt 20000 ]
}

says() {
	bpftool btf dump file "$1" | grep -q "STRUCT '$2'"
}

refused() {
	! make_btf "$1" "$root/refused.btf" && [ ! -e "$root/refused.btf" ]
}

# The last line says that the probe is loaded; another one, with what.
works_with() {
	unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh \
		"$connwatchctl" check --btf="$1" >"$root/check"
	cat "$root/check"
	grep -q 'probe .*btf=external' "$root/check" && tail -n 1 "$root/check" | grep -q 'level external-btf'
}

# Of another build of this kernel: it is refused, and says what lies elsewhere.
refuses() {
	tests/install/shift_member.py "$root/btf/own.btf" "$root/other.btf" "$1" "$2" 4
	if works_with "$root/other.btf"; then
		return 1
	fi
	grep -q "is not the BTF of this kernel, .*: $1.$2 is not where it says" "$root/check"
}

# A kernel of one type, with debug information.
cat >"$root/kernel.c" <<'END'
struct sock_common { unsigned short skc_family; unsigned char skc_state; } one;
END
cc -g -c -o "$root/kernel.o" "$root/kernel.c"
cc -c -o "$root/stripped.o" "$root/kernel.c"
echo "no kernel" >"$root/text"

check 'from debug information' make_btf "$root/kernel.o" "$root/debug.btf"
check 'what is in it' says "$root/debug.btf" sock_common
check 'neither BTF nor debug information' refused "$root/stripped.o"
check 'no kernel at all' refused "$root/text"
check 'from BTF' make_btf $own "$root/btf/own.btf"
check 'its size' is_cut_down "$root/btf/own.btf"
check 'the probe works with it' works_with "$root/btf/own.btf"
check 'a socket of another build' refuses tcp_sock rcv_nxt
check 'a process of another build' refuses signal_struct pids
cp $own "$root/btf/whole.btf"
check 'the probe works with all types' works_with "$root/btf/whole.btf"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
