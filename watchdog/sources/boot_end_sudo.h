/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who took the host down by sudo(8), as sudo writes it to the journal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Reads a line of sudo's, "USER : TTY=... ; PWD=... ; USER=root ; COMMAND=/usr/sbin/reboot". If its
 * command is to take the host down, returns true and puts the name of the one who gave it into
 * `user`, cut if it is longer; else returns false. */
bool boot_end_sudo_read(const char *line, char *user, size_t size);
