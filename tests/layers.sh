#!/bin/sh
# Proves the layers of docs/ARCHITECTURE.md: who includes what, and that the core is pure.
#
#     tests/layers.sh LIBCORE     libcore.a, as built
#
# Prints each offender as FILE:LINE or OBJECT, and exits with 1 if there is one.
set -u

if [ $# -ne 1 ] || [ ! -f "$1" ]; then
	echo "usage: $0 LIBCORE" >&2
	exit 2
fi
libcore=$1
cd "$(dirname "$0")/.." || exit 2
case $libcore in /*) ;; *) libcore=$OLDPWD/$libcore ;; esac

# All of the C library that the core may include. What it calls of it is checked by symbol.
pure_headers="arpa/inet.h errno.h inttypes.h limits.h math.h netinet/in.h signal.h stdarg.h stdbool.h
stddef.h stdint.h stdio.h stdlib.h string.h sys/queue.h
sys/socket.h"

# Functions of the C library that depend on nothing but their arguments.
pure_functions="inet_ntop inet_pton memchr memcmp memcpy memmove memset qsort snprintf stpcpy
strchr strchrnul strcmp strcpy strcspn strerror strerrorname_np strlen strncmp strncpy strnlen
strpbrk strrchr strspn strstr strtoul strtoull vsnprintf __errno_location
ceil fmax lgamma_r log log10 sqrt"

# Nobody else may allocate, and these do so only on behalf of engine_new() and fleet_new().
allocating_objects="engine.o fleet.o keyed_table.o deadline.o"

includes() {
	find ebpf watchdog -name '*.[ch]' -exec \
		grep -Hn '^[[:space:]]*#[[:space:]]*include' {} + | pure=$pure_headers awk -F: '
	function library(header) {
		if (header == "gelf.h")
			return "libelf"
		if (match(header, /^(bpf|CUnit|libmnl|netlink|openssl|systemd)\//))
			return substr(header, 1, RLENGTH)
		return ""
	}
	# A file may use one library beside the C library.
	function one_library(file, header,    name) {
		name = library(header)
		if (name == "")
			return 1
		if (!(file in own))
			own[file] = name
		return own[file] == name
	}
	function own_header(file, header) {
		sub(/^.*\//, "", file)
		sub(/\.c$/, ".h", file)
		sub(/^.*\//, "", header)
		return file == header
	}
	function may_quote(folder, file, header) {
		if (folder == "ebpf")
			return header ~ /^ebpf\//
		if (folder == "core" && file ~ /\/decode\.c$/ && header == "ebpf/probe_record.h")
			return 1
		if (folder == "core")
			return header !~ /\//
		if (folder == "wiring")
			return header !~ /^ebpf\//
		if (header ~ /^support\//)
			return 1
		if (folder == "support")
			return own_header(file, header)
		if (header ~ /^core\//)
			return 1
		if (folder == "sources")
			return own_header(file, header) ||
			       (file ~ /\/probe[^\/]*\.[ch]$/ && header ~ /^(ebpf\/|probe)/)
		if (folder == "effects")
			return header ~ /^effects\//
		if (folder == "check")
			return header ~ /^(check|sources)\//
		# the wiring lies in watchdog/ itself; what only reads needs none
		if (folder == "cli")
			return header ~ /^(check|cli)\// || header !~ /\// ||
			       header ~ /^sources\/(journal_reader|settings_files)\.h$/
		return 0
	}
	function may_include(folder, file, header, quoted) {
		if (quoted)
			return may_quote(folder, file, header)
		if (folder == "ebpf")
			return header ~ /^(bpf|linux)\// || header ~ /^std(bool|def|int)\.h$/
		if (folder == "core")
			return header in pure_header
		if (folder == "support" || folder == "cli")
			return library(header) == ""
		return one_library(file, header) || folder == "wiring"
	}
	BEGIN {
		count = split(ENVIRON["pure"], names, " ")
		for (i = 1; i <= count; i++)
			pure_header[names[i]] = 1
	}
	{
		file = $1
		quoted = $3 ~ /"/
		header = $3
		sub(/^[^"<]*["<]/, "", header)
		sub(/[">].*$/, "", header)
		folder = file ~ /^ebpf\// ? "ebpf" : file ~ /^watchdog\/[^\/]*$/ ? "wiring" : file
		sub(/^watchdog\//, "", folder)
		sub(/\/.*$/, "", folder)
		if (!may_include(folder, file, header, quoted)) {
			print file ":" $2 ": " folder " may not include " header
			bad = 1
		}
	}
	END { exit bad }'
}

# What the sanitizers, the stack guard and the fortified C library put in belongs to the compiler.
symbols() {
	{
		nm -A --defined-only "$libcore" | awk '{ print "defined", $NF }'
		nm -A --undefined-only "$libcore" | awk '{ print "undefined", $NF, $1 }'
	} | pure=$pure_functions allocating=$allocating_objects awk '
	BEGIN {
		count = split(ENVIRON["pure"], names, " ")
		for (i = 1; i <= count; i++)
			allowed[names[i]] = 1
		count = split(ENVIRON["allocating"], names, " ")
		for (i = 1; i <= count; i++)
			may_allocate[names[i]] = 1
	}
	$1 == "defined" {
		allowed[$2] = 1
		next
	}
	{
		symbol = $2
		split($3, path, ":")
		object = path[2]
		sub(/^__isoc[0-9]+_/, "", symbol)
		if (symbol ~ /_chk$/) {
			sub(/^__/, "", symbol)
			sub(/_chk$/, "", symbol)
		}
		if (symbol in allowed || $2 in allowed)
			next
		if ((symbol == "calloc" || symbol == "free") && object in may_allocate)
			next
		if (symbol ~ /^(__(asan|ubsan|sanitizer|gcov|llvm|stack_chk)_|_GLOBAL_OFFSET_TABLE_)/)
			next
		print object ": the core may not use " $2
		bad = 1
	}
	END { exit bad }'
}

status=0
includes || status=1
symbols || status=1
[ $status -eq 0 ] && echo "  layers are as docs/ARCHITECTURE.md has them"
exit $status
