/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads connwatch's records back from the systemd journal. */
#pragma once

#include "base/cleanup.h"
#include "record/parse.h"

struct journal_reader;

struct journal_query {
	const char *directory;      /* NULL: the journal of this host */
	const char **files;         /* ended by NULL; go before `directory`; NULL: none */
	const char *const *agents;  /* by their names or their units'; ended by NULL; NULL: all */
	const char *sender;         /* the unit that wrote them; NULL: any */
	const char *boot;           /* "0" the last one, "-1" the one before, or an ID; NULL: all */
	const char *const *matches; /* "FIELD=VALUE" that a record must have, those of one FIELD as
				       alternatives; ended by NULL; NULL: a kind of ours */
	usec_t since;               /* microseconds since 1970 */
	usec_t until;               /* USEC_INFINITY: no end */
	bool any_sender; /* also records that journald did not get from uid 0, which may be forged
			  */
	/* For readers of millions of records; both ended by NULL. */
	const char *const *fields; /* only these, 16 at most, are read into a record; NULL: all */
	const char *const *others; /* for journal_reader_other(), OTHERS_MAX at most; NULL: none */
};

enum { OTHERS_MAX = 8, OTHER_SIZE = 128 };

/* Opens the journal; the query's texts must live as long as the reader. Returns 0, -ENOENT if there
 * is no journal that may be read, -ENODATA if there is no such boot, or another -errno. */
int journal_reader_new(struct journal_reader **reader, const struct journal_query *query);
void journal_reader_free(struct journal_reader *reader);
DEFINE_CLEANUP(struct journal_reader *, journal_reader_free);

/* Goes to the record of the cursor, even if it is older than the query's `since`. Returns 0,
 * -EINVAL if that is no cursor, or -ENOENT if no record of connwatch is at it. */
int journal_reader_go_to(struct journal_reader *reader, const char *cursor,
			 struct past_record *past);

/* Reads the next record, or the one before, within the query's time. Returns 1, 0 if there is none,
 * or -errno. */
int journal_reader_next(struct journal_reader *reader, struct past_record *past);
int journal_reader_previous(struct journal_reader *reader, struct past_record *past);

/* Goes before the first record, where a new reader is; or behind the last one. Returns 0 or -errno.
 */
int journal_reader_first(struct journal_reader *reader);
int journal_reader_last(struct journal_reader *reader);

/* Calls `emit` with every field of the record just read, as `journalctl -o json` has them, those of
 * one name together. `value` is printable ASCII. Returns 0 or -errno. */
int journal_reader_fields(struct journal_reader *reader, record_emit emit, void *userdata);

/* Returns what the record just read has in number `number` of the query's `others`: printable
 * ASCII, cut to OTHER_SIZE; "" if it has no such field. */
const char *journal_reader_other(const struct journal_reader *reader, unsigned number);

/* Returns the message catalog's text on the record just read, in the language of LC_MESSAGES, to be
 * freed; NULL if the catalog has none. */
char *journal_reader_catalog(struct journal_reader *reader);

/* Returns the ID of the last entry's boot, which is the present one if the journal is this host's.
 * Owned by `reader`; empty for an empty journal. */
const char *journal_reader_boot(const struct journal_reader *reader);

/* Returns true if the reader reads this host's journal, which grows. */
bool journal_reader_is_live(const struct journal_reader *reader);
