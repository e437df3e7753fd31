#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the file of BTF for a kernel that was built without it: of that kernel's types, only what the
# probe reads.
#
#     packaging/btf.sh VMLINUX OUTPUT OBJECT...
#
# Without bpftool, all types are in it, which take some 5 MB in place of 10 KB.
#
# VMLINUX: the kernel's vmlinux, uncompressed, with BTF or with debug information (which takes pahole);
# or BTF alone, like /sys/kernel/btf/vmlinux. OBJECT: the probe's BPF objects.
set -eu

vmlinux=$1 output=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "btf.sh: $vmlinux: $*" >&2
	exit 1
}

has_section() {
	readelf --wide --section-headers "$vmlinux" 2>/dev/null >"$work/sections"
	grep -q " $1 " "$work/sections"
}

types=$vmlinux
case $(od -A n -t x1 -N 4 "$vmlinux" | tr -d ' ') in
7f454c46)
	if ! has_section '\.BTF'; then
		has_section '\.debug_info' || fail "neither BTF nor debug information is in it"
		types=$work/types
		pahole --btf_encode_detached="$types" "$vmlinux"
	fi
	;;
9feb* | eb9f*) ;; # BTF of either order of bytes
*) fail "neither an uncompressed vmlinux nor BTF" ;;
esac

if bpftool=$(command -v "${BPFTOOL:-bpftool}"); then
	"$bpftool" gen min_core_btf "$types" "$work/cut" "$@"
	types=$work/cut
else
	echo "btf.sh: $output: all types are in it, for want of bpftool" >&2
	if has_section '\.BTF'; then
		objcopy --dump-section .BTF="$work/types" "$vmlinux" "$work/unused"
		types=$work/types
	fi
fi
install -D -m 644 "$types" "$output"
