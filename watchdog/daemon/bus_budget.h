/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much processor time connwatchd spends on answering calls over D-Bus, which every user may
 * make as fast as the bus lets them: a tenth of a processor for all, and half of that for one
 * sender. To read the calls is not counted; with that, it was 15 % with 100 calls in flight. */
#pragma once

#include <stdbool.h>

#include "base/usec.h"

enum { BUS_SENDERS = 16, BUS_NAME_SIZE = 32 };

/* Zeroed before the first use. */
struct bus_budget {
	usec_t since; /* of the present second */
	usec_t spent; /* in it */
	usec_t began; /* processor time when the present call began */
	unsigned current, senders;
	struct {
		char name[BUS_NAME_SIZE]; /* the last one stands for all that find no room */
		usec_t spent;
	} sender[BUS_SENDERS];
};

/* A call of `sender` (a unique name of the bus) begins at `now` (CLOCK_MONOTONIC), when the process
 * has used `used` of processor time; both in microseconds. Returns false if the sender has spent
 * its share: then the call is to be refused. */
bool bus_budget_begin(struct bus_budget *budget, const char *sender, usec_t now, usec_t used);

/* The call that began last has been answered. Returns how long no further call is to be taken, in
 * microseconds; 0: go on. */
usec_t bus_budget_end(struct bus_budget *budget, usec_t now, usec_t used);
