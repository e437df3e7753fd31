/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct record: what connwatch reports, and its fields as the journal and JSON have them.
 * docs/connwatch.journal-fields.7 describes each field. */
#pragma once

#include "base/vocabulary.h"
#include "events/event.h"
#include "settings/settings.h"

enum {
	TOKEN_SIZE = 96,
	TOKENS_MAX = 16,
	MESSAGE_SIZE = 512,
};

/* Evidence, or rivals that were ruled out: texts of the form "name=value". */
struct tokens {
	unsigned count;
	char text[TOKENS_MAX][TOKEN_SIZE];
};

/* Adds one token, formatted as by printf(3). A token longer than TOKEN_SIZE - 1 bytes is cut, one
 * beyond TOKENS_MAX is dropped, and each byte that is not printable ASCII becomes '?'. */
void tokens_add(struct tokens *tokens, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct verdict {
	enum ended_by ended_by;
	enum cause cause;
	enum confidence confidence; /* CONFIDENCE_INVALID with CAUSE_UNKNOWN */
	enum rung rung; /* where the attempt failed; recovered: the last one that was seen to be
			   reached; RUNG_NONE: not about an attempt, or not known */
	struct tokens evidence;
	struct tokens ruled_out;
	usec_t period;         /* the length of a rhythm; 0: none was found */
	unsigned period_count; /* how often in a row */
};

/* How the process that owned the connection exited. */
struct exit_facts {
	bool known; /* false: no exit had part in the end, or none was seen */
	bool by_signal;
	bool dumped;
	int status; /* exit code, or the signal's number if by_signal */
};

/* ActionLimitBurst= in ActionLimitIntervalSec=. */
struct action_limit {
	unsigned burst;
	usec_t interval;
	usec_t wait; /* until the next action is allowed; USEC_INFINITY: none ever is */
};

enum { OUTAGE_FAILED_MAX = 8 };

/* What an outage was, in the record of its end. */
struct outage_summary {
	bool known;       /* the next two are */
	enum cause cause; /* the best diagnosis of what began it */
	enum confidence confidence;
	unsigned failed_count; /* of `failed`: the causes by which most attempts failed, the most
				  frequent first */
	struct failed_attempts {
		enum cause by;
		unsigned count;
	} failed[OUTAGE_FAILED_MAX];
};

struct record {
	enum record_kind kind;
	usec_t time; /* CLOCK_MONOTONIC of what the record is about */
	enum mode mode;
	bool external_btf; /* the probe worked with a file of the kernel's BTF */
	/* who */
	char agent[AGENT_NAME_SIZE];
	char unit[UNIT_NAME_SIZE];
	char device_id[DEVICE_ID_SIZE]; /* what the hub calls it; "": not known */
	char invocation_id[INVOCATION_ID_SIZE];
	struct task process;
	/* which connection; cookie 0: none */
	uint64_t cookie;
	uint64_t netns;
	struct endpoint local;
	struct endpoint peer;
	struct socket_facts socket;
	/* what */
	struct verdict verdict;
	struct exit_facts exit;
	/* an action */
	struct action action;       /* ACTION_NONE: nothing */
	int action_error;           /* 0, or -errno */
	const char *action_result;  /* a name of enum action_outcome, static; NULL: no action */
	const char *action_held_by; /* static: "limit", "offline", "dry-run", ...; or NULL */
	struct action_limit limit;  /* that is reached; `wait` 0: none */
	usec_t delay;               /* until the action, where it waits; 0: none */
	/* the outage that it is part of */
	char outage_id[OUTAGE_ID_SIZE]; /* 32 lower-case hex digits; "": of none */
	unsigned attempts;              /* a failed attempt: how many failed so far; recovered: how
					   many it took, with the one that came up; 0: neither */
	unsigned cause_attempts;        /* a failed attempt: how many failed so far by its cause */
	bool is_correction;             /* the verdict is also that of the end that began the
					   outage, whose record gave another one: */
	enum cause corrects;            /* this; valid with is_correction */
	bool folded;                    /* one of many like it: counted, but not for the journal */
	bool belated;                   /* for the journal alone: all others have had it */
	/* recovered; ended: how long the host was down before `time`, 0: not known, or it was not
	 */
	usec_t downtime;
	usec_t took[RUNG_MAX]; /* each rung of the session, 0: not known; for the metrics: the
				  journal has it as evidence */
	struct outage_summary outage;
	/* evidence-lost */
	uint64_t lost_events;
	uint64_t lost_groups; /* of these, control groups that are not watched */
};

/* PRIORITY, as in syslog(3): from 3 (error) to 6 (info). */
int record_priority(const struct record *record);

/* MESSAGE_ID, 32 lower-case hex digits, static: of the cause for ended and stalled records, of the
 * kind for others. */
const char *record_message_id(const struct record *record);

/* MESSAGE: one sentence that can be read alone, printable ASCII without a line break. Returns
 * `message`. */
const char *record_message(const struct record *record, char message[static MESSAGE_SIZE]);

/* Takes one field. `value` is printable ASCII without a line break, valid only during the call. */
typedef void (*record_emit)(void *userdata, const char *name, const char *value);

/* Calls `emit` for each field that applies, in an order that never varies, MESSAGE first. A field
 * with several values is emitted once for each. */
void record_fields(const struct record *record, record_emit emit, void *userdata);
