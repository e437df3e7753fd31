#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copies the sources: what git knows, or in an unpacked archive, all but what is built.
#
#     packaging/copy-sources.sh DIRECTORY
#
# DIRECTORY is as the sources are then, except for its build/: who builds there again builds only what
# has changed. Run in the top directory.
set -eu

directory=$1

mkdir -p "$directory"
find "$directory" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
"$(dirname "$0")/source-files.sh" | tar --create --null --files-from=- | tar --extract --directory="$directory"
