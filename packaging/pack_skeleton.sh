#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Packs the object inside a skeleton of bpftool(8): it is unpacked when the probe is loaded, by
# watchdog/sources/probe_object.c. Prints the skeleton.
#
#     packaging/pack_skeleton.sh SKELETON OBJECT
#
# NAME__elf_bytes() gives the packed bytes then. A skeleton that another version of bpftool made in
# another way is printed as it is.
set -eu

skeleton=$1 object=$2

pack() {
	gzip --best --no-name --stdout "$object" | od -An -v -tx1 | sed 's/ /\\x/g; s/.*/"&"/' |
		awk -v size="$(stat --format=%s "$object")" '
		FNR == NR { bytes = bytes $0 "\n"; packed += gsub(/\\x/, "&"); next }
		FNR == 1 { print; next }
		/^#include <bpf\/libbpf.h>/ { print; print "#include \"sources/probe_object.h\""; done++; next }
		/^\t\*sz = [0-9]+;$/ { print "\t*sz = " packed ";"; done++; next }
		/^\treturn \(const void \*\)"\\$/ {
			printf "\treturn (const void *)\n%s", bytes
			skipping = 1
			done++
			next
		}
		skipping && /";$/ { print ";"; skipping = 0; next }
		skipping { next }
		/^\ts->data = \(void \*\)[a-z_]+__elf_bytes\(&s->data_sz\);$/ {
			name = $0
			sub(/.*\(void \*\)/, "", name)
			sub(/\(.*/, "", name)
			print "\ts->data_sz = " size ";"
			print "\ts->data = probe_object_unpack(" name ", s->data_sz);"
			print "\tif (!s->data) {\n\t\terr = -ENOMEM;\n\t\tgoto err;\n\t}"
			done++
			next
		}
		/^\terr = bpf_object__open_skeleton\(obj->skeleton, opts\);$/ {
			print
			print "\tfree(obj->skeleton->data); /* libbpf has read it */"
			done++
			next
		}
		{ print }
		END {
			exit done != 5 || skipping
		}' - "$skeleton"
}

if packed=$(pack); then
	printf '%s\n' "$packed"
else
	cat "$skeleton"
fi
