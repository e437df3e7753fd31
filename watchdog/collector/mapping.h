/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's file of names: what the hub calls HUBID is the device DEVICE, or its agent AGENT;
 * a line each, "HUBID DEVICE[/AGENT]". Empty lines and lines that begin with # say nothing.
 *
 * If its first line is "HUBID DEVICE" with more words after these two, those name columns: each
 * line has a word for each of them, in their order, "-" or nothing if it is not known. */
#pragma once

#include <stdio.h>

#include "collector/devices.h"
#include "collector/groups.h"

/* Reads the file into `devices`, and the columns that `groups` asks for; NULL: none. `*line` is the
 * line that was read last. Returns 0, -EIO if it cannot be read, -E2BIG for a line that is too long
 * or has more words than there are columns, or as devices_map(). */
int mapping_read(FILE *file, struct devices *devices, struct groups *groups, unsigned *line);
