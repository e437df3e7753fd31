/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long to wait before a command is started again: 100 ms at first, twice as long each time, at
 * most a minute; 100 ms again after a run of a minute. */
#pragma once

#include "events/event.h"

#define BACK_OFF_FIRST (100 * USEC_PER_MSEC)
#define BACK_OFF_MOST  USEC_PER_MINUTE
/* After a run as long as this, the last start counts as a success. */
#define BACK_OFF_RESET USEC_PER_MINUTE

/* All 0 at the beginning. */
struct back_off {
	usec_t delay;   /* the last one */
	usec_t started; /* when it was over */
};

/* Returns how long to wait from `now`, when the command has ended or is to be ended. */
usec_t back_off_next(struct back_off *back_off, usec_t now);
