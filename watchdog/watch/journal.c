/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "effects/journal_writer.h"

int watch_journal_write(struct watch_journal *journal, const struct record *record)
{
	int r = journal_write(record); /* -ENOENT: there is none */

	if (r < 0 && (journal->seen || r != -ENOENT)) {
		if (journal->unwritten++ == 0)
			fprintf(stderr, "connwatch: cannot write to the journal: %s\n",
				strerror(-r));
		return r;
	}
	journal->seen |= r >= 0;
	if (journal->unwritten)
		fprintf(stderr, "connwatch: the journal has missed %" PRIu64 " records\n",
			journal->unwritten);
	journal->unwritten = 0;
	return 0;
}
