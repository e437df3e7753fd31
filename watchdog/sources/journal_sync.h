/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has journald write down what was sent to it, over Varlink: io.systemd.Journal, as `journalctl
 * --sync` does. */
#pragma once

#include "events/event.h"

/* Waits, up to `timeout` microseconds, until journald has written what was sent to it before.
 * Returns 0, -ETIMEDOUT, -ENOENT or -ECONNREFUSED if there is no journald that can be asked,
 * or another -errno. */
int journal_sync(usec_t timeout);

/* A question that nobody waits for. Zero at first. */
struct journal_question {
	usec_t asked;
	int fd; /* open, once asked */
};

/* Asks the same without waiting, unless it was asked less than JOURNAL_SYNCS_APART before `now`
 * (CLOCK_MONOTONIC). A journald that cannot take the question does without. */
void journal_question_ask(struct journal_question *question, usec_t now);
void journal_question_end(struct journal_question *question);

/* A sync writes 111 KB (docs/KERNEL.md): 16 MB a day at the most, which no flash memory notices. */
#define JOURNAL_SYNCS_APART (10 * USEC_PER_MINUTE)
