#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Prints the paths of all files that make up the sources, sorted, each ended by a NUL: those that git
# knows, or in an unpacked archive, all but what is built. Run in the top directory.
set -eu

if [ -e .git ]; then
	git ls-files -z
else
	find . -path ./build -prune -o \( -type f -o -type l \) -printf '%P\0'
fi | LC_ALL=C sort -z
