/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Joins what a hub wrote about one device to what the device recorded: which end of a connection a
 * line of the hub is about, or why none is.
 *
 * 1. The clocks. Both sides see connects, and ends that are no silence, at the same moment. Of all
 *    distances between such events, the one that most agree on is how far the device's clock is
 *    ahead; a line through them is its drift. A regular interval makes other distances nearly as
 *    frequent: then a clock that agrees with the hub's counts as right, and any other as not known.
 * 2. The sessions. A hub's end belongs to a connect before it, and a device's has an age. Two ends
 *    are of one session if both began and ended together, or if one side noticed a silence later
 *    than the other. Where the line of a connect is lost, the end alone must agree.
 * 3. A pair is sure if both ends of the session agree, or its beginning and a keep-alive that ran
 *    out, if the clock is known, and if no other line or record could be meant. What fits none gets
 *    a reason.
 *
 * A hub writes whole seconds, and some of them late: so 3 s count as together. */
#pragma once

#include "hub/hub.h"

enum {
	JOIN_LINES_MAX = 4096,   /* of one device in one call; more are not answered */
	JOIN_RECORDS_MAX = 4096, /* of one device in one call; more are not used */
};

/* A line of the hub. */
struct join_line {
	usec_t time;       /* by the hub's clock, since 1970 */
	uint64_t session;  /* as in struct hub_event */
	uint64_t identity; /* as in struct hub_event */
	enum hub_symptom symptom;
};

/* A record of the device: RECORD_ENDED, RECORD_RECOVERED; of others, time and boot count. */
struct join_record {
	usec_t time; /* by the device's clock, since 1970 */
	usec_t age;  /* ended: of the session; 0: not known */
	uint32_t boot;
	enum record_kind kind;
	enum cause cause;
	enum ended_by ended_by;
	enum confidence confidence;
};

/* Why a line has no end of the device. */
enum join_result {
	JOIN_ANSWERED,
	JOIN_CONNECT,       /* it is no end */
	JOIN_DUPLICATE,     /* it was delivered twice */
	JOIN_NO_DEVICE,     /* the device has no records here */
	JOIN_BEFORE,        /* before the device's first record */
	JOIN_NOT_YET,       /* after its last one: its journal may be on its way */
	JOIN_HOST_DOWN,     /* between two boots of the host */
	JOIN_CLOCK_UNKNOWN, /* its clock cannot be told from the events */
	JOIN_NO_RECORD,     /* none fits: lost, or of an agent that is not watched */
	JOIN_OVER_QUOTA,    /* more lines than one device may have */
	JOIN_RESULT_MAX,
	JOIN_RESULT_INVALID = -1,
};
DECLARE_NAMES(join_result);

/* Where both sides contradict each other. */
enum join_contradiction {
	JOIN_AGREE,
	JOIN_CLOSED_BUT_RENEWED, /* closed remotely; the device renewed its token, with a goodbye */
	JOIN_CLEAN_BUT_CRASHED,  /* a goodbye; the device says that the agent crashed */
	JOIN_REFUSED_BUT_OTHERWISE, /* not authorized; the device's own side ended it */
	JOIN_CONTRADICTION_MAX,
	JOIN_CONTRADICTION_INVALID = -1,
};
DECLARE_NAMES(join_contradiction);

struct join_answer {
	enum join_result result;
	unsigned record; /* JOIN_ANSWERED: index */
	bool sure;       /* the pair, not the record's own verdict */
	enum join_contradiction contradiction;
};

struct join_clock {
	bool known;
	int64_t ahead; /* of the device's clock, at the time `at` of the hub */
	usec_t at;
	double drift;    /* a part of one: 1e-6 is 1 s in 11.6 days */
	usec_t error;    /* half of the width that agreeing events have */
	unsigned events; /* that agree */
};

/* Room for one call after the other. */
struct join;
int join_new(struct join **join);
void join_free(struct join *join);

/* Joins the lines and records of one device, each sorted by time. Fills `answers`, one for each
 * line, and `clock`. */
void join_device(struct join *join, const struct join_line *lines, unsigned line_count,
		 const struct join_record *records, unsigned record_count,
		 struct join_answer *answers, struct join_clock *clock);

/* Returns a time of the hub by the device's clock, or the other way round. */
usec_t join_device_time(const struct join_clock *clock, usec_t time);
usec_t join_hub_time(const struct join_clock *clock, usec_t time);
