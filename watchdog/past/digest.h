/* What `connwatchctl log` tells: a line a record, and like ones in a row folded into one line. */
#pragma once

#include "record_parse.h"

enum { DIGEST_STREAMS = 128 };

struct digest_line {
	enum record_kind kind;
	char agent[AGENT_NAME_SIZE];
	char what[ACTION_TEXT_SIZE];    /* the cause; the action; the word of a kind not known */
	char detail[2 * WORD_SIZE + 2]; /* how it ended; what became of the action */
	enum side side;
	enum confidence confidence; /* of the last: it grows as a rhythm is found */
	unsigned count;             /* how many in a row */
	usec_t first, last;         /* since 1970 */
	usec_t gap_min, gap_max;    /* from one to the next */
	usec_t age_min, age_max;    /* of the connections; 0: not known */
	unsigned recovered;         /* how often the agent came back */
	usec_t downtime_max;
	uint64_t lost_events;
};

/* Lines come when it is known that nothing more belongs to them: not in the order of `first`. */
typedef void (*digest_emit)(void *userdata, const struct digest_line *line);

/* What is folded at the moment: one line for each kind of each agent. */
struct digest_stream {
	struct digest_line line;    /* count 0: none */
	struct digest_line pending; /* an action without its result */
	uint64_t used;              /* when last */
};

struct digest {
	digest_emit emit;
	void *userdata;
	uint64_t clock;
	struct digest_stream streams[DIGEST_STREAMS];
};

void digest_begin(struct digest *digest, digest_emit emit, void *userdata);

/* Takes the records of all agents, in the order of the journal. */
void digest_add(struct digest *digest, const struct past_record *past);

/* Gives the lines that are still open. */
void digest_finish(struct digest *digest);

/* The mean time between them if there are at least 3 and none is off by more than a tenth; else
 * 0. */
usec_t digest_period(const struct digest_line *line);
