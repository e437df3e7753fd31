#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the source archive, the same bytes each time.
#
#     SOURCE_DATE_EPOCH=SECONDS packaging/dist.sh BUILDS MACHINES STAGE OUTPUT.tar.xz
#
# The skeletons of the BPF programs for each of MACHINES are in BUILDS/MACHINE/ebpf. STAGE is where the
# archive's contents are gathered; its name is the directory in the archive.
set -eu

builds=$1 machines=$2 stage=$3 output=$4
skeletons=$stage/ebpf/skeletons

"$(dirname "$0")/copy-sources.sh" "$stage"
rm -rf "$skeletons" # what the sources came with, if they are those of an archive
mkdir "$skeletons"
(cd "$stage" && sha256sum ebpf/*.[ch]) >"$skeletons/made-of"
for machine in $machines; do
	install -D -m 644 -t "$skeletons/$machine" "$builds/$machine"/ebpf/*.skel.h "$builds/$machine"/ebpf/*.bpf.o
done

# One thread: how xz divides its input among more shows in what it makes.
tar --create --directory="$(dirname "$stage")" --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" \
	--owner=0 --group=0 --numeric-owner --mode=a=rX,u+w "$(basename "$stage")" | xz -9 --threads=1 >"$output"
