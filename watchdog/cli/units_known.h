/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What systemd knows of units, for `verify`. */
#pragma once

#include "base/limits.h"
#include "base/nearest.h"

struct units_known;

/* On the bus, most characters that are not letters or digits become three. */
enum { UNIT_PATH_SIZE = 4 * UNIT_NAME_SIZE };

struct unit_known {
	char load_state[32];       /* "loaded", "not-found", "masked", ... */
	char path[UNIT_PATH_SIZE]; /* its object on the bus: the same for all names of a unit */
};

/* Returns 0, or -errno if there is no system bus. */
int units_known_open(struct units_known **ret);
struct units_known *units_known_close(struct units_known *units); /* returns NULL */

/* Asks for the unit `name`. Returns 0, -EINVAL if no unit can have that name, such as a template's,
 * or another -errno if systemd does not answer. */
int units_known_look(struct units_known *units, const char *name, struct unit_known *ret);

/* Finds the unit whose name is closest to the unknown `name`; an empty text if none is close. */
void units_known_nearest(struct units_known *units, const char *name,
			 char ret[static NEAREST_WORD_SIZE]);
