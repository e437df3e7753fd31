#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A start script as agents have them: it hands a stop on to its child and waits for that.
"$@" &
child=$!
trap 'kill -TERM $child' TERM INT
wait $child
wait $child
