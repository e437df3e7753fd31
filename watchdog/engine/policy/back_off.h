/* How long to wait before a command is started again: 100 ms, twice as long each time, a minute at
 * most; from the start again after a life of a minute. */
#pragma once

#include "event.h"

#define BACK_OFF_FIRST (100 * USEC_PER_MSEC)
#define BACK_OFF_MOST  USEC_PER_MINUTE
/* A life as long as this tells that the last start was a good one. */
#define BACK_OFF_RESET USEC_PER_MINUTE

/* All 0 at the beginning. */
struct back_off {
	usec_t delay;   /* the last one */
	usec_t started; /* when it was over */
};

/* Returns how long to wait from `now`, which is when the command has ended or is told to. */
usec_t back_off_next(struct back_off *back_off, usec_t now);
