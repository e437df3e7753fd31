/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/journal_writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* leave out CODE_FILE= and CODE_LINE=: they would name this file */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "effects/field_list.h"

/* journald's native socket (systemd.journal-fields(7)). sd_journal_sendv() reports success if the
 * socket is missing, so we look for it ourselves. */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

int journal_write(const struct record *record)
{
	struct field_list list;
	struct iovec parts[FIELDS_MAX];
	int incomplete, r;

	if (access(JOURNAL_SOCKET, W_OK) < 0)
		return -errno;
	incomplete = field_list_fill(&list, record);
	for (unsigned i = 0; i < list.count; i++) {
		parts[i].iov_base = (void *)list.fields[i];
		parts[i].iov_len = strlen(list.fields[i]);
	}
	r = sd_journal_sendv(parts, (int)list.count);
	return r < 0 ? r : incomplete;
}
