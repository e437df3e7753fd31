/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/journal_writer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* leave out CODE_FILE= and CODE_LINE=: they would name this file */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "effects/field_list.h"

/* journald's native socket (systemd.journal-fields(7)). sd_journal_sendv() reports success if it is
 * missing, so we look for it ourselves. */
static const struct sockaddr_un journal = {
	.sun_family = AF_UNIX,
	.sun_path = "/run/systemd/journal/socket",
};

/* Records may wait in it while journald is busy: as many as those of sd_journal_sendv(). */
enum { WAITING_BYTES = 8 * 1024 * 1024 };

/* Returns -1 where there can be none. */
static int journal_socket(void)
{
	static int kept = -1;
	const int size = WAITING_BYTES;

	if (kept >= 0)
		return kept;
	kept = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (setsockopt(kept, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(kept, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return kept;
}

static void end_fields(struct field_list *list, char with)
{
	for (unsigned i = 1; i < list->count; i++)
		list->text[list->fields[i] - list->text - 1] = with;
	list->text[list->used - 1] = with;
}

/* All fields in one piece, as lines: to hand over each by itself takes longer than to send them. */
static int send_lines(struct field_list *list)
{
	ssize_t n;

	if (memchr(list->text, '\n', list->used))
		return -EINVAL;
	end_fields(list, '\n');
	n = sendto(journal_socket(), list->text, list->used, MSG_NOSIGNAL,
		   (const struct sockaddr *)&journal, sizeof(journal));
	end_fields(list, '\0');
	return n < 0 ? -errno : 0;
}

/* Fields with lines in them, or more than a message may hold. */
static int send_parts(const struct field_list *list)
{
	struct iovec parts[FIELDS_MAX];

	if (access(journal.sun_path, W_OK) < 0)
		return -errno;
	for (unsigned i = 0; i < list->count; i++) {
		parts[i].iov_base = (void *)list->fields[i];
		parts[i].iov_len = strlen(list->fields[i]);
	}
	return sd_journal_sendv(parts, (int)list->count);
}

int journal_write(const struct record *record)
{
	struct field_list list;
	int incomplete = field_list_fill(&list, record);
	int r = send_lines(&list);

	if (r < 0 && r != -ENOENT)
		r = send_parts(&list);
	return r < 0 ? r : incomplete;
}
