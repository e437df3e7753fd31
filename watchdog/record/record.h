/* The one record of a verdict, typed; and its fields, named as in the journal.
 * docs/connwatch.journal-fields.7 describes each field. */
#pragma once

#include "event.h"
#include "settings.h"
#include "vocabulary.h"

enum {
	TOKEN_SIZE = 96,
	TOKENS_MAX = 16,
	MESSAGE_SIZE = 512,
};

/* Short "name=value" texts. */
struct tokens {
	unsigned count;
	char text[TOKENS_MAX][TOKEN_SIZE];
};

/* Adds one formatted token; cuts what is too long, drops what is too many. Bytes that are not
 * printable ASCII come out as '?'. */
void tokens_add(struct tokens *tokens, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct verdict {
	enum ended_by ended_by;
	enum cause cause;
	enum confidence
		confidence; /* CONFIDENCE_INVALID with CAUSE_UNKNOWN: nothing to be sure of */
	struct tokens evidence;
	struct tokens ruled_out;
	usec_t period; /* where a rhythm was found: its length and how often in a row */
	unsigned period_count;
};

/* How the owner of the connection ended, if it did. */
struct exit_facts {
	bool known;
	bool by_signal;
	bool dumped;
	int status; /* exit code or signal number */
};

struct record {
	enum record_kind kind;
	usec_t time;
	enum mode mode;
	/* who */
	char agent[AGENT_NAME_SIZE];
	char unit[UNIT_NAME_SIZE];
	char invocation_id[INVOCATION_ID_SIZE];
	struct task process;
	/* which connection; cookie 0: the record is not about one */
	uint64_t cookie;
	uint64_t netns;
	struct endpoint local;
	struct endpoint peer;
	struct socket_facts socket;
	/* what */
	struct verdict verdict;
	struct exit_facts exit;
	/* what was done */
	struct action action;       /* ACTION_NONE: nothing */
	int action_error;           /* 0, or -errno */
	const char *action_result;  /* static text: "starting", "done", "failed", "held"; or NULL */
	const char *action_held_by; /* static text: "limit", "offline", "dry-run", ...; or NULL */
	/* recovered */
	usec_t delay; /* of a restart that is about to be */
	usec_t downtime;
	unsigned attempts;
	/* evidence-lost */
	uint64_t lost_events;
};

/* Syslog priority, 3 to 6. */
int record_priority(const struct record *record);

/* MESSAGE_ID, 32 lower-case hex digits: one a cause for ended and stalled, one a kind else. */
const char *record_message_id(const struct record *record);

/* MESSAGE: one sentence that stands alone, without a line break. Returns `message`. */
const char *record_message(const struct record *record, char message[static MESSAGE_SIZE]);

/* Calls `emit` with every field that applies, MESSAGE first, in a stable order; repeated fields
 * once a value. `value` is printable UTF-8 without line breaks; it lives only for the call. */
typedef void (*record_emit)(void *userdata, const char *name, const char *value);
void record_fields(const struct record *record, record_emit emit, void *userdata);
