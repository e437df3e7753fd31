/* Reads connwatch's records back from the systemd journal. */
#pragma once

#include "core/record_parse.h"

struct journal_reader;

struct journal_query {
	const char *directory; /* NULL: the journal of this host */
	const char **files;    /* ended by NULL; go before `directory`; NULL: none */
	const char *agent;     /* by its name or its unit's; NULL: all */
	const char *sender;    /* the unit that wrote them; NULL: any */
	const char *boot;      /* "0" the last one, "-1" the one before, or an ID; NULL: all */
	usec_t since;          /* since 1970 */
	usec_t until;          /* USEC_INFINITY: no end */
	bool any_sender;       /* also records that journald did not get from uid 0: a forger's */
	/* For who reads millions of records; both ended by NULL. */
	const char *const *fields; /* only these, 16 at most, are read into a record; NULL: all */
	const char *const *others; /* for journal_reader_other(), OTHERS_MAX at most; NULL: none */
};

enum { OTHERS_MAX = 8, OTHER_SIZE = 128 };

/* Opens the journal; the query's texts must live as long as the reader. Returns 0, -ENOENT if there
 * is no journal that may be read, -ENODATA if there is no such boot, or another -errno. */
int journal_reader_new(struct journal_reader **reader, const struct journal_query *query);
void journal_reader_free(struct journal_reader *reader);

/* Goes to the record of the cursor, past the query's `since`. Returns 0, -EINVAL if that is no
 * cursor, or -ENOENT if there is no record of connwatch's at it. */
int journal_reader_go_to(struct journal_reader *reader, const char *cursor,
			 struct past_record *past);

/* Reads the next record, or the one before; what is out of the query's time is not read. Returns 1,
 * 0 if there is none, or -errno. */
int journal_reader_next(struct journal_reader *reader, struct past_record *past);
int journal_reader_previous(struct journal_reader *reader, struct past_record *past);

/* Goes before the first record, where a new reader is, or behind the last. Returns 0 or -errno. */
int journal_reader_first(struct journal_reader *reader);
int journal_reader_last(struct journal_reader *reader);

/* Calls `emit` with every field of the record just read, as `journalctl -o json` has them, those of
 * one name together. `value` is printable UTF-8. Returns 0 or -errno. */
int journal_reader_fields(struct journal_reader *reader, record_emit emit, void *userdata);

/* What the record just read has in the query's `others` number `number`: printable UTF-8, cut to
 * OTHER_SIZE; "" if it has no such field. */
const char *journal_reader_other(const struct journal_reader *reader, unsigned number);

/* The message catalog's text on the record just read, in the language of LC_MESSAGES, to be freed;
 * NULL if the catalog has none. */
char *journal_reader_catalog(struct journal_reader *reader);

/* The ID of the last entry's boot, which is the present one if the journal is this host's; owned by
 * `reader`. Empty for an empty journal. */
const char *journal_reader_boot(const struct journal_reader *reader);

/* True if the reader reads this host's journal, which goes on. */
bool journal_reader_is_live(const struct journal_reader *reader);
