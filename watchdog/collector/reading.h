/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads all journals of a collecting host: those of each sender for themselves, or all of them at
 * once where their names do not say who sent them. */
#pragma once

#include "cli/journal_arguments.h"
#include "collector/journals.h"
#include "fleet/fleet.h"

/* The directory that systemd-journal-remote(8) writes to. */
#define REMOTE_JOURNALS "/var/log/journal/remote"

struct reading {
	const struct command *command;
	const struct journal_arguments *arguments;
	const char *const *fields, *const *others; /* as in struct journal_query */
	/* Takes all records of a reader, which are from the sender of `journal`. Returns 0 or
	 * -errno. */
	int (*take)(void *userdata, struct journal_reader *reader,
		    const struct fleet_journal *journal);
	void *userdata;
};

/* Reads the journals that `arguments` name, or those in REMOTE_JOURNALS, from their first record to
 * their last: the records of many devices are not in the order of their time, so `take` compares
 * each with the time that is wanted. Returns 0, or the exit status after printing what is wrong. */
int read_journals(const struct reading *reading);

/* Adds the field of a --by to the `*count` names that there are. Returns 0, or the exit status
 * after printing what is wrong. */
int take_by_field(const struct command *command, const char *names[static FLEET_FIELDS_MAX],
		  unsigned *count, const char *name);
