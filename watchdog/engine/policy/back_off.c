/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/back_off.h"

static usec_t lived(const struct back_off *back_off, usec_t now)
{
	return now > back_off->started ? now - back_off->started : 0;
}

usec_t back_off_next(struct back_off *back_off, usec_t now)
{
	if (back_off->delay == 0 || lived(back_off, now) >= BACK_OFF_RESET)
		back_off->delay = BACK_OFF_FIRST;
	else if (back_off->delay < BACK_OFF_MOST / 2)
		back_off->delay *= 2;
	else
		back_off->delay = BACK_OFF_MOST;
	back_off->started = now + back_off->delay;
	return back_off->delay;
}
