/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The outages of agents, put together from their records. Records without CONNWATCH_OUTAGE_ID are
 * of none, or of an older version: they do not count. */
#pragma once

#include "record/parse.h"

struct past_outage {
	char id[OUTAGE_ID_SIZE];
	char agent[AGENT_NAME_SIZE];
	char unit[UNIT_NAME_SIZE];
	usec_t began;          /* since 1970 */
	usec_t ended;          /* since 1970; 0: no record of its end */
	usec_t lasted;         /* valid if it ended */
	bool diagnosed;        /* the next two are known */
	char cause[WORD_SIZE]; /* as it was written, also one that this version does not know */
	enum confidence confidence;
	enum side side;
	unsigned attempts;             /* to connect, that failed */
	unsigned records;              /* of the outage that were taken */
	char action[ACTION_TEXT_SIZE]; /* the last one; "": none */
	char action_result[WORD_SIZE]; /* its last result */
	struct outage_summary summary; /* valid if it ended */
	char boot_id[BOOT_ID_SIZE];
};

/* `outage` lives only for the call. Outages come in the order in which they end; those that have no
 * end come last, or when another one of the same agent begins. */
typedef void (*outages_emit)(void *userdata, const struct past_outage *outage);

/* Agents whose outages may go on at a time. With more, the oldest outage comes out as it is.
 */
enum { OUTAGES_OPEN_MAX = 64 };

struct outages {
	outages_emit emit;
	void *userdata;
	unsigned count; /* of `open`, the oldest first */
	struct past_outage open[OUTAGES_OPEN_MAX];
};

void outages_begin(struct outages *outages, outages_emit emit, void *userdata);

/* Takes a record of any agent, in the order of the journal. */
void outages_add(struct outages *outages, const struct past_record *past);

/* Emits those that have no end. */
void outages_finish(struct outages *outages);
