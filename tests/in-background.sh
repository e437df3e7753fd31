#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs a command as a CI runner may: in the background of a shell without job control, which ignores
# SIGINT and SIGQUIT for it (POSIX.1-2017, shell, 2.11), with SIGHUP ignored as by nohup(1), and
# SIGPIPE as by a runner written in Python. Its exit status is the command's.
trap '' HUP PIPE
"$@" &
wait $!
