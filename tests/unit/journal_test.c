/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "effects/journal_writer.h"
#include "suite.h"
#include "watch/journal.h"

static int answer; /* of the journal */

int journal_write(const struct record *record)
{
	(void)record;
	return answer;
}

static void an_error_is_returned_unless_there_is_no_journal(void)
{
	static const struct {
		const char *proves;
		int answer, result;
	} rows[] = {
		{ "a host without a journal misses none", -ENOENT, 0 },
		{ "it is full before it took any", -ENOBUFS, -ENOBUFS },
		{ "it takes one", 0, 0 },
		{ "it has gone", -ENOENT, -ENOENT },
		{ "it has gone still", -ENOENT, -ENOENT },
		{ "it is full", -ENOBUFS, -ENOBUFS },
		{ "it is back", 0, 0 },
	};
	static const struct record record;
	struct watch_journal journal = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer = rows[i].answer;
		CHECK(watch_journal_write(&journal, &record) == rows[i].result, rows[i].proves);
	}
}

SUITE("journal", { "an error is returned unless there is no journal",
		   an_error_is_returned_unless_there_is_no_journal })
